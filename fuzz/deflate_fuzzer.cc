// Any bytes as a deflate stream. The decoder keeps within its buffers, whatever
// they are; and what zlib inflates to exactly as many bytes as are asked for,
// it decodes to the same.

#include <stdint.h>
#include <zlib.h>

#include <string>
#include <string_view>

#include "core/base/check.h"
#include "fuzz/fuzz_input.h"
#include "importer/deflate_decoder.h"

namespace ramet::importer {
namespace {

// Whether `in` begins with a stream of exactly the bytes of `out`.
bool InflateWithZlib(std::string_view in, std::string* out) {
  z_stream stream{};
  RAMET_CHECK(inflateInit2(&stream, -15) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  // One more, so that a longer stream is told apart.
  std::string room(out->size() + 1, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(room.data());
  stream.avail_out = static_cast<uInt>(room.size());
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END &&
                     stream.total_out == out->size();
  inflateEnd(&stream);
  out->assign(room, 0, out->size());
  return whole;
}

void Run(fuzz::FuzzInput input) {
  const size_t out_size = input.Uint16() % 8192;
  const std::string in(input.Rest());
  std::string out(out_size, '?');
  std::string expected(out_size, '?');
  const bool decoded = DecodeDeflate(in, out.data(), out_size);
  if (InflateWithZlib(in, &expected)) {
    RAMET_CHECK(decoded);
    RAMET_CHECK(out == expected);
  }
}

}  // namespace
}  // namespace ramet::importer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::importer::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
