"""Chains of a stock gRPC client, and what a passed deadline says."""

import threading

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import paths

import grpc

CALL_S = 60


class ChainsTest(cases.Case):
  checks_leftovers = False  # Contexts live as long as the class.

  @classmethod
  def prepare(cls):
    cls.master = master.Master(cls.shared, cli_fixture.Cli(cls.shared))
    cls.addClassCleanup(cls.master.stop)
    _, _, (cls.pb, stubs) = front_door.generate(cls.shared)
    cls.channels = [
        front_door.channel(cls.master.address,
                           ("grpc.use_local_subchannel_pool", 1))
        for _ in range(3)]
    for channel in cls.channels:
      cls.addClassCleanup(channel.close)
    cls.probes = [stubs.ProbeStub(channel) for channel in cls.channels]

  def calls_seen(self, target):
    return self.probes[0].Info(front_door.empty(self.pb), timeout=CALL_S,
                               metadata=front_door.to(target)).calls

  def start(self, connection, target, chain, index, error_code=0):
    return self.probes[connection].Echo.future(
        self.pb.EchoRequest(error_code=error_code), timeout=CALL_S,
        metadata=(*front_door.to(target), ("ramet-chain", f"{chain}:{index}")))

  def test_calls_run_in_order_whatever_way_they_take(self):
    target = "local:/local:"
    before = self.calls_seen(target)
    # The last first, on several connections; the seventh fails.
    calls = {}
    for index in reversed(range(12)):
      calls[index] = self.start(index % 3, target, 4711, index,
                                15 if index == 7 else 0)
    codes = [calls[index].code().name for index in range(12)]
    self.assertEqual(["OK"] * 7 + ["DATA_LOSS"] * 5, codes)
    # 0 to 7 have run, and this is one more.
    self.assertEqual(before + 9, self.calls_seen(target))
    # The failure is remembered; another number begins anew.
    self.assertEqual("DATA_LOSS",
                     self.start(0, target, 4711, 12).code().name)
    self.assertEqual("OK", self.start(0, target, 4712, 0).code().name)

  def test_calls_wait_for_those_before_them(self):
    target = "local:waits"
    late = self.start(1, target, 99, 1)
    heard = threading.Event()
    late.add_done_callback(lambda _: heard.set())
    self.assertIs(grpc.StatusCode.OK,
                  self.start(2, target, 100, 0).code())
    self.assertFalse(heard.is_set())
    self.assertIs(grpc.StatusCode.OK, self.start(0, target, 99, 0).code())
    self.assertIs(grpc.StatusCode.OK, late.code())

  def test_what_never_comes_is_not_waited_for_forever(self):
    late = self.start(0, "local:gap", 7, 1)
    self.assertIs(grpc.StatusCode.ABORTED, late.code())

  def test_a_client_that_gives_up_is_let_go(self):
    late = self.start(0, "local:gone", 8, 1)
    late.cancel()
    self.assertIs(grpc.StatusCode.CANCELLED, late.code())

  def test_the_text_of_a_deadline_names_hop_and_phase(self):
    result = self.call("local:/local:", "probe.v1.Probe/Echo",
                       {"wait_ms": 60000}, "--master", self.master.address,
                       "--deadline", "1s", module=paths.PROBE)
    self.assert_fails(result, "DEADLINE_EXCEEDED", phases=("call",),
                      within_s=15)
    self.assertIn("in local:/local: (phase call)", self.error_line(result))
