"""What a stream makes the processes on its way keep: docs/flow_control.md.

A gRPC client, a master, two agents, a module.
"""

import itertools
import threading

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import processes

TARGET = "local:/local:"
MIB = 1 << 20
GIB = 1 << 30
STOPPED_STREAMS = 32
STOPPED_BYTES = 64 * 1024  # of each of their messages
# What an allocator keeps, and the copies of a message that are under way while
# it is parsed, serialised and written.
SLACK_KIB = {"master": 24 * 1024, "agent 1": 4 * 1024, "agent 2": 4 * 1024,
             "module": 24 * 1024}


def held_kib(message_bytes):
  """What one direction of a call may hold: the window and a message."""
  return 256 + message_bytes // 1024


class StreamMemoryTest(cases.Case):

  checks_leftovers = False  # The context lives on between the cases.

  @classmethod
  def prepare(cls):
    cls.master = master.Master(cls.shared, cli_fixture.Cli(cls.shared))
    cls.addClassCleanup(cls.master.stop)
    _, _, (cls.probe_pb, probe) = front_door.generate(cls.shared)
    cls.channel = front_door.channel(
        cls.master.address, ("grpc.max_receive_message_length", 8 * MIB))
    cls.addClassCleanup(cls.channel.close)
    cls.probe = probe.ProbeStub(cls.channel)
    # Buffers, threads and arenas that come with the first large messages.
    for _ in range(2):
      for _ in cls.count(64, MIB):
        pass
      cls.probe.Sum(cls.requests(64, MIB), metadata=front_door.to(TARGET))

  @classmethod
  def count(cls, count, message_bytes):
    return cls.probe.Count(
        cls.probe_pb.CountRequest(count=count, reply_bytes=message_bytes),
        metadata=front_door.to(TARGET))

  @classmethod
  def requests(cls, count, message_bytes):
    return itertools.repeat(
        cls.probe_pb.SumRequest(number=1, payload=b"x" * message_bytes), count)

  def setUp(self):
    super().setUp()
    info = self.info()
    agent = processes.read(info.ppid)
    self.pids = {"master": self.master.pid, "agent 1": agent.ppid,
                 "agent 2": agent.pid, "module": info.pid}
    self.peaks = {name: processes.PeakMemory(pid)
                  for name, pid in self.pids.items()}

  def info(self):
    return self.probe.Info(front_door.empty(self.probe_pb),
                           metadata=front_door.to(TARGET), timeout=30)

  def assert_grown_at_most(self, kib):
    for name, peak in self.peaks.items():
      with self.subTest(process=name):
        self.assertLessEqual(peak.growth_kib(), kib + SLACK_KIB[name],
                             self.growth())

  def growth(self):
    return {name: f"{peak.growth_kib()} KiB"
            for name, peak in self.peaks.items()}

  def test_1_gib_of_replies(self):
    received = 0
    for index, reply in enumerate(self.count(GIB // MIB, MIB)):
      self.assertEqual(index, reply.index)
      received += len(reply.payload)
    self.assertEqual(GIB, received)
    self.assert_grown_at_most(held_kib(MIB))

  def test_1_gib_of_requests(self):
    reply = self.probe.Sum(self.requests(GIB // MIB, MIB),
                           metadata=front_door.to(TARGET))
    self.assertEqual(GIB // MIB, reply.count)
    self.assertEqual(GIB, reply.payload_bytes)
    self.assert_grown_at_most(held_kib(MIB))

  def test_readers_that_stop(self):
    for _ in range(STOPPED_STREAMS):
      call = self.count(-1, STOPPED_BYTES)  # without end
      self.addCleanup(call.cancel)
      next(call)
    # They are held back, and another stream is not.
    for _ in self.count(256, MIB):
      pass
    self.assert_grown_at_most(STOPPED_STREAMS * held_kib(STOPPED_BYTES))
    self.assertGreaterEqual(self.info().open_streams, STOPPED_STREAMS)

  def test_methods_that_stop_reading(self):
    stop = threading.Event()
    self.addCleanup(stop.set)
    sent = [0] * STOPPED_STREAMS

    def requests(index):
      yield self.probe_pb.SinkRequest(read_count=1)
      while not stop.is_set():
        sent[index] += 1
        yield self.probe_pb.SinkRequest(payload=b"x" * STOPPED_BYTES)

    for index in range(STOPPED_STREAMS):
      call = self.probe.Sink.future(requests(index),
                                    metadata=front_door.to(TARGET))
      self.addCleanup(call.cancel)
    reply = self.probe.Sum(self.requests(256, MIB),
                           metadata=front_door.to(TARGET))
    self.assertEqual(256, reply.count)
    # The master has gRPC's window of each call beside the tree's.
    self.assert_grown_at_most(STOPPED_STREAMS * 2 * held_kib(STOPPED_BYTES))
    self.assertLess(max(sent), MIB // STOPPED_BYTES * 4,
                    "nobody held the callers back")
