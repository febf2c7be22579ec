#include "tests/probe/call_out.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "stub/call_chain.h"

namespace ramet::probe {
namespace {

using ::probe::v1::CallOutReply;
using ::probe::v1::CallOutRequest;

stub::Context TargetOf(const stub::CallContext& context,
                       const CallOutRequest& request) {
  const auto tie = request.free() ? stub::CallContext::Tie::kFree
                                  : stub::CallContext::Tie::kTied;
  switch (request.target()) {
    case CallOutRequest::MASTER:
      return context.master(tie);
    case CallOutRequest::PARENT:
      return context.parent(tie);
    case CallOutRequest::OWN:
      return context.own_context(tie);
    case CallOutRequest::CALLER:
      return context.caller_context(tie);
    default:
      return context.context_by_id(request.id(), tie);
  }
}

// One caller's side of one call.
class Caller {
 public:
  Caller(stub::Context target, const CallOutRequest& request,
         CallOutReply* reply)
      : target_(std::move(target)),
        open_(target_),
        request_(request),
        reply_(reply) {
    if (request.timeout_ms() > 0) {
      options_.timeout = absl::Milliseconds(request.timeout_ms());
    }
  }

  absl::Status Call() {
    switch (request_.method()) {
      case CallOutRequest::WHO:
        return Take(open_.Who({}, options_), reply_->mutable_who());
      case CallOutRequest::OWN_METHOD:
        return Take(open_.Own({}, options_), reply_->mutable_who());
      case CallOutRequest::ABOVE:
        return Take(open_.Above({}, options_), reply_->mutable_who());
      case CallOutRequest::PARENTS:
        return ::probe::v1::ProbeStub(target_)
            .Echo(request_.echo(), options_)
            .status();
      case CallOutRequest::AGENT:
        return target_.channel()
            ->CallUnary("/ramet.control.Agent/StartChild", "", options_)
            .status();
      case CallOutRequest::STREAM:
        return Stream();
      case CallOutRequest::COUNT:
        return Count();
      case CallOutRequest::SUM:
        return Sum();
      case CallOutRequest::CHAIN:
        return Chain();
      default:
        return Echo();
    }
  }

 private:
  template <typename Reply>
  static absl::Status Take(absl::StatusOr<Reply> got, Reply* reply) {
    if (got.ok()) *reply = *std::move(got);
    return got.status();
  }

  absl::Status Echo() {
    if (request_.times() > 0) return EchoAtOnce();
    if (request_.leave()) {
      left_.push_back(open_.StartEcho(request_.echo(), options_));
      return absl::OkStatus();
    }
    ::probe::v1::EchoReply echo;
    absl::Status status = Take(open_.Echo(request_.echo(), options_), &echo);
    reply_->set_payload(echo.payload());
    return status;
  }

  absl::Status EchoAtOnce() {
    std::vector<stub::PendingCall<::probe::v1::EchoReply>> pending;
    for (int i = 0; i < request_.times(); ++i) {
      pending.push_back(open_.StartEcho(request_.echo(), options_));
    }
    return CountOutcomes(&pending);
  }

  absl::Status CountOutcomes(
      std::vector<stub::PendingCall<::probe::v1::EchoReply>>* pending) {
    absl::Status last;
    for (auto& call : *pending) {
      const auto echo = call.Wait();
      if (echo.ok()) {
        reply_->set_count(reply_->count() + 1);
      } else {
        reply_->set_failed(reply_->failed() + 1);
        last = echo.status();
      }
    }
    return last;
  }

  absl::Status Chain() {
    stub::CallChain chain;
    std::vector<stub::PendingCall<::probe::v1::EchoReply>> pending;
    for (int i = 0; i < request_.times(); ++i) {
      ::probe::v1::EchoRequest echo = request_.echo();
      // Those in front are the slower ones.
      echo.set_wait_ms(request_.times() - i);
      if (i == request_.count()) {
        echo.set_error_code(static_cast<int>(absl::StatusCode::kDataLoss));
      }
      pending.push_back(open_.StartEcho(echo, chain.Options(options_)));
    }
    return CountOutcomes(&pending);
  }

  absl::Status Stream() {
    auto stream = open_.EchoStream(options_);
    ::probe::v1::EchoReply echo;
    for (int64_t i = 0; i < request_.count(); ++i) {
      if (!stream.Write(request_.echo()) || !stream.Read(&echo)) break;
      if (echo.payload() == request_.echo().payload()) {
        reply_->set_count(reply_->count() + 1);
      }
    }
    return stream.Finish();
  }

  absl::Status Count() {
    ::probe::v1::CountRequest count;
    count.set_count(request_.count());
    count.set_reply_bytes(request_.echo().reply_bytes());
    auto reader = open_.Count(count, options_);
    ::probe::v1::CountReply next;
    while (reader.Read(&next)) {
      if (next.index() == reply_->count()) {
        reply_->set_count(reply_->count() + 1);
      }
    }
    return reader.Finish();
  }

  absl::Status Sum() {
    auto writer = open_.Sum(options_);
    ::probe::v1::SumRequest next;
    next.set_payload(request_.echo().payload());
    for (int64_t i = 0; i < request_.count(); ++i) {
      if (!writer.Write(next)) break;
    }
    const auto sum = writer.Finish();
    if (sum.ok()) reply_->set_count(sum->payload_bytes());
    return sum.status();
  }

  const stub::Context target_;
  const ::probe::v1::OpenStub open_;
  const CallOutRequest& request_;
  CallOutReply* const reply_;
  stub::CallOptions options_;
  std::vector<stub::PendingCall<::probe::v1::EchoReply>> left_;
};

}  // namespace

CallOutReply CallOut(const stub::CallContext& context,
                     const CallOutRequest& request) {
  CallOutReply reply;
  const absl::Status status =
      Caller(TargetOf(context, request), request, &reply).Call();
  reply.set_code(static_cast<int>(status.code()));
  reply.set_message(std::string(status.message()));
  return reply;
}

}  // namespace ramet::probe
