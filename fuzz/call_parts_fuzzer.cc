// An assembler never gives more than its limits allow; and what it gives, a
// writer cuts into payloads that give the same again.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/wire/call_assembler.h"
#include "core/wire/call_parts.h"
#include "fuzz/fuzz_input.h"

namespace ramet::core {
namespace {

constexpr size_t kLimit = 1000;

class Recorder final : public CallAssembler::Sink {
 public:
  void OnHeaders(std::string bytes) override { Add('h', std::move(bytes)); }
  void OnMessage(std::string message) override {
    RAMET_CHECK(message.size() <= kLimit);
    Add('m', std::move(message));
  }
  Status OnCompressedMessage(std::string message) override {
    RAMET_CHECK(message.size() <= kLimit);
    Add('z', std::move(message));
    return Status();
  }
  void OnEnd() override { Add('e', {}); }
  void OnTrailers(std::string bytes) override { Add('t', std::move(bytes)); }
  void OnCancel() override { Add('c', {}); }
  void OnWindow(uint32_t bytes) override { Add('w', std::to_string(bytes)); }

  std::vector<std::pair<char, std::string>> events;

 private:
  void Add(char what, std::string bytes) {
    RAMET_CHECK(bytes.size() <= kMaxHeadersBytes);
    events.emplace_back(what, std::move(bytes));
  }
};

// A user that is never behind. Returns how many events it has seen.
size_t Consume(const Recorder& recorder, size_t seen,
               CallAssembler* assembler) {
  for (; seen < recorder.events.size(); ++seen) {
    const auto& [what, bytes] = recorder.events[seen];
    if (what == 'm' || what == 'z') assembler->OnConsumed(bytes.size());
  }
  assembler->TakeGrant();
  return seen;
}

void Run(fuzz::FuzzInput input) {
  CallAssembler assembler(kLimit);
  Recorder recorder;
  size_t consumed = 0;
  while (!input.empty()) {
    const size_t count = input.Uint16();
    const Status status = assembler.Feed(input.Bytes(count), &recorder);
    consumed = Consume(recorder, consumed, &assembler);
    if (!status.ok()) {
      RAMET_CHECK(!status.message().empty());
      break;
    }
  }

  Recorder again;
  CallAssembler second(kLimit);
  consumed = 0;
  PartWriter writer([&](std::string_view payload) {
    RAMET_CHECK(!payload.empty() && payload.size() <= kMaxPayloadBytes);
    RAMET_CHECK(second.Feed(payload, &again).ok());
    consumed = Consume(again, consumed, &second);
  });
  for (const auto& [what, bytes] : recorder.events) {
    if (what == 'h') writer.AddHeaders(bytes);
    if (what == 'm') writer.AddMessage(bytes);
    if (what == 'z') writer.AddMessage(bytes, /*compressed=*/true);
    if (what == 'e') writer.AddEnd();
    if (what == 't') writer.AddTrailers(bytes);
    if (what == 'c') writer.AddCancel();
    if (what == 'w') writer.AddWindow(std::stoul(bytes));
  }
  writer.Flush();
  RAMET_CHECK(again.events == recorder.events);
}

}  // namespace
}  // namespace ramet::core

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::core::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
