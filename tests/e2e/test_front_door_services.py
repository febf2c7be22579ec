"""The front door's own services: health, reflection, channelz, the tree."""

import concurrent.futures
import queue
import re
import threading
import urllib.request

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import poll
from fixtures import sshd

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
import grpc

CALL_S = 30


class Reader:
  """A server stream, read by a thread, so that waiting has a limit."""

  def __init__(self, call):
    self.call = call
    self.messages = queue.Queue()
    self._thread = threading.Thread(target=self._run, daemon=True)
    self._thread.start()

  def _run(self):
    try:
      for message in self.call:
        self.messages.put(message)
    except grpc.RpcError:
      pass
    self.messages.put(None)

  def next(self):
    message = self.messages.get(timeout=CALL_S)
    if message is None:
      raise AssertionError(f"the stream ended: {self.call.code()} "
                           f"{self.call.details()}")
    return message

  def until(self, condition):
    """Reads on until a message meets the condition; returns it."""
    while True:
      message = self.next()
      if condition(message):
        return message

  def end(self):
    """Reads to the end and returns the status code's name."""
    while self.messages.get(timeout=CALL_S) is not None:
      pass
    return self.call.code().name

  def close(self):
    self.call.cancel()
    self._thread.join(CALL_S)


class ServicesCase(cases.Case):
  """A master for all cases of a class, with all clients."""

  checks_leftovers = False

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    cls.master = master.Master(
        cls.shared, cli_fixture.Cli(cls.shared), "--metrics", "127.0.0.1:0",
        *cls.server.flags())
    cls.addClassCleanup(cls.master.stop)
    ((cls.contexts_pb, contexts_stub), (cls.greeter_pb, greeter_stub),
     (cls.probe_pb, probe_stub)) = front_door.generate(cls.shared)
    ((cls.health_pb, health_stub), (cls.reflection_pb, reflection_stub),
     (cls.alpha_pb, alpha_stub),
     (cls.channelz_pb, channelz_stub)) = front_door.standard(cls.shared)
    cls.channel = front_door.channel(cls.master.address)
    cls.addClassCleanup(cls.channel.close)
    cls.contexts = contexts_stub.ContextsStub(cls.channel)
    cls.greeter = greeter_stub.GreeterStub(cls.channel)
    cls.probe = probe_stub.ProbeStub(cls.channel)
    cls.health = health_stub.HealthStub(cls.channel)
    cls.reflection = reflection_stub.ServerReflectionStub(cls.channel)
    cls.alpha = alpha_stub.ServerReflectionStub(cls.channel)
    cls.channelz = channelz_stub.ChannelzStub(cls.channel)

  def connect(self, target):
    return self.contexts.Connect(
        self.contexts_pb.ConnectRequest(target=target), timeout=CALL_S)

  def disconnect(self, name):
    self.contexts.Disconnect(
        self.contexts_pb.DisconnectRequest(name=name), timeout=CALL_S)

  def read(self, call):
    reader = Reader(call)
    self.addCleanup(reader.close)
    return reader

  def fails(self, code, call, *arguments, text="", **options):
    options.setdefault("timeout", CALL_S)
    with self.assertRaises(grpc.RpcError) as caught:
      call(*arguments, **options)
    self.assertEqual(code, caught.exception.code().name,
                     caught.exception.details())
    if text:
      self.assertRegex(caught.exception.details(), text)


class HealthTest(ServicesCase):

  def check(self, name):
    reply = self.health.Check(
        self.health_pb.HealthCheckRequest(service=name), timeout=CALL_S)
    return self.health_pb.HealthCheckResponse.ServingStatus.Name(reply.status)

  def watch(self, name):
    return self.read(self.health.Watch(
        self.health_pb.HealthCheckRequest(service=name)))

  def status(self, reader):
    return self.health_pb.HealthCheckResponse.ServingStatus.Name(
        reader.next().status)

  def test_the_door_services_and_contexts(self):
    self.connect("local:health")
    for name in ("", "demo.v1.Greeter", "local:health",
                 "local:health/probe.v1.Probe"):
      self.assertEqual("SERVING", self.check(name), name)

  def test_what_is_unknown_is_not_found(self):
    for name in ("no.Service", "local:nobody", "local:nobody/demo.v1.Greeter",
                 "local:/no.Service", "/", "a/b"):
      self.fails("NOT_FOUND", self.health.Check,
                 self.health_pb.HealthCheckRequest(service=name))

  def test_a_watch_follows_a_context(self):
    for name in ("local:w1", "local:w2/demo.v1.Greeter"):
      target = name.split("/")[0]
      reader = self.watch(name)
      self.assertEqual("SERVICE_UNKNOWN", self.status(reader))
      self.connect(target)
      status = self.status(reader)
      if status == "NOT_SERVING":  # while it was connecting
        status = self.status(reader)
      self.assertEqual("SERVING", status)
      self.disconnect(target)
      self.assertEqual("SERVICE_UNKNOWN", self.status(reader))


class ReflectionTest(ServicesCase):

  def ask(self, *requests, version=None):
    """Asks on one stream, which ends then; returns the responses."""
    stub, pb = version or (self.reflection, self.reflection_pb)
    replies = list(stub.ServerReflectionInfo(
        iter([pb.ServerReflectionRequest(**request) for request in requests]),
        timeout=CALL_S))
    self.assertEqual(len(requests), len(replies))
    return replies

  def versions(self):
    return ((self.reflection, self.reflection_pb), (self.alpha, self.alpha_pb))

  def files(self, reply):
    self.assertFalse(reply.HasField("error_response"), reply)
    return [descriptor_pb2.FileDescriptorProto.FromString(data) for data in
            reply.file_descriptor_response.file_descriptor_proto]

  def test_lists_the_bundles_services_and_the_doors(self):
    for version in self.versions():
      reply, = self.ask({"list_services": ""}, version=version)
      self.assertEqual(
          ["demo.v1.Greeter", "grpc.channelz.v1.Channelz",
           "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
           "grpc.reflection.v1alpha.ServerReflection", "probe.v1.Limited",
           "probe.v1.Open", "probe.v1.Probe", "ramet.v1.Contexts",
           "ramet.v1.Modules"],
          [s.name for s in reply.list_services_response.service])

  def test_what_a_client_gets_is_enough_to_call(self):
    for version in self.versions():
      reply, = self.ask({"file_containing_symbol": "probe.v1.Probe"},
                        version=version)
      pool = descriptor_pool.DescriptorPool()
      waiting = self.files(reply)
      self.assertEqual("tests/probe/probe.proto", waiting[0].name)
      for file in reversed(waiting):  # Imports come after their importers.
        pool.Add(file)
      service = pool.FindServiceByName("probe.v1.Probe")
      method = service.methods_by_name["Echo"]
      self.assertEqual("probe.v1.EchoRequest", method.input_type.full_name)

  def test_every_kind_of_symbol(self):
    for symbol, file in (
        ("demo.v1.Greeter", "greeter.proto"),
        ("demo.v1.Greeter.SayHello", "greeter.proto"),
        ("demo.v1.HelloRequest", "greeter.proto"),
        ("demo.v1.HelloRequest.name", "greeter.proto"),
        ("ramet.v1.Contexts.Watch", "contexts.proto"),
        ("ramet.v1.ContextChange.LOST", "contexts.proto"),
        ("google.protobuf.Empty", "empty.proto"),
        ("ramet.policy", "options.proto")):
      reply, = self.ask({"file_containing_symbol": symbol})
      self.assertTrue(self.files(reply)[0].name.endswith(file), symbol)

  def test_files_by_name_and_none_twice_on_a_stream(self):
    first, second, options = self.ask(
        {"file_by_filename": "tests/probe/probe.proto"},
        {"file_by_filename": "tests/probe/probe.proto"},
        {"file_by_filename": "ramet/options.proto"})
    names = [f.name for f in self.files(first)]
    self.assertIn("ramet/options.proto", names)
    self.assertIn("google/protobuf/empty.proto", names)
    self.assertEqual(["tests/probe/probe.proto"],
                     [f.name for f in self.files(second)])
    self.assertEqual(["ramet/options.proto"],
                     [f.name for f in self.files(options)])

  def test_extensions(self):
    numbers, = self.ask(
        {"all_extension_numbers_of_type": "google.protobuf.MethodOptions"})
    found = list(numbers.all_extension_numbers_response.extension_number)
    self.assertEqual("google.protobuf.MethodOptions",
                     numbers.all_extension_numbers_response.base_type_name)
    self.assertTrue(found)
    pb = self.reflection_pb
    reply, = self.ask({"file_containing_extension": pb.ExtensionRequest(
        containing_type="google.protobuf.MethodOptions",
        extension_number=found[0])})
    self.assertEqual("ramet/options.proto", self.files(reply)[0].name)
    none, = self.ask({"all_extension_numbers_of_type": "demo.v1.HelloRequest"})
    self.assertFalse(
        none.all_extension_numbers_response.extension_number)
    self.assertFalse(none.HasField("error_response"))

  def test_errors_do_not_end_the_stream(self):
    pb = self.reflection_pb
    replies = self.ask(
        {"file_by_filename": "no.proto"},
        {"file_containing_symbol": "no.Symbol"},
        {"file_containing_extension": pb.ExtensionRequest(
            containing_type="demo.v1.HelloRequest", extension_number=7)},
        {"all_extension_numbers_of_type": "no.Type"},
        {},
        {"host": "h", "list_services": ""})
    for reply in replies[:4]:
      self.assertEqual(grpc.StatusCode.NOT_FOUND.value[0],
                       reply.error_response.error_code)
      self.assertTrue(reply.error_response.error_message)
    self.assertEqual(grpc.StatusCode.INVALID_ARGUMENT.value[0],
                     replies[4].error_response.error_code)
    self.assertEqual("h", replies[5].valid_host)
    self.assertEqual("h", replies[5].original_request.host)
    self.assertTrue(replies[5].list_services_response.service)


class ChannelzTest(ServicesCase):

  def test_shows_servers(self):
    pb = self.channelz_pb
    self.connect("local:")
    servers = self.channelz.GetServers(pb.GetServersRequest(), timeout=CALL_S)
    self.assertTrue(servers.server)
    mine = max(servers.server, key=lambda s: s.data.calls_started)
    self.assertGreater(mine.data.calls_started, 0)
    one = self.channelz.GetServer(
        pb.GetServerRequest(server_id=mine.ref.server_id), timeout=CALL_S)
    self.assertEqual(mine.ref.server_id, one.server.ref.server_id)
    # gRPC keeps no figures of connections that it was handed.
    self.channelz.GetServerSockets(
        pb.GetServerSocketsRequest(server_id=mine.ref.server_id),
        timeout=CALL_S)
    self.channelz.GetTopChannels(pb.GetTopChannelsRequest(), timeout=CALL_S)

  def test_unknown_ids(self):
    pb = self.channelz_pb
    for call, request in (
        (self.channelz.GetServer, pb.GetServerRequest(server_id=1 << 40)),
        (self.channelz.GetSocket, pb.GetSocketRequest(socket_id=1 << 40)),
        (self.channelz.GetChannel, pb.GetChannelRequest(channel_id=1 << 40)),
        (self.channelz.GetSubchannel,
         pb.GetSubchannelRequest(subchannel_id=1 << 40))):
      self.fails("NOT_FOUND", call, request)


class TreeTest(ServicesCase):

  def watch(self, below=""):
    return self.read(self.contexts.Watch(
        self.contexts_pb.WatchRequest(below=below)))

  def change(self, kind, name):
    number = self.contexts_pb.ContextChange.Kind.Value(kind)
    return lambda m: (m.HasField("change") and m.change.kind == number and
                      m.change.context.name == name)

  def test_watch_tells_the_tree_first_and_then_what_happens(self):
    self.connect("local:tree")
    reader = self.watch()
    snapshot = reader.next().snapshot
    self.assertIn("local:tree", [c.name for c in snapshot.contexts])
    self.assertFalse(snapshot.more)
    self.connect("local:tree/local:below")
    reader.until(self.change("ADDED", "local:tree/local:below"))
    ready = reader.until(self.change("READY", "local:tree/local:below"))
    self.assertGreater(ready.change.context.pid, 0)
    self.assertEqual("local:tree", ready.change.context.parent)
    self.disconnect("local:tree")
    lost = reader.until(self.change("LOST", "local:tree"))
    self.assertNotEqual(0, lost.change.code)
    self.assertTrue(lost.change.reason)

  def test_watch_tells_phases_and_why_a_connect_failed(self):
    reader = self.watch("ssh:nobody@127.0.0.1:1")
    self.assertEqual(0, len(reader.next().snapshot.contexts))
    self.fails("UNAVAILABLE", self.contexts.Connect,
               self.contexts_pb.ConnectRequest(target="ssh:nobody@127.0.0.1:1"))
    reader.until(self.change("ADDED", "ssh:nobody@127.0.0.1:1"))
    phase = reader.until(self.change("PHASE", "ssh:nobody@127.0.0.1:1"))
    self.assertEqual("resolve", phase.change.phase)
    lost = reader.until(self.change("LOST", "ssh:nobody@127.0.0.1:1"))
    self.assertEqual(14, lost.change.code)
    self.assertIn("phase connect", lost.change.reason)

  def test_connect_tells_its_phases(self):
    target = self.server.target() + "/local:progress"
    for expected in ({"resolve", "connect", "key exchange", "host key",
                      "authentication", "first stage", "handshake", "ready",
                      "waiting"}, {"ready"}):
      messages = list(self.contexts.ConnectWithProgress(
          self.contexts_pb.ConnectRequest(target=target), timeout=CALL_S))
      self.assertEqual(target, messages[-1].connected.name)
      self.assertTrue(messages[-1].connected.ready)
      phases = [m.phase for m in messages[:-1]]
      self.assertTrue({"ready"} <= {p.phase for p in phases})
      for phase in expected & {"connect", "authentication", "key exchange"}:
        self.assertIn((self.server.target(), 1, phase),
                      [(p.context, p.hop_number, p.phase) for p in phases])
      self.assertIn((target, 2, "ready"),
                    [(p.context, p.hop_number, p.phase) for p in phases])
      self.assertLessEqual({p.phase for p in phases},
                           expected | {"channel", "exec", "call"})
    self.disconnect(self.server.target())

  def test_connect_with_progress_fails_as_connect_does(self):
    for target, code in (("nonsense", "INVALID_ARGUMENT"),
                         ("ssh:nobody@127.0.0.1:1", "UNAVAILABLE")):
      reader = self.read(self.contexts.ConnectWithProgress(
          self.contexts_pb.ConnectRequest(target=target)))
      self.assertEqual(code, reader.end())

  def test_get(self):
    made = self.connect("local:get")
    got = self.contexts.Get(self.contexts_pb.GetRequest(name="local:get"),
                            timeout=CALL_S)
    self.assertEqual(made, got)
    self.fails("NOT_FOUND", self.contexts.Get,
               self.contexts_pb.GetRequest(name="local:nobody"))

  def test_shutdown_gives_calls_their_grace(self):
    target = "local:shutdown"
    before = self.probe.Info(front_door.empty(self.probe_pb),
                             metadata=front_door.to(target), timeout=CALL_S)
    running = self.probe.Echo.future(
        self.probe_pb.EchoRequest(wait_ms=60000),
        metadata=front_door.to(target), timeout=CALL_S)
    poll.until(lambda: self.probe.Info(
        front_door.empty(self.probe_pb), metadata=front_door.to(target),
        timeout=CALL_S).calls >= before.calls + 2, "the call to arrive", 20)
    self.contexts.Shutdown(
        self.contexts_pb.ShutdownRequest(name=target, grace_ms=100),
        timeout=CALL_S)
    self.assertEqual("UNAVAILABLE", running.code().name)
    self.fails("NOT_FOUND", self.contexts.Shutdown,
               self.contexts_pb.ShutdownRequest(name=target))

  def test_logs_of_a_subtree(self):
    reader = self.read(self.contexts.Logs(self.contexts_pb.LogsRequest(
        below="local:logs", level=self.contexts_pb.LOG_WARNING)))
    say = lambda target, **text: self.probe.Print(
        self.probe_pb.PrintRequest(**text), metadata=front_door.to(target),
        timeout=CALL_S)
    # Lines come in the order of the pipe; so the last one proves the rest.
    poll.until(lambda: self.figure("ramet_door_streams") >= 1, "the stream", 10)
    say("local:logs2", to_stderr="of another\n")
    say("local:logs", to_stdout="too low\n")
    say("local:logs", to_stderr="wanted\n")
    line = reader.next()
    self.assertEqual(("local:logs", "wanted", 0),
                     (line.context, line.text, line.dropped))
    self.assertIn("probe", line.source)
    say("local:logs/local:deep", to_stderr="deep\n")
    self.assertEqual("deep", reader.next().text)

  def figure(self, name):
    return next(value for metric, value in self.metrics().items()
                if metric.split("{")[0] == name)

  def metrics(self):
    address = re.search(r"metrics on (http://127\.0\.0\.1:\d+/metrics)",
                        self.master.log()).group(1)
    with urllib.request.urlopen(address, timeout=CALL_S) as page:
      text = page.read().decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and line[0] != "#"}

  def test_a_reader_that_stops_costs_nobody_else_anything(self):
    stopped = self.contexts.Logs(self.contexts_pb.LogsRequest())
    self.addCleanup(stopped.cancel)
    poll.until(lambda: self.figure("ramet_door_streams") >= 1, "the stream", 10)
    text = "x" * 2000 + "\n"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
      for _ in range(30):
        list(pool.map(lambda i: self.probe.Print(
            self.probe_pb.PrintRequest(to_stdout=text * 20),
            metadata=front_door.to(f"local:noisy{i}"), timeout=CALL_S),
                      range(4)))
        self.greeter.SayHello(self.greeter_pb.HelloRequest(name="Ada"),
                              metadata=front_door.to("local:"), timeout=CALL_S)
    # It reads again: what it lost is told, and the stream goes on.
    total = lines = 0
    reader = self.read(stopped)
    self.probe.Print(self.probe_pb.PrintRequest(to_stdout="THE END\n"),
                     metadata=front_door.to("local:quiet"), timeout=CALL_S)
    end = None
    while end is None or end.text != "THE END":
      end = reader.next()
      total += end.dropped
      lines += 1
    self.assertGreater(lines, 0)
    print(f"(slow reader: {lines} lines read, {total} lost)")

  def test_metrics(self):
    target = "local:metrics"
    for _ in range(3):
      self.greeter.SayHello(self.greeter_pb.HelloRequest(name="Ada"),
                            metadata=front_door.to(target), timeout=CALL_S)
    self.fails("NOT_FOUND", self.probe.Echo,
               self.probe_pb.EchoRequest(error_code=5),
               metadata=front_door.to(target))
    self.fails("UNIMPLEMENTED", self.channel.unary_unary("/made.Up/Name"), b"",
               metadata=front_door.to(target))
    metrics = self.metrics()
    hello = 'method="demo.v1.Greeter/SayHello"'
    self.assertGreaterEqual(
        metrics[f'ramet_calls_total{{{hello},code="OK"}}'], 3)
    self.assertGreaterEqual(
        metrics['ramet_calls_total{method="probe.v1.Probe/Echo",'
                'code="NOT_FOUND"}'], 1)
    self.assertGreaterEqual(
        metrics['ramet_calls_total{method="unknown",code="UNIMPLEMENTED"}'], 1)
    self.assertEqual(0, metrics[f"ramet_calls_in_flight{{{hello}}}"])
    count = metrics[f"ramet_call_duration_seconds_count{{{hello}}}"]
    self.assertEqual(count, metrics[
        f'ramet_call_duration_seconds_bucket{{{hello},le="+Inf"}}'])
    self.assertGreaterEqual(metrics['ramet_contexts{state="ready"}'], 1)
    self.assertGreaterEqual(metrics["ramet_links"], 1)
    self.assertTrue([m for m in metrics if m.startswith(
        'ramet_link_dropped_frames_total{link="local:metrics"')], metrics)


class CommandTest(ServicesCase):
  """`ramet contexts` is a client of all that."""

  def run_contexts(self, *arguments):
    result = self.cli.run("contexts", *arguments, "--master",
                          self.master.address)
    self.assertEqual(0, result.status, str(result))
    return result

  def test_connect_get_shutdown(self):
    made = self.run_contexts("connect", self.server.target())
    self.assertIn("(hop 1): authentication", made.err)
    self.assertEqual("", self.run_contexts(
        "connect", self.server.target(), "-q").err)
    self.assertEqual(made.out,
                     self.run_contexts("get", self.server.target()).out)
    self.run_contexts("shutdown", self.server.target(), "--grace", "1s")
    self.assert_fails(self.cli.run(
        "contexts", "get", self.server.target(), "--master",
        self.master.address), "NOT_FOUND")

  def test_watch_and_logs(self):
    commands = {
        name: self.cli.start("contexts", name, "local:cmd", "--master",
                             self.master.address)
        for name in ("watch", "logs")}
    try:
      self.connect("local:cmd")
      self.assertIn(b"local:cmd", commands["watch"].stdout.readline())
      # The stream may begin after a line; so it is said until it is heard.
      heard = threading.Event()
      line = []
      def listen():
        line.append(commands["logs"].stdout.readline())
        heard.set()
      threading.Thread(target=listen, daemon=True).start()
      def say():
        self.probe.Print(self.probe_pb.PrintRequest(to_stdout="hello\n"),
                         metadata=front_door.to("local:cmd"), timeout=CALL_S)
        return heard.wait(0.05)
      poll.until(say, "a line", CALL_S)
      self.assertIn(b"hello", line[0])
      self.assertTrue(line[0].startswith(b"[local:cmd] "))
    finally:
      for process in commands.values():
        process.kill()
        process.communicate()
