#include "server/control_call.h"

#include <memory>
#include <utility>

#include "core/wire/control.h"

namespace ramet::server {
namespace {

// The built-in service answers in one go, without looking at its credit.
constexpr uint64_t kWindowBytes =
    core::kDefaultMaxMessageBytes + core::kMessagePrefixBytes;

}  // namespace

void CallAgent(core::Context* context, core::ContextId target,
               const char* method, std::string_view request, int64_t limit_us,
               core::Status limit, UnaryListener::Done done) {
  core::CallHeaders headers;
  headers.method = core::Concat({"/ramet.control.Agent/", method});
  auto listener =
      std::make_unique<UnaryListener>(headers.method, std::move(done));
  const auto call =
      OutgoingCall::Create(context, std::move(headers), std::move(listener),
                           core::kDefaultMaxMessageBytes, kWindowBytes);
  call->CancelAfter(limit_us, std::move(limit));
  call->Start(target);
  call->Send(request);
  call->CloseSend();
}

}  // namespace ramet::server
