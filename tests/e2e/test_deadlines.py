"""A deadline ends every phase, in its time, and names the phase."""

import random
import socket

from fixtures import cases
from fixtures import codes
from fixtures import mounts
from fixtures import ports
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

# Far above every deadline used here: it tells a kept deadline from a hang.
KEPT_S = 15


class DeadlineTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def exceeds(self, result, phases, hop=""):
    self.assert_fails(result, "DEADLINE_EXCEEDED", phases=phases, hop=hop,
                      within_s=KEPT_S)

  def greet_port(self, port, transport, deadline="1s"):
    return self.greet(f"ssh:guest@127.0.0.1:{port}", "-F",
                      self.work.write("config", ""), "--known-hosts",
                      self.work.write("known_hosts", ""), "--ssh-transport",
                      transport, "--deadline", deadline)

  def test_connect(self):
    port = self.until_end(ports.Unanswering()).port
    for transport in ("libssh2", "openssh", "auto"):
      self.exceeds(self.greet_port(port, transport), ("connect",),
                   f"ssh:guest@127.0.0.1:{port}")

  def test_a_server_that_accepts_and_says_nothing(self):
    port = self.until_end(relay.Relay(silent=True)).port
    for transport in ("libssh2", "auto"):
      self.exceeds(self.greet_port(port, transport),
                   ("connect", "key exchange"),
                   f"ssh:guest@127.0.0.1:{port}")
    self.exceeds(self.greet_port(port, "openssh"), codes.PHASES,
                 f"ssh:guest@127.0.0.1:{port}")

  def stall_everywhere(self, transport):
    def greet(port, known, *flags):
      return self.greet(self.server.target(port=port),
                        *self.server.flags(known_hosts=known),
                        "--ssh-transport", transport, *flags)
    limits = recorded.points(
        lambda port, known: self.assert_greets(greet(port, known)),
        self.server, self.work)
    phases = []
    for limit in limits:
      with self.subTest(transport=transport, server_bytes=limit):
        stalling = relay.Relay(self.server.port, stall_after=limit)
        result = greet(stalling.port,
                       recorded.known_to(self.server, stalling.port,
                                         self.work), "--deadline", "1s")
        stalling.close()
        if result.status == 0:  # The reply was already there.
          self.assert_greets(result)
          self.assertLess(result.seconds, KEPT_S)
          continue
        self.exceeds(result, codes.PHASES,
                     self.server.target(port=stalling.port))
        phases.append(self.phase(result))
    return phases

  def test_libssh2_names_each_phase_in_order(self):
    phases = self.stall_everywhere("libssh2")
    # Connections differ by a few bytes, so that a point at the end of a phase
    # may be one at the beginning of the next.
    numbers = [codes.PHASES.index(phase) for phase in phases]
    for before, after in zip(numbers, numbers[1:]):
      self.assertGreaterEqual(after, before - 1, phases)
    for phase in ("key exchange", "authentication"):
      self.assertIn(phase, phases)
    self.assertTrue({"channel", "exec"} & set(phases), phases)
    self.assertTrue({"first stage", "handshake"} & set(phases), phases)

  def test_openssh_keeps_the_deadline_in_each_phase(self):
    self.assertTrue(self.stall_everywhere("openssh"))

  def test_a_call(self):
    for target, flags in (("local:", ()), ("local:/local:", ()),
                          (self.server.target(), self.server.flags())):
      for _ in range(2):
        result = self.call(target, "probe.v1.Probe/Echo",
                           {"waitMs": "60000"}, *flags, "--deadline", "2s")
        self.exceeds(result, ("call",))

  def test_a_deadline_of_one_millisecond(self):
    for target, flags in (("local:", ()),
                          (self.server.target(), self.server.flags())):
      result = self.call(target, "probe.v1.Probe/Echo", {"waitMs": "5000"},
                         *flags, "--deadline", "1ms")
      self.exceeds(result, ())

  def test_units_of_a_deadline(self):
    for text in ("20s", "20000ms", "1m"):
      self.assert_greets(self.greet("local:", "--deadline", text))


@cases.needs_root
class SilentTargetTest(cases.Case):
  """Names that do not resolve and commands that do not answer."""

  def with_name_server(self, address):
    conf = self.work.write("resolv.conf",
                           f"nameserver {address}\noptions timeout:5\n")
    switch = self.work.write("nsswitch.conf", "passwd: files\ngroup: files\n"
                             "hosts: files dns\n")
    space = mounts.Namespace([
        f"mount --bind {conf} $(readlink -f /etc/resolv.conf)",
        f"mount --bind {switch} /etc/nsswitch.conf"])
    self.addCleanup(space.close)
    self.cli.prefix = space.enter

  def test_a_name_server_that_says_nothing(self):
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # Port 53 is the resolver's choice; the address is free to choose.
    address = "127.%d.%d.%d" % tuple(random.randrange(1, 255)
                                     for _ in range(3))
    silent.bind((address, 53))
    self.until_end(silent)
    self.with_name_server(address)
    for transport in ("libssh2", "openssh"):
      result = self.greet("ssh:guest@web1.invalid", "-F",
                          self.work.write("config", ""), "--ssh-transport",
                          transport, "--deadline", "1s")
      self.assert_fails(result, "DEADLINE_EXCEEDED",
                        phases=("resolve",) if transport == "libssh2" else
                        codes.PHASES, hop="web1.invalid", within_s=KEPT_S)

  def test_a_name_that_does_not_exist(self):
    self.with_name_server("127.0.0.1")  # Nothing listens there: refused.
    for transport in ("libssh2", "openssh", "auto"):
      for _ in range(2):
        result = self.greet("ssh:guest@web1.invalid", "-F",
                            self.work.write("config", ""), "--ssh-transport",
                            transport)
        self.assert_fails(result, "UNAVAILABLE", phases=("resolve",),
                          hop="web1.invalid")

  def silent_server(self, script):
    wrapper = self.work.write("wrapper", f"#!/bin/sh\n{script}\n", 0o755)
    return self.own(sshd.SshServer(self.work,
                                   config=[f"ForceCommand {wrapper}"]))

  def test_a_command_that_never_answers(self):
    server = self.silent_server("exec cat >/dev/null")
    for transport in ("libssh2", "openssh"):
      for _ in range(2):
        result = self.greet(server.target(), *server.flags(),
                            "--ssh-transport", transport, "--deadline", "2s")
        self.assert_fails(result, "DEADLINE_EXCEEDED",
                          phases=("exec", "first stage") if transport != "openssh"
                          else ("connect", "exec", "first stage"),
                          hop=server.target(), within_s=KEPT_S)

  def test_a_command_that_says_why_and_never_ends(self):
    server = self.silent_server("echo waiting for the disk >&2; "
                                "exec cat >/dev/null")
    result = self.greet(server.target(), *server.flags(), "--deadline", "2s")
    self.assert_fails(result, "DEADLINE_EXCEEDED", phases=("first stage",),
                      text="waiting for the disk", within_s=KEPT_S)
