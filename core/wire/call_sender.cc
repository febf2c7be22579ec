#include "core/wire/call_sender.h"

#include <algorithm>

#include "core/wire/big_endian.h"

namespace ramet::core {

void CallSender::SendMessage(std::string_view message, bool compressed) {
  const size_t size = kMessagePrefixBytes + message.size();
  if (waiting_.empty() && size <= credit_) {
    credit_ -= size;
    writer_.AddMessage(message, compressed);
    return;
  }
  char prefix[kMessagePrefixBytes];
  prefix[0] = compressed ? 1 : 0;
  StoreBe32(prefix + 1, static_cast<uint32_t>(message.size()));
  waiting_.append(prefix, sizeof prefix);
  waiting_.append(message);
  SendWaiting();
}

void CallSender::AddCredit(uint32_t bytes) {
  credit_ += bytes;
  SendWaiting();
}

void CallSender::Finish(Ending ending, std::string trailers) {
  if (ending_ != Ending::kOpen) return;
  ending_ = ending;
  trailers_ = std::move(trailers);
  SendWaiting();
}

void CallSender::SendWaiting() {
  const size_t count = std::min<uint64_t>(waiting_bytes(), credit_);
  writer_.AddMessageBytes(std::string_view(waiting_).substr(sent_, count));
  credit_ -= count;
  sent_ += count;
  if (waiting_bytes() > 0) {
    // What is out is given back now and then, not moved for each frame.
    if (sent_ > waiting_.size() / 2) {
      waiting_.erase(0, sent_);
      sent_ = 0;
    }
    return;
  }
  std::string().swap(waiting_);
  sent_ = 0;
  if (ending_ == Ending::kEnd) writer_.AddEnd();
  if (ending_ == Ending::kTrailers) writer_.AddTrailers(trailers_);
  if (ending_ != Ending::kOpen) {
    ending_ = Ending::kSent;
    std::string().swap(trailers_);
  }
}

}  // namespace ramet::core
