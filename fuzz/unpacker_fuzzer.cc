// Any bytes as a packed image. The decoder keeps within its buffers, whatever
// they are; what it accepts, liblzma unpacks to the same; and what liblzma
// accepts whole, it accepts. Branches come back whatever they are in.

#include <lzma.h>
#include <stdint.h>

#include <algorithm>
#include <vector>

#include "agent/unpacker/branch_filter.h"
#include "agent/unpacker/lzma_decoder.h"
#include "core/base/check.h"
#include "fuzz/fuzz_input.h"

namespace ramet::unpacker {
namespace {

using Bytes = std::vector<uint8_t>;

// LZMA_STREAM_END: `in` makes exactly the bytes of `out`, and ends there.
lzma_ret DecodeWithLiblzma(LzmaParameters parameters, const Bytes& in,
                           Bytes* out) {
  lzma_options_lzma options = {};
  options.dict_size = std::max<uint32_t>(out->size(), LZMA_DICT_SIZE_MIN);
  options.lc = parameters.literal_context_bits;
  options.lp = parameters.literal_position_bits;
  options.pb = parameters.position_bits;
  options.ext_flags = 0;  // no end marker
  options.ext_size_low = static_cast<uint32_t>(out->size());
  options.ext_size_high = 0;
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options},
                                 {LZMA_VLI_UNKNOWN, nullptr}};
  lzma_stream stream = LZMA_STREAM_INIT;
  RAMET_CHECK(lzma_raw_decoder(&stream, filters) == LZMA_OK);
  stream.next_in = in.data();
  stream.avail_in = in.size();
  stream.next_out = out->data();
  stream.avail_out = out->size();
  lzma_ret result = LZMA_OK;
  while (result == LZMA_OK) result = lzma_code(&stream, LZMA_FINISH);
  lzma_end(&stream);
  return result;
}

void CheckDecoder(LzmaParameters parameters, const Bytes& in, size_t out_size) {
  Bytes out(out_size);
  const bool decoded =
      DecodeLzma(parameters, in.data(), in.size(), out.data(), out_size);
  // Ours reads zeros behind the end of its input, where liblzma stops, and does
  // not look at the first byte. A symbol takes less than 8 bytes.
  Bytes longer = in;
  longer.resize(in.size() + 8 * (out_size + 1));
  longer[0] = 0;
  Bytes expected(out_size);
  const lzma_ret result = DecodeWithLiblzma(parameters, longer, &expected);
  if (decoded) RAMET_CHECK(out == expected);
  if (result == LZMA_STREAM_END) RAMET_CHECK(decoded);
}

void CheckFilter(void (*filter)(uint8_t*, size_t, bool), const Bytes& bytes) {
  Bytes changed = bytes;
  filter(changed.data(), changed.size(), true);
  filter(changed.data(), changed.size(), false);
  RAMET_CHECK(changed == bytes);
  filter(changed.data(), changed.size(), false);
  filter(changed.data(), changed.size(), true);
  RAMET_CHECK(changed == bytes);
}

void Run(fuzz::FuzzInput input) {
  const size_t out_size = size_t{1} + input.Uint16() % 8192;
  Bytes bytes;
  while (!input.empty()) bytes.push_back(input.Byte());
  CheckDecoder(kX86Lzma, bytes, out_size);
  CheckDecoder(kArm64Lzma, bytes, out_size);
  CheckFilter(&FilterX86Branches, bytes);
  CheckFilter(&FilterArm64Branches, bytes);
}

}  // namespace
}  // namespace ramet::unpacker

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::unpacker::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
