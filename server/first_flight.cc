#include "server/first_flight.h"

#include "core/wire/frame_header.h"

namespace ramet::server {

void TakeImagesOut(std::string* frames) {
  std::string kept;
  size_t at = 0;
  core::FrameHeader header;
  while (frames->size() - at >= core::kFrameHeaderBytes &&
         core::FrameHeader::Parse(frames->data() + at, &header) ==
             core::FrameHeader::ParseResult::kOk) {
    const size_t size = core::kFrameHeaderBytes + header.length;
    if (frames->size() - at < size) break;
    if (header.handle != core::kLoadModule) kept.append(*frames, at, size);
    at += size;
  }
  kept.append(*frames, at, std::string::npos);
  frames->swap(kept);
}

}  // namespace ramet::server
