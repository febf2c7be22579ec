"""10,000 calls in a row cost no memory and no descriptor."""

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import processes
from fixtures import sshd

CALLS = 10_000
# The first calls fill caches, arenas and thread pools.
WARM_UP = 1_000
# What an allocator may keep; a leak of 1 byte per 10 would show at 64 KiB,
# one of a small call's buffers is far above.
MOST_GROWTH_KIB = {"master": 4096, "agent": 128, "module": 1024}


class SoakTest(cases.Case):

  checks_leftovers = False

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    cls.master = master.Master(cls.shared, cli_fixture.Cli(cls.shared),
                               *cls.server.flags())
    cls.addClassCleanup(cls.master.stop)
    (cls.contexts_pb, contexts), _, (cls.probe_pb, probe) = (
        front_door.generate(cls.shared))
    cls.channel = front_door.channel(cls.master.address)
    cls.addClassCleanup(cls.channel.close)
    cls.contexts = contexts.ContextsStub(cls.channel)
    cls.probe = probe.ProbeStub(cls.channel)

  def sizes(self, target):
    info = self.probe.Info(front_door.empty(self.probe_pb),
                           metadata=front_door.to(target),
                           timeout=30)
    pids = {"master": self.master.pid, "agent": info.ppid, "module": info.pid}
    return {name: (pid, processes.resident_kib(pid),
                   processes.open_descriptors(pid))
            for name, pid in pids.items()}

  def call(self, target, count, request):
    metadata = front_door.to(target)
    for _ in range(count):
      self.probe.Echo(request, metadata=metadata, timeout=30)

  def soaks(self, target):
    request = self.probe_pb.EchoRequest(payload=b"x" * 100)
    self.call(target, WARM_UP, request)
    before = self.sizes(target)
    self.call(target, CALLS, request)
    after = self.sizes(target)
    for name, most in MOST_GROWTH_KIB.items():
      with self.subTest(target=target, process=name):
        self.assertEqual(before[name][0], after[name][0], "restarted")
        self.assertLessEqual(after[name][1] - before[name][1], most,
                             f"memory: {before} {after}")
        self.assertEqual(before[name][2], after[name][2],
                         f"descriptors: {before} {after}")

  def test_10_000_calls_near(self):
    self.soaks("local:")

  def test_10_000_calls_over_ssh(self):
    self.soaks(self.server.target())

  def test_1_000_failing_calls_cost_no_memory(self):
    def fail(count):
      for _ in range(count):
        call = self.probe.Echo.future(
            self.probe_pb.EchoRequest(error_code=9, error_bytes=100),
            metadata=front_door.to("local:/local:"), timeout=30)
        self.assertEqual(9, call.code().value[0])
    fail(200)
    before = self.sizes("local:/local:")
    fail(1000)
    after = self.sizes("local:/local:")
    for name, most in MOST_GROWTH_KIB.items():
      self.assertLessEqual(after[name][1] - before[name][1], most, name)
      self.assertEqual(before[name][2], after[name][2], name)

  def test_100_contexts_made_and_ended_leave_no_descriptor(self):
    def round_trip():
      made = self.contexts.Connect(
          self.contexts_pb.ConnectRequest(target="local:/local:"), timeout=30)
      self.call(made.name, 1, self.probe_pb.EchoRequest())
      self.contexts.Disconnect(
          self.contexts_pb.DisconnectRequest(name=made.name), timeout=30)
    for _ in range(5):
      round_trip()
    before = processes.open_descriptors(self.master.pid)
    for _ in range(100):
      round_trip()
    self.assertLessEqual(processes.open_descriptors(self.master.pid), before)
