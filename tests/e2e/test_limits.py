"""Limits of a service, through the front door and a tree of contexts."""

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import poll

import grpc

CALL_S = 60
FOREVER_MS = 600_000


class LimitsTest(cases.Case):
  """probe.v1.Limited: two calls at a time, three wait."""

  checks_leftovers = False  # Contexts live as long as the class.

  @classmethod
  def prepare(cls):
    cls.master = master.Master(cls.shared, cli_fixture.Cli(cls.shared))
    cls.addClassCleanup(cls.master.stop)
    _, _, (cls.pb, stubs) = front_door.generate(cls.shared)
    cls.channel = front_door.channel(cls.master.address)
    cls.addClassCleanup(cls.channel.close)
    cls.limited = stubs.LimitedStub(cls.channel)
    cls.open = stubs.OpenStub(cls.channel)
    cls.probe = stubs.ProbeStub(cls.channel)

  def start(self, target, wait_ms, timeout=CALL_S):
    return self.limited.Echo.future(
        self.pb.EchoRequest(wait_ms=wait_ms), timeout=timeout,
        metadata=front_door.to(target))

  def running(self, target):
    return self.probe.Info(front_door.empty(self.pb), timeout=CALL_S,
                           metadata=front_door.to(target)).open_running

  def fill(self, target):
    """Two calls that run, and three that wait behind them."""
    at_work = [self.start(target, FOREVER_MS) for _ in range(2)]
    poll.until(lambda: self.running(target) == 2, "both methods to run", 20)
    waiting = [self.start(target, 0) for _ in range(3)]
    full = poll.until(lambda: self.refused(target), "the queue to be full", 20)
    return at_work, waiting, full

  def refused(self, target):
    call = self.start(target, 0, timeout=1)
    if call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
      return call.details()
    self.assertIs(grpc.StatusCode.DEADLINE_EXCEEDED, call.code())
    return None

  def test_calls_wait_in_line_and_other_services_do_not(self):
    for target in ("local:limits", "local:limits/local:"):
      at_work, waiting, text = self.fill(target)
      self.assertIn("max_concurrent_calls", text)
      self.assertIn("max_queued_calls", text)
      self.open.Echo(self.pb.EchoRequest(), timeout=CALL_S,
                     metadata=front_door.to(target))
      self.assertEqual([False] * 3, [call.done() for call in waiting])
      at_work[0].cancel()
      self.assertEqual([b""] * 3, [call.result().payload for call in waiting])
      at_work[1].cancel()

  def test_a_waiting_call_ends_at_its_deadline_and_makes_room(self):
    target = "local:room"
    at_work, waiting, _ = self.fill(target)
    waiting[1].cancel()
    late = []
    def in_line():
      call = self.start(target, 0, timeout=1)
      if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        late.append(call)
      return late
    poll.until(in_line, "a place in the line", 20)
    for call in at_work:
      call.cancel()
    waiting[0].result()
    waiting[2].result()
