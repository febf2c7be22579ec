"""A tree of x86_64 and AArch64 contexts, by QEMU's user mode emulation."""

import base64
import json
import os
import unittest

from fixtures import aarch64
from fixtures import bundles
from fixtures import cases
from fixtures import emulation
from fixtures import keys
from fixtures import minisign
from fixtures import paths
from fixtures import relay
from fixtures import sshd
from fixtures import users

MIB = 1024 * 1024


def setUpModule():
  why = emulation.why_not()
  if not why:
    return
  if os.environ.get("CI"):
    raise RuntimeError(f"AArch64 programs must run in CI: {why}")
  print(f"!!! NO AARCH64 PROGRAM RUNS HERE, so its cases are skipped: {why}")
  raise unittest.SkipTest(why)


class PlatformsTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.arm = cls.serve(aarch64.Aarch64Server(
        cls.shared, users=[users.User("arm")]))
    cls.x86 = cls.serve(sshd.SshServer(
        cls.shared, "x86_64", users=[users.User("x86")]))
    for here in (cls.arm, cls.x86):
      here.authorize(cls.arm.identity)
      cls.let_out(here, (cls.arm, cls.x86))
    cls.known_hosts = cls.shared.write(
        "both_known_hosts",
        cls.arm.known_hosts.read_text() + cls.x86.known_hosts.read_text())

  @classmethod
  def let_out(cls, here, others):
    """Lets the user of `here` enter the others from there."""
    ssh = cls.shared.folder(f"{here.name}/home/{here.user.name}/.ssh", 0o700,
                            here.user.id)
    key = keys.generate(ssh / "id_ed25519")
    known = ssh / "known_hosts"
    known.write_text("".join(o.known_hosts.read_text() for o in others))
    for path in (key, ssh / "id_ed25519.pub", known):
      users.give(here.user, path)
    for other in others:
      other.authorize(key)

  def flags(self):
    return self.arm.flags(known_hosts=self.known_hosts)

  def machine(self, target, *flags):
    reply = self.assert_succeeds(self.call(
        target, "probe.v1.Probe/Info", {}, *self.flags(), *flags))
    return reply["machine"]

  def test_the_machine_is_what_it_says(self):
    said = self.arm.ssh("uname", "-sm").stdout.decode().strip()
    self.assertEqual("Linux aarch64", said)
    said = self.x86.ssh("uname", "-sm").stdout.decode().strip()
    self.assertEqual("Linux x86_64", said)

  def test_a_first_call_finds_the_right_agent_and_image(self):
    # The guess is wrong: another agent is asked for, and another image.
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        self.assertEqual("aarch64", self.machine(
            self.arm.target(), "--ssh-transport", transport))
        self.assert_greets(self.greet(self.arm.target(), *self.flags(),
                                      "--ssh-transport", transport))

  def test_who_says_what_the_target_is_sends_it_one_image(self):
    image = bundles.image_bytes(self.work, paths.PROBE)
    sent = []
    for flags in ((), ("--platform", "linux-aarch64")):
      line = relay.Relay(self.arm.port)
      self.assertEqual("aarch64", self.machine(
          self.arm.target(port=line.port), "--host-key-check", "off", *flags))
      line.close()
      sent.append(line.bytes(relay.TO_SERVER))
    self.assertGreater(sent[0] - sent[1], image * 0.5)
    # And who says something wrong gets the right one all the same.
    self.assertEqual("x86_64", self.machine(
        self.x86.target(), "--platform", "linux-aarch64"))

  def test_both_kinds_of_contexts_insist_on_signatures(self):
    key = minisign.Key(self.work)
    signed = minisign.with_statement(self.work, self.cli, paths.GREETER, key)
    for target in (self.arm.target(),
                   f"{self.x86.target()}/{self.arm.target()}",
                   f"{self.arm.target()}/{self.x86.target()}"):
      self.assert_greets(self.greet(target, *self.flags(), "--lock-signature",
                                    key.public, module=signed))

  def test_an_aarch64_context_has_children_of_its_own(self):
    self.assertEqual("aarch64", self.machine(f"{self.arm.target()}/local:"))
    self.assertEqual("aarch64",
                     self.machine(f"{self.arm.target()}/{self.arm.target()}"))

  def test_an_aarch64_parent_has_an_x86_64_child(self):
    self.assertEqual("x86_64",
                     self.machine(f"{self.arm.target()}/{self.x86.target()}"))

  def test_an_x86_64_parent_has_an_aarch64_child(self):
    self.assertEqual("aarch64",
                     self.machine(f"{self.x86.target()}/{self.arm.target()}"))

  def test_calls_pass_through_a_chain_of_both(self):
    chain = "/".join(s.target() for s in (self.arm, self.x86, self.arm))
    payload = base64.b64encode(os.urandom(MIB)).decode()
    reply = self.assert_succeeds(self.call(
        chain, "probe.v1.Probe/Echo", "-", *self.flags(),
        input=json.dumps({"payload": payload})))
    self.assertEqual(payload, reply["payload"])
    self.assertEqual("aarch64", self.machine(chain))
