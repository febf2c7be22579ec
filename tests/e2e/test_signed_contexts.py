"""Contexts that insist on signatures, of minisign's own program."""

import pathlib
from unittest import mock

from fixtures import bundles
from fixtures import cases
from fixtures import locks
from fixtures import minisign
from fixtures import paths

OTHER_LANGUAGES = [
    paths.REPOSITORY / f"bazel-bin/examples/greeter/greeter_{name}.rmod"
    for name in ("py", "go")]


class _SignedCase(locks.LockCase):

  @classmethod
  def prepare(cls):
    super().prepare()
    cls.key = minisign.Key(cls.shared, "release")
    cls.other = minisign.Key(cls.shared, "other")

  def statement(self, bundle):
    result = self.cli.run("module", "statement", bundle)
    self.assertEqual(0, result.status, str(result))
    return result.out

  def sign(self, bundle, key=None, hashed=False):
    return minisign.with_statement(self.work, self.cli, bundle,
                                   key or self.key, hashed)

  def required(self, *more):
    return ("--lock-signature", self.key.public, *more)

  def serve_signed(self, *flags):
    with mock.patch.object(paths, "GREETER", self.sign(paths.GREETER)), \
         mock.patch.object(paths, "PROBE", self.sign(paths.PROBE)):
      self.serve_with(*flags)

  def load_refused(self, bundle):
    result = self.cli.run("module", "load", bundle, "--master",
                          self.served.address)
    return self.assert_fails(result, "PERMISSION_DENIED")


class StatementTest(_SignedCase):

  def test_it_is_the_name_and_the_images_with_their_values(self):
    version = bundles.version(self.work, 1)
    self.assertEqual(
        "ramet module probe\n" + "".join(
            f"{pin}\n" for pin in bundles.pins(
                self.work, version, ("RAMET_TEST_VERSION=1",))),
        self.statement(version))
    self.assertEqual(
        "ramet module greeter\n" + "".join(
            f"{pin}\n" for pin in bundles.pins(self.work, paths.GREETER)),
        self.statement(paths.GREETER))

  def test_inspect_says_who_has_signed_it(self):
    signed = self.sign(paths.GREETER)
    result = self.cli.run("module", "inspect", signed, *self.required())
    self.assertRegex(result.out, r"statement signed by key [0-9A-F]{16}\n")
    result = self.cli.run("module", "inspect", signed)
    self.assertEqual(0, result.status, str(result))
    self.assertNotIn("signed by", result.out)

  def test_of_no_bundle(self):
    self.assert_fails(self.cli.run("module", "statement", "/no/such"),
                      "NOT_FOUND")


class LockSignatureTest(_SignedCase):

  def greet_with(self, bundle, *flags, target="local:"):
    return self.greet(target, *(flags or self.required()), module=bundle)

  def test_signed_as_asked(self):
    signed = self.sign(paths.GREETER)
    for target in ("local:", "local:/local:"):
      self.assert_greets(self.greet_with(signed, target=target))
    self.assert_greets(self.greet_with(
        signed, "--lock-signature", self.other.public, *self.required()))

  def test_modules_in_other_languages(self):
    for bundle in OTHER_LANGUAGES:
      self.assert_fails(self.greet_with(bundle), "PERMISSION_DENIED")
      self.assert_greets(self.greet_with(self.sign(bundle)))

  def test_a_script(self):
    script = bundles.pack(self.work, "exit 5")
    ask = lambda bundle: self.call("local:", bundles.METHOD[1:], {},
                                   *self.required(), module=bundle)
    self.assert_fails(ask(script), "PERMISSION_DENIED")
    self.assert_fails(ask(self.sign(script)), "UNAVAILABLE",
                      text="exit status 5")

  def test_not_signed_or_by_another(self):
    text = ("its statement is not signed by a key that --lock-signature "
            "allows: sign what `ramet module statement` prints")
    self.assert_fails(self.greet_with(paths.GREETER), "PERMISSION_DENIED",
                      text=text)
    self.assert_fails(self.greet_with(self.sign(paths.GREETER, self.other)),
                      "PERMISSION_DENIED", text=text)

  def test_the_signature_of_another_version(self):
    signed = self.sign(bundles.version(self.work, 1))
    bundles.version(self.work, 2).rename(signed)
    self.assert_fails(
        self.call("local:", "probe.v1.Probe/Info", {}, *self.required(),
                  module=signed),
        "PERMISSION_DENIED", text="is not of these bytes")

  def test_the_signature_of_the_file_is_none_of_the_statement(self):
    bundle = minisign.copy(self.work, paths.GREETER)
    self.key.sign(bundle)
    self.assert_fails(self.greet_with(bundle), "PERMISSION_DENIED",
                      text="its statement is not signed")
    pathlib.Path(f"{bundle}.minisig").rename(f"{bundle}.statement.minisig")
    self.assert_fails(self.greet_with(bundle), "PERMISSION_DENIED",
                      text="is not of these bytes")

  def test_a_hashed_signature(self):
    self.assert_fails(self.greet_with(self.sign(paths.GREETER, hashed=True)),
                      "PERMISSION_DENIED", text="minisign -S -l makes one")

  def test_both_signatures_may_be_asked_for(self):
    flags = self.required("--require-signature", self.other.public)
    signed = self.sign(paths.GREETER)
    self.assert_fails(self.greet_with(signed, *flags), "PERMISSION_DENIED",
                      text="it is not signed, and has to be")
    self.other.sign(signed)
    self.assert_greets(self.greet_with(signed, *flags))

  def test_a_key_that_is_none(self):
    self.assert_fails(
        self.greet("local:", "--lock-signature", paths.GREETER),
        "INVALID_ARGUMENT")
    self.assert_fails(self.greet("local:", "--lock-signature", "/no/such"),
                      "NOT_FOUND")
    policy = self.work.write("policy", 'rule { allow: "key:RWQ*" }')
    self.assert_fails(self.greet("local:", "--module-policy", policy),
                      "INVALID_ARGUMENT",
                      text="which is no public key of minisign")


class SignedUpdateTest(_SignedCase):

  def test_a_running_context_takes_what_is_signed(self):
    self.serve_signed(*self.required())
    for target in ("local:", "local:/local:a"):
      self.assertEqual(0, self.version(target))
    self.load(self.sign(bundles.version(self.work, 1)))
    for target in ("local:", "local:/local:a", "local:b"):
      self.assertEqual(1, self.version(target))
    line = self.load_refused(bundles.version(self.work, 2))
    self.assertIn("its statement is not signed", line)
    self.load_refused(self.sign(bundles.version(self.work, 3), self.other))
    for target in ("local:", "local:/local:a", "local:c"):
      self.assertEqual(1, self.version(target))
    listed = self.cli.run("module", "list", "--master", self.served.address)
    self.assertRegex(listed.out, r"probe.*, statement signed by [0-9A-F]{16}")

  def test_for_life_whatever_the_rules_are_by_then(self):
    rules = f'''
rule {{ target: "local:lab" locked: true name: "signed"
       allow: "key:{self.key.text}" }}
'''
    self.policy = self.work.write("policy", rules)
    self.serve_signed("--module-policy", self.policy)
    below = "local:lab/local:a"
    for target in ("local:lab", below):
      self.assertEqual(0, self.version(target))
    self.reload("")
    self.wait_for_log("those of their start stay with local:lab")
    self.load(bundles.version(self.work, 1))
    self.assertEqual(1, self.version("local:free"))
    for target in ("local:lab", below):
      self.assertEqual(0, self.version(target))
    self.wait_for_log("context local:lab gets no module probe (")
    # The master has no rule any more that names the key; the lock does.
    self.load(self.sign(bundles.version(self.work, 2)))
    for target in ("local:lab", below, "local:free"):
      self.assertEqual(2, self.version(target))

  def test_what_a_context_did_not_have_is_refused_by_itself(self):
    self.policy = self.work.write("policy", f'''
rule {{ target: "local:lab" locked: true name: "signed"
       allow: "key:{self.key.text}" }}
''')
    self.serve_signed("--module-policy", self.policy)
    self.assert_greets(self.greet_in("local:lab"))
    self.reload("")
    version = bundles.version(self.work, 1)
    self.load(version)
    self.assert_locked(
        self.ask("local:lab", "probe.v1.Probe/Info"), "local:lab", "probe",
        bundles.pins(self.work, version, ("RAMET_TEST_VERSION=1",)),
        'signed for "local:lab"')

  def test_the_master_holds_such_a_rule_itself(self):
    self.policy = self.work.write("policy", f'''
rule {{ target: "local:lab" name: "signed" allow: "key:{self.key.text}" }}
''')
    self.serve_with("--module-policy", self.policy)
    line = self.assert_fails(self.greet_in("local:lab"), "PERMISSION_DENIED")
    self.assertIn("its statement is signed by nobody who is known here", line)
    listed = self.cli.run("contexts", "list", "--master", self.served.address)
    self.assertEqual("", listed.out, "nothing was started")
    self.assert_greets(self.greet_in("local:free"))
    self.load(self.sign(paths.GREETER))
    self.assert_greets(self.greet_in("local:lab"))


@cases.needs_root
class LockSignatureOverSshTest(_SignedCase, locks.SshLockCase):

  def test_one_hop_and_two(self):
    first = self.near.target()
    second = f"{first}/{self.far.target()}"
    self.serve_signed(*self.required(), *self.near.flags())
    for target in (second, first):
      self.assertEqual(0, self.version(target))
      self.assert_greets(self.greet_in(target))
    self.load(self.sign(bundles.version(self.work, 1)))
    self.load_refused(bundles.version(self.work, 2))
    for target in (first, second, f"{second}/local:"):
      self.assertEqual(1, self.version(target))
