#include "clients/cli/json_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "clients/cli/json_values.h"
#include "stub/raw_call.h"

namespace ramet::cli {
namespace {

// What the channel's thread leaves for the others.
class Replies final : public stub::RawCallListener {
 public:
  void OnMessage(std::string message) override {
    absl::MutexLock lock(&mutex_);
    messages_.push_back(std::move(message));
  }
  void OnSendRoom() override {
    absl::MutexLock lock(&mutex_);
    room_ = true;
  }
  void OnEnd(stub::CallEnd end) override {
    absl::MutexLock lock(&mutex_);
    end_ = std::move(end.status);
    room_ = true;
  }

  // Waits for the next message; false: the call is over.
  bool Next(std::string* message) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](Replies* self) {
          return !self->messages_.empty() || self->end_.has_value();
        },
        this));
    if (messages_.empty()) return false;
    *message = std::move(messages_.front());
    messages_.pop_front();
    return true;
  }
  absl::Status end() {
    absl::MutexLock lock(&mutex_);
    return *end_;
  }

  // Waits until more may be sent; false: the call is over.
  bool WaitForRoom(stub::RawCall* call) {
    for (;;) {
      {
        absl::MutexLock lock(&mutex_);
        if (end_.has_value()) return false;
        room_ = false;
      }
      if (call->HasSendRoom()) return true;
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&room_));
    }
  }

  // Ends the call with an error of this side's, which is then its status.
  void Fail(stub::RawCall* call, absl::Status status) {
    {
      absl::MutexLock lock(&mutex_);
      failure_ = std::move(status);
    }
    call->Cancel();
  }
  absl::Status failure() {
    absl::MutexLock lock(&mutex_);
    return failure_;
  }

 private:
  absl::Mutex mutex_;
  std::deque<std::string> messages_ ABSL_GUARDED_BY(mutex_);
  absl::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool room_ ABSL_GUARDED_BY(mutex_) = false;
};

// read(2), because stdio would keep a lock that the program's end waits for.
absl::StatusOr<std::string> ReadSome() {
  std::string text(64 * 1024, '\0');
  ssize_t count;
  do {
    count = read(STDIN_FILENO, text.data(), text.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read standard input: ", strerror(errno)));
  }
  text.resize(count);
  return text;
}

absl::StatusOr<std::string> ReadAll() {
  std::string text;
  for (;;) {
    const absl::StatusOr<std::string> some = ReadSome();
    if (!some.ok()) return some.status();
    if (some->empty()) return text;
    text += *some;
  }
}

absl::Status SendWhole(JsonValues* values, JsonMethod* method,
                       stub::RawCall* call, Replies* replies) {
  std::string value;
  while (values->Next(&value)) {
    absl::StatusOr<std::string> request = method->ParseRequest(value);
    if (!request.ok()) return request.status();
    if (!replies->WaitForRoom(call)) return absl::OkStatus();
    call->Send(*std::move(request));
  }
  return absl::OkStatus();
}

absl::Status SendAll(const absl::optional<std::string>& text,
                     JsonMethod* method, stub::RawCall* call,
                     Replies* replies) {
  JsonValues values;
  if (text.has_value() && *text != "-") {
    // The newline ends what is no object.
    values.Add(*text + "\n");
    const absl::Status sent = SendWhole(&values, method, call, replies);
    if (!sent.ok()) return sent;
  } else if (text.has_value()) {
    for (;;) {
      const absl::StatusOr<std::string> some = ReadSome();
      if (!some.ok()) return some.status();
      values.Add(some->empty() ? "\n" : *some);
      const absl::Status sent = SendWhole(&values, method, call, replies);
      if (!sent.ok()) return sent;
      if (some->empty()) break;
    }
  }
  if (!values.unfinished().empty()) {
    return absl::InvalidArgumentError("bad JSON: an object does not end");
  }
  call->CloseSend();
  return absl::OkStatus();
}

absl::Status PrintReplies(JsonMethod* method, stub::RawCall* call,
                          Replies* replies) {
  std::string message;
  int printed_replies = 0;
  while (replies->Next(&message)) {
    const absl::StatusOr<std::string> printed = method->PrintReply(message);
    if (!printed.ok()) return printed.status();
    if (printf("%s\n", printed->c_str()) < 0 || fflush(stdout) != 0) {
      return absl::UnavailableError(
          "cannot write the reply to standard output");
    }
    call->Consumed(message.size());
    ++printed_replies;
  }
  if (replies->end().ok() && !method->server_streaming() &&
      printed_replies != 1) {
    return absl::InternalError(absl::StrCat(
        "the method answers once, and gave ", printed_replies, " replies"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunJsonCall(const stub::Context& context, const std::string& path,
                         std::shared_ptr<JsonMethod> method,
                         const absl::optional<std::string>& text,
                         const stub::CallOptions& options) {
  std::string request;
  if (!method->client_streaming()) {
    absl::StatusOr<std::string> json = text.value_or("{}");
    if (*json == "-") json = ReadAll();
    if (!json.ok()) return json.status();
    absl::StatusOr<std::string> parsed = method->ParseRequest(*json);
    if (!parsed.ok()) return parsed.status();
    request = *std::move(parsed);
  }
  const auto replies = std::make_shared<Replies>();
  const std::shared_ptr<stub::RawCall> call =
      context.channel()->StartCall(path, options, replies);
  if (method->client_streaming()) {
    // Standard input may have no end when the call has: nobody waits for it.
    std::thread([text, method, call, replies] {
      absl::Status sent =
          SendAll(text, method.get(), call.get(), replies.get());
      if (!sent.ok()) replies->Fail(call.get(), std::move(sent));
    }).detach();
  } else {
    call->SendLast(std::move(request));
  }
  absl::Status printed = PrintReplies(method.get(), call.get(), replies.get());
  if (!printed.ok()) {
    call->Cancel();
    return printed;
  }
  const absl::Status failure = replies->failure();
  return failure.ok() ? replies->end() : failure;
}

}  // namespace ramet::cli
