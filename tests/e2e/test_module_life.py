"""Modules that crash at start, in a loop, or speak something else."""

import re

from fixtures import bundles
from fixtures import cases
from fixtures import front_door
from fixtures import master
from fixtures import poll

import grpc

CALL_S = 30
DO = bundles.METHOD[1:]


class BadModuleTest(cases.Case):

  def do(self, script, *flags, target="local:"):
    bundle = bundles.pack(self.work, script)
    return self.call(target, DO, {}, *flags, module=bundle)

  def test_it_crashes_at_start(self):
    for target in ("local:", "local:/local:"):
      for script, end in (("exit 3", "exit status 3"),
                          ("kill -SEGV $$", "SIGSEGV")):
        line = self.assert_fails(self.do(script, target=target), "UNAVAILABLE",
                                 hop=target)
        self.assertIn(end, line)

  def test_it_never_says_hello(self):
    line = self.assert_fails(
        self.do("exec sleep 1000", "--heartbeat", "200ms"), "UNAVAILABLE")
    self.assertRegex(line, r"SIGKILL\): no sign of life for 600 ms$")

  def test_it_says_hello_to_nobody_and_closes_its_link(self):
    line = self.assert_fails(self.do("exec 3>&-; exec sleep 1000"),
                             "UNAVAILABLE")
    self.assertIn("SIGKILL", line)

  def test_it_speaks_something_else(self):
    line = self.assert_fails(
        self.do("echo 'HTTP/1.1 200 OK, and a line that is longer' >&3; "
                "exec sleep 1000"), "UNAVAILABLE")
    self.assertRegex(line, r"SIGKILL\): peer sent ")

  def test_it_floods_its_link(self):
    line = self.assert_fails(
        self.do("exec cat /dev/zero >&3"), "UNAVAILABLE")
    self.assertRegex(line, r"SIGKILL\): peer sent ")

  def test_it_floods_its_output_and_others_are_served(self):
    flood = bundles.pack(self.work, "exec yes flood")
    served = self.until_end(
        master.Master(self.work, self.cli, "-q", "--module", flood,
                      "--heartbeat", "1s"), "stop")
    _, _, (probe_pb, probe_stub) = front_door.generate(self.shared)
    channel = self.until_end(front_door.channel(served.address))
    flooding = channel.unary_unary(bundles.METHOD).future(
        b"", metadata=front_door.to("local:"), timeout=CALL_S)
    stub = probe_stub.ProbeStub(channel)
    while not flooding.done():
      reply = stub.Echo(probe_pb.EchoRequest(payload=b"x"),
                        metadata=front_door.to("local:"), timeout=CALL_S)
      self.assertEqual(b"x", reply.payload)
    # It has answered no PING.
    self.assertEqual(grpc.StatusCode.UNAVAILABLE, flooding.code())
    self.assertIn("no sign of life", flooding.details())


class CrashLoopTest(cases.Case):

  def setUp(self):
    super().setUp()
    self.bundle = bundles.pack(
        self.work, f"echo start >>{self.work.path}/starts; exit 7")
    self.served = self.until_end(
        master.Master(self.work, self.cli, "--module", self.bundle), "stop")
    self.channel = self.until_end(front_door.channel(self.served.address))

  def do(self):
    with self.assertRaises(grpc.RpcError) as caught:
      self.channel.unary_unary(bundles.METHOD)(
          b"", metadata=front_door.to("local:"), timeout=CALL_S)
    self.assertEqual("UNAVAILABLE", caught.exception.code().name)
    return caught.exception.details()

  def starts(self):
    path = self.work.path / "starts"
    return len(path.read_text().splitlines()) if path.exists() else 0

  def test_calls_in_the_back_off_say_when_and_why(self):
    for _ in range(2):
      self.assertRegex(self.do(), r"ended: exit status 7$")
    self.assertEqual(2, self.starts())
    for _ in range(20):
      text = self.do()
      match = re.search(r"exit status 7, 2 times; not started again for "
                        r"(\d+) ms$", text)
      if not match:
        break
      self.assertLessEqual(int(match.group(1)), 251)
      self.assertEqual(2, self.starts())

  def test_it_is_started_again_later_and_others_are_served(self):
    _, (greeter_pb, greeter_stub), _ = front_door.generate(self.shared)
    greeter = greeter_stub.GreeterStub(self.channel)
    def tried_again():
      greeter.SayHello(greeter_pb.HelloRequest(name="Ada"),
                       metadata=front_door.to("local:"), timeout=CALL_S)
      self.do()
      return self.starts() >= 4
    poll.until(tried_again, "the second back-off to end")

  def test_another_version_is_tried_at_once(self):
    for _ in range(3):
      self.do()
    other = bundles.pack(self.work, "exit 8", name="other")
    self.assertEqual(0, self.cli.run("module", "load", other, "--master",
                                     self.served.address).status)
    self.assertRegex(self.do(), "module other .* exit status 8$")
