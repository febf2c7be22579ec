"""Frames and control messages as bytes: docs/wire_format.md, by hand.

Nothing here checks what it writes: wrong values are what it is for.
"""

import dataclasses
import hashlib
import struct

HELLO, GET_MODULE, LOAD_MODULE, FORWARD_MODULE, CALL_FUNCTION, FORWARD_LOG = (
    range(1, 7))
ADD_ROUTE, DEL_ROUTE, ALLOCATE_ID, SHUTDOWN, DETACHING, PING = range(7, 13)
# No context serves it: whoever gets it answers UNIMPLEMENTED, in order.
NOT_SERVED = 999
FIRST_DYNAMIC = 1000

PRIORITY, COMPRESSED, DEAD = 1, 2, 4
MASTER, UNKNOWN = 0, 0xFFFFFFFF
MAX_PAYLOAD = 65536
VERSION = 1

HEADERS, MESSAGE, END, TRAILERS, CANCEL, WINDOW = range(1, 7)

_HEADER = struct.Struct(">2sBBIIIIII")
HEADER_BYTES = _HEADER.size


@dataclasses.dataclass
class Frame:
  dst: int
  src: int
  auth: int
  handle: int
  reply_to: int = 0
  payload: bytes = b""
  flags: int = 0
  # What a header may be wrong in.
  magic: bytes = b"RM"
  version: int = VERSION
  length: int = None

  def bytes(self):
    length = len(self.payload) if self.length is None else self.length
    return _HEADER.pack(self.magic, self.version, self.flags, self.dst,
                        self.src, self.auth, self.handle, self.reply_to,
                        length) + self.payload

  @property
  def dead(self):
    return bool(self.flags & DEAD)


def take_frame(buffer):
  """Removes the first whole frame from a bytearray; None: there is none."""
  if len(buffer) < HEADER_BYTES:
    return None
  magic, version, flags, dst, src, auth, handle, reply_to, length = (
      _HEADER.unpack_from(buffer))
  if magic != b"RM":
    raise ValueError(f"no frame: {bytes(buffer[:HEADER_BYTES])}")
  end = HEADER_BYTES + length
  if len(buffer) < end:
    return None
  payload = bytes(buffer[HEADER_BYTES:end])
  del buffer[:end]
  return Frame(dst, src, auth, handle, reply_to, payload, flags, magic,
               version)


def varint(value):
  out = bytearray()
  while value >= 0x80:
    out.append(value & 0x7F | 0x80)
    value >>= 7
  out.append(value)
  return bytes(out)


def message(*fields):
  """A protobuf message of (number, int | bytes | str) fields."""
  out = b""
  for number, value in fields:
    if isinstance(value, int):
      out += varint(number << 3) + varint(value)
    else:
      value = value.encode() if isinstance(value, str) else value
      out += varint(number << 3 | 2) + varint(len(value)) + value
  return out


def _take_varint(data, at):
  value = shift = 0
  while True:
    byte = data[at]
    at += 1
    value |= (byte & 0x7F) << shift
    shift += 7
    if byte < 0x80:
      return value, at


def varints(data):
  """A packed repeated field."""
  found, at = [], 0
  while at < len(data):
    value, at = _take_varint(data, at)
    found.append(value)
  return found


def fields(data):
  """A protobuf message of varints and bytes: number -> list of values."""
  found, at = {}, 0
  while at < len(data):
    key, at = _take_varint(data, at)
    value, at = _take_varint(data, at)
    if key & 7 == 2:
      at, value = at + value, data[at:at + value]
    found.setdefault(key >> 3, []).append(value)
  return found


def part(kind, data=b"", flags=0):
  return struct.pack(">BBH", kind, flags, len(data)) + data


def in_grpc(data):
  return b"\0" + struct.pack(">I", len(data)) + data


def call(method, request=b"", end=True):
  """The payload of a unary call that fits one frame."""
  return (part(HEADERS, message((1, method))) +
          part(MESSAGE, in_grpc(request)) + (part(END) if end else b""))


def answer(reply):
  return part(MESSAGE, in_grpc(reply)) + part(TRAILERS)


def dead(code, text):
  return message((1, code), (2, text))


def start_child(hop="local:"):
  return call("/ramet.control.Agent/StartChild", message((1, hop), (3, 5000)))


def stop_child(child):
  return call("/ramet.control.Agent/StopChild", message((1, child)))


IMAGE, SERVICE, AGENT, FORGET = range(4)  # Kinds of a module notice.


def load_module(image, piece=None, total=None, offset=0, digest=None):
  """The payload of a frame that brings a piece of an image."""
  return ((hashlib.sha256(image).digest() if digest is None else digest) +
          struct.pack(">II", len(image) if total is None else total, offset) +
          (image if piece is None else piece))


def notice(kind, target=0, name="", digest=b"", code=0, module=b""):
  """What GET_MODULE asks with, and FORWARD_MODULE answers."""
  return message((1, kind), (2, target), (3, name), (4, digest), (5, code),
                 (6, module))


def announcement(target, name, services, image, deflated_bytes=None,
                 image_bytes=1, platform="linux-x86_64", digest=None):
  """A notice for `target` of a module whose methods Any are for anybody."""
  if digest is None:
    digest = hashlib.sha256(image).digest()
  if deflated_bytes is None:
    deflated_bytes = len(image)
  return notice(SERVICE, target, "", digest, 0, message(
      (1, name), (2, digest), (3, platform), (4, deflated_bytes),
      (5, image_bytes), *((6, message(
          (1, service), (2, message((1, "Any"), (2, 1)))))
                          for service in services)))


def module_frames(target, name="evil", services=("demo.v1.Greeter",),
                  image=b"x"):
  """(handle, payload) of all that brings a module to `target`."""
  return [(LOAD_MODULE, load_module(image)),
          (FORWARD_MODULE, announcement(target, name, services, image))]
