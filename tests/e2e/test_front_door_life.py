"""How a front door changes and ends: SIGHUP, SIGTERM."""

import os
import shutil
import signal

from fixtures import cases
from fixtures import front_door
from fixtures import master
from fixtures import paths
from fixtures import poll

import grpc

CALL_S = 30


class LifeCase(cases.Case):

  @classmethod
  def prepare(cls):
    ((cls.contexts_pb, cls.contexts_stub), (cls.greeter_pb, cls.greeter_stub),
     (cls.probe_pb, cls.probe_stub)) = front_door.generate(cls.shared)
    ((cls.health_pb, cls.health_stub),
     (cls.reflection_pb, cls.reflection_stub), _, _) = front_door.standard(
         cls.shared)

  def start(self, *flags):
    serving = master.Master(self.work, self.cli, *flags)
    self.until_end(serving, "kill")
    return serving

  def fails(self, code, call, text=""):
    with self.assertRaises(grpc.RpcError) as caught:
      call()
    self.assertEqual(code, caught.exception.code().name,
                     caught.exception.details())
    if text:
      self.assertRegex(caught.exception.details(), text)

  def greet_at(self, channel, target="local:"):
    return self.greeter_stub.GreeterStub(channel).SayHello(
        self.greeter_pb.HelloRequest(name="Ada"),
        metadata=front_door.to(target), timeout=CALL_S)

  def start_waiting(self, channel, wait_ms):
    """A call that is at work when this returns."""
    stub = self.probe_stub.ProbeStub(channel)
    info = lambda: stub.Info(front_door.empty(self.probe_pb),
                             metadata=front_door.to("local:"), timeout=CALL_S)
    asked = 1
    first = info().calls
    call = stub.Echo.future(self.probe_pb.EchoRequest(wait_ms=wait_ms),
                            metadata=front_door.to("local:"), timeout=CALL_S)
    def arrived():
      nonlocal asked
      asked += 1
      return info().calls >= first + asked
    poll.until(arrived, "the call to arrive", 20)
    return call

  def reload(self, serving, expected):
    before = serving.log().count("reloaded")
    os.kill(serving.pid, signal.SIGHUP)
    poll.until(lambda: serving.log().count("reloaded") > before, "the reload")
    line = [l for l in serving.log().splitlines() if "reloaded" in l][-1]
    self.assertRegex(line, expected)


class ReloadTest(LifeCase):

  def setUp(self):
    super().setUp()
    # A path whose file changes, instead of the built bundles.
    self.bundle = self.work.path / "changing.rmod"
    shutil.copy(paths.GREETER, self.bundle)

  def serve(self, *flags):
    """A master with the changing bundle only."""
    with _only_module(self.bundle):
      return self.start(*flags)

  def test_a_bundle_that_changed_changes_what_can_be_called(self):
    serving = self.serve()
    channel = self.until_end(front_door.channel(serving.address))
    self.assertIn("Ada", self.greet_at(channel).message)
    os.replace(shutil.copy(paths.PROBE, self.work.path / "new"), self.bundle)
    self.reload(serving, "ramet: reloaded")
    self.fails("UNIMPLEMENTED", lambda: self.greet_at(channel),
               text="unknown service demo.v1.Greeter")
    info = self.probe_stub.ProbeStub(channel).Info(
        front_door.empty(self.probe_pb), metadata=front_door.to("local:"),
        timeout=CALL_S)
    self.assertGreater(info.pid, 1)
    names = next(iter(self.reflection_stub.ServerReflectionStub(
        channel).ServerReflectionInfo(iter([
            self.reflection_pb.ServerReflectionRequest(list_services="")]),
                                      timeout=CALL_S)))
    services = [s.name for s in names.list_services_response.service]
    self.assertIn("probe.v1.Probe", services)
    self.assertNotIn("demo.v1.Greeter", services)

  def test_health_follows_a_reload(self):
    serving = self.serve()
    channel = self.until_end(front_door.channel(serving.address))
    watch = self.health_stub.HealthStub(channel).Watch(
        self.health_pb.HealthCheckRequest(service="demo.v1.Greeter"),
        timeout=CALL_S)
    pb = self.health_pb.HealthCheckResponse
    self.assertEqual(pb.SERVING, next(watch).status)
    good = self.bundle.read_bytes()
    os.replace(shutil.copy(paths.PROBE, self.work.path / "new"), self.bundle)
    self.reload(serving, "ramet: reloaded")
    self.assertEqual(pb.SERVICE_UNKNOWN, next(watch).status)
    self.bundle.write_bytes(good)
    self.reload(serving, "ramet: reloaded")
    self.assertEqual(pb.SERVING, next(watch).status)
    watch.cancel()

  def test_a_bad_bundle_keeps_the_old_ones_and_says_so(self):
    serving = self.serve()
    channel = self.until_end(front_door.channel(serving.address))
    self.bundle.write_bytes(b"RMOD and nothing else")
    self.reload(serving, "not reloaded.*DATA_LOSS.*changing.rmod")
    self.assertIn("Ada", self.greet_at(channel).message)
    os.remove(self.bundle)
    self.reload(serving, "not reloaded.*NOT_FOUND.*changing.rmod")
    self.assertIn("Ada", self.greet_at(channel, "local:another").message)

  def test_a_bad_clients_file_keeps_clients_and_bundles(self):
    clients = self.work.write("clients", "")
    serving = self.serve("--clients", clients)
    channel = self.until_end(front_door.channel(serving.address))
    clients.write_text("client {")
    os.replace(shutil.copy(paths.PROBE, self.work.path / "new"), self.bundle)
    self.reload(serving, "not reloaded.*INVALID_ARGUMENT.*clients")
    self.assertIn("Ada", self.greet_at(channel).message)

  def test_calls_that_run_go_on(self):
    shutil.copy(paths.PROBE, self.bundle)
    serving = self.serve()
    channel = self.until_end(front_door.channel(serving.address))
    running = self.start_waiting(channel, 1500)
    os.replace(shutil.copy(paths.GREETER, self.work.path / "new"), self.bundle)
    self.reload(serving, "ramet: reloaded")
    self.assertFalse(running.done())
    self.assertEqual(b"", running.result(CALL_S).payload)


class _only_module:
  """Makes Master serve this bundle in place of both."""

  def __init__(self, bundle):
    self.bundle = bundle

  def __enter__(self):
    self._saved = paths.GREETER, paths.PROBE
    paths.GREETER = paths.PROBE = str(self.bundle)

  def __exit__(self, *_):
    paths.GREETER, paths.PROBE = self._saved


class DrainTest(LifeCase):

  def test_health_turns_first_new_calls_are_refused_running_ones_end(self):
    serving = self.start("--grace", "20s")
    channel = self.until_end(front_door.channel(serving.address))
    health = self.health_stub.HealthStub(channel)
    pb = self.health_pb.HealthCheckResponse
    watch = health.Watch(self.health_pb.HealthCheckRequest(), timeout=CALL_S)
    self.assertEqual(pb.SERVING, next(watch).status)
    tree = self.contexts_stub.ContextsStub(channel).Watch(
        self.contexts_pb.WatchRequest(), timeout=CALL_S)
    next(tree)
    running = self.start_waiting(channel, 4000)
    os.kill(serving.pid, signal.SIGTERM)
    self.assertEqual(pb.NOT_SERVING, next(watch).status)
    self.assertFalse(running.done())
    self.fails("UNAVAILABLE", lambda: self.greet_at(channel),
               text="shutting down")
    # Somebody who comes now is answered, too.
    late = self.until_end(front_door.channel(serving.address))
    self.assertEqual(
        pb.NOT_SERVING,
        self.health_stub.HealthStub(late).Check(
            self.health_pb.HealthCheckRequest(), timeout=CALL_S).status)
    self.fails("UNAVAILABLE", lambda: list(tree), text="shutting down")
    self.assertEqual(b"", running.result(CALL_S).payload)
    poll.until(lambda: not serving.running(), "the master to end", 20)
    self.fails("UNAVAILABLE", lambda: list(watch))
    self.assertEqual(0, serving.stop())

  def test_after_the_grace_calls_are_ended(self):
    serving = self.start("--grace", "0s")
    channel = self.until_end(front_door.channel(serving.address))
    running = self.start_waiting(channel, 60000)
    self.assertEqual(0, serving.stop())
    self.assertIn(running.code().name, ("UNAVAILABLE", "CANCELLED"))

  def test_an_idle_master_with_streams_ends_at_once(self):
    serving = self.start("--grace", "60s")
    channel = self.until_end(front_door.channel(serving.address))
    contexts = self.contexts_stub.ContextsStub(channel)
    streams = [contexts.Watch(self.contexts_pb.WatchRequest(), timeout=CALL_S),
               self.health_stub.HealthStub(channel).Watch(
                   self.health_pb.HealthCheckRequest(), timeout=CALL_S)]
    for stream in streams:
      next(stream)
    self.assertEqual(0, serving.stop())
