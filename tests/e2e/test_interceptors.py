"""A module's interceptors, and the trace context, from outside."""

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import paths

import grpc

CALL_S = 60
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class InterceptorsTest(cases.Case):
  checks_leftovers = False  # Contexts live as long as the class.

  @classmethod
  def prepare(cls):
    cls.master = master.Master(cls.shared, cli_fixture.Cli(cls.shared),
                               probe=paths.INTERCEPTED)
    cls.addClassCleanup(cls.master.stop)
    _, _, (cls.pb, stubs) = front_door.generate(cls.shared)
    cls.channel = front_door.channel(cls.master.address)
    cls.addClassCleanup(cls.channel.close)
    cls.open = stubs.OpenStub(cls.channel)
    cls.probe = stubs.ProbeStub(cls.channel)

  def each_kind(self, *metadata):
    """One call of each kind, when it has ended."""
    to = (*front_door.to("local:"), *metadata)
    echo = self.pb.EchoRequest(payload=b"x")
    yield "Echo", self.open.Echo.future(echo, metadata=to, timeout=CALL_S)
    yield "Count", self.open.Count(
        self.pb.CountRequest(count=2), metadata=to, timeout=CALL_S)
    yield "Sum", self.open.Sum.future(
        iter([self.pb.SumRequest(number=1)]), metadata=to, timeout=CALL_S)
    yield "EchoStream", self.open.EchoStream(
        iter([echo]), metadata=to, timeout=CALL_S)

  def test_calls_of_all_kinds_are_seen(self):
    for method, call in self.each_kind():
      if method in ("Count", "EchoStream"):
        list(call)  # The end comes behind the messages.
      self.assertIs(grpc.StatusCode.OK, call.code())
      self.assertEqual(f"/probe.v1.Open/{method} by 0 for 0: OK",
                       dict(call.trailing_metadata())["x-witness"])

  def test_calls_of_all_kinds_can_be_refused(self):
    for _, call in self.each_kind(("x-refuse", "")):
      self.assertIs(grpc.StatusCode.PERMISSION_DENIED, call.code())
      self.assertEqual("refused by an interceptor", call.details())

  def test_the_trace_context_passes_through_a_module(self):
    out = self.pb.CallOutRequest
    reply = self.probe.CallOut(
        out(target=out.OWN, method=out.WHO), timeout=CALL_S,
        metadata=(*front_door.to("local:/local:"),
                  ("traceparent", TRACEPARENT)))
    self.assertEqual(0, reply.code, reply.message)
    self.assertEqual(TRACEPARENT, reply.who.traceparent)
    reply = self.probe.CallOut(
        out(target=out.OWN, method=out.WHO), timeout=CALL_S,
        metadata=front_door.to("local:/local:"))
    self.assertEqual("", reply.who.traceparent)
