"""Which bundles a master takes, and which contexts get which."""

import json
import os
import signal
import subprocess

from fixtures import bundles
from fixtures import cases
from fixtures import front_door
from fixtures import locks
from fixtures import master
from fixtures import paths
from fixtures import poll

import grpc

CALL_S = 30
MIB = 1 << 20


class InspectTest(cases.Case):

  def inspect(self, bundle, *flags):
    return self.cli.run("module", "inspect", bundle, *flags)

  def test_for_people(self):
    result = self.inspect(bundles.DECLARED)
    self.assertEqual(0, result.status, str(result))
    lines = result.out.splitlines()
    for line in (f"digest sha256:{bundles.digest(bundles.DECLARED)}",
                 "service probe.v1.Probe",
                 "  Echo(probe.v1.EchoRequest) returns (probe.v1.EchoReply) "
                 "PARENTS",
                 "  Count(probe.v1.CountRequest) returns "
                 "(stream probe.v1.CountReply) PARENTS",
                 "variable RAMET_TEST_PASSED", "variable LANG=C",
                 "ends when idle for 300 ms", f"memory {256 * MIB} bytes"):
      self.assertIn(line, lines)

  def test_for_programs(self):
    result = self.inspect(bundles.DECLARED, "--json")
    said = json.loads(result.out)
    self.assertEqual("declared", said["name"])
    self.assertEqual(str(os.path.getsize(bundles.DECLARED)), said["fileBytes"])
    self.assertEqual(bundles.digest(bundles.DECLARED), said["digest"])
    image, = said["images"]
    self.assertEqual("linux-x86_64", image["platform"])
    self.assertGreater(int(image["imageBytes"]), int(image["deflatedBytes"]))
    self.assertIn("probe.v1.Open", [s["name"] for s in said["services"]])

  def test_a_damaged_one(self):
    bad = self.work.path / "bad.rmod"
    for data, code in ((b"", "DATA_LOSS"), (b"RMOD", "DATA_LOSS"),
                       (b"RMOD\0\7" + bytes(100), "FAILED_PRECONDITION")):
      bad.write_bytes(data)
      self.assert_fails(self.inspect(bad), code)
    self.assert_fails(self.inspect(self.work.path / "none"), "NOT_FOUND")


class BombTest(cases.Case):
  """What an image says of its size is exact, limited, and not believed."""

  def bomb(self, image_bytes):
    def change(manifest):
      for image in manifest.images:
        image.image_bytes = image_bytes
    return bundles.variant(self.work, paths.PROBE, "bomb.rmod", change)

  def probe(self, bundle, *flags):
    return self.call("local:", "probe.v1.Probe/Info", {}, *flags,
                     module=bundle)

  def test_one_that_says_too_much(self):
    self.assert_fails(self.probe(self.bomb(300 * MIB)), "RESOURCE_EXHAUSTED",
                      text=f"inflates to {300 * MIB}, more than the limit of")
    self.assert_fails(self.probe(self.bomb(2 * MIB), "--max-image-mib", "1"),
                      "RESOURCE_EXHAUSTED", text=f"limit of {MIB}")

  def test_one_that_inflates_to_more_than_it_says(self):
    self.assert_fails(self.probe(self.bomb(4096)), "DATA_LOSS")

  def test_one_that_inflates_to_less_than_it_says(self):
    self.assert_fails(self.probe(self.bomb(200 * MIB)), "DATA_LOSS")


class SignatureTest(cases.Case):

  def key(self, name):
    public, secret = self.work.path / f"{name}.pub", self.work.path / name
    subprocess.run(["minisign", "-G", "-W", "-p", public, "-s", secret],
                   check=True, stdout=subprocess.DEVNULL)
    return public, secret

  def sign(self, bundle, secret, *flags):
    subprocess.run(["minisign", "-S", "-s", secret, "-m", bundle, *flags],
                   check=True, stdout=subprocess.DEVNULL)

  def setUp(self):
    super().setUp()
    self.public, self.secret = self.key("release")
    self.other, self.other_secret = self.key("other")
    self.bundle = bundles.version(self.work, 1)

  def ask(self, *flags):
    return self.call("local:", "probe.v1.Probe/Info", {}, *flags,
                     module=self.bundle)

  def required(self):
    return ("--require-signature", self.public)

  def test_signed_as_asked(self):
    for how in ((), ("-l",)):
      self.sign(self.bundle, self.secret, *how)
      self.assert_succeeds(self.ask(*self.required()))
      self.assert_succeeds(self.ask("--require-signature", self.other,
                                    *self.required()))
    result = self.cli.run("module", "inspect", self.bundle, *self.required())
    self.assertRegex(result.out, r"signed by key [0-9A-F]{16}\n")

  def test_not_signed(self):
    self.assert_fails(self.ask(*self.required()), "PERMISSION_DENIED",
                      text="it is not signed, and has to be")
    self.assert_succeeds(self.ask())

  def test_signed_by_another(self):
    self.sign(self.bundle, self.other_secret)
    self.assert_fails(self.ask(*self.required()), "PERMISSION_DENIED",
                      text="it was signed by key .*, and not by ")

  def test_changed_since(self):
    self.sign(self.bundle, self.secret)
    signature = self.bundle.with_name(self.bundle.name + ".minisig")
    bundles.version(self.work, 2).rename(self.bundle)
    self.assertTrue(signature.exists())
    self.assert_fails(self.ask(*self.required()), "PERMISSION_DENIED",
                      text="is not of these bytes")

  def test_a_key_that_is_none(self):
    self.assert_fails(self.ask("--require-signature", self.bundle),
                      ("INVALID_ARGUMENT",))
    self.assert_fails(self.ask("--require-signature", "/no/such"), "NOT_FOUND")

  def test_what_is_sent_to_a_master(self):
    self.sign(paths.GREETER, self.secret, "-x", self.work.path / "g.minisig")
    self.sign(self.bundle, self.secret)
    greeter = self.work.path / "greeter.rmod"
    greeter.write_bytes(open(paths.GREETER, "rb").read())
    self.sign(greeter, self.secret)
    with _only(greeter):
      served = self.until_end(
          master.Master(self.work, self.cli, *self.required()), "stop")
    load = lambda *arguments: self.cli.run(
        "module", "load", *arguments, "--master", served.address)
    self.assertEqual(0, load(self.bundle).status)
    unsigned = bundles.version(self.work, 3)
    self.assert_fails(load(unsigned), "PERMISSION_DENIED")
    self.assert_fails(
        load(unsigned, "--signature", self.work.path / "g.minisig"),
        "PERMISSION_DENIED", text="not of these bytes")
    self.assertEqual(0, load(greeter, "--signature",
                             self.work.path / "g.minisig").status)
    self.assertRegex(
        self.cli.run("module", "list", "--master", served.address).out,
        r"signed by [0-9A-F]{16}")


class _only:
  """Masters are started with one bundle only."""

  def __init__(self, bundle):
    self.bundle = bundle

  def __enter__(self):
    self.before = paths.GREETER, paths.PROBE
    paths.GREETER = paths.PROBE = self.bundle

  def __exit__(self, *_):
    paths.GREETER, paths.PROBE = self.before


class PolicyTest(cases.Case):

  @classmethod
  def prepare(cls):
    _, (cls.greeter_pb, cls.greeter_stub), _ = front_door.generate(cls.shared)

  def test_by_flags(self):
    for flags in (("--deny-module", "pro*"), ("--allow-module", "greeter"),
                  ("--deny-module",
                   f"sha256:{bundles.digest(paths.PROBE)}")):
      line = self.assert_fails(
          self.call("local:", "probe.v1.Probe/Info", {}, *flags),
          "PERMISSION_DENIED")
      self.assertIn("context local: may not get module probe (sha256:"
                    f"{bundles.digest(paths.PROBE)}): rule 1 ", line)
      self.assert_greets(self.greet("local:", *flags))

  def serve(self, policy):
    self.policy = self.work.write("policy", policy)
    self.served = self.until_end(
        master.Master(self.work, self.cli, "--module-policy", self.policy),
        "stop")

  def greet_in(self, target):
    return self.cli.run("call", target, "demo.v1.Greeter/SayHello",
                        '{"name":"Ada"}', "--master", self.served.address)

  def test_a_subtree_is_narrowed_and_never_widened(self):
    self.serve('''
rule { target: "local:lab" deny: "greeter" }
rule { target: "local:lab/local:a" allow: "greeter" }
''')
    self.assert_greets(self.greet_in("local:free/local:lab"))
    for target in ("local:lab", "local:lab/local:a", "local:lab/local:b"):
      line = self.assert_fails(self.greet_in(target), "PERMISSION_DENIED")
      self.assertIn('rule 1 for "local:lab" denies "greeter"', line)

  def test_nothing_is_started_for_a_refused_call(self):
    self.serve('rule { deny: "greeter" }')
    self.assert_fails(self.greet_in("local:"), "PERMISSION_DENIED")
    listed = self.cli.run("contexts", "list", "--master", self.served.address)
    self.assertEqual("", listed.out)

  def test_a_reload_takes_modules_away(self):
    self.serve('rule { deny: "other" }')
    pid = int(self.assert_greets(self.greet_in("local:"))["pid"])
    self.policy.write_text('rule { deny: "greeter" }')
    os.kill(self.served.pid, signal.SIGHUP)
    poll.until(lambda: "reloaded" in self.served.log(), "the reload")
    self.assert_fails(self.greet_in("local:"), "PERMISSION_DENIED")
    poll.until(lambda: not os.path.exists(f"/proc/{pid}"), "it to end", 20)

  def test_a_bad_policy_is_refused_at_start_and_at_reload(self):
    bad = self.work.write("bad", "rule { allow }")
    self.assert_fails(self.greet("local:", "--module-policy", bad),
                      "INVALID_ARGUMENT", text="line 1, column")
    self.serve('rule { deny: "greeter" }')
    self.policy.write_text("rule {}")
    os.kill(self.served.pid, signal.SIGHUP)
    poll.until(lambda: "not reloaded" in self.served.log(), "the refusal")
    self.assert_fails(self.greet_in("local:"), "PERMISSION_DENIED")


class LockedRulesTest(locks.LockCase):

  def test_a_reload_does_not_widen_what_was_started_before(self):
    self.serve_rules('''
rule { target: "local:lab" locked: true deny: "greeter" name: "no greeter" }
''')
    self.assert_fails(self.greet_in("local:lab"), "PERMISSION_DENIED",
                      text='no greeter for "local:lab" denies "greeter"')
    self.assert_succeeds(self.ask("local:lab", "probe.v1.Probe/Info"))
    self.reload("")
    self.wait_for_log("[master] modules: locked rules have changed, for "
                      "contexts that are started from now on; those of their "
                      "start stay with local:lab\n")
    images = bundles.pins(self.work, paths.GREETER)
    lock = 'no greeter for "local:lab"'
    self.assert_locked(self.greet_in("local:lab"), "local:lab", "greeter",
                       images, lock)
    self.wait_for_log("[master] modules: context local:lab gets no module "
                      "greeter (")
    # So is who is started below it, also from now on.
    below = "local:lab/local:a"
    self.assert_locked(self.greet_in(below), below, "greeter", images, lock)
    self.assert_succeeds(self.ask(below, "probe.v1.Probe/Info"))
    self.assert_greets(self.greet_in("local:other"))
    # Its life is over, and so is what it held.
    ended = self.cli.run("contexts", "shutdown", "local:lab", "--master",
                         self.served.address)
    self.assertEqual(0, ended.status, str(ended))
    self.assert_greets(self.greet_in("local:lab"))

  def test_a_child_is_narrowed_and_never_widened(self):
    self.serve_rules('''
rule { target: "local:lab" locked: true allow: "greeter" name: "lab" }
''')
    self.assert_greets(self.greet_in("local:lab"))
    self.reload('''
rule { target: "local:lab/local:a" locked: true allow: "probe" name: "a" }
''')
    target = "local:lab/local:a"
    self.assert_locked(self.ask(target, "probe.v1.Probe/Info"), target,
                       "probe", bundles.pins(self.work, paths.PROBE),
                       'lab for "local:lab"')
    self.reload("")
    self.assert_locked(self.greet_in(target), target, "greeter",
                       bundles.pins(self.work, paths.GREETER),
                       'a for "local:lab/local:a"')

  def test_rules_by_digest_allow_images(self):
    self.serve_rules(f'''
rule {{ locked: true allow: "sha256:{bundles.digest(paths.GREETER)}" }}
''')
    self.assert_greets(self.greet_in("local:"))
    self.reload("")
    self.assert_greets(self.greet_in("local:"))
    self.assert_locked(self.ask("local:", "probe.v1.Probe/Info"), "local:",
                       "probe", bundles.pins(self.work, paths.PROBE), "rule 1")

  def test_rules_by_image(self):
    image = " ".join(f'allow: "{pin}"' for pin in
                     bundles.pins(self.work, paths.GREETER))
    self.serve_rules(f"rule {{ locked: true {image} }}")
    self.assert_greets(self.greet_in("local:"))
    self.assert_fails(self.ask("local:", "probe.v1.Probe/Info"),
                      "PERMISSION_DENIED", text="rule 1 allows only")

  def test_what_cant_be_held_is_refused_at_the_start(self):
    bad = self.work.write("bad", 'rule { locked: true deny: "sha256:ab*" }')
    self.assert_fails(self.greet("local:", "--module-policy", bad),
                      "INVALID_ARGUMENT", text="is locked and denies")
    bad.write_text("\n".join(
        'rule { locked: true deny: "%s" }' % ("x" * 1000) for _ in range(40)))
    self.assert_fails(self.greet("local:", "--module-policy", bad),
                      "INVALID_ARGUMENT",
                      text="of which contexts hold at most 32768")


class LockModulesTest(locks.LockCase):
  """`--lock-modules`: what was loaded when a context was started."""

  def test_a_live_update_is_refused_and_the_old_version_serves_on(self):
    self.serve_with("--lock-modules")
    info = lambda: self.probe.Info(front_door.empty(self.probe_pb),
                                   metadata=front_door.to("local:"),
                                   timeout=CALL_S).pid
    pid = info()
    new = bundles.version(self.work, 1)
    self.load(new)
    self.wait_for_log("those of their start stay with local:\n")
    for _ in range(3):
      self.assertEqual(0, self.version())
    self.assertEqual(pid, info())
    told = [line for line in self.served.log().splitlines()
            if "gets no module probe" in line]
    self.assertEqual(1, len(told), told)
    self.assertRegex(
        told[0], r"^\[master\] modules: context local: gets no module probe "
        r"\(image:[0-9a-f]{64}\+[0-9a-f]{64}\): locked since its start: "
        r"--lock-modules; the version that it has serves on$")
    # What it did not have is refused by the context itself.
    below = "local:/local:a"
    values = ("RAMET_TEST_VERSION=1",)
    self.assert_locked(self.ask(below, "probe.v1.Probe/Info"), below, "probe",
                       bundles.pins(self.work, new, values), "--lock-modules")
    # Those that are started from now on have the new one.
    self.assertEqual(1, self.version("local:new"))
    self.assertEqual(1, self.version("local:new/local:a"))

  def test_unloaded_and_loaded_again(self):
    self.serve_with("--lock-modules")
    self.assertEqual(0, self.version())
    unloaded = self.cli.run("module", "unload", "probe", "--master",
                            self.served.address)
    self.assertEqual(0, unloaded.status, str(unloaded))
    self.load(bundles.version(self.work, 1))
    self.assert_locked(
        self.ask("local:", "probe.v1.Probe/Info"), "local:", "probe",
        bundles.pins(self.work, paths.PROBE, ("RAMET_TEST_VERSION=1",)),
        "--lock-modules")
    self.load(paths.PROBE)
    self.assertEqual(0, self.version())

  def test_one_call(self):
    for target in ("local:", "local:/local:"):
      self.assert_greets(self.greet(target, "--lock-modules"))

  def test_with_a_cache(self):
    cache = self.work.path / "cache"
    for _ in range(2):
      self.assert_greets(self.greet("local:/local:", "--lock-modules",
                                    "--cache", cache))


@cases.needs_root
class LockModulesOverSshTest(locks.SshLockCase):

  def test_one_hop_and_two(self):
    first = self.near.target()
    second = f"{first}/{self.far.target()}"
    self.serve_with("--lock-modules", *self.near.flags())
    for target in (second, first):
      self.assert_greets(self.greet_in(target))
    self.load(bundles.version(self.work, 1, paths.PROBE))
    new = bundles.pins(self.work, paths.PROBE, ("RAMET_TEST_VERSION=1",))
    for target in (first, second, f"{second}/local:"):
      self.assert_locked(self.ask(target, "probe.v1.Probe/Info"), target,
                         "probe", new, "--lock-modules")
      self.assert_greets(self.greet_in(target))
