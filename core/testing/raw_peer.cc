#include "core/testing/raw_peer.h"

#include <errno.h>

#include <utility>

namespace ramet::core {

std::string FrameBytes(FrameHeader header, std::string_view payload) {
  header.length = static_cast<uint32_t>(payload.size());
  std::string bytes(kFrameHeaderBytes, '\0');
  header.Serialize(bytes.data());
  bytes.append(payload);
  return bytes;
}

RawPeer::RawPeer(std::unique_ptr<ByteStream> stream)
    : stream_(std::move(stream)) {
  stream_->SetListener(this);
}

void RawPeer::SendBytes(std::string_view bytes) {
  unsent_.append(bytes);
  OnWritable();
}

std::vector<RawFrame> RawPeer::TakeFrames() {
  std::vector<RawFrame> frames;
  frames.swap(frames_);
  return frames;
}

void RawPeer::OnReadable() {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = stream_->Read(buffer, sizeof buffer);
    if (count == -EAGAIN) break;
    if (count <= 0) {
      ended_ = true;
      break;
    }
    received_.append(buffer, count);
  }
  size_t at = 0;
  RawFrame frame;
  while (received_.size() - at >= kFrameHeaderBytes &&
         FrameHeader::Parse(received_.data() + at, &frame.header) ==
             FrameHeader::ParseResult::kOk &&
         received_.size() - at - kFrameHeaderBytes >= frame.header.length) {
    frame.payload =
        received_.substr(at + kFrameHeaderBytes, frame.header.length);
    at += kFrameHeaderBytes + frame.header.length;
    frames_.push_back(frame);
  }
  received_.erase(0, at);
}

void RawPeer::OnWritable() {
  size_t at = 0;
  while (stream_ != nullptr && at < unsent_.size()) {
    const ssize_t count =
        stream_->Write(unsent_.data() + at, unsent_.size() - at);
    if (count == -EAGAIN) break;
    if (count < 0) {
      at = unsent_.size();
      break;
    }
    at += count;
  }
  unsent_.erase(0, at);
  if (stream_ != nullptr) stream_->WantWrite(!unsent_.empty());
}

}  // namespace ramet::core
