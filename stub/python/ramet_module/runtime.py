"""Serves the calls of a module's link: docs/module_protocol.md.

One lock for all state. The main thread reads the link and never waits for
anything else: methods run on other threads, a unary one on one of a few, a
streaming one on its own.
"""

import os
import sys
import threading
from collections import deque

from . import wire
from .admission import CallAdmission
from .caller import Caller
from .chains import ChainTable
from .deadlines import Deadlines
from .flow import ByteBudget
from .link import MAX_WAITING_BYTES, Link, LinkEnded
from .method_runner import serve_stream, serve_unary
from .served_call import ServedCall
from .status import RpcError, StatusCode, serialize_trailers

# A peer that opens more calls at once gets RESOURCE_EXHAUSTED for them.
MAX_OPEN_CALLS = 16384
# Requests that no method has taken, and replies without credit; for callers
# that are not above the module's context in the second place.
MAX_KEPT_BYTES, MAX_FOREIGN_BYTES = 256 * 1024 * 1024, 64 * 1024 * 1024


class Violation(Exception):
  """The other end does not keep to the protocol."""


class Runtime(object):

  def __init__(self, fd, methods, max_threads, max_streams, max_message_bytes):
    self.lock = threading.Lock()
    self.held = ByteBudget(MAX_KEPT_BYTES, MAX_FOREIGN_BYTES)
    self.unsent = ByteBudget(MAX_KEPT_BYTES, MAX_FOREIGN_BYTES)
    self.caller = Caller(self)
    self._deadlines = Deadlines()
    self.own_id = None
    self.ancestors = []
    self.max_message_bytes = max_message_bytes
    self._methods = methods
    self._link = Link(fd)
    self._fd = fd
    self._reader = threading.current_thread()
    self._batching = False  # the reader writes when it has read
    self._room = threading.Condition(self.lock)
    self._work = threading.Condition(self.lock)
    self._chains = ChainTable(lambda call, error: call.abort(error),
                              self._admit)
    self._admission = CallAdmission()
    self._to_admit = deque()  # whose turn it is
    self._to_serve = deque()  # that their services have let in
    self._admitting = self._serving = False
    self._calls = {}
    self._waiting = deque()
    self._callbacks = []
    self._max_threads, self._max_streams = max_threads, max_streams
    self._threads = self._idle = self._running = 0
    self._streams = [0, 0]  # of callers above, and of foreign ones
    self._draining = False

  def run(self):
    """Never returns."""
    try:
      self._serve()
    except LinkEnded:
      self._exit(0)
    except (Violation, ValueError) as error:
      # What was asked for in order is answered, if somebody reads.
      with self.lock:
        self._write_some()
      os.write(2, ("ramet module: broken link: %s\n" % error).encode())
      self._exit(1)

  def _exit(self, status):
    os._exit(status)

  def _serve(self):
    buffer = bytearray()
    for frame in self._first(buffer):
      self._greet(frame)
    os.set_blocking(self._fd, False)
    while True:
      with self.lock:
        self._batching = True
        for frame in wire.take_frames(buffer):
          self._on_frame(frame)
        self._deadlines.pass_all()
        self._batching = False
        self._link.write()
        if self._link.waiting_bytes <= MAX_WAITING_BYTES:
          self._room.notify_all()
        self._exit_if_drained()
        timeout = self._deadlines.first()
      self._run_callbacks()
      if self._link.wait(timeout):
        buffer += self._link.read() or b""

  def _first(self, buffer):
    os.set_blocking(self._fd, True)
    while True:
      for frame in wire.take_frames(buffer):
        return [frame]
      buffer += self._link.read()

  def _greet(self, frame):
    hello = wire.parse(frame.payload) if frame.handle == wire.HELLO else {}
    self.ancestors = wire.numbers(hello, 3)
    if not self.ancestors:
      raise Violation("the first frame is no hello: %s" % frame)
    self.own_id = wire.number(hello, 2)
    self.max_message_bytes = (self.max_message_bytes or wire.number(hello, 8) or
                              wire.DEFAULT_MAX_MESSAGE_BYTES)
    host = os.uname()
    self._link.queue(wire.frame(
        self.ancestors[0], self.own_id, wire.HELLO, wire.serialize(
            (1, wire.VERSION), (2, "linux-" + host.machine),
            (3, host.nodename), (4, os.getpid()), (5, os.geteuid()))))
    self._link.write()
    version = wire.number(hello, 1)
    if version != wire.VERSION:
      raise Violation("the parent speaks protocol version %d, this module %d" %
                      (version, wire.VERSION))

  # Under the lock, from the reader.

  def _on_frame(self, frame):
    if frame.dst != self.own_id:
      raise Violation("a frame for another context than %d: %s" %
                      (self.own_id, frame))
    if frame.handle >= wire.FIRST_DYNAMIC:
      self.caller.on_frame(frame)
    elif frame.flags & wire.DEAD:
      return
    elif frame.handle == wire.CALL_FUNCTION:
      self._on_call_frame(frame)
    elif frame.handle == wire.SHUTDOWN:
      self._draining = True
    elif frame.handle == wire.PING:
      if frame.reply_to:
        self.send(wire.frame(frame.src, self.own_id, frame.reply_to,
                             frame.payload))
    else:
      raise Violation("a frame for a handle that modules do not have: %s" %
                      frame)

  def _on_call_frame(self, frame):
    call = self._calls.get((frame.src, frame.reply_to))
    if call is None:
      begins, path = wire.peek_method(frame.payload)
      if begins:
        self._open(frame, path)
    elif call.authority == frame.auth and call.feed(frame.payload):
      self._start(call)

  def _open(self, frame, path):
    found = self._methods.find(path) if path is not None else None
    if len(self._calls) >= MAX_OPEN_CALLS:
      error = RpcError(
          StatusCode.RESOURCE_EXHAUSTED, "the module has %d calls to answer "
          "already; try again when some are over" % MAX_OPEN_CALLS)
    elif path is None:
      error = RpcError(StatusCode.INTERNAL, "malformed call headers")
    elif found is None:
      error = RpcError(StatusCode.UNIMPLEMENTED, self._methods.unknown(path))
    else:
      # A context's own modules call in its name, and not on its authority.
      foreign = not (frame.src in self.ancestors and
                     frame.auth in self.ancestors)
      call = ServedCall(self, frame, found, foreign)
      self._calls[call.key] = call
      if call.feed(frame.payload):
        self._start(call)
      return
    parts = wire.PartWriter(lambda payload: self.send(wire.frame(
        frame.src, self.own_id, frame.reply_to, payload)))
    parts.add(wire.TRAILERS, serialize_trailers(error))
    parts.flush()

  def _start(self, call):
    # Streams are in no chain.
    if call.place is not None:
      self._chains.on_whole(call)
    else:
      self._admit(call)

  def _admit(self, call):
    """It is the call's turn: it waits for its service, or is served."""
    if not call.entry.limited:
      self._serve_call(call)
      return
    # One that is refused makes it the turn of the next of its chain.
    self._to_admit.append(call)
    if self._admitting:
      return
    self._admitting = True
    while self._to_admit:
      call = self._to_admit.popleft()
      try:
        if self._admission.add(call):
          self._serve_call(call)
      except RpcError as error:
        call.abort(error)
        self._leave_chain(call)
    self._admitting = False

  def _serve_all(self, calls):
    # One that can't begin lets in the next.
    self._to_serve.extend(calls)
    if self._serving:
      return
    self._serving = True
    while self._to_serve:
      self._serve_call(self._to_serve.popleft())
    self._serving = False

  def _serve_call(self, call):
    if call.method.streams:
      self._start_stream(call)
    else:
      self._run(call)

  def _start_stream(self, call):
    of_all, foreign = sum(self._streams), self._streams[True]
    if of_all >= self._max_streams or (
        call.foreign and foreign >= self._max_streams // 4):
      call.abort(RpcError(
          StatusCode.RESOURCE_EXHAUSTED,
          "the module serves as many streaming calls as it may; try again when "
          "some are over"))
      return
    self._streams[call.foreign] += 1
    if self._start_thread(self._serve_stream, call):
      self._admission.on_begin(call)
    else:
      self._streams[call.foreign] -= 1
      call.abort(RpcError(StatusCode.RESOURCE_EXHAUSTED,
                          "the system has no thread for a streaming call"))

  def _run(self, call):
    """A unary call, which nothing but threads keeps waiting."""
    waiting = self._waiting
    if len(waiting) > 2 * len(self._calls) + 1024:
      # Cancelled calls leave when there are more of them than others.
      over = [each for each in waiting if each.over]
      self._waiting = waiting = deque(e for e in waiting if not e.over)
      for each in over:
        self._leave_chain(each)
    waiting.append(call)
    if len(waiting) > self._idle and self._threads < self._max_threads:
      if self._start_thread(self._serve_unary):
        self._threads += 1
      elif self._threads == 0:
        waiting.remove(call)
        call.abort(RpcError(StatusCode.RESOURCE_EXHAUSTED,
                            "the system has no thread for a call"))
        self._leave_chain(call)
    else:
      self._work.notify()

  def _start_thread(self, function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.daemon = True
    try:
      thread.start()
    except RuntimeError:
      return False
    return True

  def _exit_if_drained(self):
    if (self._draining and not self._calls and not self._running and
        not sum(self._streams)):
      self._write_all()
      self._exit(0)

  def _write_some(self):
    try:
      self._link.write()
    except LinkEnded:
      pass

  def _write_all(self):
    try:
      self._link.drain()
      sys.stdout.flush()
    except (LinkEnded, OSError, ValueError):
      pass

  # Under the lock, from calls.

  def on_opened(self, call):
    self.add_deadline(call)
    if call.place is not None:
      self._chains.add(call)

  def add_deadline(self, call):
    if call.deadline is None:
      return
    if self._deadlines.add(call.deadline, call) and not self._batching:
      # The reader sleeps until another one.
      self._link.wake()

  def on_aborted(self, call):
    if call.context is not None:
      self._callbacks += call.context.end_locked()
      if self._callbacks and not self._batching:
        self._link.wake()
    waited, admitted = self._admission.on_aborted(call)
    if call.place is not None:
      self._chains.on_aborted(call)
      if waited:
        # Its turn had come.
        self._leave_chain(call)
    self._serve_all(admitted)

  def on_method_returned(self, call):
    """And its answer is not sent yet."""
    if call.method.streams:
      self._streams[call.foreign] -= 1
    self._serve_all(self._admission.on_returned(call))

  def forget(self, call):
    if self._calls.get(call.key) is call:
      del self._calls[call.key]

  def send(self, frame):
    self._link.queue(frame)
    if self._batching:
      return
    try:
      self._link.write()
    except LinkEnded:
      self._exit(0)
    if self._link.waiting_bytes:
      # For the reader to watch.
      self._link.wake()

  # Without the lock.

  def wait_for_room(self):
    """Until the context takes what methods write; not for the reader."""
    if threading.current_thread() is self._reader:
      return
    with self.lock:
      while self._link.waiting_bytes > MAX_WAITING_BYTES:
        self._room.wait()

  def _run_callbacks(self):
    while True:
      with self.lock:
        callbacks, self._callbacks = self._callbacks, []
      if not callbacks:
        return
      for callback in callbacks:
        try:
          callback()
        except Exception:  # it is the user's
          sys.excepthook(*sys.exc_info())

  def _serve_unary(self):
    while True:
      with self.lock:
        self._idle += 1
        while not self._waiting:
          self._work.wait()
        self._idle -= 1
        call = self._waiting.popleft()
        if call.over:
          # Cancelled, or its deadline passed: it has its answer.
          self._leave_chain(call)
          continue
        self._running += 1
        self._admission.on_begin(call)
      serve_unary(call)
      with self.lock:
        self._running -= 1
        self._after(call)
      self._run_callbacks()

  def _serve_stream(self, call):
    serve_stream(call)
    with self.lock:
      self._after(call)
    self._run_callbacks()

  def _after(self, call):
    """Its method has returned."""
    self._callbacks += call.context.end_locked()
    self._leave_chain(call)
    self._exit_if_drained()

  def _leave_chain(self, call):
    if call.place is not None:
      self._chains.on_returned(call)
