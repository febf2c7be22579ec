"""A call that came to the module and is not answered yet."""

import threading
import time
from collections import deque

from . import compression, metadata, wire
from .chains import Place
from .context import CallContext
from .flow import Receiver, Sender
from .status import RpcError, StatusCode, serialize_trailers

# A century is no limit.
_FOREVER_US = 100 * 365 * 24 * 3600 * 1000000


class ServedCall(object):
  """Fed by whoever reads the link, under the runtime's lock.

  `error` is what it failed with, for chains; `over` says that its answer is out
  or on its way.
  """

  def __init__(self, runtime, frame, entry, foreign):
    self.runtime = runtime
    self.lock = runtime.lock
    self.changed = threading.Condition(runtime.lock)
    self.key = frame.src, frame.reply_to
    self.authority = frame.auth
    self.entry = entry
    self.method = entry.method
    self.function = entry.function
    self.max_message_bytes = (entry.limits.max_message_bytes or
                              runtime.max_message_bytes)
    self.foreign = foreign
    self.context = None
    self.place = None  # in a chain
    self.deadline = None
    self.error = None
    self.over = False
    self.finished = False  # the method has returned, or needs to no more
    self.reply_encoding = compression.Compression.NONE
    self._accepted = 0
    self._encoding = 0
    self._receiver = Receiver(self.max_message_bytes)
    self._sender = Sender(self._emit)
    self._messages = deque()
    self._seen = 0
    self._started = self._ended = False
    self._held = self._unsent = 0

  @property
  def chain_key(self):
    return self.key[0], self.authority, self.place.chain_id

  def accepts(self, number):
    return number == 0 or (0 < number < 32 and
                           bool(self._accepted >> number & 1))

  # From the link.

  def feed(self, payload):
    """True: its method is to be started. Under the lock."""
    try:
      if not self.finished:
        self._hold(sum(len(piece) for kind, _, piece in wire.parts(payload)
                       if kind == wire.MESSAGE))
      for kind, continues, piece in wire.parts(payload):
        self._on_part(kind, continues, piece)
        if self.over:
          return False
    except ValueError as error:
      self.abort(RpcError(StatusCode.INTERNAL, str(error)))
    except RpcError as error:
      self.abort(error)
    if self.over or self.finished:
      return False
    self._grant()
    if self._started or self.context is None or not (
        self._ended or self.method.stream_requests):
      return False
    self._started = True
    return True

  def _hold(self, count):
    if not self.runtime.held.take(count, self.foreign):
      raise RpcError(
          StatusCode.RESOURCE_EXHAUSTED,
          "the module holds as many bytes of requests as it may; try again "
          "when it has served some")
    self._held += count

  def _on_part(self, kind, continues, piece):
    if kind == wire.MESSAGE:
      for compressed, message in self._receiver.messages(piece):
        self._on_message(compressed, message)
    elif kind == wire.WINDOW:
      self._sender.add_credit(wire.window(piece))
      self._flush()
      self.changed.notify_all()
    elif kind == wire.CANCEL:
      self.abort(RpcError(StatusCode.CANCELLED, "the caller cancelled"))
    elif kind == wire.END:
      self._on_end()
    else:
      data = self._receiver.whole(kind, continues, piece)
      if data is None:
        return
      if kind == wire.TRAILERS:
        raise RpcError(StatusCode.INTERNAL, "trailers from a caller")
      self._on_headers(data)

  def _on_headers(self, data):
    try:
      fields = wire.parse(data)
      pairs = metadata.from_wire(fields, 3)
    except ValueError:
      fields = None
    if fields is None or self.context is not None:
      raise RpcError(StatusCode.INTERNAL, "malformed call headers")
    timeout_us = wire.number(fields, 2)
    if 0 < timeout_us <= _FOREVER_US:
      self.deadline = time.monotonic() + timeout_us / 1e6
    self._encoding = wire.number(fields, 8)
    self._accepted = wire.number(fields, 9) & 6
    self.context = CallContext(self, self.key[0], self.authority,
                               wire.text(fields, 1), pairs, self.deadline)
    if wire.number(fields, 4):
      self.place = Place(*(wire.number(fields, n) for n in (4, 5, 6, 7)))
    self.runtime.on_opened(self)

  def _on_message(self, compressed, message):
    if self.finished:
      return
    if self.context is None:
      raise RpcError(StatusCode.INTERNAL, "a message without headers")
    if self._ended:
      raise RpcError(StatusCode.INTERNAL, "a message behind the end")
    if compressed and not compression.is_known(self._encoding):
      raise RpcError(StatusCode.UNIMPLEMENTED,
                     "no compression with number %d" % self._encoding)
    if compressed and not self._encoding:
      raise RpcError(StatusCode.INTERNAL, "a compressed message, but the "
                     "headers name no compression")
    self._seen += 1
    if self._seen > 1 and not self.method.stream_requests:
      raise self._one_request("more")
    self._messages.append((compressed, message))
    self.changed.notify_all()

  def _on_end(self):
    if self.finished:
      return
    if self.context is None:
      raise RpcError(StatusCode.INTERNAL, "a call without headers")
    if self._seen == 0 and not self.method.stream_requests:
      raise self._one_request("none")
    self._ended = True
    self.changed.notify_all()

  def _one_request(self, got):
    return RpcError(StatusCode.INVALID_ARGUMENT,
                    "%s method takes one request, and got %s" % (
                        "this" if self.method.streams else "a unary", got))

  def on_deadline(self):
    self.abort(RpcError(StatusCode.DEADLINE_EXCEEDED, "deadline passed"))

  def abort(self, error):
    """Ends it at once, whatever its method is doing. Under the lock."""
    if self.over:
      return
    self.over = True
    if not self.finished:
      self.error = error
    self._drop()
    self.runtime.forget(self)
    parts = wire.PartWriter(self._emit)
    parts.add(wire.TRAILERS, serialize_trailers(error))
    parts.flush()
    self.runtime.unsent.give_back(self._unsent, self.foreign)
    self._unsent = 0
    self.changed.notify_all()
    self.runtime.on_aborted(self)

  def _drop(self):
    self._messages.clear()
    self.runtime.held.give_back(self._held, self.foreign)
    self._held = 0

  # From the method's thread, with the lock.

  def read_locked(self):
    """Blocks for a message; None: no more come. RpcError: it is over."""
    while not (self.over or self.finished or self._ended or self._messages):
      self.changed.wait()
    if self.over or self.finished:
      raise RpcError(StatusCode.CANCELLED, "the call is over")
    if not self._messages:
      return None
    compressed, message = self._messages.popleft()
    size = wire.PREFIX_BYTES + len(message)
    self.runtime.held.give_back(size, self.foreign)
    self._held -= size
    self._receiver.consumed(len(message))
    self._grant()
    return compressed, message

  def unpack(self, compressed, message):
    """Without the lock. RpcError: it is no such data, or too much."""
    self.context.request_compressed = bool(compressed)
    if not compressed:
      return message
    return compression.decompress(self._encoding, message,
                                  self.max_message_bytes)

  def write(self, reply):
    """Blocks while the message before has no credit. RpcError: it is over."""
    packed = self.pack(reply)
    with self.lock:
      while not (self.over or self.finished) and self._sender.waiting_bytes:
        self.changed.wait()
      if self.over or self.finished:
        raise RpcError(StatusCode.CANCELLED, "the call is over")
      self._send_message_locked(reply, packed)
      self._sender.flush()
    self.runtime.wait_for_room()

  def pack(self, reply):
    """(encoding, bytes) or None: what to send in place of the reply."""
    encoding = self.context.compression
    if not encoding or len(reply) > self.max_message_bytes:
      return None
    packed = compression.compress(encoding, reply)
    return None if packed is None else (encoding, packed)

  def finish_locked(self, error, reply=None, packed=None):
    """The method has returned. Never blocks."""
    # Who has this answer finds that it has made room.
    self.runtime.on_method_returned(self)
    if self.over or self.finished:
      return
    if self.deadline is not None and time.monotonic() >= self.deadline:
      # Its own clock tells a method so before the runtime's timer.
      self.on_deadline()
      return
    try:
      if error is None and reply is not None:
        self._send_message_locked(reply, packed)
    except RpcError as too_long:
      error = too_long
    self.send_initial_locked()
    self.finished = True
    self.error = error
    self._drop()
    self._sender.send_end(
        wire.TRAILERS, serialize_trailers(error, self.context.trailing))
    self._flush()
    self.changed.notify_all()

  def send_initial_locked(self):
    context = self.context
    if context.initial_sent or self.over or self.finished:
      return
    context.initial_sent = True
    self.reply_encoding = context.compression
    data = wire.serialize((1, context.initial), (2, self.reply_encoding))
    if data:
      self._sender.send_headers(data)
      self._sender.flush()

  def _send_message_locked(self, reply, packed):
    limit = self.max_message_bytes
    if len(reply) > limit:
      raise RpcError(StatusCode.RESOURCE_EXHAUSTED, "reply of %d bytes is "
                     "longer than the limit of %d bytes" % (len(reply), limit))
    self.send_initial_locked()
    if packed is not None and packed[0] == self.reply_encoding:
      self._sender.send_message(packed[1], True)
    else:
      self._sender.send_message(reply)

  def _flush(self):
    if self._sender.finished and not self.over:
      # The caller may use its handle again when it has the last frame.
      self.over = True
      self.runtime.forget(self)
    self._sender.flush()
    unsent = self._sender.waiting_bytes if self.finished else 0
    if unsent > self._unsent:
      if not self.runtime.unsent.take(unsent - self._unsent, self.foreign):
        self.error = RpcError(
            StatusCode.RESOURCE_EXHAUSTED,
            "the module keeps as many bytes of replies as it may, for callers "
            "that take them slowly; try again when they have")
        self.abort(self.error)
        return
    else:
      self.runtime.unsent.give_back(self._unsent - unsent, self.foreign)
    self._unsent = unsent

  def _grant(self):
    grant = 0 if self._ended else self._receiver.take_grant()
    if grant:
      self._emit(wire.window_payload(grant), wire.PRIORITY)

  def _emit(self, payload, flags=0):
    self.runtime.send(wire.frame(self.key[0], self.runtime.own_id,
                                 self.key[1], payload, flags=flags))
