"""Runs the methods of services, on threads of their own."""

import sys

from .status import RpcError, StatusCode


def serve_unary(call):
  """Runs the method and answers the call."""
  error, reply, packed = None, None, None
  try:
    reply = _unary_reply(call, _request(call))
    packed = call.pack(reply)
  except BaseException as raised:
    error, reply = _as_error(call, raised), None
  with call.lock:
    call.finish_locked(error or _asked(call), reply, packed)
  call.runtime.wait_for_room()


def serve_stream(call):
  """The same for a method of another kind, which it ends."""
  error = None
  try:
    argument = _Requests(call) if call.method.stream_requests else (
        _request(call))
    if call.method.stream_replies:
      _write_all(call, _invoke(call, argument))
    else:
      reply = _unary_reply(call, argument)
      if _asked(call) is None:
        call.write(reply)
  except BaseException as raised:
    error = _as_error(call, raised)
  with call.lock:
    call.finish_locked(error or _asked(call))
  call.runtime.wait_for_room()


def _write_all(call, replies):
  try:
    for reply in replies if replies is not None else ():
      call.write(_serialize(call, reply))
  finally:
    # A generator learns that nobody reads it.
    close = getattr(replies, "close", None)
    if close is not None:
      close()


def _invoke(call, argument):
  if call.function is None:
    raise RpcError(StatusCode.UNIMPLEMENTED,
                   "%s is not implemented" % call.context.method)
  return call.function(argument, call.context)


def _unary_reply(call, argument):
  reply = _invoke(call, argument)
  # A method that has set a status need not reply.
  if reply is None and _asked(call) is not None:
    raise _asked(call)
  return _serialize(call, reply)


def _serialize(call, reply):
  try:
    data = call.method.serialize(reply)
    return data if isinstance(data, bytes) else bytes(memoryview(data))
  except Exception as error:
    raise RpcError(StatusCode.INTERNAL,
                   "the reply can't be serialized: %s" % error)


def _parse(call, data):
  try:
    return call.method.parse(data)
  except Exception as error:
    raise RpcError(StatusCode.INVALID_ARGUMENT, "the request's %d bytes can't "
                   "be read: %s" % (len(data), error))


def _request(call):
  with call.lock:
    compressed, data = call.read_locked()
  return _parse(call, call.unpack(compressed, data))


class _Requests(object):
  """The iterator of a method's requests. RpcError: the call is over."""

  def __init__(self, call):
    self._call = call

  def __iter__(self):
    return self

  def __next__(self):
    with self._call.lock:
      message = self._call.read_locked()
    self._call.runtime.wait_for_room()
    if message is None:
      raise StopIteration()
    try:
      return _parse(self._call, self._call.unpack(*message))
    except RpcError as error:
      # The method could only guess at it.
      with self._call.lock:
        self._call.abort(error)
      raise


def _asked(call):
  """The status that the method has set, None for OK."""
  error = call.context.reply_error
  return None if error is None or error.code() == StatusCode.OK else error


def _as_error(call, raised):
  if isinstance(raised, RpcError):
    if raised.code() != StatusCode.OK:
      return raised
    # Whoever raises has not succeeded; grpcio says so, too.
    return RpcError(StatusCode.UNKNOWN, raised.details())
  try:
    text = "Exception calling application: %s" % (raised,)
  except Exception:  # in its __str__
    text = "Exception calling application"
  sys.excepthook(type(raised), raised, raised.__traceback__)
  return RpcError(StatusCode.UNKNOWN, text)
