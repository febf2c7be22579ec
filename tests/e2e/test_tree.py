"""Deep and wide trees; every operation twice."""

import concurrent.futures

from fixtures import cases
from fixtures import front_door
from fixtures import master
from fixtures import poll
from fixtures import processes

CALL_S = 60
WIDTH = 32
DEPTH = 10


class TreeTest(cases.Case):

  def setUp(self):
    super().setUp()
    serving = self.until_end(master.Master(self.work, self.cli), "stop")
    ((self.contexts_pb, contexts), _, (self.probe_pb, probe)) = (
        front_door.generate(self.work))
    channel = self.until_end(front_door.channel(serving.address))
    self.contexts = contexts.ContextsStub(channel)
    self.probe = probe.ProbeStub(channel)
    self.serving = serving

  def connect(self, target):
    return self.contexts.Connect(
        self.contexts_pb.ConnectRequest(target=target), timeout=CALL_S)

  def echo(self, target, payload):
    return self.probe.Echo(
        self.probe_pb.EchoRequest(payload=payload),
        metadata=front_door.to(target), timeout=CALL_S).payload

  def names(self):
    reply = self.contexts.List(self.contexts_pb.ListRequest(), timeout=CALL_S)
    return [context.name for context in reply.contexts if context.ready]

  def test_a_chain_of_ten(self):
    names = ["/".join(["local:"] * depth) for depth in range(1, DEPTH + 1)]
    for _ in range(2):
      for name in reversed(names):
        self.assertEqual(name.encode(), self.echo(name, name.encode()))
      self.assertEqual(names, self.names())
    # From the middle: what is below it goes, what is above it stays.
    self.contexts.Disconnect(
        self.contexts_pb.DisconnectRequest(name=names[4]), timeout=CALL_S)
    self.assertEqual(names[:4], self.names())
    self.assertEqual(b"again", self.echo(names[-1], b"again"))
    self.assertEqual(names, self.names())

  def test_32_times_32(self):
    leaves = [f"local:{i}/local:{j}" for i in range(WIDTH)
              for j in range(WIDTH)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
      for _ in range(2):
        ids = {reply.id for reply in pool.map(self.connect, leaves)}
        self.assertEqual(len(leaves), len(ids))
        self.assertEqual(WIDTH * (WIDTH + 1), len(self.names()))
      # A leaf of every branch.
      for _ in range(2):
        called = [f"local:{i}/local:{(7 * i) % WIDTH}" for i in range(WIDTH)]
        self.assertEqual(
            [name.encode() for name in called],
            list(pool.map(lambda n: self.echo(n, n.encode()), called)))
      list(pool.map(
          lambda i: self.contexts.Disconnect(
              self.contexts_pb.DisconnectRequest(name=f"local:{i}"),
              timeout=CALL_S), range(WIDTH)))
    self.assertEqual([], self.names())
    poll.until(
        lambda: not processes.images_without_a_file(self.serving.pid),
        "the agents to end", 10)
