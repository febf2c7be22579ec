"""The calls that a module makes, by their handles."""

import threading
import time
from collections import deque

from . import metadata, wire
from .channel import Channel
from .flow import Receiver, Sender
from .status import RpcError, StatusCode, parse_trailers


class Call(object):
  """A call that this module made. Threads: any."""

  def __init__(self, caller, target, handle, method, context, deadline):
    self._caller = caller
    self._runtime = caller.runtime
    self._changed = threading.Condition(self._runtime.lock)
    self._target, self.handle, self._method = target, handle, method
    self._context = context
    self._sender = Sender(self._emit)
    self._receiver = Receiver(self._runtime.max_message_bytes)
    self._messages = deque()
    self._initial = None
    self._trailing = ()
    self._error = None
    self._closed = False
    self.deadline = deadline
    self.over = False

  def send(self, message, last=False):
    """Blocks for room; False: the call is over, or was closed."""
    with self._runtime.lock:
      while not self.over and self._sender.waiting_bytes:
        self._changed.wait()
      if self.over or self._closed:
        return False
      if message is not None:
        if len(message) > self._runtime.max_message_bytes:
          self.cancel_locked(RpcError(
              StatusCode.RESOURCE_EXHAUSTED, "%s: request of %d bytes is "
              "longer than the limit of %d bytes" % (
                  self._method.path, len(message),
                  self._runtime.max_message_bytes)))
          return False
        self._sender.send_message(message)
      if last:
        self._closed = True
        self._sender.send_end(wire.END)
      self._sender.flush()
    self._runtime.wait_for_room()
    return True

  def __iter__(self):
    return self

  def __next__(self):
    with self._runtime.lock:
      while not self.over and not self._messages:
        self._changed.wait()
      if not self._messages:
        if self._error is not None:
          raise self._error
        raise StopIteration()
      message = self._messages.popleft()
      if not self.over:
        self._receiver.consumed(len(message))
        self._grant()
    try:
      return self._method.parse(message)
    except Exception as error:  # whatever a parser raises
      self.cancel()
      raise RpcError(StatusCode.INTERNAL, "%s: the reply's %d bytes can't be "
                     "read: %s" % (self._method.path, len(message), error))

  def result(self):
    """The one reply. RpcError: the call's status."""
    for reply in self:
      break
    else:
      raise RpcError(StatusCode.INTERNAL, "%s: OK and no reply" %
                     self._method.path)
    for _ in self:
      self.cancel()
      raise RpcError(StatusCode.INTERNAL, "%s: more than one reply" %
                     self._method.path)
    return reply

  def cancel(self, details="cancelled"):
    with self._runtime.lock:
      self.cancel_locked(RpcError(StatusCode.CANCELLED, details))

  def _wait(self, done):
    with self._runtime.lock:
      while not done():
        self._changed.wait()

  def initial_metadata(self):
    self._wait(lambda: self.over or self._initial is not None)
    return self._initial or ()

  def trailing_metadata(self):
    self._wait(lambda: self.over)
    return self._trailing

  def code(self):
    self._wait(lambda: self.over)
    return StatusCode.OK if self._error is None else self._error.code()

  def details(self):
    self._wait(lambda: self.over)
    return "" if self._error is None else self._error.details()

  # Under the lock.

  def begin_locked(self, pairs):
    timeout_us = 0
    if self.deadline is not None:
      timeout_us = max(1, int((self.deadline - time.monotonic()) * 1e6))
    self._sender.send_headers(wire.serialize(
        (1, self._method.path), (2, timeout_us), (3, pairs)))

  def on_frame(self, frame):
    if frame.flags & wire.DEAD:
      self._on_dead(frame.payload)
      return
    try:
      for kind, continues, piece in wire.parts(frame.payload):
        self._on_part(kind, continues, piece)
        if self.over:
          return
      self._grant()
    except ValueError as error:
      self.cancel_locked(RpcError(StatusCode.INTERNAL, str(error)))
    except RpcError as error:
      self.cancel_locked(error)
    self._changed.notify_all()

  def _on_part(self, kind, continues, piece):
    if kind == wire.MESSAGE:
      for compressed, message in self._receiver.messages(piece):
        if compressed:
          raise RpcError(StatusCode.UNIMPLEMENTED,
                         "compressed messages are not supported")
        if self._initial is None:
          self._initial = ()
        self._messages.append(message)
    elif kind == wire.WINDOW:
      self._sender.add_credit(wire.window(piece))
      self._sender.flush()
    elif kind in (wire.HEADERS, wire.TRAILERS):
      data = self._receiver.whole(kind, continues, piece)
      if data is None:
        return
      if kind == wire.HEADERS:
        self._initial = metadata.from_wire(wire.parse(data), 1)
        return
      try:
        error, self._trailing = parse_trailers(data)
      except ValueError:
        error = RpcError(StatusCode.INTERNAL, "malformed trailers of an answer")
      self._end(error)

  def _on_dead(self, payload):
    error = None
    try:
      fields = wire.parse(payload)
      if wire.number(fields, 1):
        error = RpcError(wire.number(fields, 1), wire.text(fields, 2))
    except ValueError:
      pass
    self._end(error or RpcError(StatusCode.UNAVAILABLE,
                                "dead reply without a reason"))

  def on_deadline(self):
    self.cancel_locked(RpcError(StatusCode.DEADLINE_EXCEEDED,
                                "deadline passed"))

  def cancel_locked(self, error):
    if self.over:
      return
    self._messages.clear()
    self._end(error)
    self._emit(wire.CANCEL_PAYLOAD)

  def fail_locked(self, error):
    """Before anything was sent."""
    self._end(error)

  def _end(self, error):
    self.over = True
    self._error = error
    self._caller.forget_locked(self)
    if self._context is not None:
      self._context.untie_locked(self)
    self._changed.notify_all()

  def _grant(self):
    grant = self._receiver.take_grant()
    if grant:
      self._emit(wire.window_payload(grant), wire.PRIORITY)

  def _emit(self, payload, flags=0):
    runtime = self._runtime
    runtime.send(wire.frame(self._target, runtime.own_id, wire.CALL_FUNCTION,
                            payload, self.handle, flags))


class Caller(object):
  """The calls that are out, by their handles."""

  def __init__(self, runtime):
    self.runtime = runtime
    self._calls = {}
    self._next = wire.FIRST_DYNAMIC

  def channel(self, target, context):
    return Channel(self, target, context)

  def start(self, target, context, method, timeout, pairs):
    pairs = metadata.to_wire(pairs)
    deadline = None if timeout is None else time.monotonic() + timeout
    if context is not None and context.deadline is not None:
      deadline = min(deadline or context.deadline, context.deadline)
    runtime = self.runtime
    with runtime.lock:
      while self._next in self._calls:
        self._advance()
      call = Call(self, target, self._next, method, context, deadline)
      self._advance()
      self._calls[call.handle] = call
      if deadline is not None and deadline <= time.monotonic():
        call.fail_locked(RpcError(
            StatusCode.DEADLINE_EXCEEDED, "%s: the deadline had passed before "
            "the call" % method.path))
      elif context is not None and not context.tie_locked(call):
        call.fail_locked(RpcError(
            StatusCode.CANCELLED,
            "the call that this one was made for is over"))
      else:
        runtime.add_deadline(call)
        call.begin_locked(pairs)
    return call

  def _advance(self):
    self._next += 1
    if self._next > 0xFFFFFFFF:
      self._next = wire.FIRST_DYNAMIC

  def on_frame(self, frame):
    call = self._calls.get(frame.handle)
    # What crossed a CANCEL belongs to nobody.
    if call is not None:
      call.on_frame(frame)

  def forget_locked(self, call):
    self._calls.pop(call.handle, None)
