"""Wrong input: the right code, a clear message, and nothing is started."""

import os
import shutil

from fixtures import cases
from fixtures import paths
from fixtures import relay

HELLO = "demo.v1.Greeter/SayHello"
REQUEST = '{"name":"Ada"}'


class InputErrorTest(cases.Case):

  def setUp(self):
    super().setUp()
    self.require_programs()
    # Anything that connects is seen; `fails` wants nobody to.
    self.listener = self.until_end(relay.Relay(silent=True))
    self.target = f"ssh:guest@127.0.0.1:{self.listener.port}"

  def fails(self, code, *arguments, text="", **options):
    for _ in range(2):
      result = self.cli.run(*arguments, **options)
      self.assert_fails(result, code, text=text)
      self.assertEqual(0, self.listener.connections, "something was started")

  def fails_on_each_target(self, code, *arguments, text=""):
    """`arguments` without the target, which is tried near and far."""
    for target in (self.target, "local:", "local:/local:"):
      self.fails(code, "call", target, *arguments, "--deadline", "10s",
                 text=text)

  def test_an_unknown_service(self):
    self.fails_on_each_target("UNIMPLEMENTED", "demo.v1.Nobody/SayHello",
                              REQUEST, "--module", paths.GREETER,
                              text="demo.v1.Nobody")

  def test_an_unknown_method(self):
    self.fails_on_each_target("UNIMPLEMENTED", "demo.v1.Greeter/Shout",
                              REQUEST, "--module", paths.GREETER,
                              text="Shout")

  def test_a_service_without_its_bundle(self):
    self.fails_on_each_target("UNIMPLEMENTED", HELLO, REQUEST,
                              text="demo.v1.Greeter")

  def test_a_method_name_that_is_none(self):
    for name in ("SayHello", "demo.v1.Greeter", "demo.v1.Greeter/", "/", ""):
      with self.subTest(name):
        self.fails(("INVALID_ARGUMENT", "UNIMPLEMENTED"), "call", self.target,
                   name, REQUEST, "--module", paths.GREETER)

  def test_json_that_is_no_json(self):
    for text in ("{", "", "nonsense", '{"name":}', '{"name":"Ada"} x',
                 '{"name":"\xff', "[]", '"Ada"', "null null"):
      with self.subTest(text):
        self.fails_on_each_target("INVALID_ARGUMENT", HELLO, text, "--module",
                                  paths.GREETER)

  def test_json_with_an_unknown_field_names_it(self):
    self.fails_on_each_target("INVALID_ARGUMENT", HELLO, '{"nickname":"A"}',
                              "--module", paths.GREETER, text="nickname")

  def test_json_with_a_value_of_the_wrong_type(self):
    for text in ('{"name":1}', '{"name":{"a":1}}', '{"name":["Ada"]}'):
      with self.subTest(text):
        self.fails_on_each_target("INVALID_ARGUMENT", HELLO, text, "--module",
                                  paths.GREETER)
    self.fails_on_each_target(
        "INVALID_ARGUMENT", "probe.v1.Probe/Echo",
        '{"replyBytes":"9223372036854775808"}', "--module", paths.PROBE)

  def test_json_from_stdin_is_checked_too(self):
    self.fails("INVALID_ARGUMENT", "call", self.target, HELLO, "-",
               "--module", paths.GREETER, input="{")
    self.fails("INVALID_ARGUMENT", "call", self.target, HELLO, "-",
               "--module", paths.GREETER, input="")

  def test_json_nested_too_deeply(self):
    self.fails("INVALID_ARGUMENT", "call", self.target, HELLO, "-",
               "--module", paths.GREETER, input='{"name":' * 100000)

  def test_targets_that_are_none(self):
    port = self.listener.port
    for target in ("nonsense", "ssh", "ssh:", "ssh:guest@", "ssh:@host",
                   "local", "local:x:y", "local:me@here", "local:/", "/local:",
                   "local://local:", "telnet:host", "ssh:host:0", "ssh:host:65536",
                   "ssh:host:port", "ssh:host:-1", f"ssh:127.0.0.1:{port}:1",
                   "ssh:a b", "ssh:host\n", "ssh:[::1"):
      with self.subTest(target):
        self.fails("INVALID_ARGUMENT", "call", target, HELLO, REQUEST,
                   "--module", paths.GREETER)

  def test_a_target_cannot_be_an_option_of_ssh(self):
    proof = self.work.path / "proof"
    for target in (f"ssh:-oProxyCommand=touch${{IFS}}{proof}",
                   f"ssh:-oProxyCommand=touch${{IFS}}{proof}@127.0.0.1",
                   f"ssh:x@-oProxyCommand=touch${{IFS}}{proof}",
                   f"ssh:$(touch${{IFS}}{proof})", f"ssh:`touch {proof}`",
                   f"ssh:a;touch${{IFS}}{proof}", "ssh:a'b"):
      for transport in ("libssh2", "openssh"):
        with self.subTest(target=target, transport=transport):
          result = self.cli.run("call", target, HELLO, REQUEST, "--module",
                                paths.GREETER, "--ssh-transport", transport,
                                "--deadline", "10s")
          self.assert_fails(result, "INVALID_ARGUMENT")
          self.assertFalse(proof.exists())

  def test_wrong_usage_has_status_2(self):
    for arguments in ((), ("call",), ("call", "local:"), ("nonsense",),
                      ("call", "local:", HELLO, "{}", "extra"),
                      ("call", "local:", HELLO, "--no-such-flag"),
                      ("call", "local:", HELLO, "--module"),
                      ("call", "local:", HELLO, "--deadline", "soon"),
                      ("call", "local:", HELLO, "--deadline", "-1s"),
                      ("call", "local:", HELLO, "--host-key-check", "maybe"),
                      ("call", "local:", HELLO, "--ssh-transport", "pigeon"),
                      ("serve",), ("serve", "--listen", "nonsense"),
                      ("contexts",), ("contexts", "nonsense")):
      with self.subTest(arguments):
        for _ in range(2):
          result = self.cli.run(*arguments)
          self.assertEqual(2, result.status, str(result))
          self.assertEqual("", result.out)
          self.assertNotEqual("", result.err)

  def test_help_has_status_0(self):
    for arguments in (("--help",), ("call", "--help"), ("serve", "--help")):
      result = self.cli.run(*arguments)
      self.assertEqual(0, result.status, str(result))
      self.assertIn("ramet", result.out)

  def test_no_master_at_the_address(self):
    for address in (f"unix:{self.work.path}/none.sock",
                    f"unix:{self.work.write('file', '')}"):
      result = self.cli.run("call", "local:", HELLO, REQUEST, "--module",
                            paths.GREETER, "--master", address)
      self.assert_fails(result, "UNAVAILABLE", text=address.split(":")[1])


class BundleErrorTest(cases.Case):

  def setUp(self):
    super().setUp()
    self.require_programs()
    self.listener = self.until_end(relay.Relay(silent=True))
    self.target = f"ssh:guest@127.0.0.1:{self.listener.port}"

  def fails(self, code, bundle, text=""):
    for target in (self.target, "local:"):
      for _ in range(2):
        result = self.cli.run("call", target, HELLO, REQUEST, "--module",
                              bundle, "--deadline", "10s")
        self.assert_fails(result, code, text=text)
        self.assertEqual(0, self.listener.connections,
                         "something was started")

  def changed(self, name, change):
    path = self.work.path / name
    shutil.copyfile(paths.GREETER, path)
    with open(path, "r+b") as f:
      change(f)
    return path

  def test_a_missing_bundle(self):
    self.fails("NOT_FOUND", self.work.path / "missing.rmod", "missing.rmod")

  def test_a_bundle_that_is_a_folder(self):
    self.fails(("NOT_FOUND", "DATA_LOSS", "INVALID_ARGUMENT"), self.work.path)

  def test_an_empty_bundle(self):
    self.fails("DATA_LOSS", self.work.write("empty.rmod", b""), "empty.rmod")

  def test_a_bundle_of_text_and_of_noise(self):
    self.fails("DATA_LOSS", self.work.write("text.rmod", "no bundle\n" * 100))
    self.fails("DATA_LOSS", self.work.write("noise.rmod", os.urandom(100000)))

  def test_a_bundle_cut_short(self):
    size = os.path.getsize(paths.GREETER)
    for length in (1, 4, 16, 100, 1000, size // 2, size - 1):
      with self.subTest(length):
        self.fails("DATA_LOSS", self.changed(
            f"cut{length}.rmod", lambda f, n=length: f.truncate(n)))

  def test_a_bundle_with_bytes_behind_its_end(self):
    def append(f):
      f.seek(0, os.SEEK_END)
      f.write(b"x" * 10)
    self.fails("DATA_LOSS", self.changed("long.rmod", append))

  def test_one_flipped_bit_anywhere_is_noticed(self):
    size = os.path.getsize(paths.GREETER)
    for i in range(20):
      offset = (size - 1) * i // 19
      def flip(f, at=offset):
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x10]))
      with self.subTest(offset):
        self.fails("DATA_LOSS", self.changed(f"bit{i}.rmod", flip))

  def test_a_good_bundle_beside_a_corrupt_one_does_not_hide_it(self):
    bad = self.work.write("bad.rmod", b"bad")
    result = self.cli.run("call", "local:", HELLO, REQUEST, "--module",
                          paths.GREETER, "--module", bad)
    self.assert_fails(result, "DATA_LOSS", text="bad.rmod")

  def test_a_module_for_another_platform_is_refused_by_name(self):
    self.assertTrue(os.path.exists(paths.FOREIGN),
                    f"not built: {paths.FOREIGN} ($RAMET_FOREIGN_RMOD)")
    for target in ("local:", "local:/local:"):
      for _ in range(2):
        result = self.cli.run("call", target, "probe.v1.Probe/Info", "{}",
                              "--module", paths.FOREIGN)
        self.assert_fails(result, "FAILED_PRECONDITION",
                          text=os.uname().machine)
