#ifndef STUB_MODULE_HELLO_H_
#define STUB_MODULE_HELLO_H_

#include "core/wire/control.h"
#include "stub/frame_reader.h"
#include "stub/frame_writer.h"

namespace ramet::stub {

// The handshake of a module, before it has other threads: blocks for the
// parent's Hello on `link_fd`, whose reader and writer these are, and answers
// it. Ends the process when the link ends, or brings no hello that this module
// can serve.
core::Hello GreetParent(int link_fd, FrameReader* reader, FrameWriter* writer);

}  // namespace ramet::stub

#endif  // STUB_MODULE_HELLO_H_
