"""Channels with grpcio's methods, for the calls that a module makes."""

import threading


class Channel(object):
  """A context to call. Stubs that grpcio's plugin generates take it, too."""

  def __init__(self, caller, target, context):
    self._caller, self._target, self._context = caller, target, context

  def unary_unary(self, path, request_serializer=None,
                  response_deserializer=None, **_):
    return _UnaryUnary(self._start, path, request_serializer,
                       response_deserializer)

  def unary_stream(self, path, request_serializer=None,
                   response_deserializer=None, **_):
    return _UnaryStream(self._start, path, request_serializer,
                        response_deserializer)

  def stream_unary(self, path, request_serializer=None,
                   response_deserializer=None, **_):
    return _StreamUnary(self._start, path, request_serializer,
                        response_deserializer)

  def stream_stream(self, path, request_serializer=None,
                    response_deserializer=None, **_):
    return _StreamStream(self._start, path, request_serializer,
                         response_deserializer)

  def _start(self, method, timeout, pairs):
    return self._caller.start(self._target, self._context, method, timeout,
                              pairs)


def _same(value):
  return value


class _Method(object):

  def __init__(self, start, path, serializer, deserializer):
    self._start = start
    self.path = path
    self.serialize = serializer or _same
    self.parse = deserializer or _same


class _UnaryUnary(_Method):

  def __call__(self, request, timeout=None, metadata=None):
    """The reply. RpcError: the call's status."""
    return self.future(request, timeout, metadata).result()

  def with_call(self, request, timeout=None, metadata=None):
    call = self.future(request, timeout, metadata)
    return call.result(), call

  def future(self, request, timeout=None, metadata=None):
    """A call whose result() blocks."""
    data = self.serialize(request)
    call = self._start(self, timeout, metadata)
    call.send(data, last=True)
    return call


class _UnaryStream(_Method):

  def __call__(self, request, timeout=None, metadata=None):
    """A call, which is an iterator of its replies."""
    return _UnaryUnary.future(self, request, timeout, metadata)


class _StreamUnary(_Method):

  def __call__(self, requests, timeout=None, metadata=None):
    return self.future(requests, timeout, metadata).result()

  def future(self, requests, timeout=None, metadata=None):
    call = self._start(self, timeout, metadata)
    thread = threading.Thread(target=self._send_all, args=(call, requests))
    thread.daemon = True
    thread.start()
    return call

  def _send_all(self, call, requests):
    try:
      for request in requests:
        if not call.send(self.serialize(request)):
          return
      call.send(None, last=True)
    except Exception as error:
      call.cancel("the iterator of requests failed: %r" % error)
      raise


class _StreamStream(_Method):

  def __call__(self, requests, timeout=None, metadata=None):
    """A call, which is an iterator of its replies."""
    return _StreamUnary.future(self, requests, timeout, metadata)

  _send_all = _StreamUnary._send_all
