"""The link: frames in and out of one socket, without blocking."""

import os
import select
from collections import deque

# Threads of methods wait while more is to be written.
MAX_WAITING_BYTES = 208 * 1024
# With more that the context does not take, the link is not read.
MAX_QUEUED_BYTES = 32 * 1024 * 1024
_READ_BYTES = 256 * 1024
# A wait without events.
_LONGEST_WAIT_S = 3600
# Chunks of one writev().
_MAX_CHUNKS = 64


class LinkEnded(Exception):
  """Nobody is at the other end any more."""


class Link(object):
  """write() and the attributes under the runtime's lock; wait() by one thread.
  """

  def __init__(self, fd):
    self._fd = fd
    self._out = deque()
    self.waiting_bytes = 0
    self._wake_read, self._wake_write = os.pipe()
    os.set_blocking(self._wake_read, False)
    os.set_blocking(self._wake_write, False)
    self._poll = select.poll()
    self._poll.register(self._wake_read, select.POLLIN)
    self._watched = None

  def read(self):
    """None: nothing is there. LinkEnded."""
    try:
      data = os.read(self._fd, _READ_BYTES)
    except (BlockingIOError, InterruptedError):
      return None
    except OSError:
      raise LinkEnded()
    if not data:
      raise LinkEnded()
    return data

  def queue(self, frame):
    self._out.append(frame)
    self.waiting_bytes += len(frame)

  def write(self):
    """As much as goes now. LinkEnded."""
    out = self._out
    while out:
      try:
        count = os.writev(self._fd,
                          [out[i] for i in range(min(len(out), _MAX_CHUNKS))])
      except (BlockingIOError, InterruptedError):
        return
      except OSError:
        raise LinkEnded()
      self.waiting_bytes -= count
      while count:
        first = out.popleft()
        if len(first) > count:
          out.appendleft(memoryview(first)[count:])
          return
        count -= len(first)

  def wait(self, timeout_s):
    """Sleeps until there is something to do; True: the link may have bytes."""
    # What has to go out is watched for; what comes in, unless too much has.
    events = select.POLLOUT if self.waiting_bytes else 0
    if self.waiting_bytes <= MAX_QUEUED_BYTES:
      events |= select.POLLIN
    if events != self._watched:
      self._poll.register(self._fd, events)
      self._watched = events
    # poll() takes a C int; who wakes early looks again.
    timeout_ms = (None if timeout_s is None else
                  int(min(timeout_s, _LONGEST_WAIT_S) * 1000) + 1)
    readable = False
    for fd, event in self._poll.poll(timeout_ms):
      if fd == self._wake_read:
        try:
          os.read(fd, 4096)
        except BlockingIOError:
          pass
      else:
        if event & (select.POLLHUP | select.POLLERR):
          # Nobody is there to read an answer.
          raise LinkEnded()
        readable = bool(event & select.POLLIN)
    return readable

  def wake(self):
    """Ends a wait() of another thread."""
    try:
      os.write(self._wake_write, b"\0")
    except BlockingIOError:
      pass

  def drain(self):
    """Writes everything, however long it takes."""
    os.set_blocking(self._fd, True)
    self.write()
