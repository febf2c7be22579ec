#ifndef CORE_WIRE_PROTO_WIRE_H_
#define CORE_WIRE_PROTO_WIRE_H_

#include <stdint.h>

#include <string>
#include <string_view>

namespace ramet::core {

// The two wire types of protobuf's encoding that our control messages use
// (protobuf.dev, "Encoding"). A hundred lines instead of a library because they are
// linked into the agent: docs/decisions/0002-agent-size.md has the measurement.

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kFixed32 = 5,
};

// Each appends a whole field.
void AppendVarintField(std::string* out, uint32_t number, uint64_t value);
void AppendBytesField(std::string* out, uint32_t number,
                      std::string_view bytes);
void AppendVarint(std::string* out, uint64_t value);

// Walks over the fields of one message.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  // Moves to the next field and reads it. False at the end, and at bytes that
  // are no field (see ok()).
  bool Next();
  bool ok() const { return ok_; }

  uint32_t number() const { return number_; }
  WireType type() const { return type_; }
  uint64_t varint() const { return varint_; }        // kVarint
  std::string_view bytes() const { return bytes_; }  // kBytes

 private:
  std::string_view rest_;
  bool ok_ = true;
  uint32_t number_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t varint_ = 0;
  std::string_view bytes_;
};

// Takes one varint from the front; false when there is none.
bool TakeVarint(std::string_view* bytes, uint64_t* value);

}  // namespace ramet::core

#endif  // CORE_WIRE_PROTO_WIRE_H_
