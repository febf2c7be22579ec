#ifndef TESTS_PROBE_PROBE_SERVICE_H_
#define TESTS_PROBE_PROBE_SERVICE_H_

#include <stdint.h>

#include <atomic>

#include "absl/status/status.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::probe {

// probe.proto says what each method does.
class Probe : public ::probe::v1::ProbeService {
 public:
  absl::Status Echo(const stub::CallContext& context,
                    const ::probe::v1::EchoRequest& request,
                    ::probe::v1::EchoReply* reply) override;
  absl::Status Crash(const stub::CallContext& context,
                     const ::probe::v1::CrashRequest& request,
                     google::protobuf::Empty* reply) override;
  absl::Status Info(const stub::CallContext& context,
                    const google::protobuf::Empty& request,
                    ::probe::v1::InfoReply* reply) override;
  absl::Status State(const stub::CallContext& context,
                     const google::protobuf::Empty& request,
                     ::probe::v1::StateReply* reply) override;
  absl::Status Allocate(const stub::CallContext& context,
                        const ::probe::v1::AllocateRequest& request,
                        google::protobuf::Empty* reply) override;
  absl::Status Print(const stub::CallContext& context,
                     const ::probe::v1::PrintRequest& request,
                     google::protobuf::Empty* reply) override;
  absl::Status Spawn(const stub::CallContext& context,
                     const ::probe::v1::SpawnRequest& request,
                     google::protobuf::Empty* reply) override;

  absl::Status Count(const stub::CallContext& context,
                     const ::probe::v1::CountRequest& request,
                     stub::ServerWriter<::probe::v1::CountReply>* out) override;
  absl::Status Sum(const stub::CallContext& context,
                   stub::ServerReader<::probe::v1::SumRequest>* in,
                   ::probe::v1::SumReply* reply) override;
  absl::Status EchoStream(
      const stub::CallContext& context,
      stub::ServerReaderWriter<::probe::v1::EchoRequest,
                               ::probe::v1::EchoReply>* stream) override;
  absl::Status Sink(const stub::CallContext& context,
                    stub::ServerReader<::probe::v1::SinkRequest>* in,
                    ::probe::v1::SinkReply* reply) override;
  absl::Status EchoMetadata(const stub::CallContext& context,
                            const ::probe::v1::EchoMetadataRequest& request,
                            ::probe::v1::EchoMetadataReply* reply) override;
  absl::Status CallOut(const stub::CallContext& context,
                       const ::probe::v1::CallOutRequest& request,
                       ::probe::v1::CallOutReply* reply) override;

 private:
  class OpenStream;

  std::atomic<int64_t> calls_{0};
  std::atomic<int64_t> open_streams_{0};
  std::atomic<int64_t> cancelled_streams_{0};
};

}  // namespace ramet::probe

#endif  // TESTS_PROBE_PROBE_SERVICE_H_
