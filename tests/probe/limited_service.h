#ifndef TESTS_PROBE_LIMITED_SERVICE_H_
#define TESTS_PROBE_LIMITED_SERVICE_H_

#include <stdint.h>

#include "absl/status/status.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::probe {

// probe.proto says what each method does. Echoes as Open does.
class Limited : public ::probe::v1::LimitedService {
 public:
  // Methods that ran at the same time in this process, at most; and of One.
  static int64_t peak();
  static int64_t one_peak();

  absl::Status Echo(const stub::CallContext& context,
                    const ::probe::v1::EchoRequest& request,
                    ::probe::v1::EchoReply* reply) override;
  absl::Status EchoStream(
      const stub::CallContext& context,
      stub::ServerReaderWriter<::probe::v1::EchoRequest,
                               ::probe::v1::EchoReply>* stream) override;
  absl::Status One(const stub::CallContext& context,
                   const ::probe::v1::EchoRequest& request,
                   ::probe::v1::EchoReply* reply) override;
};

}  // namespace ramet::probe

#endif  // TESTS_PROBE_LIMITED_SERVICE_H_
