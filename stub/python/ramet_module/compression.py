"""Messages that are compressed, each for itself."""

from .status import RpcError, StatusCode


class Compression(object):
  """The wire's numbers."""
  NONE, DEFLATE, GZIP = 0, 1, 2


# What zlib calls them: its own format, and RFC 1952.
_WBITS = {Compression.DEFLATE: 15, Compression.GZIP: 31}
# The fastest: somebody waits for the call.
_LEVEL = 1


def is_known(number):
  return number <= Compression.GZIP


def compress(compression, message):
  """The compressed bytes, or None when that makes them no smaller."""
  if compression == Compression.NONE or not message:
    return None
  import zlib
  compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WBITS[compression])
  packed = compressor.compress(message) + compressor.flush()
  return packed if len(packed) < len(message) else None


def decompress(compression, packed, max_bytes):
  """RpcError: RESOURCE_EXHAUSTED above `max_bytes`, INTERNAL for no data."""
  import zlib
  decompressor = zlib.decompressobj(_WBITS[compression])
  try:
    message = decompressor.decompress(packed, max_bytes + 1)
  except zlib.error:
    message = None
  if message is not None and len(message) > max_bytes:
    raise RpcError(
        StatusCode.RESOURCE_EXHAUSTED,
        "a compressed message of %d bytes is longer than the limit of %d bytes "
        "when it is decompressed" % (len(packed), max_bytes))
  if message is None or not decompressor.eof or decompressor.unused_data:
    raise RpcError(StatusCode.INTERNAL,
                   "a compressed message can't be decompressed")
  return message
