#ifndef TESTS_PROBE_OPEN_SERVICE_H_
#define TESTS_PROBE_OPEN_SERVICE_H_

#include <atomic>

#include "absl/status/status.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::probe {

// probe.proto says what each method does. In a module or in a master.
class Open : public ::probe::v1::OpenService {
 public:
  // Methods at work in this process, and those that saw their call cancelled.
  static std::atomic<int64_t>& running();
  static std::atomic<int64_t>& cancelled();

  absl::Status Echo(const stub::CallContext& context,
                    const ::probe::v1::EchoRequest& request,
                    ::probe::v1::EchoReply* reply) override;
  absl::Status EchoStream(
      const stub::CallContext& context,
      stub::ServerReaderWriter<::probe::v1::EchoRequest,
                               ::probe::v1::EchoReply>* stream) override;
  absl::Status Count(const stub::CallContext& context,
                     const ::probe::v1::CountRequest& request,
                     stub::ServerWriter<::probe::v1::CountReply>* out) override;
  absl::Status Sum(const stub::CallContext& context,
                   stub::ServerReader<::probe::v1::SumRequest>* in,
                   ::probe::v1::SumReply* reply) override;
  absl::Status Who(const stub::CallContext& context,
                   const google::protobuf::Empty& request,
                   ::probe::v1::WhoReply* reply) override;
  absl::Status Own(const stub::CallContext& context,
                   const google::protobuf::Empty& request,
                   ::probe::v1::WhoReply* reply) override;
  absl::Status Above(const stub::CallContext& context,
                     const google::protobuf::Empty& request,
                     ::probe::v1::WhoReply* reply) override;
};

}  // namespace ramet::probe

#endif  // TESTS_PROBE_OPEN_SERVICE_H_
