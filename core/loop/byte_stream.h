#ifndef CORE_LOOP_BYTE_STREAM_H_
#define CORE_LOOP_BYTE_STREAM_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <string>

#include "core/base/status.h"

namespace ramet::core {

// A two-way byte pipe to the process at the other end of a link: descriptors
// (FdStream), an ssh channel of libssh2, or either while it is bootstrapped.
//
// A stream exists from the moment somebody asks for it: while it still
// connects, Read and Write say -EAGAIN; when that fails, Read says -EPROTO and
// status() tells why.
//
// Ownership: its user owns it; destroying it closes it and ends whatever
//   process or session it stands on.
// Threads: the loop's. Nothing blocks.
class ByteStream {
 public:
  // Calls come from the loop, never from within Read or Write. A listener may
  // destroy the stream from within them.
  class Listener {
   public:
    virtual ~Listener() = default;
    // Bytes, the end or an error can be read.
    virtual void OnReadable() = 0;
    // Called while WantWrite(true): at least one byte can be written, or the
    // stream has failed (Read tells).
    virtual void OnWritable() = 0;
  };

  virtual ~ByteStream() = default;

  // Before anything else; the listener outlives the stream or is replaced.
  virtual void SetListener(Listener* listener) = 0;

  // > 0: bytes read. 0: end of stream, in order after all data.
  // -EAGAIN: nothing now, OnReadable will tell. -EPROTO: failed, see status().
  virtual ssize_t Read(char* buffer, size_t capacity) = 0;

  // >= 0: bytes taken (may be fewer than offered). -EAGAIN: ask for
  // OnWritable. -EPROTO: failed; OnReadable follows.
  virtual ssize_t Write(const char* bytes, size_t count) = 0;

  virtual void WantWrite(bool want) = 0;
  // While paused OnReadable is not called, so that the peer is slowed down.
  virtual void PauseRead(bool pause) = 0;

  // The process at the other end is about to live without this stream, and
  // goes on when it is destroyed. Only needed where it would else be killed.
  virtual void Detach() {}

  // Why the stream ended or failed, as a sentence that a user can act upon,
  // with the phase, exit status and last stderr lines that it knows of. OK
  // while it lives, and for an end that nothing is known about.
  virtual Status status() const = 0;

  // The last lines that the far end said beside the stream (its stderr), for
  // the
  // text of a limit that is hit while it lives. Printable; may be empty.
  virtual std::string tail() const { return std::string(); }

  // The step that is going on ("connect", "authentication", "first stage"),
  // for the text of a deadline that is hit meanwhile; "call" once through.
  virtual const char* phase() const = 0;
};

}  // namespace ramet::core

#endif  // CORE_LOOP_BYTE_STREAM_H_
