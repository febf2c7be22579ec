#include "core/wire/method_name.h"

#include <stddef.h>
#include <stdint.h>

namespace ramet::core {

bool ParseMethodName(std::string_view path, MethodName* name) {
  if (path.empty() || path[0] != '/') return false;
  const size_t slash = path.find('/', 1);
  if (slash == std::string_view::npos) return false;
  name->service = path.substr(1, slash - 1);
  name->method = path.substr(slash + 1);
  return !name->service.empty() && !name->method.empty() &&
         name->method.find('/') == std::string_view::npos;
}

bool PeekMethod(std::string_view headers, MethodName* name) {
  constexpr char kMethodTag = (1 << 3) | 2;  // field 1, length-delimited
  if (headers.size() < 2 || headers[0] != kMethodTag) return false;
  size_t length = 0;
  size_t at = 1;
  for (int shift = 0;; shift += 7) {
    if (at == headers.size() || shift > 14) return false;
    const uint8_t byte = static_cast<uint8_t>(headers[at++]);
    length |= static_cast<size_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (headers.size() - at < length) return false;
  return ParseMethodName(headers.substr(at, length), name);
}

}  // namespace ramet::core
