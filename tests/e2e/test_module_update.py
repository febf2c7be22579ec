"""Loading, replacing and unloading bundles in a running master."""

import os
import threading

from fixtures import bundles
from fixtures import cases
from fixtures import front_door
from fixtures import master
from fixtures import paths
from fixtures import poll

import grpc

CALL_S = 30


class UpdateCase(cases.Case):

  @classmethod
  def prepare(cls):
    _, _, (cls.probe_pb, cls.probe_stub) = front_door.generate(cls.shared)
    cls.modules_pb, cls.modules_stub = front_door.modules(cls.shared)

  def start(self, *flags):
    self.served = self.until_end(
        master.Master(self.work, self.cli, *flags), "stop")
    self.channel = self.until_end(front_door.channel(self.served.address))
    self.probe = self.probe_stub.ProbeStub(self.channel)
    self.modules = self.modules_stub.ModulesStub(self.channel)

  def module(self, *arguments):
    return self.cli.run("module", *arguments, "--master", self.served.address)

  def load(self, bundle, *flags):
    result = self.module("load", bundle, *flags)
    self.assertEqual(0, result.status, str(result))
    return result.out

  def version(self, target="local:"):
    state = self.probe.State(front_door.empty(self.probe_pb),
                             metadata=front_door.to(target), timeout=CALL_S)
    found = [v.split("=")[1] for v in state.environment
             if v.startswith("RAMET_TEST_VERSION=")]
    return int(found[0]) if found else 0

  def pid(self, target="local:"):
    return self.probe.Info(front_door.empty(self.probe_pb),
                           metadata=front_door.to(target), timeout=CALL_S).pid

  def ended(self, pid):
    poll.until(lambda: not os.path.exists(f"/proc/{pid}"),
               f"process {pid} to end", 20)

  def fails(self, code, call, text=""):
    with self.assertRaises(grpc.RpcError) as caught:
      call()
    self.assertEqual(code, caught.exception.code().name,
                     caught.exception.details())
    self.assertRegex(caught.exception.details(), text or ".")


class LiveUpdateTest(UpdateCase):

  TARGETS = ("local:", "local:/local:")
  UPDATES = 6

  def keep_calling(self, target, over, failed, done):
    """Calls of 20 ms, one after the other, until `over`."""
    stub = self.probe_stub.ProbeStub(self.channel)
    while not over.is_set():
      try:
        stub.Echo(self.probe_pb.EchoRequest(wait_ms=20, payload=b"x" * 1000),
                  metadata=front_door.to(target), timeout=CALL_S)
        done.append(target)
      except grpc.RpcError as error:
        failed.append((target, error.code().name, error.details()))

  def test_no_call_fails_while_versions_change(self):
    self.start()
    over, failed, done = threading.Event(), [], []
    threads = [threading.Thread(target=self.keep_calling,
                                args=(target, over, failed, done))
               for target in self.TARGETS for _ in range(4)]
    first = {target: self.pid(target) for target in self.TARGETS}
    for thread in threads:
      thread.start()
    try:
      for number in range(1, self.UPDATES + 1):
        self.load(bundles.version(self.work, number))
        for target in self.TARGETS:
          self.assertEqual(number, self.version(target))
        before = len(done)
        poll.until(lambda: len(done) > before + 8, "more calls")
    finally:
      over.set()
      for thread in threads:
        thread.join()
    self.assertEqual([], failed)
    for pid in first.values():
      self.ended(pid)

  def test_a_stream_stays_where_it_is_and_then_its_process_ends(self):
    self.start()
    for target in self.TARGETS:
      old = self.pid(target)
      requests = []
      more = threading.Condition()
      def feed():
        while True:
          with more:
            more.wait_for(lambda: requests)
            request = requests.pop(0)
          if request is None:
            return
          yield request
      stream = self.probe.EchoStream(feed(), metadata=front_door.to(target),
                                     timeout=CALL_S)
      def say(payload):
        with more:
          requests.append(payload and self.probe_pb.EchoRequest(
              payload=payload))
          more.notify()
      say(b"one")
      self.assertEqual(b"one", next(stream).payload)
      self.load(bundles.version(self.work, len(target)))
      new = self.pid(target)
      self.assertNotEqual(old, new)
      say(b"two")
      self.assertEqual(b"two", next(stream).payload)
      self.assertTrue(os.path.exists(f"/proc/{old}"))
      say(None)
      self.assertEqual([], list(stream))
      self.ended(old)
      self.assertEqual(new, self.pid(target))

  def test_an_earlier_version_comes_back(self):
    self.start()
    one, two = (bundles.version(self.work, n) for n in (1, 2))
    for bundle, number in ((one, 1), (two, 2), (one, 1), (two, 2)):
      self.load(bundle)
      self.assertEqual(number, self.version())

  def test_versions_for_some_targets(self):
    self.start()
    self.load(bundles.version(self.work, 5), "--target", "local:new*")
    self.assertEqual(5, self.version("local:new-1"))
    self.assertEqual(5, self.version("local:new-1/local:"))
    self.assertEqual(0, self.version("local:old"))
    self.load(bundles.version(self.work, 6))
    self.assertEqual(6, self.version("local:new-1"))
    self.assertEqual(6, self.version("local:old"))

  def test_a_damaged_bundle_changes_nothing(self):
    self.start()
    pid = self.pid()
    good = bundles.version(self.work, 1).read_bytes()
    for name, data in (("cut", good[:-1]), ("longer", good + b"x"),
                       ("changed", good[:-9] + b"x" + good[-8:]),
                       ("no", b"no bundle")):
      bad = self.work.path / f"{name}.rmod"
      bad.write_bytes(data)
      self.assert_fails(self.module("load", bad), "DATA_LOSS")
    self.assertEqual(pid, self.pid())


class UnloadTest(UpdateCase):

  def test_running_calls_end_well_and_new_ones_are_refused(self):
    self.start()
    for target in ("local:", "local:/local:"):
      pid = self.pid(target)
      waiting = self.probe.Echo.future(
          self.probe_pb.EchoRequest(wait_ms=300, payload=b"x"),
          metadata=front_door.to(target), timeout=CALL_S)
      asked = 2
      def arrived():
        nonlocal asked
        asked += 1
        return self.probe.Info(
            front_door.empty(self.probe_pb), metadata=front_door.to(target),
            timeout=CALL_S).calls >= asked or waiting.done()
      poll.until(arrived, "the call to be at work")
      self.assertEqual(0, self.module("unload", "probe").status)
      self.fails("UNIMPLEMENTED", lambda: self.pid(target),
                 "unknown service probe.v1.Probe")
      self.assertEqual(b"x", waiting.result().payload)
      self.ended(pid)
      self.load(paths.PROBE)
      self.assertNotEqual(pid, self.pid(target))

  def test_by_digest(self):
    self.start()
    bundle = bundles.version(self.work, 1)
    self.load(bundle, "--target", "local:")
    result = self.module("unload", bundles.digest(bundle)[:12])
    self.assertIn("probe", result.out)
    self.assertEqual(0, self.version())
    self.assert_fails(self.module("unload", bundles.digest(bundle)[:12]),
                      "NOT_FOUND")
    self.assert_fails(self.module("unload", "nothing"), "NOT_FOUND")


class ModulesServiceTest(UpdateCase):

  def test_list_says_what_there_is_and_where(self):
    self.start()
    self.version("local:a")
    self.load(bundles.version(self.work, 1), "--target", "local:b*")
    self.version("local:b")
    lines = self.module("list").out.splitlines()
    self.assertEqual(["greeter", "probe", "probe"],
                     [line.split("\t")[0] for line in lines])
    self.assertIn("no context", lines[0])
    self.assertIn(bundles.digest(paths.PROBE)[:12], lines[1])
    self.assertIn("for **", lines[1])
    self.assertTrue(lines[1].endswith("in local:a"), lines[1])
    self.assertIn("for local:b*", lines[2])
    self.assertIn("linux-x86_64", lines[2])
    self.assertTrue(lines[2].endswith("in local:b"), lines[2])

  def test_watch_tells_each_change(self):
    self.start()
    sets = self.modules.Watch(self.modules_pb.WatchModulesRequest(),
                              timeout=CALL_S)
    names = lambda: [m.name for m in next(sets).modules]
    self.assertEqual(["greeter", "probe"], names())
    self.module("unload", "greeter")
    self.assertEqual(["probe"], names())
    self.load(paths.GREETER)
    self.assertEqual(["probe", "greeter"], names())
    sets.cancel()

  def test_half_a_bundle_is_none(self):
    self.start()
    data = bundles.version(self.work, 1).read_bytes()
    request = self.modules_pb.LoadRequest
    options = request(options=self.modules_pb.LoadOptions(origin="test"))
    self.fails("DATA_LOSS", lambda: self.modules.Load(
        iter([options, request(bytes=data[:1000])]), timeout=CALL_S))
    self.fails("INVALID_ARGUMENT", lambda: self.modules.Load(
        iter([request(bytes=data)]), timeout=CALL_S), "options come first")
    self.fails("INVALID_ARGUMENT", lambda: self.modules.Load(
        iter([options, options]), timeout=CALL_S), "options come once")
    self.fails("INVALID_ARGUMENT", lambda: self.modules.Load(
        iter([request(options=self.modules_pb.LoadOptions(
            targets="x" * 2000))]), timeout=CALL_S), "at most 1024")
    self.assertEqual(0, self.version())

  def test_so_many_uploads_at_once_and_no_more(self):
    self.start()
    over = threading.Event()
    self.addCleanup(over.set)
    def halting():
      yield self.modules_pb.LoadRequest(
          options=self.modules_pb.LoadOptions(origin="slow"))
      over.wait()
    slow = [self.modules.Load.future(halting(), timeout=CALL_S)
            for _ in range(4)]
    def load():
      try:
        self.load(bundles.version(self.work, 1))
      except AssertionError as error:
        return "being loaded already" in str(error)
      return False
    poll.until(load, "the fifth to be refused")
    for call in slow:
      call.cancel()
    poll.until(lambda: not load(), "room for another")
    self.assertEqual(1, self.version())
