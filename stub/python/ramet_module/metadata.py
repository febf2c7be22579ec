"""Metadata of calls and answers: pairs as gRPC has them."""

from . import wire

MAX_METADATA_BYTES = 64 * 1024

_KEY = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-.")


def to_wire(pairs, already_bytes=0):
  """Checked pairs of str and bytes. ValueError: what may not travel."""
  found, size = [], already_bytes
  for key, value in pairs or ():
    if not key or not _KEY.issuperset(key):
      raise ValueError("a metadata key has characters other than a-z 0-9 _ - .")
    if key.startswith("grpc-"):
      raise ValueError("metadata key %s: grpc- is reserved for gRPC" % key)
    if isinstance(value, str):
      value = value.encode("utf-8")
    value = bytes(value)
    if not key.endswith("-bin") and not all(32 <= c <= 126 for c in value):
      raise ValueError(
          "metadata %s: the value is not printable ASCII; a key that ends in "
          "-bin takes any bytes" % key)
    found.append((key, value))
    size += len(key) + len(value)
  if size > MAX_METADATA_BYTES:
    raise ValueError("metadata of %d bytes is longer than the limit of %d "
                     "bytes" % (size, MAX_METADATA_BYTES))
  return found


def size_of(pairs):
  return sum(len(key) + len(value) for key, value in pairs)


def from_wire(fields, which):
  """(key, value) tuples: str, or bytes where the key ends in -bin."""
  found = []
  for entry in fields.get(which, ()):
    if not isinstance(entry, bytes):
      raise ValueError("malformed metadata")
    pair = wire.parse(entry)
    key, value = wire.text(pair, 1), wire.data(pair, 2)
    found.append((key, value if key.endswith("-bin") else
                  value.decode("utf-8", "replace")))
  return tuple(found)
