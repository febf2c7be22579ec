#include "stub/frame_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace ramet::stub {
namespace {

constexpr size_t kMaxFrameBytes =
    core::kFrameHeaderBytes + core::kMaxPayloadBytes;
// A socketpair holds about 208 KiB; pages that are never used cost nothing.
constexpr size_t kBufferBytes = 4 * kMaxFrameBytes;

}  // namespace

FrameReader::FrameReader(int fd) : fd_(fd), buffer_(new char[kBufferBytes]) {}

FrameReader::ReadResult FrameReader::Read() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (kBufferBytes - begin_ < kMaxFrameBytes || end_ == kBufferBytes) {
    memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const size_t room = kBufferBytes - end_;
  // A read(2) of no bytes would look like the peer's end.
  if (room == 0) return ReadResult::kMore;
  ssize_t count;
  do {
    count = read(fd_, buffer_.get() + end_, room);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return errno == EAGAIN ? ReadResult::kDrained : ReadResult::kEnd;
  }
  if (count == 0) return ReadResult::kEnd;
  end_ += count;
  return static_cast<size_t>(count) == room ? ReadResult::kMore
                                            : ReadResult::kDrained;
}

FrameReader::NextResult FrameReader::Next(core::FrameHeader* header,
                                          std::string_view* payload) {
  if (end_ - begin_ < core::kFrameHeaderBytes) return NextResult::kNone;
  const char* frame = buffer_.get() + begin_;
  const auto result = core::FrameHeader::Parse(frame, header);
  if (result != core::FrameHeader::ParseResult::kOk) {
    problem_ = core::ParseResultText(result);
    return NextResult::kMalformed;
  }
  const size_t frame_bytes = core::kFrameHeaderBytes + header->length;
  if (end_ - begin_ < frame_bytes) return NextResult::kNone;
  *payload = std::string_view(frame + core::kFrameHeaderBytes, header->length);
  begin_ += frame_bytes;
  return NextResult::kFrame;
}

}  // namespace ramet::stub
