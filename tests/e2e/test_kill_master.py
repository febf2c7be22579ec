"""The master itself dies or stops: everything below it is gone."""

import os
import signal
import time

from fixtures import cases
from fixtures import kill_tree
from fixtures import poll
from fixtures import sshd

# The promise for what has lost its parent; a loaded machine gets more.
GONE_S = 1 + 2


class KillMasterTest(cases.Case):
  """A master for each cell, with a local tree and one behind sshd."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def start(self, transport):
    door = self.until_end(kill_tree.Door(
        self.work, self.cli, *self.server.flags(), "--ssh-transport",
        transport, name=f"{transport}.sock"))
    return door, [kill_tree.Tree(door, top)
                  for top in ("local:", self.server.target())]

  def check(self, waiting, trees, lost):
    for tree, activity in zip(trees, waiting):
      try:
        activity.check(self, lost.format(top=tree.top), kill_tree.HANG_S)
      finally:
        activity.stop()

  def kill(self, activity):
    for transport in ("libssh2", "openssh"):
      files = self.server.scratch_files()
      door, trees = self.start(transport)
      waiting = [kill_tree.ACTIVITIES[activity](tree) for tree in trees]
      os.kill(door.master.pid, signal.SIGKILL)
      for tree in trees:
        tree.wait_until_gone(tree.roles, GONE_S)
      self.check(waiting, trees, ".")  # gRPC's own words.
      self.assertEqual(files, self.server.scratch_files())

  def stop(self, activity):
    for transport in ("libssh2", "openssh"):
      files = self.server.scratch_files()
      door, trees = self.start(transport)
      waiting = [kill_tree.ACTIVITIES[activity](tree) for tree in trees]
      os.kill(door.master.pid, signal.SIGSTOP)
      for tree in trees:
        # Who is left without a word from above ends by itself.
        tree.wait_until_gone(("agent", "leaf", "module"),
                             GONE_S + kill_tree.HEARTBEAT_S)
      self.assertEqual(files, self.server.scratch_files())
      os.kill(door.master.pid, signal.SIGCONT)
      # It finds what is lost, blames who is gone, and is as good as new.
      lost = r"^context lost: {top} \(phase call\): "
      self.check(waiting, trees, lost)
      for tree in trees:
        tree.wait_until_gone(tree.roles, GONE_S)
        self.assertNotEqual(tree.roles["module"],
                            kill_tree.info_again(self, tree, lost.format(
                                top=tree.top)).pid)

  def test_kill_when_idle(self):
    self.kill("idle")

  def test_kill_during_a_call(self):
    self.kill("call")

  def test_kill_during_bulk(self):
    self.kill("bulk")

  def test_stop_when_idle(self):
    self.stop("idle")

  def test_stop_during_a_call(self):
    self.stop("call")

  def test_stop_during_bulk(self):
    self.stop("bulk")


class KillClientTest(cases.Case):
  """A client of the master dies."""

  # Of a disconnect with a call at work.
  GRACE_S = 3

  def test_its_calls_are_cancelled(self):
    door = self.until_end(kill_tree.Door(self.work, self.cli))
    for _ in range(2):
      before, asked = door.info("local:").calls, 0
      client = self.cli.start(
          "call", "local:", "probe.v1.Probe/Echo", '{"waitMs":"600000"}',
          "--master", door.master.address)

      def at_work():
        nonlocal asked
        asked += 1
        return door.info("local:").calls - before > asked
      poll.until(at_work, "the call to run", kill_tree.HANG_S)
      client.kill()
      client.communicate()
      # A call at work would hold it up for as long as the grace.
      begin = time.monotonic()
      door.disconnect("local:")
      self.assertLess(time.monotonic() - begin, self.GRACE_S - 0.5)
