#include "core/wire/proto_wire.h"

namespace ramet::core {

void AppendVarint(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void AppendVarintField(std::string* out, uint32_t number, uint64_t value) {
  AppendVarint(out, number << 3 | static_cast<uint32_t>(WireType::kVarint));
  AppendVarint(out, value);
}

void AppendBytesField(std::string* out, uint32_t number,
                      std::string_view bytes) {
  AppendVarint(out, number << 3 | static_cast<uint32_t>(WireType::kBytes));
  AppendVarint(out, bytes.size());
  out->append(bytes);
}

bool TakeVarint(std::string_view* bytes, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const uint8_t byte = static_cast<uint8_t>((*bytes)[i]);
    result |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

bool FieldReader::Next() {
  if (rest_.empty() || !ok_) return false;
  uint64_t tag = 0;
  uint64_t length = 0;
  ok_ = TakeVarint(&rest_, &tag) && (tag >> 3) != 0 && tag <= 0xFFFFFFFF;
  if (!ok_) return false;
  number_ = static_cast<uint32_t>(tag >> 3);
  type_ = static_cast<WireType>(tag & 7);
  switch (type_) {
    case WireType::kVarint:
      ok_ = TakeVarint(&rest_, &varint_);
      return ok_;
    case WireType::kBytes:
      ok_ = TakeVarint(&rest_, &length);
      break;
    case WireType::kFixed32:
      length = 4;
      break;
    case WireType::kFixed64:
      length = 8;
      break;
    default:
      ok_ = false;
  }
  ok_ = ok_ && length <= rest_.size();
  if (!ok_) return false;
  bytes_ = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return true;
}

}  // namespace ramet::core
