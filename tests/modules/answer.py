"""What a module answers to one call, taken apart."""

import struct

from hostile import wire


class Answer:
  """Fed with frames; whole when its trailers have come."""

  def __init__(self):
    self.frames = []
    self.initial = None  # [(key, value)], None: no HEADERS came
    self.encoding = 0
    self.messages = []  # (compressed, bytes)
    self.message_bytes = 0  # of the stream, prefixes included
    self.granted = 0
    self.code = None
    self.text = ""
    self.details = b""
    self.trailing = []
    self.dead = False
    self._stream = bytearray()
    self._pieces = {wire.HEADERS: b"", wire.TRAILERS: b""}
    self.ended = self.cancelled = False  # of a call that the module makes
    self.headers = None

  @property
  def whole(self):
    return self.code is not None

  def feed(self, frame, from_caller=False):
    self.frames.append(frame)
    at = 0
    while at < len(frame.payload):
      kind, flags, length = struct.unpack_from(">BBH", frame.payload, at)
      data = frame.payload[at + 4:at + 4 + length]
      assert len(data) == length, "a part is cut off"
      at += 4 + length
      assert self.code is None, "something behind the trailers"
      self._feed_part(kind, flags, data, from_caller)

  def _feed_part(self, kind, flags, data, from_caller):
    if kind == wire.MESSAGE:
      self.message_bytes += len(data)
      self._feed_stream(data)
    elif kind == wire.WINDOW:
      self.granted += struct.unpack(">I", data)[0]
    elif kind == wire.END:
      self.ended = True
    elif kind == wire.CANCEL:
      self.cancelled = True
    else:
      self._pieces[kind] += data
      if flags & 1:
        return
      fields = wire.fields(self._pieces[kind])
      if from_caller:
        self.headers = fields
      elif kind == wire.HEADERS:
        self.initial = pairs(fields.get(1, ()))
        self.encoding = fields.get(2, [0])[0]
      else:
        self.code = fields.get(1, [0])[0]
        self.text = fields.get(2, [b""])[0].decode()
        self.details = fields.get(3, [b""])[0]
        self.trailing = pairs(fields.get(4, ()))

  def _feed_stream(self, data):
    self._stream += data
    while len(self._stream) >= 5:
      compressed, size = struct.unpack_from(">BI", self._stream)
      if len(self._stream) < 5 + size:
        return
      self.messages.append((compressed, bytes(self._stream[5:5 + size])))
      del self._stream[:5 + size]


def pairs(entries):
  """Metadata of the wire as (key, value) pairs of str and bytes."""
  found = []
  for entry in map(wire.fields, entries):
    found.append((entry[1][0].decode(), entry.get(2, [b""])[0]))
  return found
