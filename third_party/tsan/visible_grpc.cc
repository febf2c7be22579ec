// The same as visible_abseil.cc for gRPC's completion queues: what was handed
// to gRPC comes back from them in order. They have no lock that would say so.
#if defined(__SANITIZE_THREAD__)

#include <grpc/grpc.h>
#include <sanitizer/tsan_interface.h>

#include "third_party/tsan/real.h"

static char handed_to_grpc;

// In gRPC's headers, and so instrumented: an object of a call that goes when
// its count, which the library keeps, says so.
extern "C" const char* __tsan_default_suppressions() {
  return "race:grpc::internal::Callback*Impl::~\n";
}

extern "C" {

grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops,
                                      size_t count, void* tag, void* reserved) {
  __tsan_release(&handed_to_grpc);
  return RAMET_REAL(decltype(grpc_call_start_batch), "grpc_call_start_batch")(
      call, ops, count, tag, reserved);
}

grpc_call_error grpc_server_request_call(
    grpc_server* server, grpc_call** call, grpc_call_details* details,
    grpc_metadata_array* metadata, grpc_completion_queue* bound_to_call,
    grpc_completion_queue* for_notification, void* tag) {
  __tsan_release(&handed_to_grpc);
  return RAMET_REAL(decltype(grpc_server_request_call),
                    "grpc_server_request_call")(
      server, call, details, metadata, bound_to_call, for_notification, tag);
}

grpc_event grpc_completion_queue_next(grpc_completion_queue* queue,
                                      gpr_timespec deadline, void* reserved) {
  const grpc_event event =
      RAMET_REAL(decltype(grpc_completion_queue_next),
                 "grpc_completion_queue_next")(queue, deadline, reserved);
  __tsan_acquire(&handed_to_grpc);
  return event;
}

grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag,
                                       gpr_timespec deadline, void* reserved) {
  const grpc_event event =
      RAMET_REAL(decltype(grpc_completion_queue_pluck),
                 "grpc_completion_queue_pluck")(queue, tag, deadline, reserved);
  __tsan_acquire(&handed_to_grpc);
  return event;
}

}  // extern "C"

#endif  // __SANITIZE_THREAD__
