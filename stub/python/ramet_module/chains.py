"""Chains: whose turn it is, and what has failed (docs/wire_format.md#chains).

Under the runtime's lock.
"""

from collections import OrderedDict, deque

from .status import RpcError, StatusCode

# Chains without calls that are remembered; of foreign callers in the second
# place.
MAX_IDLE, MAX_FOREIGN_IDLE = 1024, 256
# Of the text of a failure that is remembered.
_MAX_TEXT = 4096


def _lost():
  return RpcError(
      StatusCode.ABORTED,
      "calls of this chain were lost, or went to another module, and whether "
      "they succeeded is not known; reset the chain and begin again")


class _Chain(object):
  __slots__ = ("epoch", "next_index", "failure", "line", "running")

  def __init__(self, place):
    self.epoch = place.epoch
    self.next_index = place.known_ok
    self.failure = None
    self.line = deque()
    self.running = False


class Place(object):
  """A call's place, as its headers say, and whether the whole call is there."""
  __slots__ = ("chain_id", "epoch", "index", "known_ok", "whole")

  def __init__(self, chain_id, epoch, index, known_ok):
    self.chain_id, self.epoch = chain_id, epoch
    self.index, self.known_ok, self.whole = index, known_ok, False


class ChainTable(object):
  """Calls have `chain_key`, `place`, `foreign`, and `error` when they failed.

  `abort(call, error)` answers one that fails with another, `run(call)` starts
  the method of one whose turn it is.
  """

  def __init__(self, abort, run):
    self._abort, self._run = abort, run
    self._chains = {}
    self._idle = {False: OrderedDict(), True: OrderedDict()}

  def add(self, call):
    """Gives the call its place. RpcError: its answer instead."""
    if call.method.streams:
      raise RpcError(StatusCode.INVALID_ARGUMENT, "chains are of unary calls")
    key = call.chain_key
    chain = self._chains.get(key)
    if chain is None:
      chain = self._chains[key] = _Chain(call.place)
    self._idle[call.foreign].pop(key, None)
    try:
      self._check(chain, call.place)
      chain.line.append(call)
    finally:
      self._set_idle(call, chain)

  def on_whole(self, call):
    call.place.whole = True
    chain = self._chains.get(call.chain_key)
    if chain is not None:
      self._take_next(chain)

  def on_aborted(self, call):
    """It was answered before its method returned, or began."""
    chain = self._chains.get(call.chain_key)
    if chain is None or call not in chain.line or call.error is None:
      return
    first = chain.line[0] is call
    behind = self._fail(chain, call)
    # One that runs keeps its place until its method has returned.
    if not first or not chain.running:
      chain.line.remove(call)
    self._tell(call, chain, behind)

  def on_returned(self, call):
    chain = self._chains.get(call.chain_key)
    if chain is None or not chain.line or chain.line[0] is not call:
      return
    behind = self._fail(chain, call) if call.error is not None else []
    chain.line.popleft()
    chain.running = False
    self._tell(call, chain, behind)

  def _check(self, chain, place):
    if place.epoch < chain.epoch:
      raise _lost()
    if place.epoch > chain.epoch:
      chain.epoch, chain.next_index = place.epoch, place.known_ok
      chain.failure = None
    if chain.failure is None and place.index != chain.next_index:
      # Somebody on the way has refused one.
      chain.failure = _lost()
    if chain.failure is not None:
      # A new one: each raise would add its frames, and the calls in them, to
      # one that is kept.
      kept = chain.failure
      raise RpcError(kept.code(), kept.details(), kept.status_details)
    chain.next_index += 1

  def _fail(self, chain, call):
    """Takes those of its epoch behind `call` out of the line."""
    error = call.error
    text = error.details()[:_MAX_TEXT]
    why = RpcError(error.code(), text, error.status_details)
    if call.place.epoch == chain.epoch and chain.failure is None:
      chain.failure = why
    kept, behind, seen = deque(), [], False
    for each in chain.line:
      if seen and each.place.epoch == call.place.epoch:
        behind.append((each, why))
      else:
        kept.append(each)
      seen = seen or each is call
    chain.line = kept
    return behind

  def _tell(self, call, chain, behind):
    for each, why in behind:
      self._abort(each, why)
    self._take_next(chain)
    self._set_idle(call, chain)

  def _take_next(self, chain):
    if not chain.running and chain.line and chain.line[0].place.whole:
      chain.running = True
      self._run(chain.line[0])

  def _set_idle(self, call, chain):
    if chain.line:
      return
    idle = self._idle[call.foreign]
    idle[call.chain_key] = None
    idle.move_to_end(call.chain_key)
    if len(idle) > (MAX_FOREIGN_IDLE if call.foreign else MAX_IDLE):
      del self._chains[idle.popitem(last=False)[0]]
