"""The image in a bundle, as a context would start it: docs/bundle_format.md."""

import os
import struct
import zlib

from hostile import wire

_HEADER_BYTES = 44
# Fields of ramet.bundle.Manifest and its Image.
_IMAGES, _PLATFORM, _OFFSET, _DEFLATED_BYTES = 5, 1, 2, 3


def read(path):
  """The inflated image for this machine, or for any."""
  with open(path, "rb") as f:
    data = f.read()
  (manifest_bytes,) = struct.unpack_from(">I", data, 8)
  images_begin = _HEADER_BYTES + manifest_bytes
  manifest = wire.fields(data[_HEADER_BYTES:images_begin])
  mine = "linux-" + os.uname().machine
  found = {}
  for image in map(wire.fields, manifest[_IMAGES]):
    begin = images_begin + image.get(_OFFSET, [0])[0]
    found[image[_PLATFORM][0].decode()] = (
        data[begin:begin + image[_DEFLATED_BYTES][0]])
  return zlib.decompress(found.get(mine) or found["any"])
