"""A module, started as a context starts it, and the context's side of its link.

The context is 3, below the master, 0; the module is 7. Frames are made by hand
(hostile/wire.py), so that wrong ones can be.
"""

import os
import select
import signal
import socket
import time

import answer
from hostile import wire

MASTER, CONTEXT, MODULE = 0, 3, 7
# Longer than anything may take; nothing waits for it to pass.
LIMIT_S = 30


class ModuleProcess:
  """Starts with the hello, unless `hello` is something else, or b""."""

  def __init__(self, image, hello=None, environment=None):
    ours, theirs = socket.socketpair()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    memory = os.memfd_create("module")
    with open(os.dup(memory), "wb") as f:
      f.write(image)
    self.pid = os.fork()
    if self.pid == 0:
      self._start(memory, theirs.fileno(), out_write, err_write, environment)
    for fd in (memory, out_write, err_write):
      os.close(fd)
    theirs.close()
    self.link = ours
    self.link.settimeout(LIMIT_S)
    self._pipes = {1: out_read, 2: err_read}
    self._texts = {1: b"", 2: b""}
    self._received = bytearray()
    self._answers = {}
    self._frames = []
    self.calls_out = {}
    self.status = None
    self.send(hello_frame() if hello is None else hello)

  @staticmethod
  def _start(memory, link, out, err, environment):
    try:
      # Above whatever is in use, and inherited: a script is read from there.
      image = os.dup2(memory, 100)
      link = os.dup2(link, 101)
      null = os.open("/dev/null", os.O_RDONLY)
      for fd, to in ((null, 0), (out, 1), (err, 2), (link, 3)):
        os.dup2(fd, to)
      os.closerange(4, 100)
      os.close(101)
      os.setsid()
      os.execve(image, ["ramet: module conformance"],
                {"RAMET_MODULE_FD": "3", "PATH": "/usr/bin:/bin",
                 **(environment or {})})
    finally:
      os._exit(127)

  # To the module.

  def send(self, *frames):
    self.link.sendall(b"".join(
        f if isinstance(f, bytes) else f.bytes() for f in frames))

  def call(self, handle, payload, src=MASTER, auth=MASTER, **more):
    """A frame of a call; `payload` is its parts."""
    self.send(wire.Frame(MODULE, src, auth, wire.CALL_FUNCTION, handle, payload,
                         **more))

  def close(self):
    """Ends the process, if it still runs, and the link."""
    if self.status is None:
      os.kill(self.pid, signal.SIGKILL)
      self.wait()
    self.link.close()
    for fd in self._pipes.values():
      os.close(fd)

  # From the module.

  def frame(self):
    """The next frame. EOFError: the link has ended."""
    while True:
      found = wire.take_frame(self._received)
      if found is not None:
        self._check(found)
        return found
      try:
        data = self.link.recv(1 << 20)
      except ConnectionResetError:
        data = b""
      if not data:
        raise EOFError(self.text(2))
      self._received += data

  @staticmethod
  def _check(frame):
    """What every frame of a module keeps to."""
    assert (frame.src, frame.auth) == (MODULE, MODULE), frame
    assert len(frame.payload) <= wire.MAX_PAYLOAD, frame
    assert frame.flags in (0, wire.PRIORITY), frame
    if frame.handle != wire.CALL_FUNCTION:
      assert frame.reply_to == 0, frame

  def _take(self):
    """Gives the next frame to the call that it belongs to."""
    frame = self.frame()
    if frame.handle == wire.CALL_FUNCTION:
      call = self.calls_out.setdefault(frame.reply_to, answer.Answer())
      call.feed(frame, from_caller=True)
    elif frame.handle == wire.HELLO:
      self.hello = wire.fields(frame.payload)
    elif frame.handle >= wire.FIRST_DYNAMIC:
      self.answer_so_far(frame.handle).feed(frame)
    else:
      raise AssertionError(f"a frame for handle {frame.handle}")

  def answer_so_far(self, handle):
    return self._answers.setdefault(handle, answer.Answer())

  def until(self, done):
    """Takes frames until `done()`."""
    while not done():
      self._take()

  def answer(self, handle):
    """The whole answer to a call; the handle is free then."""
    self.until(lambda: self.answer_so_far(handle).whole)
    return self._answers.pop(handle)

  def call_out(self, done=lambda call: call.ended):
    """(handle, call) of a call that the module makes, when it is `done`."""
    found = []

    def look():
      found[:] = [(h, c) for h, c in self.calls_out.items() if done(c)]
      return bool(found)

    self.until(look)
    del self.calls_out[found[0][0]]
    return found[0]

  def barrier(self, handle=9999):
    """Until the module has read all that was sent: PING is answered in turn."""
    self.send(wire.Frame(MODULE, CONTEXT, CONTEXT, wire.PING, handle,
                         wire.part(wire.TRAILERS)))
    self.answer(handle)

  def line(self, fd):
    """The next line on standard output (1) or error (2)."""
    while b"\n" not in self._texts[fd]:
      if not select.select([self._pipes[fd]], [], [], LIMIT_S)[0]:
        raise AssertionError("no line came")
      data = os.read(self._pipes[fd], 65536)
      if not data:
        raise AssertionError(f"no line came, but {self._texts[fd]}")
      self._texts[fd] += data
    line, _, self._texts[fd] = self._texts[fd].partition(b"\n")
    return line.decode()

  def text(self, fd):
    """All that comes there until it ends."""
    while True:
      data = os.read(self._pipes[fd], 65536)
      if not data:
        return self._texts[fd].decode()
      self._texts[fd] += data

  def wait(self):
    """The exit status; negative: the signal."""
    if self.status is None:
      end = time.monotonic() + LIMIT_S
      while True:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
          break
        if time.monotonic() > end:
          raise AssertionError("the module does not end")
        select.select([], [], [], 0.005)
      self.status = os.waitstatus_to_exitcode(status)
    return self.status


def hello_frame(version=wire.VERSION, max_message_bytes=0, **more):
  fields = [(1, version), (2, MODULE), (3, bytes([CONTEXT, MASTER])),
            (6, "conformance")]
  if max_message_bytes:
    fields.append((8, max_message_bytes))
  return wire.Frame(MODULE, CONTEXT, CONTEXT, wire.HELLO,
                    payload=wire.message(*fields), **more)
