"""The two directions of a call: what is sent on credit, and what is granted.

Pure, and under the runtime's lock.
"""

from collections import deque

from . import wire
from .status import RpcError, StatusCode

# Less often would let a fast sender run dry, more often costs frames.
_WORTH_A_FRAME_BYTES = wire.INITIAL_WINDOW_BYTES // 4


class Sender(object):
  """Messages as far as the receiver's credit goes, and the end behind them."""

  def __init__(self, emit):
    self._writer = wire.PartWriter(emit)
    self._credit = wire.INITIAL_WINDOW_BYTES
    self._waiting = deque()
    self.waiting_bytes = 0
    self._end = None
    self.finished = False

  def send_headers(self, data):
    self._writer.add(wire.HEADERS, data)

  def send_message(self, message, compressed=False):
    self._waiting.append(memoryview(wire.prefix(compressed, len(message))))
    if message:
      self._waiting.append(memoryview(message))
    self.waiting_bytes += wire.PREFIX_BYTES + len(message)
    self._send()

  def send_end(self, kind, data=b""):
    """END or TRAILERS."""
    if self._end is None:
      self._end = kind, data
      self._send()

  def add_credit(self, count):
    self._credit += count
    self._send()

  def flush(self):
    self._writer.flush()

  def _send(self):
    while self._waiting and self._credit:
      piece = self._waiting.popleft()
      if len(piece) > self._credit:
        self._waiting.appendleft(piece[self._credit:])
        piece = piece[:self._credit]
      self._writer.add_message_bytes(piece)
      self._credit -= len(piece)
      self.waiting_bytes -= len(piece)
    if self._end is not None and not self._waiting and not self.finished:
      self.finished = True
      self._writer.add(*self._end)


class Receiver(object):
  """Puts messages together, and says how much more may come.

  A peer may have sent the window and one message more than what was taken.
  """

  def __init__(self, max_message_bytes):
    self._max = max_message_bytes
    self._received = self._consumed = 0
    self._granted = wire.INITIAL_WINDOW_BYTES
    self._stream = bytearray()
    self._headers = {wire.HEADERS: bytearray(), wire.TRAILERS: bytearray()}

  def whole(self, kind, continues, data):
    """HEADERS or TRAILERS: their bytes, or None until the last piece."""
    have = self._headers[kind]
    if len(have) + len(data) > wire.MAX_HEADERS_BYTES:
      raise RpcError(StatusCode.RESOURCE_EXHAUSTED,
                     "headers or trailers longer than %d bytes" %
                     wire.MAX_HEADERS_BYTES)
    have += data
    if continues:
      return None
    self._headers[kind] = bytearray()
    return bytes(have)

  def messages(self, data):
    """A MESSAGE part: (compressed, bytes) of each message that is whole now."""
    self._received += len(data)
    if self._received > self._granted:
      raise RpcError(StatusCode.RESOURCE_EXHAUSTED,
                     "more bytes of messages than were granted")
    stream = self._stream
    stream += data
    while len(stream) >= wire.PREFIX_BYTES:
      compressed, size = wire.parse_prefix(stream[:wire.PREFIX_BYTES])
      if compressed > 1:
        raise RpcError(StatusCode.INTERNAL, "malformed prefix of a message")
      if size > self._max:
        raise RpcError(StatusCode.RESOURCE_EXHAUSTED,
                       "message of %d bytes is longer than the limit of %d "
                       "bytes" % (size, self._max))
      end = wire.PREFIX_BYTES + size
      if len(stream) < end:
        return
      message = bytes(stream[wire.PREFIX_BYTES:end])
      del stream[:end]
      yield compressed, message

  def consumed(self, message_bytes):
    self._consumed += wire.PREFIX_BYTES + message_bytes

  def take_grant(self):
    """Credit to give the peer now; 0: none, or not worth a frame yet."""
    expected = missing = 0
    if len(self._stream) >= wire.PREFIX_BYTES:
      expected = wire.PREFIX_BYTES + wire.parse_prefix(
          self._stream[:wire.PREFIX_BYTES])[1]
      missing = expected - len(self._stream)
    want = self._consumed + wire.INITIAL_WINDOW_BYTES + expected - self._granted
    stuck = self._received + missing > self._granted
    if want <= 0 or (not stuck and want < _WORTH_A_FRAME_BYTES):
      return 0
    self._granted += want
    return want


class ByteBudget(object):
  """What all calls together may make the module keep."""

  def __init__(self, limit, foreign_limit):
    self._limits = limit, foreign_limit
    self._taken = [0, 0]

  def take(self, count, foreign):
    taken = self._taken
    if (taken[0] + taken[1] + count > self._limits[0] or
        (foreign and taken[1] + count > self._limits[1])):
      return False
    taken[foreign] += count
    return True

  def give_back(self, count, foreign):
    self._taken[foreign] -= count
