#ifndef SERVER_SSH_SSH_WIRE_H_
#define SERVER_SSH_SSH_WIRE_H_

#include <stdint.h>

#include <string>
#include <string_view>

namespace ramet::server {

// Takes uint32, byte and string (RFC 4251, 5) off the front of `bytes`; after
// something was missing, ok() is false and everything is empty.
class SshReader {
 public:
  explicit SshReader(std::string_view bytes) : bytes_(bytes) {}

  uint32_t Uint32() {
    const std::string_view four = Take(4);
    uint32_t value = 0;
    for (char c : four) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  uint8_t Byte() {
    const std::string_view one = Take(1);
    return one.empty() ? 0 : static_cast<unsigned char>(one[0]);
  }
  std::string_view String() { return Take(Uint32()); }

  bool ok() const { return ok_; }

 private:
  std::string_view Take(size_t count) {
    if (!ok_ || bytes_.size() < count) {
      ok_ = false;
      return std::string_view();
    }
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

inline void AppendSshUint32(uint32_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

inline void AppendSshString(std::string_view bytes, std::string* out) {
  AppendSshUint32(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes);
}

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_WIRE_H_
