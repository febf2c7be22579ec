"""The network goes silent: the link between two network namespaces is down.

Nobody is told and no packet arrives; heartbeats find it at both ends. In a
connect its own limit does.
"""

import contextlib
import os

from fixtures import cases
from fixtures import cli
from fixtures import kill_tree
from fixtures import netns
from fixtures import paths
from fixtures import poll
from fixtures import processes
from fixtures import sshd

CONNECT_S = 1
# Once the link is up again TCP needs some of its growing intervals.
GONE_S = 30
LOST = r"^context lost: {top} \(phase call\): " + kill_tree.SILENT + "$"
# sshd's own processes wait for their client until TCP tells them.
OURS = ("agent", "leaf", "module")


@cases.needs_root
class LinkDownTest(cases.Case):

  checks_leftovers = False  # Each cell looks for its own.

  @classmethod
  def prepare(cls):
    cls.cable = netns.Cable()
    cls.addClassCleanup(cls.cable.close)
    # The first stage waits there, once it is asked to.
    cls.waits = cls.shared.path / "waits"
    cls.here = cls.shared.path / "here"
    cls.here.touch()
    cls.here.chmod(0o666)
    wrapper = cls.shared.write("wrapper", (
        f"#!/bin/sh\nif [ -p {cls.waits} ]; then echo here > {cls.here}; "
        f"read line < {cls.waits}; fi\n"
        'exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'), 0o755)
    cls.server = cls.serve(sshd.SshServer(
        cls.shared, cable=cls.cable, config=[f"ForceCommand {wrapper}"]))
    cls.doors, cls.clis, cls.descriptors = {}, {}, {}
    for transport in ("libssh2", "openssh"):
      cls.clis[transport] = cli.Cli(cls.shared.nested(transport))
      cls.clis[transport].prefix = cls.cable.near.enter
      cls.doors[transport] = kill_tree.Door(
          cls.shared, cls.clis[transport], *cls.server.flags(),
          "--ssh-transport", transport, name=f"{transport}.sock")
      cls.addClassCleanup(cls.doors[transport].close)
    cls.near_cli = cls.clis["libssh2"]

  def setUp(self):
    super().setUp()
    self.files = self.server.scratch_files()
    self.leftovers = processes.Leftovers()

  @contextlib.contextmanager
  def link_down(self, at):
    """For the time of a `with`; then everything must be gone."""
    self.cable.cut(at)
    try:
      yield
    finally:
      self.cable.mend(at)
    left = self.leftovers.wait(GONE_S)
    self.leftovers.kill()
    self.assertEqual([], [(p.pid, p.name, p.command) for p in left])
    self.assertEqual(self.files, self.server.scratch_files())

  def cell(self, transport, activity, at):
    door = self.doors[transport]
    tree = kill_tree.Tree(door, self.server.target())
    waiting = kill_tree.ACTIVITIES[activity](tree)
    limit_s = kill_tree.HEARTBEAT_S + kill_tree.LOADED_S
    try:
      with self.link_down(at):
        waiting.check(self, LOST.format(top=tree.top), limit_s)
        waiting.stop()
        # Nobody could tell them: their own heartbeats end them.
        tree.wait_until_gone(OURS, limit_s)
        poll.until(lambda: tree.top not in door.pids(), "the loss", limit_s)
    finally:
      waiting.stop()
      tree.end()
    kill_tree.check_descriptors(door, self.descriptors)

  def cells(self, activity, *ends):
    for transport in self.doors:
      for at in ends:
        with self.subTest(transport=transport, at=at):
          self.cell(transport, activity, at)

  def test_when_idle(self):
    self.cells("idle", "far")

  def test_during_a_call(self):
    self.cells("call", "near", "far")

  def test_during_bulk(self):
    self.cells("bulk", "near", "far")

  def connect(self, transport):
    return self.near_cli.start(
        "call", self.server.target(), "probe.v1.Probe/Info", "{}", "--module",
        paths.PROBE, *self.server.flags(), "--ssh-transport", transport,
        "--deadline", f"{CONNECT_S}s")

  def check_refused(self, process, phases):
    _, err = process.communicate(timeout=CONNECT_S + kill_tree.HANG_S)
    self.assertEqual(64 + 4, process.returncode, err)
    self.assertRegex(
        err.decode(), rf"{self.server.target()} \(hop 1, phase ({phases})\): "
        r"not done within \d+ ms")

  def test_before_a_connect(self):
    for transport in self.doors:
      with self.subTest(transport=transport), self.link_down("far"):
        self.check_refused(self.connect(transport), "connect")

  def test_during_a_bootstrap(self):
    # The ssh binary does not tell when the command is at work.
    for transport, phases in (("libssh2", "first stage"),
                              ("openssh", "connect|first stage")):
      with self.subTest(transport=transport):
        os.mkfifo(self.waits)
        self.waits.chmod(0o666)
        self.here.write_text("")
        process = self.connect(transport)
        try:
          poll.until(self.here.read_text, "the first stage to wait")
          with self.link_down("far"):
            self.check_refused(process, phases)
            self.waits.write_text("go on\n")
            self.waits.unlink()
        finally:
          self.waits.unlink(missing_ok=True)
