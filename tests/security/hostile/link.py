"""One end of a link in the hands of a case."""

import os
import select
import time

from hostile import wire

# Whatever answers at all answers by then.
ANSWER_S = 10
_CHUNK = 1 << 18


class LinkEnded(AssertionError):
  pass


class Link:
  """Writes any bytes, reads frames, and keeps those that nobody asked for.

  While it writes it also reads, unless `reads` is False: then what its parent
  sends stays in the pipe. Answers PING as an agent does.
  """

  def __init__(self, program, from_parent, to_parent):
    self._program = program
    self._in, self._out = from_parent, to_parent
    os.set_blocking(self._in, False)
    os.set_blocking(self._out, False)
    self._bytes = bytearray()
    self.frames = []  # Arrived and not taken yet.
    self.reads = True
    self.ended = False  # The parent has closed it.
    self.closed = False
    self._next_handle = wire.FIRST_DYNAMIC
    self.id = self.parent = self.grant_first = self.grant_count = 0
    self.ancestors = []

  def close(self):
    """Ends the program, and the link with it."""
    if not self.closed:
      self.closed = self.ended = True
      for fd in {self._in, self._out}:
        os.close(fd)
      self._program.close()

  # Bytes.

  def _read_some(self):
    try:
      data = os.read(self._in, _CHUNK)
    except BlockingIOError:
      return
    except OSError:
      data = b""
    if not data:
      self.ended = True
    self._bytes += data

  def _wait(self, end, write=False):
    """Reads what is there, until `end`; True when it may be written."""
    left = end - time.monotonic()
    if left <= 0:
      raise TimeoutError
    readable, writable, _ = select.select(
        [self._in] if self.reads and not self.ended else [],
        [self._out] if write else [], [], left)
    if readable:
      self._read_some()
    return bool(writable)

  def take(self, count, deadline_s=ANSWER_S):
    """Takes `count` bytes that are no frames."""
    end = time.monotonic() + deadline_s
    while len(self._bytes) < count:
      if self.ended:
        raise LinkEnded
      self._wait(end)
    taken = bytes(self._bytes[:count])
    del self._bytes[:count]
    return taken

  def write(self, data, stall_s=ANSWER_S):
    """Writes all of `data` and returns its length.

    Returns less when the link has ended, or when nothing was taken for
    `stall_s` seconds: who is not read can't write on.
    """
    view, written = memoryview(data), 0
    end = time.monotonic() + stall_s
    while written < len(view) and not self.closed:
      try:
        if not self._wait(end, write=True):
          continue
        written += os.write(self._out, view[written:written + _CHUNK])
      except BlockingIOError:
        continue
      except TimeoutError:
        break
      except OSError:  # Nobody reads any more.
        self.ended = True
        break
      end = time.monotonic() + stall_s
      self._parse()
    return written

  # Frames.

  def _parse(self):
    while True:
      frame = wire.take_frame(self._bytes)
      if frame is None:
        return
      if frame.handle == wire.PING and frame.reply_to:
        self.reply(frame, frame.payload, flags=wire.PRIORITY)
      else:
        self.frames.append(frame)

  def frame(self, dst, handle, payload=b"", **fields):
    fields = {"src": self.id, "auth": self.id, **fields}
    return wire.Frame(dst, handle=handle, payload=payload, **fields)

  def send(self, dst, handle, payload=b"", **fields):
    self.write(self.frame(dst, handle, payload, **fields).bytes())

  def reply(self, frame, payload, **fields):
    self.send(frame.src, frame.reply_to, payload, **fields)

  def wait_for(self, condition, what, deadline_s=ANSWER_S):
    """Takes the first frame for which `condition(frame)` is true."""
    end = time.monotonic() + deadline_s
    while True:
      self._parse()
      for i, frame in enumerate(self.frames):
        if condition(frame):
          return self.frames.pop(i)
      if self.ended:
        raise LinkEnded(f"the link ended before {what}")
      try:
        self._wait(end)
      except TimeoutError:
        raise AssertionError(f"after {deadline_s} s no {what}") from None

  def wait_end(self, deadline_s=ANSWER_S):
    """True when the parent ends the link in time."""
    end = time.monotonic() + deadline_s
    try:
      while not self.ended:
        self._wait(end)
        self._bytes.clear()
    except TimeoutError:
      return False
    return True

  def new_handle(self):
    self._next_handle += 1
    return self._next_handle

  def ask(self, dst, handle, payload=b"", **fields):
    """Sends a frame and returns the one that answers it."""
    reply_to = self.new_handle()
    self.send(dst, handle, payload, reply_to=reply_to, **fields)
    return self.wait_for(lambda f: f.handle == reply_to,
                         f"answer of {dst} to handle {handle}")

  def barrier(self, dst):
    """Returns when `dst` has dealt with everything sent before."""
    return self.ask(dst, wire.NOT_SERVED)

  # What every context does.

  def take_hello(self):
    frame = self.wait_for(lambda f: f.handle == wire.HELLO, "hello")
    hello = wire.fields(frame.payload)
    self.id = hello[2][0]
    self.parent = frame.src
    self.ancestors = wire.varints(hello[3][0])
    self.grant_first = hello.get(4, [0])[0]
    self.grant_count = hello.get(5, [0])[0]

  def say_hello(self, version=wire.VERSION):
    self.send(self.parent, wire.HELLO, wire.message(
        (1, version), (2, "linux-x86_64"), (3, "evil"), (4, os.getpid())))

  def take_call(self, method):
    """The next call's first frame."""
    return self.wait_for(
        lambda f: f.handle == wire.CALL_FUNCTION and method.encode() in
        f.payload, f"call of {method}")
