"""`ramet serve`: any gRPC client is a client of any context."""

import concurrent.futures
import os
import stat
import subprocess
import sys

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import paths
from fixtures import poll
from fixtures import ports
from fixtures import processes
from fixtures import sshd

import grpc

MIB = 1 << 20
CALL_S = 30


class FrontDoorTest(cases.Case):
  """A master for all cases, with stock generated clients."""

  checks_leftovers = False  # Contexts live on; `MasterLifeTest` checks.

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    cls.cli_of_master = cli_fixture.Cli(cls.shared)
    cls.master = master.Master(cls.shared, cls.cli_of_master,
                               *cls.server.flags())
    cls.addClassCleanup(cls.stop_master)
    ((cls.contexts_pb, contexts_stub), (cls.greeter_pb, greeter_stub),
     (cls.probe_pb, probe_stub)) = front_door.generate(cls.shared)
    cls.channel = front_door.channel(
        cls.master.address, ("grpc.max_metadata_size", 8 * MIB))
    cls.addClassCleanup(cls.channel.close)
    cls.contexts = contexts_stub.ContextsStub(cls.channel)
    cls.greeter = greeter_stub.GreeterStub(cls.channel)
    cls.probe = probe_stub.ProbeStub(cls.channel)

  @classmethod
  def stop_master(cls):
    if cls.master.running():
      cls.master.stop()

  def tearDown(self):
    super().tearDown()
    self.assertTrue(self.master.running(), self.master.log())

  def greet_at(self, target, **options):
    return self.greeter.SayHello(
        self.greeter_pb.HelloRequest(name="Ada"),
        metadata=front_door.to(target), timeout=CALL_S, **options)

  def info(self, target):
    return self.probe.Info(front_door.empty(self.probe_pb),
                           metadata=front_door.to(target),
                           timeout=CALL_S)

  def start_waiting(self, target, count):
    """Starts calls that wait; returns them when the module has them all."""
    wanted = self.info(target).calls + count
    waiting = [self.probe.Echo.future(
        self.probe_pb.EchoRequest(wait_ms=60000),
        metadata=front_door.to(target), timeout=CALL_S) for _ in range(count)]
    asked = 0
    def all_arrived():
      nonlocal asked
      asked += 1
      return self.info(target).calls - asked >= wanted
    poll.until(all_arrived, "the calls to reach the module", 20)
    return waiting

  def fails(self, code, call, *arguments, text="", **options):
    options.setdefault("timeout", CALL_S)
    with self.assertRaises(grpc.RpcError) as caught:
      call(*arguments, **options)
    error = caught.exception
    allowed = code if isinstance(code, tuple) else (code,)
    self.assertIn(error.code().name, allowed, error.details())
    if text:
      self.assertRegex(error.details(), text)
    return error

  def echo_fails(self, code, target="local:", text="", timeout=CALL_S,
                 **request):
    return self.fails(code, self.probe.Echo,
                      self.probe_pb.EchoRequest(**request), text=text,
                      metadata=(*front_door.to(target),
                                ("ramet-max-error-bytes", str(2 * MIB))),
                      timeout=timeout)

  def test_says_hello_near_and_far_twice(self):
    for target in ("local:", "local:/local:", self.server.target(),
                   self.server.target() + "/local:"):
      for _ in range(2):
        self.assertIn("Ada", self.greet_at(target).message)

  def test_the_call_runs_as_the_targets_user(self):
    self.assertEqual(self.server.user.id,
                     self.greet_at(self.server.target()).uid)
    self.assertEqual(os.getuid(), self.greet_at("local:").uid)

  def test_context_and_module_are_kept_between_calls(self):
    for target in ("local:", self.server.target()):
      first, second = self.info(target), self.info(target)
      self.assertEqual((first.pid, first.ppid), (second.pid, second.ppid))
      self.assertGreater(second.calls, first.calls)

  def test_twenty_first_calls_at_once_share_one_context(self):
    target = "local:/local:/local:"
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
      replies = list(pool.map(lambda _: self.info(target), range(20)))
    self.assertEqual(1, len({(r.pid, r.ppid) for r in replies}))

  def test_a_slow_call_does_not_hold_up_a_fast_one(self):
    slow = self.probe.Echo.future(
        self.probe_pb.EchoRequest(wait_ms=60000),
        metadata=front_door.to("local:"), timeout=CALL_S)
    self.assertIn("Ada", self.greet_at("local:").message)
    self.probe.Echo(self.probe_pb.EchoRequest(),
                    metadata=front_door.to("local:"), timeout=CALL_S)
    self.assertFalse(slow.done())
    slow.cancel()

  def test_1_mib_each_way(self):
    payload = os.urandom(MIB)
    for target in ("local:", self.server.target()):
      for _ in range(2):
        reply = self.probe.Echo(self.probe_pb.EchoRequest(payload=payload),
                                metadata=front_door.to(target),
                                timeout=CALL_S)
        self.assertEqual(payload, reply.payload)

  def test_empty_messages(self):
    for _ in range(2):
      reply = self.probe.Echo(self.probe_pb.EchoRequest(),
                              metadata=front_door.to("local:"),
                              timeout=CALL_S)
      self.assertEqual(b"", reply.payload)

  def test_a_services_error_keeps_code_and_text(self):
    for target in ("local:", self.server.target()):
      error = self.echo_fails("FAILED_PRECONDITION", target, error_code=9,
                              error_bytes=20)
      self.assertIn("e" * 20, error.details())

  def test_an_error_text_of_1_mib_arrives_whole(self):
    for _ in range(2):
      error = self.echo_fails("FAILED_PRECONDITION", error_code=9,
                              error_bytes=MIB)
      self.assertIn("e" * MIB, error.details())

  def test_a_deadline_is_kept(self):
    for target in ("local:", self.server.target()):
      self.echo_fails("DEADLINE_EXCEEDED", target, timeout=1, wait_ms=60000)
    self.assertIn("Ada", self.greet_at("local:").message)

  def test_unknown_services_and_methods(self):
    for path in ("/demo.v1.Nobody/SayHello", "/demo.v1.Greeter/Shout"):
      call = self.channel.unary_unary(path)
      for _ in range(2):
        self.fails("UNIMPLEMENTED", call, b"",
                   metadata=front_door.to("local:"))

  def test_no_target_and_a_bad_target(self):
    request = self.greeter_pb.HelloRequest(name="Ada")
    self.fails("INVALID_ARGUMENT", self.greeter.SayHello, request,
               text="ramet-target")
    for target in ("ssh:", "local://", "telnet:x"):
      self.fails("INVALID_ARGUMENT", self.greeter.SayHello, request,
                 metadata=front_door.to(target))

  def test_a_request_that_is_no_message(self):
    call = self.channel.unary_unary("/demo.v1.Greeter/SayHello")
    self.fails(("INVALID_ARGUMENT", "INTERNAL"), call, b"\xff\xff\xff",
               metadata=front_door.to("local:"))
    self.assertIn("Ada", self.greet_at("local:").message)

  def test_a_target_that_refuses_can_be_tried_again(self):
    port = self.until_end(ports.Refusing()).port
    for _ in range(2):
      self.fails("UNAVAILABLE", self.greeter.SayHello,
                 self.greeter_pb.HelloRequest(name="Ada"),
                 metadata=front_door.to(f"ssh:guest@127.0.0.1:{port}"),
                 text=f"ssh:guest@127.0.0.1:{port}.*phase connect")

  def test_a_crash_costs_the_module_and_not_the_context(self):
    for target in ("local:", self.server.target()):
      for _ in range(2):
        before = self.info(target)
        self.fails("UNAVAILABLE", self.probe.Crash,
                   self.probe_pb.CrashRequest(signal=11),
                   metadata=front_door.to(target), text="SIGSEGV")
        after = self.info(target)
        self.assertNotEqual(before.pid, after.pid)
        self.assertEqual(before.ppid, after.ppid)

  def test_calls_beside_a_crash_fail_or_finish_and_none_hangs(self):
    waiting = self.start_waiting("local:", 3)
    self.fails("UNAVAILABLE", self.probe.Crash,
               self.probe_pb.CrashRequest(signal=9),
               metadata=front_door.to("local:"))
    for future in waiting:
      self.assertEqual(grpc.StatusCode.UNAVAILABLE, future.code())
    self.assertGreater(self.info("local:").pid, 1)

  def test_connect_list_call_by_name_disconnect(self):
    for target in ("local:/local:", self.server.target() + "/local:"):
      for _ in range(2):
        made = self.contexts.Connect(
            self.contexts_pb.ConnectRequest(target=target), timeout=CALL_S)
        self.assertEqual(target, made.target)
        self.assertGreater(made.id, 0)
        self.assertTrue(made.name)
        self.assertIn("Ada", self.greet_at(made.name).message)
        self.assertIn(made.name, self.names())
        self.contexts.Disconnect(
            self.contexts_pb.DisconnectRequest(name=made.name),
            timeout=CALL_S)
        self.assertNotIn(made.name, self.names())

  def names(self):
    listed = self.contexts.List(self.contexts_pb.ListRequest(),
                                timeout=CALL_S)
    return [c.name for c in listed.contexts]

  def test_a_context_below_names_its_parent(self):
    below = self.contexts.Connect(
        self.contexts_pb.ConnectRequest(target="local:/local:"),
        timeout=CALL_S)
    listed = {c.name: c for c in self.contexts.List(
        self.contexts_pb.ListRequest(), timeout=CALL_S).contexts}
    self.assertIn(below.parent, listed)
    self.assertEqual("local:", listed[below.parent].target)
    self.assertEqual(len(listed), len({c.id for c in listed.values()}))

  def test_disconnect_ends_the_processes(self):
    made = self.contexts.Connect(
        self.contexts_pb.ConnectRequest(target=self.server.target()),
        timeout=CALL_S)
    agent = self.info(made.name).ppid
    self.contexts.Disconnect(
        self.contexts_pb.DisconnectRequest(name=made.name), timeout=CALL_S)
    poll.until(lambda: processes.ended(agent), "the agent to end", 5)
    poll.until(lambda: not self.server.sessions(), "the session to end", 5)

  def test_disconnect_of_an_unknown_name(self):
    self.fails("NOT_FOUND", self.contexts.Disconnect,
               self.contexts_pb.DisconnectRequest(name="nobody"))

  def test_a_lost_context_fails_its_calls_and_connects_anew(self):
    target = self.server.target()
    agent = self.info(target).ppid
    waiting, = self.start_waiting(target, 1)
    os.kill(agent, 9)
    self.assertEqual(grpc.StatusCode.UNAVAILABLE, waiting.code())
    self.assertIn(target, waiting.details())
    # A call may still meet the lost context; the next one after that not.
    poll.until(lambda: self.reconnects(target, agent), "a new context", 10)

  def reconnects(self, target, lost_agent):
    try:
      return self.info(target).ppid != lost_agent
    except grpc.RpcError as error:
      self.assertEqual(grpc.StatusCode.UNAVAILABLE, error.code())
      return False

  def test_the_socket_is_for_its_owner_only(self):
    mode = os.stat(self.master.socket).st_mode
    self.assertTrue(stat.S_ISSOCK(mode))
    self.assertEqual(0o600, stat.S_IMODE(mode))

  def test_the_cli_is_a_client_too(self):
    for flags, env in ((("--master", self.master.address), None),
                       ((), {"RAMET_MASTER": self.master.address})):
      for target in ("local:", self.server.target()):
        for _ in range(2):
          self.assert_greets(self.greet(target, *flags, env=env))
    first, second = (self.assert_succeeds(self.call(
        "local:", "probe.v1.Probe/Info", {}, "--master",
        self.master.address)) for _ in range(2))
    self.assertEqual(first["pid"], second["pid"])

  def test_the_cli_reports_a_masters_errors_as_its_own(self):
    flags = ("--master", self.master.address)
    self.assert_fails(self.call("local:", "probe.v1.Probe/Echo",
                                {"errorCode": 5}, *flags), "NOT_FOUND")
    self.assert_fails(self.call("local:", "probe.v1.Probe/Echo",
                                {"waitMs": "60000"}, *flags, "--deadline",
                                "1s"), "DEADLINE_EXCEEDED")
    port = self.until_end(ports.Refusing()).port
    self.assert_fails(self.greet(f"ssh:guest@127.0.0.1:{port}", *flags),
                      "UNAVAILABLE", phases=("connect",))

  def test_the_cli_manages_contexts(self):
    at = ("--master", self.master.address)
    for _ in range(2):
      made = self.cli.run("contexts", "connect", "local:/local:/local:", *at)
      self.assertEqual(0, made.status, str(made))
      listed = self.cli.run("contexts", "list", *at)
      self.assertEqual(0, listed.status, str(listed))
      self.assertIn("local:/local:/local:", listed.out)
      name = self.name_of("local:/local:/local:")
      ended = self.cli.run("contexts", "disconnect", name, *at)
      self.assertEqual(0, ended.status, str(ended))
      self.assertNotIn(name, self.names())
    self.assert_fails(self.cli.run("contexts", "disconnect", "nobody", *at),
                      "NOT_FOUND")

  def name_of(self, target):
    listed = self.contexts.List(self.contexts_pb.ListRequest(),
                                timeout=CALL_S)
    return next(c.name for c in listed.contexts if c.target == target)


@cases.needs_root
class PeerCredentialsTest(cases.Case):

  checks_leftovers = False

  def test_another_user_is_refused_even_when_the_socket_is_open(self):
    serving = master.Master(self.work, self.cli)
    self.addCleanup(serving.stop)
    os.chmod(serving.socket, 0o666)
    client = (
        "import grpc, sys\n"
        f"channel = grpc.insecure_channel('{serving.address}')\n"
        "call = channel.unary_unary('/ramet.v1.Contexts/List')\n"
        "try:\n  call(b'', timeout=5)\n  print('SERVED')\n"
        "except grpc.RpcError as error:\n  print(error.code().name)\n")
    run = lambda **who: subprocess.run(
        [sys.executable, "-c", client], capture_output=True, text=True,
        timeout=60, check=False, **who)
    self.assertEqual("SERVED\n", run().stdout)
    refused = run(user=65534, group=65534, extra_groups=[])
    self.assertIn(refused.stdout.strip(),
                  ("UNAVAILABLE", "PERMISSION_DENIED", "UNAUTHENTICATED",
                   "DEADLINE_EXCEEDED"), refused.stderr)
    self.assertTrue(serving.running())


class MasterLifeTest(cases.Case):
  """How a master starts and ends, and what is left then."""

  def start(self, *flags, **options):
    serving = master.Master(self.work, self.cli, *flags, **options)
    self.addCleanup(lambda: serving.running() and serving.kill())
    return serving

  def greet_from(self, serving, target, *flags):
    self.assert_greets(self.greet(target, "--master", serving.address, *flags))

  def test_sigterm_ends_it_with_its_contexts_and_its_socket(self):
    server = self.own(sshd.SshServer(self.work))
    for _ in range(2):
      serving = self.start(*server.flags())
      for target in ("local:/local:", server.target()):
        self.greet_from(serving, target)
      self.assertEqual(0, serving.stop(), serving.log())
      self.assertFalse(serving.socket.exists())
      poll.until(lambda: not server.sessions(), "the session to end", 5)

  def test_sigterm_during_a_call_ends_the_call(self):
    serving = self.start()
    call = self.cli.start(
        "call", "local:", "probe.v1.Probe/Echo", '{"waitMs":"60000"}',
        "--master", serving.address, "--module", paths.PROBE)
    poll.until(lambda: len(processes.images_without_a_file(serving.pid)) >= 2,
               "the call to run", 30)
    serving.stop()
    call.communicate(timeout=20)
    self.assertEqual(64 + 14, call.returncode)

  def test_kill_9_leaves_no_context(self):
    server = self.own(sshd.SshServer(self.work))
    serving = self.start(*server.flags())
    for target in ("local:/local:", server.target() + "/local:"):
      self.greet_from(serving, target)
    serving.kill()
    poll.until(lambda: not server.sessions(), "the session to end", 5)

  def test_a_socket_left_by_a_dead_master_is_replaced(self):
    self.start().kill()
    serving = self.start()
    self.greet_from(serving, "local:")
    self.assertEqual(0, serving.stop())

  def test_a_second_master_on_the_same_socket_is_refused(self):
    serving = self.start()
    result = self.cli.run("serve", "--listen", serving.address)
    self.assertNotEqual(0, result.status)
    self.assertIn(str(serving.socket), result.err)
    self.greet_from(serving, "local:")
    self.assertEqual(0, serving.stop())

  def test_a_file_in_the_sockets_place_is_kept(self):
    path = self.work.write("precious", "keep me")
    result = self.cli.run("serve", "--listen", f"unix:{path}")
    self.assertNotEqual(0, result.status)
    self.assertEqual("keep me", path.read_text())

  def test_a_missing_bundle_stops_the_start(self):
    result = self.cli.run("serve", "--listen",
                          f"unix:{self.work.path}/m.sock", "--module",
                          self.work.path / "missing.rmod")
    self.assert_fails(result, "NOT_FOUND", text="missing.rmod")

