#include "core/wire/call_assembler.h"

#include <algorithm>
#include <utility>

#include "core/base/strings.h"
#include "core/wire/big_endian.h"

namespace ramet::core {
namespace {

Status AddToWhole(std::string_view bytes, std::string* whole) {
  if (whole->size() + bytes.size() > kMaxHeadersBytes) {
    return Error(Code::kResourceExhausted, {"headers or trailers longer than ",
                                            kMaxHeadersBytes, " bytes"});
  }
  whole->append(bytes);
  return Status();
}

}  // namespace

Status CallAssembler::Sink::OnCompressedMessage(std::string) {
  return Status(Code::kUnimplemented, "compressed messages are not supported");
}

Status CallAssembler::Feed(std::string_view payload, Sink* sink) {
  PartReader reader(payload);
  Part part;
  while (reader.Next(&part)) {
    switch (part.kind) {
      case PartKind::kHeaders:
      case PartKind::kTrailers: {
        const bool headers = part.kind == PartKind::kHeaders;
        std::string& whole = headers ? headers_ : trailers_;
        Status status = AddToWhole(part.bytes, &whole);
        if (!status.ok()) return status;
        if (part.flags & kPartContinues) break;
        std::string bytes;
        bytes.swap(whole);
        if (headers) {
          sink->OnHeaders(std::move(bytes));
        } else {
          sink->OnTrailers(std::move(bytes));
        }
        break;
      }
      case PartKind::kMessage: {
        if (!window_.OnReceived(part.bytes.size())) {
          return Status(Code::kResourceExhausted,
                        "more bytes of messages than were granted");
        }
        Status status = FeedMessageBytes(part.bytes, sink);
        if (!status.ok()) return status;
        break;
      }
      case PartKind::kEnd:
        sink->OnEnd();
        break;
      case PartKind::kCancel:
        sink->OnCancel();
        break;
      case PartKind::kWindow:
        if (part.bytes.size() != 4) {
          return Status(Code::kInternal, "malformed window");
        }
        sink->OnWindow(LoadBe32(part.bytes.data()));
        break;
    }
  }
  if (reader.malformed()) {
    return Status(Code::kInternal, "malformed call frame");
  }
  return Status();
}

Status CallAssembler::FeedMessageBytes(std::string_view bytes, Sink* sink) {
  // The message may be an empty one: its prefix alone makes it whole.
  for (;;) {
    if (prefix_.size() < kMessagePrefixBytes) {
      const size_t count =
          std::min(kMessagePrefixBytes - prefix_.size(), bytes.size());
      prefix_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (prefix_.size() < kMessagePrefixBytes) return Status();
      if (prefix_[0] != 0 && prefix_[0] != 1) {
        return Status(Code::kInternal, "malformed prefix of a message");
      }
      message_bytes_ = LoadBe32(prefix_.data() + 1);
      if (message_bytes_ > max_message_bytes_) {
        return Error(Code::kResourceExhausted,
                     {"message of ", message_bytes_,
                      " bytes is longer than the limit of ", max_message_bytes_,
                      " bytes"});
      }
      // Memory that the peer only announced is not touched.
      message_.reserve(message_bytes_);
    }
    const size_t count =
        std::min<size_t>(message_bytes_ - message_.size(), bytes.size());
    message_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    const size_t missing = message_bytes_ - message_.size();
    if (missing > 0) {
      window_.ExpectMessage(kMessagePrefixBytes + message_bytes_, missing);
      return Status();
    }
    window_.ExpectMessage(0, 0);
    const bool compressed = prefix_[0] == 1;
    prefix_.clear();
    std::string message;
    message.swap(message_);
    if (compressed) {
      Status status = sink->OnCompressedMessage(std::move(message));
      if (!status.ok()) return status;
    } else {
      sink->OnMessage(std::move(message));
    }
  }
}

}  // namespace ramet::core
