"""A typed call, on this machine, over ssh, and through several hops."""

import base64
import os
import socket

from fixtures import cases
from fixtures import keys
from fixtures import paths
from fixtures import relay
from fixtures import sshd
from fixtures import users

MIB = 1 << 20


class LocalCallTest(cases.Case):

  def setUp(self):
    super().setUp()
    self.require_programs()

  def test_says_hello_twice(self):
    for _ in range(2):
      reply = self.assert_greets(self.greet("local:"))
      self.assertEqual(socket.gethostname(), reply["hostname"])
      self.assertEqual(os.getuid(), int(reply.get("uid", 0)))

  def test_the_reply_is_one_line_of_json_with_int64_as_strings(self):
    result = self.greet("local:")
    self.assert_greets(result)
    self.assertEqual(1, result.out.count("\n"), result.out)
    self.assertIsInstance(result.json()["pid"], str)

  def test_says_hello_through_two_local_hops(self):
    for _ in range(2):
      self.assert_greets(self.greet("local:/local:"))

  def test_says_hello_through_four_local_hops(self):
    self.assert_greets(self.greet("local:/local:/local:/local:"))

  def test_each_hop_is_a_process_between_cli_and_module(self):
    near = self.assert_succeeds(
        self.call("local:", "probe.v1.Probe/Info", {}))
    far = self.assert_succeeds(
        self.call("local:/local:", "probe.v1.Probe/Info", {}))
    for reply in (near, far):
      self.assertNotEqual(reply["pid"], reply["ppid"])

  def test_json_is_read_from_stdin(self):
    for _ in range(2):
      self.assert_greets(self.cli.run(
          "call", "local:", "demo.v1.Greeter/SayHello", "-", "--module",
          paths.GREETER, input='{"name": "Ada"}'))

  def test_flags_may_stand_before_the_arguments(self):
    self.assert_greets(self.cli.run(
        "call", "--module", paths.GREETER, "--deadline", "30s", "local:",
        "demo.v1.Greeter/SayHello", '{"name":"Ada"}'))

  def test_a_request_may_be_left_out(self):
    for _ in range(2):
      reply = self.assert_succeeds(
          self.call("local:", "demo.v1.Greeter/SayHello"))
      self.assertIn("message", reply)

  def test_empty_request_and_reply(self):
    for _ in range(2):
      result = self.call("local:", "probe.v1.Probe/Echo", {})
      self.assertEqual({}, self.assert_succeeds(result))
      result = self.call("local:", "probe.v1.Probe/Print", {})
      self.assertEqual({}, self.assert_succeeds(result))

  def test_a_request_and_reply_of_1_mib(self):
    payload = base64.b64encode(os.urandom(MIB)).decode()
    for _ in range(2):
      result = self.call("local:", "probe.v1.Probe/Echo", "-",
                         input=f'{{"payload":"{payload}"}}')
      self.assertEqual(payload, self.assert_succeeds(result)["payload"])

  def test_a_reply_of_1_mib_to_a_small_request(self):
    for _ in range(2):
      result = self.call("local:", "probe.v1.Probe/Echo",
                         {"replyBytes": str(MIB)})
      reply = self.assert_succeeds(result)
      self.assertEqual(MIB, len(base64.b64decode(reply["payload"])))

  def test_a_payload_of_zero_bytes_newlines_and_markers_is_unchanged(self):
    payload = base64.b64encode(bytes(range(256)) * 300).decode()
    result = self.call("local:", "probe.v1.Probe/Echo",
                       {"payload": payload})
    self.assertEqual(payload, self.assert_succeeds(result)["payload"])

  def test_a_name_of_any_script_comes_back(self):
    name = "Ада 👩‍🔬 \"\\\u0001"
    result = self.call("local:", "demo.v1.Greeter/SayHello", {"name": name})
    self.assertIn(name, self.assert_succeeds(result)["message"])

  def test_an_error_of_the_service_keeps_its_code(self):
    for code, name in ((5, "NOT_FOUND"), (9, "FAILED_PRECONDITION"),
                       (16, "UNAUTHENTICATED")):
      result = self.call("local:", "probe.v1.Probe/Echo",
                         {"errorCode": code, "errorBytes": "7"})
      self.assert_fails(result, name, phases=("call", ""), text="eeeeeee")

  def test_an_error_text_of_1_mib_arrives_whole(self):
    for _ in range(2):
      result = self.call("local:", "probe.v1.Probe/Echo",
                         {"errorCode": 9, "errorBytes": str(MIB)})
      self.assertEqual(64 + 9, result.status, str(result))
      self.assertIn("ramet: FAILED_PRECONDITION: ", result.err)
      self.assertIn("e" * MIB, result.err)

  def test_what_a_module_prints_is_no_part_of_the_protocol(self):
    for _ in range(2):
      result = self.call("local:", "probe.v1.Probe/Print", {
          "toStdout": "printed-on-stdout\nlast-partial",
          "toStderr": "printed-on-stderr\n"})
      self.assertEqual({}, self.assert_succeeds(result))
      for text in ("printed-on-stdout", "printed-on-stderr", "last-partial"):
        self.assertIn(text, result.err)

  def test_stats_are_printed_on_stderr_only(self):
    result = self.greet("local:", "--stats")
    self.assert_greets(result)
    self.assertRegex(result.err, r"bytes")
    self.assertRegex(result.err, r"\d")

  def test_nothing_is_printed_on_stderr_without_stats(self):
    result = self.greet("local:")
    self.assert_greets(result)
    self.assertEqual("", result.err)

  def test_two_bundles_may_be_given(self):
    self.assert_greets(self.greet("local:", "--module", paths.PROBE))

  def test_a_closed_stdin_is_survived(self):
    process = self.cli.start(
        "call", "local:", "demo.v1.Greeter/SayHello", '{"name":"Ada"}',
        "--module", paths.GREETER, preexec_fn=lambda: os.close(0))
    out, err = process.communicate(timeout=60)
    self.assertEqual(0, process.returncode, err)
    self.assertIn(b"Ada", out)


class SshCallTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def greet_ssh(self, *flags, **options):
    return self.greet(self.server.target(), *self.server.flags(), *flags,
                      **options)

  def test_says_hello_twice(self):
    for _ in range(2):
      reply = self.assert_greets(self.greet_ssh())
      self.assertEqual(self.server.user.id, int(reply.get("uid", 0)))

  def test_says_hello_with_either_transport(self):
    for transport in ("libssh2", "openssh", "auto"):
      for _ in range(2):
        self.assert_greets(self.greet_ssh("--ssh-transport", transport))

  def test_one_session_one_channel_one_exec(self):
    for transport in ("libssh2", "openssh"):
      before = self.server.log()
      self.assert_greets(self.greet_ssh("--ssh-transport", transport))
      log = self.server.log()[len(before):]
      self.assertEqual(1, log.count("Connection from"), log)
      self.assertEqual(1, log.count("Starting session: "), log)
      self.assertEqual(1, log.count("Starting session: command"), log)

  def test_1_mib_each_way(self):
    payload = base64.b64encode(os.urandom(MIB)).decode()
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        result = self.call(self.server.target(), "probe.v1.Probe/Echo", "-",
                           *self.server.flags(), "--ssh-transport", transport,
                           input=f'{{"payload":"{payload}"}}')
        self.assertEqual(payload, self.assert_succeeds(result)["payload"])

  def test_an_error_text_of_1_mib_arrives_whole(self):
    result = self.call(self.server.target(), "probe.v1.Probe/Echo",
                       {"errorCode": 9, "errorBytes": str(MIB)},
                       *self.server.flags())
    self.assertEqual(64 + 9, result.status, str(result))
    self.assertIn("e" * MIB, result.err)

  def test_a_local_context_below_an_ssh_context(self):
    for _ in range(2):
      reply = self.assert_greets(self.greet(self.server.target() + "/local:",
                                            *self.server.flags()))
      self.assertEqual(self.server.user.id, int(reply.get("uid", 0)))

  def test_an_ssh_context_below_a_local_context(self):
    for _ in range(2):
      result = self.greet("local:/" + self.server.target(),
                          *self.server.flags())
      # Flags are the master's; below it the target's own ssh set-up counts.
      # With neither key nor known host there, the error names the hop.
      if result.status == 0:
        self.assert_greets(result)
      else:
        self.assert_fails(result,
                          ("UNAUTHENTICATED", "FAILED_PRECONDITION"),
                          hop=self.server.target())

  def test_stats_count_what_travelled(self):
    for transport in ("libssh2", "openssh"):
      passing = self.until_end(relay.Relay(self.server.port))
      self.server.known_hosts.write_text(
          self.server.known_hosts.read_text() + keys.known_hosts_line(
              passing.port, self.server.host_keys[0]))
      result = self.greet(self.server.target(port=passing.port),
                          *self.server.flags(), "--stats", "--ssh-transport",
                          transport)
      self.assert_greets(result)
      self.assertRegex(result.err, r"bytes")
      self.assertRegex(result.err, r"round trip")
      self.assertGreater(passing.bytes(relay.TO_SERVER), 10000)

  def test_ipv6_and_host_names_are_targets(self):
    # The server listens on 127.0.0.1 only: a name reaches it, ::1 does not.
    known = self.work.write("known_hosts", f"[localhost]:{self.server.port} "
                            f"{keys.public(self.server.host_keys[0])}\n")
    user = self.server.user.name
    flags = self.server.flags(known_hosts=known)
    self.assert_greets(
        self.greet(f"ssh:{user}@localhost:{self.server.port}", *flags))
    self.assert_fails(
        self.greet(f"ssh:{user}@[::1]:{self.server.port}", *flags),
        "UNAVAILABLE", phases=("connect",))


@cases.needs_root
class SshHopsTest(cases.Case):
  """A target reached only from another target, by that one's own ssh."""

  @classmethod
  def prepare(cls):
    cls.far = cls.serve(sshd.SshServer(cls.shared, "far",
                                       users=[users.User("inner")]))
    cls.near = cls.serve(sshd.SshServer(cls.shared, "near",
                                        users=[users.User("outer")]))
    ssh = cls.shared.folder("near/home/outer/.ssh", 0o700, cls.near.user.id)
    key = keys.generate(ssh / "id_ed25519")
    cls.far.authorize(key)
    known = ssh / "known_hosts"
    known.write_text(cls.far.known_hosts.read_text())
    for path in (key, ssh / "id_ed25519.pub", known):
      users.give(cls.near.user, path)

  def test_says_hello_at_the_far_end_twice(self):
    for _ in range(2):
      reply = self.assert_greets(self.greet(
          f"{self.near.target()}/{self.far.target()}", *self.near.flags()))
      self.assertEqual(self.far.user.id, int(reply["uid"]))

  def test_a_failure_of_the_second_hop_names_it(self):
    result = self.greet(
        f"{self.near.target()}/ssh:stranger@127.0.0.1:{self.far.port}",
        *self.near.flags())
    self.assert_fails(result, "UNAUTHENTICATED",
                      hop=f"ssh:stranger@127.0.0.1:{self.far.port}")

  def test_a_failure_of_the_first_hop_names_it(self):
    result = self.greet(
        f"ssh:stranger@127.0.0.1:{self.near.port}/{self.far.target()}",
        *self.near.flags())
    self.assert_fails(result, "UNAUTHENTICATED", phases=("authentication",),
                      hop=f"ssh:stranger@127.0.0.1:{self.near.port}")

  def test_nothing_is_left_on_either_target(self):
    before = (self.near.scratch_files(), self.far.scratch_files())
    self.assert_greets(self.greet(
        f"{self.near.target()}/{self.far.target()}", *self.near.flags()))
    self.assertEqual(before,
                     (self.near.scratch_files(), self.far.scratch_files()))
