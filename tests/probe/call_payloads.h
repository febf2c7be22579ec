#ifndef TESTS_PROBE_CALL_PAYLOADS_H_
#define TESTS_PROBE_CALL_PAYLOADS_H_

#include <stdint.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"

namespace ramet::probe {

// Payloads of calls, for tests of what takes them apart.

// What `add` adds, which must fit one frame.
inline std::string Payload(const std::function<void(core::PartWriter*)>& add) {
  std::string bytes;
  core::PartWriter parts([&](std::string_view payload) { bytes = payload; });
  add(&parts);
  parts.Flush();
  return bytes;
}

inline std::string HeadersOf(const std::string& method,
                             uint64_t timeout_us = 0) {
  core::CallHeaders headers;
  headers.method = method;
  headers.timeout_us = timeout_us;
  return core::SerializeControl(headers);
}

// All payloads of a unary call.
inline std::vector<std::string> CallPayloads(const std::string& method,
                                             std::string_view request) {
  std::vector<std::string> payloads;
  core::PartWriter parts(
      [&](std::string_view payload) { payloads.emplace_back(payload); });
  parts.AddHeaders(HeadersOf(method));
  parts.AddMessage(request);
  parts.AddEnd();
  parts.Flush();
  return payloads;
}

}  // namespace ramet::probe

#endif  // TESTS_PROBE_CALL_PAYLOADS_H_
