"""Status codes, errors of calls, and their trailers."""

from . import wire

MAX_ERROR_TEXT_BYTES = 1024 * 1024


class StatusCode(object):
  """gRPC's codes, as plain numbers."""
  OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = range(5)
  NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED = range(5, 9)
  FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED = range(9, 13)
  INTERNAL, UNAVAILABLE, DATA_LOSS, UNAUTHENTICATED = range(13, 17)


_NAMES = {value: name for name, value in vars(StatusCode).items()
          if isinstance(value, int)}


def to_code(value):
  """A number, or grpc.StatusCode, as a number; one gRPC lacks is UNKNOWN."""
  value = getattr(value, "value", value)
  value = value[0] if isinstance(value, tuple) else value
  return value if value in _NAMES else StatusCode.UNKNOWN


class RpcError(Exception):
  """A call failed, or is to fail: methods raise it, and calls of theirs do.

  `status_details` is a serialized google.rpc.Status, or nothing.
  """

  def __init__(self, code, details="", status_details=b"", metadata=()):
    # Here, where whoever makes it learns of it, not when the answer goes out.
    if not isinstance(details, (str, bytes)):
      details = "" if details is None else str(details)
    if isinstance(status_details, (str, int)):
      raise TypeError("status_details are bytes")
    status_details = bytes(status_details or b"")
    Exception.__init__(self, code, details)
    self._code = to_code(code)
    self._details = details
    self.status_details = status_details
    self._metadata = tuple(metadata)

  def code(self):
    return self._code

  def details(self):
    return self._details

  def trailing_metadata(self):
    return self._metadata

  def __str__(self):
    return "%s: %s" % (_NAMES[self._code], self._details)


def clean_text(text):
  """UTF-8 of at most MAX_ERROR_TEXT_BYTES; what is none becomes `?`."""
  if isinstance(text, str):
    text = text.encode("utf-8", "replace")
  else:
    text = bytes(text).decode("utf-8", "replace").replace(
        u"\ufffd", "?").encode("utf-8")
  if len(text) <= MAX_ERROR_TEXT_BYTES:
    return text
  kept = text[:MAX_ERROR_TEXT_BYTES].decode("utf-8", "ignore").encode("utf-8")
  return kept + b"... (%d more bytes)" % (len(text) - len(kept))


def serialize_trailers(error, metadata=()):
  """`error` is an RpcError, or None for OK."""
  if error is None:
    return wire.serialize((4, list(metadata)))
  return wire.serialize((1, error.code()), (2, clean_text(error.details())),
                        (3, bytes(error.status_details)), (4, list(metadata)))


def parse_trailers(data):
  """(RpcError or None, metadata). ValueError: malformed."""
  from . import metadata
  fields = wire.parse(data)
  pairs = metadata.from_wire(fields, 4)
  code = wire.number(fields, 1)
  if code == 0:
    return None, pairs
  error = RpcError(code, wire.text(fields, 2), wire.data(fields, 3), pairs)
  return error, pairs
