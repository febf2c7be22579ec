"""What a method knows of its call, and answers beside its reply."""

import threading
import time

from . import metadata
from .compression import Compression
from .status import RpcError, StatusCode


class CallContext(object):
  """grpcio's ServicerContext, as far as it makes sense here, and who calls.

  Valid until the method returns. Threads: any.
  """

  def __init__(self, call, caller, authority, path, pairs, deadline):
    self._call = call
    self.caller_id = caller
    self.authority_id = authority
    self.method = path  # "/demo.v1.Greeter/SayHello"
    self._metadata = pairs
    self._deadline = deadline
    self._tied = set()
    self._callbacks = []
    self._over = threading.Event()
    self.request_compressed = False
    # The answer.
    self.initial = []
    self.trailing = []
    self.initial_sent = False
    self.compression = Compression.NONE
    self.reply_error = None

  def invocation_metadata(self):
    """((key, value), ...): str, and bytes where the key ends in -bin."""
    return self._metadata

  def time_remaining(self):
    """Seconds until the deadline; None: there is none."""
    if self._deadline is None:
      return None
    return max(0.0, self._deadline - time.monotonic())

  def is_active(self):
    """Whether somebody waits for the answer still."""
    return not self._over.is_set()

  def wait_cancelled(self, timeout=None):
    """Sleeps until nobody waits any more, or `timeout` s; True: nobody does."""
    return self._over.wait(timeout)

  def add_callback(self, callback):
    """Runs it when the call is over; False: it is already."""
    with self._call.lock:
      if not self._over.is_set():
        self._callbacks.append(callback)
        return True
    return False

  def abort(self, code, details, status_details=b""):
    """Ends the call with this status: raises."""
    raise RpcError(code, details, status_details)

  def unimplemented(self):
    """What generated methods do when nothing overrides them."""
    self.abort(StatusCode.UNIMPLEMENTED, "%s is not implemented" % self.method)

  def set_code(self, code):
    """What the call ends with instead of OK when the method returns."""
    error = self.reply_error or RpcError(StatusCode.OK)
    self.reply_error = RpcError(code, error.details(), error.status_details)

  def set_details(self, details):
    error = self.reply_error or RpcError(StatusCode.OK)
    self.reply_error = RpcError(error.code(), details, error.status_details)

  def send_initial_metadata(self, pairs):
    """ValueError: they may not travel, or are out already."""
    with self._call.lock:
      if self.initial_sent:
        raise ValueError("initial metadata was sent already")
      self.initial = metadata.to_wire(pairs, metadata.size_of(self.initial))
      self._call.send_initial_locked()
    self._call.runtime.wait_for_room()

  def set_trailing_metadata(self, pairs):
    """ValueError: they may not travel."""
    self.trailing = metadata.to_wire(pairs)

  def set_compression(self, compression):
    """Replies are compressed from now on, if the caller takes it."""
    number = int(getattr(compression, "value", compression))
    if not self._call.accepts(number):
      return
    if not self.initial_sent or number in (Compression.NONE,
                                           self._call.reply_encoding):
      self.compression = number

  # Contexts that the method may call, as grpcio's channels. A call that is
  # `tied` to this one has its deadline, and ends with it.

  def master(self, tied=True):
    return self._channel(self._call.runtime.ancestors[-1], tied)

  def own_context(self, tied=True):
    return self._channel(self._call.runtime.ancestors[0], tied)

  def parent(self, tied=True):
    ancestors = self._call.runtime.ancestors
    return self._channel(ancestors[min(1, len(ancestors) - 1)], tied)

  def caller_context(self, tied=True):
    return self._channel(self.caller_id, tied)

  def context_by_id(self, number, tied=True):
    return self._channel(number, tied)

  def _channel(self, number, tied):
    return self._call.runtime.caller.channel(number, self if tied else None)

  # The runtime's side, under its lock.

  @property
  def deadline(self):
    return self._deadline

  def tie_locked(self, call):
    """False: this one is over."""
    if self._over.is_set():
      return False
    self._tied.add(call)
    return True

  def untie_locked(self, call):
    self._tied.discard(call)

  def end_locked(self):
    """It is over; gives the functions to run without the lock."""
    self._over.set()
    for call in list(self._tied):
      call.cancel_locked(RpcError(
          StatusCode.CANCELLED,
          "the call that this one was made for is over"))
    self._tied.clear()
    callbacks, self._callbacks = self._callbacks, []
    return callbacks
