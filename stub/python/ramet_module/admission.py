"""Limits of services: who may run, and who waits (docs/calls.md).

Under the runtime's lock.
"""

from bisect import bisect_left, insort

from .status import RpcError, StatusCode

# Of a service's queue, callers that are not above the module's context have
# one part in so many.
FOREIGN_PART = 4

# What becomes of a call here.
_WAITS_FOR_METHOD = 1  # for the other call of its SERIAL method
_WAITS_FOR_SERVICE = 2  # for max_concurrent_calls
_ADMITTED = 3
_BEGUN = 4


class _ServiceState(object):
  """Calls let in, calls that wait, and those of them with no other reason."""
  __slots__ = ("admitted", "queued", "foreign_queued", "line")

  def __init__(self):
    self.admitted = self.queued = self.foreign_queued = 0
    self.line = []  # (arrival, call)


class _SerialState(object):
  __slots__ = ("taken", "line")

  def __init__(self):
    self.taken = False  # by a call that has left `line`
    self.line = []


class CallAdmission(object):
  """Lets calls in as far as their services' limits allow, in arrival order.

  Those behind one that waits for its SERIAL method may go before it. Only
  calls whose `entry.limited` is true come here.
  """

  def __init__(self):
    self._arrivals = 0
    self._services = {}  # by limits
    self._serial = {}  # by entry
    self._places = {}  # call -> [arrival, stage]

  def add(self, call):
    """True: it may run now; else it waits. RpcError: it can't even wait."""
    entry = call.entry
    state = self._state(entry)
    serial = None
    if entry.serial:
      serial = self._serial.setdefault(entry, _SerialState())
    waits_for_method = serial is not None and serial.taken
    admitted = (not waits_for_method and not state.line and
                _has_room(entry.limits, state))
    if not admitted and not _may_wait(call, state):
      raise _queue_is_full(entry)
    self._arrivals += 1
    place = self._arrivals, call
    stage = _ADMITTED
    if waits_for_method:
      stage = _WAITS_FOR_METHOD
      serial.line.append(place)
    else:
      if serial is not None:
        serial.taken = True
      if admitted:
        state.admitted += 1
      else:
        stage = _WAITS_FOR_SERVICE
        state.line.append(place)
    if not admitted:
      _count_queued(call, state, 1)
    self._places[call] = [self._arrivals, stage]
    return admitted

  def on_begin(self, call):
    """Its method begins."""
    place = self._places.get(call)
    if place is not None:
      place[1] = _BEGUN

  def on_aborted(self, call):
    """It has its answer: (it waited here, calls that may run now).

    One whose method has begun keeps its place.
    """
    place = self._places.get(call)
    if place is None or place[1] == _BEGUN:
      return False, []
    return place[1] != _ADMITTED, self._leave(call)

  def on_returned(self, call):
    """Its method has returned: calls that may run now."""
    return self._leave(call) if call in self._places else []

  def _state(self, entry):
    return self._services.setdefault(entry.limits, _ServiceState())

  def _leave(self, call):
    entry = call.entry
    state = self._state(entry)
    arrival, stage = self._places.pop(call)
    if stage == _WAITS_FOR_METHOD:
      # Nobody waits for it.
      _count_queued(call, state, -1)
      _remove(self._serial[entry].line, arrival)
      return []
    if stage == _WAITS_FOR_SERVICE:
      _count_queued(call, state, -1)
      _remove(state.line, arrival)
    else:
      state.admitted -= 1
    if entry.serial:
      serial = self._serial[entry]
      serial.taken = bool(serial.line)
      if serial.taken:
        following = serial.line.pop(0)
        self._places[following[1]][1] = _WAITS_FOR_SERVICE
        # It came before some that wait for the service.
        insort(state.line, following)
    return self._let_in(entry.limits, state)

  def _let_in(self, limits, state):
    admitted = []
    while state.line and _has_room(limits, state):
      call = state.line.pop(0)[1]
      _count_queued(call, state, -1)
      state.admitted += 1
      self._places[call][1] = _ADMITTED
      admitted.append(call)
    return admitted


def _has_room(limits, state):
  return (limits.max_concurrent_calls == 0 or
          state.admitted < limits.max_concurrent_calls)


def _may_wait(call, state):
  limit = call.entry.limits.max_queued_calls
  if state.queued >= limit:
    return False
  return (not call.foreign or
          state.foreign_queued < max(limit // FOREIGN_PART, 1))


def _count_queued(call, state, change):
  state.queued += change
  if call.foreign:
    state.foreign_queued += change


def _remove(line, arrival):
  # One of one element is less than those that begin with it.
  del line[bisect_left(line, (arrival,))]


def _queue_is_full(entry):
  if entry.serial:
    what = "serves calls of %s one at a time" % entry.method.name
  else:
    what = "serves %d calls at a time (max_concurrent_calls)" % (
        entry.limits.max_concurrent_calls)
  return RpcError(
      StatusCode.RESOURCE_EXHAUSTED,
      "service %s %s, and as many wait as may: %d (max_queued_calls); try "
      "again when some are over" % (entry.limits.service, what,
                                    entry.limits.max_queued_calls))
