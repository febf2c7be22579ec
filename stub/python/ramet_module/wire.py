"""Frames, parts and control messages as bytes: docs/wire_format.md.

Pure: nothing here reads or writes. What is malformed is a ValueError.
"""

import struct

VERSION = 1
HELLO, CALL_FUNCTION, SHUTDOWN, PING = 1, 5, 10, 12
FIRST_DYNAMIC = 1000
PRIORITY, DEAD = 1, 4
HEADERS, MESSAGE, END, TRAILERS, CANCEL, WINDOW = range(1, 7)

MAX_PAYLOAD_BYTES = 65536
PART_HEADER_BYTES = 4
PREFIX_BYTES = 5
INITIAL_WINDOW_BYTES = 256 * 1024
DEFAULT_MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# Headers and trailers: room for an error text of 1 MiB and its details.
MAX_HEADERS_BYTES = 4 * 1024 * 1024

_FRAME = struct.Struct(">2sBBIIIIII")
_PART = struct.Struct(">BBH")
_PREFIX = struct.Struct(">BI")
_U32 = struct.Struct(">I")
FRAME_HEADER_BYTES = _FRAME.size
_CONTINUES = 1


class Frame(object):
  __slots__ = ("flags", "dst", "src", "auth", "handle", "reply_to", "payload")

  def __str__(self):
    return "dst %d src %d auth %d handle %d reply_to %d flags %d" % (
        self.dst, self.src, self.auth, self.handle, self.reply_to, self.flags)


def frame(dst, own_id, handle, payload, reply_to=0, flags=0):
  """A frame from this module, on its own authority."""
  return _FRAME.pack(b"RM", VERSION, flags, dst, own_id, own_id, handle,
                     reply_to, len(payload)) + payload


def take_frames(buffer):
  """Removes whole frames from the front of a bytearray, one by one."""
  at = 0
  try:
    while len(buffer) - at >= FRAME_HEADER_BYTES:
      found = Frame()
      (magic, version, found.flags, found.dst, found.src, found.auth,
       found.handle, found.reply_to, length) = _FRAME.unpack_from(buffer, at)
      if magic != b"RM":
        raise ValueError("a frame with magic %s" % magic.hex())
      if version != VERSION:
        raise ValueError("a frame of version %d" % version)
      if found.flags & ~(PRIORITY | DEAD):
        raise ValueError("a frame with flags %d" % found.flags)
      if length > MAX_PAYLOAD_BYTES:
        raise ValueError("a frame of %d bytes" % length)
      end = at + FRAME_HEADER_BYTES + length
      if len(buffer) < end:
        break
      found.payload = bytes(buffer[at + FRAME_HEADER_BYTES:end])
      at = end
      yield found
  finally:
    del buffer[:at]


def parts(payload):
  """(kind, continues, bytes) of each part."""
  at, size = 0, len(payload)
  while at < size:
    if size - at < PART_HEADER_BYTES:
      raise ValueError("malformed call frame")
    kind, flags, length = _PART.unpack_from(payload, at)
    at += PART_HEADER_BYTES
    if size - at < length or not HEADERS <= kind <= WINDOW:
      raise ValueError("malformed call frame")
    yield kind, flags & _CONTINUES, payload[at:at + length]
    at += length


def window(data):
  if len(data) != 4:
    raise ValueError("malformed window")
  return _U32.unpack(data)[0]


def prefix(compressed, size):
  return _PREFIX.pack(compressed, size)


def parse_prefix(data):
  return _PREFIX.unpack(data)


class PartWriter(object):
  """Cuts one direction of a call into payloads; a full one goes to `emit`."""

  def __init__(self, emit):
    self._emit = emit
    self._payload = bytearray()

  def add(self, kind, data=b""):
    """A part of any kind but MESSAGE, in as many pieces as it takes."""
    data = memoryview(data)
    while True:
      piece = data[:self._room()]
      data = data[len(piece):]
      self._payload += _PART.pack(kind, _CONTINUES if data else 0, len(piece))
      self._payload += piece
      if not data:
        return

  def add_message_bytes(self, data):
    data = memoryview(data)
    while data:
      piece = data[:self._room()]
      data = data[len(piece):]
      self._payload += _PART.pack(MESSAGE, 0, len(piece))
      self._payload += piece

  def flush(self):
    if self._payload:
      payload, self._payload = bytes(self._payload), bytearray()
      self._emit(payload)

  def _room(self):
    room = MAX_PAYLOAD_BYTES - len(self._payload) - PART_HEADER_BYTES
    if room <= 0:
      self.flush()
      room = MAX_PAYLOAD_BYTES - PART_HEADER_BYTES
    return room


def window_payload(count):
  return _PART.pack(WINDOW, 0, 4) + _U32.pack(count)


CANCEL_PAYLOAD = _PART.pack(CANCEL, 0, 0)


def _varint(value):
  out = bytearray()
  while value >= 0x80:
    out.append(value & 0x7F | 0x80)
    value >>= 7
  out.append(value)
  return out


def _take_varint(data, at):
  value = 0
  for shift in range(0, 70, 7):
    if at >= len(data):
      break
    byte = data[at]
    at += 1
    value |= (byte & 0x7F) << shift
    if byte < 0x80:
      return value & 0xFFFFFFFFFFFFFFFF, at
  raise ValueError("malformed message")


def serialize(*fields):
  """A protobuf message of (number, int | str | bytes); defaults are left out.

  Metadata goes in as a list of pairs.
  """
  out = bytearray()
  for number, value in fields:
    if isinstance(value, int):
      if value:
        out += _varint(number << 3) + _varint(value)
      continue
    if isinstance(value, str):
      value = value.encode("utf-8", "replace")
    if isinstance(value, (list, tuple)):
      values = [serialize((1, key), (2, each)) for key, each in value]
    else:
      values = [value] if value else []
    for each in values:
      out += _varint(number << 3 | 2) + _varint(len(each)) + each
  return bytes(out)


def parse(data):
  """A protobuf message: number -> list of its int and bytes values."""
  found, at = {}, 0
  while at < len(data):
    tag, at = _take_varint(data, at)
    number, kind = tag >> 3, tag & 7
    if number == 0 or tag > 0xFFFFFFFF:
      raise ValueError("malformed message")
    if kind == 0:
      value, at = _take_varint(data, at)
    else:
      if kind == 2:
        length, at = _take_varint(data, at)
      elif kind in (1, 5):
        length = 8 if kind == 1 else 4
      else:
        raise ValueError("malformed message")
      if length > len(data) - at:
        raise ValueError("malformed message")
      value, at = bytes(data[at:at + length]), at + length
    found.setdefault(number, []).append(value)
  return found


def number(fields, which):
  """The field's number, 0 without it."""
  value = fields.get(which, (0,))[-1]
  return value if isinstance(value, int) else 0


def data(fields, which):
  """The field's bytes, none without it."""
  value = fields.get(which, (b"",))[-1]
  return value if isinstance(value, bytes) else b""


def text(fields, which):
  return data(fields, which).decode("utf-8", "replace")


def numbers(fields, which):
  """A repeated field, packed or not."""
  found = []
  for value in fields.get(which, ()):
    if isinstance(value, int):
      found.append(value)
      continue
    at = 0
    while at < len(value):
      each, at = _take_varint(value, at)
      found.append(each)
  return found


def peek_method(payload):
  """(begins with HEADERS, the method's path or None): a call's first frame."""
  try:
    kind, _, piece = next(parts(payload))
  except (StopIteration, ValueError):
    return False, None
  if kind != HEADERS:
    return False, None
  try:
    if piece[:1] != b"\x0a":
      return True, None
    length, at = _take_varint(piece, 1)
    path = piece[at:at + length].decode("utf-8")
  except ValueError:
    return True, None
  names = path.split("/")
  if (len(piece) - at < length or len(names) != 3 or names[0] or
      not names[1] or not names[2]):
    return True, None
  return True, path
