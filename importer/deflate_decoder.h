#ifndef IMPORTER_DEFLATE_DECODER_H_
#define IMPORTER_DEFLATE_DECODER_H_

#include <stddef.h>

#include <string_view>

namespace ramet::importer {

// Decodes a deflate stream (RFC 1951), all of which is here, into the
// `out_bytes` bytes at `out`. Pure; needs 128 KiB for a moment. False: it is no
// such stream, or does not give exactly `out_bytes`; `out` is then unspecified.
//
// Our own because it is a sixth of a library's size in the agent:
// docs/decisions/0002-agent-size.md.
bool DecodeDeflate(std::string_view deflated, char* out, size_t out_bytes);

}  // namespace ramet::importer

#endif  // IMPORTER_DEFLATE_DECODER_H_
