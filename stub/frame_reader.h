#ifndef STUB_FRAME_READER_H_
#define STUB_FRAME_READER_H_

#include <stddef.h>

#include <memory>
#include <string_view>

#include "core/wire/frame_header.h"

namespace ramet::stub {

// Cuts what arrives on a module's link into frames.
//
// Borrows the descriptor, which is non-blocking. Not thread-safe: whoever
// holds the runtime's lock reads.
class FrameReader {
 public:
  explicit FrameReader(int fd);

  enum class ReadResult {
    kMore,     // bytes came, and more may be there already
    kDrained,  // whatever was there is read, maybe nothing
    kEnd,      // the peer is gone
  };
  // One read(2), unless frames that were not taken yet fill the buffer; never
  // blocks. Payloads given out before become invalid.
  ReadResult Read();

  enum class NextResult {
    kFrame,
    kNone,       // the rest of it has not come yet
    kMalformed,  // see problem(); nothing more comes out of this stream
  };
  // The next frame of what has been read.
  NextResult Next(core::FrameHeader* header, std::string_view* payload);

  // A static text: "bytes that are not a frame".
  const char* problem() const { return problem_; }

 private:
  const int fd_;
  const std::unique_ptr<char[]> buffer_;
  size_t begin_ = 0;  // of what was read and not given out
  size_t end_ = 0;
  const char* problem_ = "";
};

}  // namespace ramet::stub

#endif  // STUB_FRAME_READER_H_
