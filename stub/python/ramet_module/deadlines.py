"""One clock for the deadlines of all calls, under the runtime's lock."""

import heapq
import time

# Calls that are over leave when there are this many more of them than others.
_SLACK = 1024


class Deadlines(object):
  """Calls have `over`, and on_deadline() when theirs passes."""

  def __init__(self):
    self._heap = []
    self._number = 0  # calls can't be compared
    self._limit = _SLACK

  def add(self, when, call):
    """True: it is the next one now."""
    if len(self._heap) >= self._limit:
      self._heap = [each for each in self._heap if not each[2].over]
      heapq.heapify(self._heap)
      self._limit = 2 * len(self._heap) + _SLACK
    self._number += 1
    heapq.heappush(self._heap, (when, self._number, call))
    return self._heap[0][2] is call

  def first(self):
    """Seconds until the next; None: there is none."""
    while self._heap and self._heap[0][2].over:
      heapq.heappop(self._heap)
    if not self._heap:
      return None
    return max(0.0, self._heap[0][0] - time.monotonic())

  def pass_all(self):
    now = time.monotonic()
    while self._heap and self._heap[0][0] <= now:
      call = heapq.heappop(self._heap)[2]
      if not call.over:
        call.on_deadline()
