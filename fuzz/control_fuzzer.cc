// What parses serializes to bytes that parse to the same; and what is peeked
// from headers is what is in them.

#include <string>
#include <string_view>

#include "core/base/check.h"
#include "core/wire/control.h"
#include "core/wire/method_name.h"
#include "fuzz/fuzz_input.h"

namespace ramet::core {
namespace {

template <typename Message>
void Parse(std::string_view bytes) {
  Message message;
  if (!ParseControl(bytes, &message)) return;
  const std::string canonical = SerializeControl(message);
  Message again;
  RAMET_CHECK(ParseControl(canonical, &again));
  RAMET_CHECK(SerializeControl(again) == canonical);
}

void Peek(std::string_view bytes) {
  MethodName name;
  CallHeaders headers;
  if (!PeekMethod(bytes, &name) || !ParseControl(bytes, &headers)) return;
  // Unless a second method follows the first.
  MethodName parsed;
  const std::string whole =
      "/" + std::string(name.service) + "/" + std::string(name.method);
  if (headers.method == whole) {
    RAMET_CHECK(ParseMethodName(headers.method, &parsed));
    RAMET_CHECK(parsed.service == name.service);
    RAMET_CHECK(parsed.method == name.method);
  }
}

void Run(fuzz::FuzzInput input) {
  const uint8_t type = input.Byte();
  const std::string_view bytes = input.Rest();
  switch (type % 17) {
    case 0:
      return Parse<Hello>(bytes);
    case 1:
      return Parse<HelloReply>(bytes);
    case 2:
      return Parse<Dead>(bytes);
    case 3:
      return Parse<AddRoute>(bytes);
    case 4:
      return Parse<DelRoute>(bytes);
    case 5:
      return Parse<AllocateId>(bytes);
    case 6:
      return Parse<Grant>(bytes);
    case 7:
      return Parse<ForwardLog>(bytes);
    case 8:
      return Parse<LoadModule>(bytes);
    case 9:
      return Parse<CallHeaders>(bytes);
    case 10:
      return Parse<CallTrailers>(bytes);
    case 11:
      return Parse<StartChildRequest>(bytes);
    case 12:
      return Parse<StartChildReply>(bytes);
    case 13:
      return Parse<StopChildRequest>(bytes);
    case 14:
      return Parse<Shutdown>(bytes);
    case 16:
      return Parse<ModuleNotice>(bytes);
    default:
      return Peek(bytes);
  }
}

}  // namespace
}  // namespace ramet::core

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::core::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
