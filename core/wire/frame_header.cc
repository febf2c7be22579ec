#include "core/wire/frame_header.h"

#include "core/base/strings.h"
#include "core/wire/big_endian.h"

namespace ramet::core {

void FrameHeader::Serialize(char* out) const {
  StoreBe16(out, kFrameMagic);
  out[2] = static_cast<char>(kProtocolVersion);
  out[3] = static_cast<char>(flags);
  StoreBe32(out + 4, dst_id);
  StoreBe32(out + 8, src_id);
  StoreBe32(out + 12, auth_id);
  StoreBe32(out + 16, handle);
  StoreBe32(out + 20, reply_to);
  StoreBe32(out + 24, length);
}

FrameHeader::ParseResult FrameHeader::Parse(const char* in,
                                            FrameHeader* header) {
  if (LoadBe16(in) != kFrameMagic) return ParseResult::kBadMagic;
  if (static_cast<uint8_t>(in[2]) != kProtocolVersion) {
    return ParseResult::kBadVersion;
  }
  header->flags = static_cast<uint8_t>(in[3]);
  if (header->flags & ~kKnownFlags) return ParseResult::kBadFlags;
  header->dst_id = LoadBe32(in + 4);
  header->src_id = LoadBe32(in + 8);
  header->auth_id = LoadBe32(in + 12);
  header->handle = LoadBe32(in + 16);
  header->reply_to = LoadBe32(in + 20);
  header->length = LoadBe32(in + 24);
  if (header->length > kMaxPayloadBytes) return ParseResult::kTooLong;
  return ParseResult::kOk;
}

std::string FrameHeader::ToString() const {
  return Concat({src_id, "->", dst_id, " auth ", auth_id, " handle ", handle,
                 " reply_to ", reply_to, " flags ", flags, " length ", length});
}

const char* ParseResultText(FrameHeader::ParseResult result) {
  switch (result) {
    case FrameHeader::ParseResult::kOk:
      return "a frame";
    case FrameHeader::ParseResult::kBadMagic:
      return "bytes that are not a frame";
    case FrameHeader::ParseResult::kBadVersion:
      return "a frame of another protocol version";
    case FrameHeader::ParseResult::kBadFlags:
      return "a frame with unknown flags";
    case FrameHeader::ParseResult::kTooLong:
      return "a frame longer than 64 KiB";
  }
  return "bytes that are not a frame";
}

}  // namespace ramet::core
