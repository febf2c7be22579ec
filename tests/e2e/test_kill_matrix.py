"""Whatever dies, stops or loses its link: everybody who waits learns it, which
hop it was and why, within the limits, and nothing is left.

The tree of fixtures/kill_tree.py; the master in test_kill_master.py, a connect
in test_kill_bootstrap.py, the network in test_link_down.py.
"""

import dataclasses
import signal

from fixtures import cases
from fixtures import cli
from fixtures import kill_tree
from fixtures import processes
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

# The promise for what has lost its parent.
GONE_S = 1

@dataclasses.dataclass(frozen=True)
class Row:
  """One process, and what a strike at it costs."""
  top: str     # "local:", or how it is reached: "libssh2", "openssh"
  role: str    # whom the strike hits
  lost: str    # what waiters are told was lost
  ends: tuple  # who ends with it
  kill: str    # and why: after SIGKILL,
  stop: str    # SIGSTOP,
  close: str   # the end of its link while the process lives
  # Who is left behind, stopped, after SIGSTOP: nobody can kill it from another
  # machine.
  stopped: tuple = ()


_TOP = r"^context lost: {top} \(phase call\): "
_LEAF = r"^context lost: {top}/local: \(phase call\): "
_MODULE = r"^module probe in context {top}/local: ended: "

_KILLED = r"killed by signal 9 \(SIGKILL\)"
_SILENT = f"{kill_tree.SILENT}$"
# The parent finds silence; or the process notices what happened to it, and its
# end is told.
_UNLINKED = f"({_SILENT}|.* killed by .*SIGABRT|.* exited with status)"
# Whichever of its output and its end is seen first.
_SSH_ENDED = "(ssh exited with status 255|connection lost)"

_ALL = ("agent", "leaf", "module")
_FAR = (*_ALL, "session")
_BINARY = (*_FAR, "ssh")
_BELOW = ("leaf", "module")


def _leaf(top):
  return Row(top, "leaf", _LEAF, _BELOW, f"the local agent was {_KILLED}$",
             _SILENT, _UNLINKED)


def _module(top):
  return Row(top, "module", _MODULE, ("module",), f"{_KILLED}$",
             f"{_KILLED} after a signal had stopped it$",
             f"({_KILLED}|exit status 0)$")


ROWS = (
    Row("local:", "agent", _TOP, _ALL, f"the local agent was {_KILLED}$",
        _SILENT, _UNLINKED),
    _leaf("local:"),
    _module("local:"),
    Row("libssh2", "agent", _TOP, _FAR, "remote command was killed by SIGKILL$",
        _SILENT, _UNLINKED, ("agent",)),
    _leaf("libssh2"),
    _module("libssh2"),
    Row("libssh2", "session", _TOP, _FAR, "connection lost: ", _SILENT,
        "connection lost: ", ("session",)),
    # The ssh binary does not tell the signal.
    Row("openssh", "agent", _TOP, _BINARY, "connection lost$", _SILENT,
        _UNLINKED, ("agent",)),
    Row("openssh", "session", _TOP, _BINARY, _SSH_ENDED, _SILENT,
        _SSH_ENDED, ("session",)),
    Row("openssh", "ssh", _TOP, _BINARY, f"ssh was {_KILLED}", _SILENT,
        _UNLINKED),
)


class KillMatrixTest(cases.Case):
  """One master for each transport and all cells; each has a tree of its own."""

  checks_leftovers = False  # Each cell looks for its own.

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    # For the cells that cut a connection.
    cls.passing = relay.Relay(cls.server.port)
    cls.addClassCleanup(cls.passing.close)
    known = recorded.known_to(cls.server, cls.passing.port, cls.shared)
    cls.doors, cls.clis = {}, {}
    for transport in ("libssh2", "openssh"):
      cls.clis[transport] = cli.Cli(cls.shared.nested(transport))
      cls.doors[transport] = kill_tree.Door(
          cls.shared, cls.clis[transport],
          *cls.server.flags(known_hosts=known), "--ssh-transport", transport,
          name=f"{transport}.sock")
      cls.addClassCleanup(cls.doors[transport].close)
    cls.doors["local:"] = cls.doors["libssh2"]
    cls.descriptors = {}

  def strike(self, tree, row, how):
    if how == "kill":
      tree.signal(signal.SIGKILL, [row.role])
    elif how == "stop":
      tree.signal(signal.SIGSTOP, [row.role])
    elif row.role == "session":
      self.passing.cut()
    else:
      tree.close_link(row.role)

  def cell(self, row, how, activity):
    door = self.doors[row.top]
    cuts = (how, row.role) == ("close", "session")
    top = row.top if row.top == "local:" else self.server.target(
        port=self.passing.port if cuts else None)
    files = self.server.scratch_files()
    leftovers = processes.Leftovers()
    tree = kill_tree.Tree(door, top)
    try:
      self.strike_and_check(tree, row, how, activity)
    finally:
      tree.end()
    left = leftovers.wait(kill_tree.HANG_S)
    self.assertEqual([], [(p.pid, p.name, p.command) for p in left])
    self.assertEqual(files, self.server.scratch_files())
    kill_tree.check_descriptors(self.doors[row.top], self.descriptors)

  def strike_and_check(self, tree, row, how, activity):
    door = self.doors[row.top]
    waiting = kill_tree.ACTIVITIES[activity](tree)
    lost = row.lost.format(top=tree.top) + getattr(row, how)
    limit_s = kill_tree.LOADED_S + (
        0 if how == "kill" else kill_tree.HEARTBEAT_S)
    try:
      self.strike(tree, row, how)
      waiting.check(self, lost, limit_s)
    finally:
      waiting.stop()
    ends = [role for role in row.ends
            if not (how == "stop" and role in row.stopped)]
    tree.wait_until_gone(ends, GONE_S + limit_s)
    for role in set(tree.roles) - set(row.ends):
      self.assertFalse(processes.ended(tree.roles[role]), f"{role} ended")
    # It heals: the next call starts what is missing, and no more.
    self.assertNotEqual(tree.roles["module"],
                        kill_tree.info_again(self, tree, lost).pid)
    if "agent" not in row.ends:
      self.assertEqual(tree.roles["agent"], door.pids()[tree.top])

  def cells(self, how, activity):
    for row in ROWS:
      with self.subTest(top=row.top, role=row.role):
        self.cell(row, how, activity)

  def test_kill_when_idle(self):
    self.cells("kill", "idle")

  def test_kill_during_a_call(self):
    self.cells("kill", "call")

  def test_kill_during_bulk(self):
    self.cells("kill", "bulk")

  def test_stop_when_idle(self):
    self.cells("stop", "idle")

  def test_stop_during_a_call(self):
    self.cells("stop", "call")

  def test_stop_during_bulk(self):
    self.cells("stop", "bulk")

  @cases.needs_root
  def test_close_when_idle(self):
    self.cells("close", "idle")

  @cases.needs_root
  def test_close_during_a_call(self):
    self.cells("close", "call")

  @cases.needs_root
  def test_close_during_bulk(self):
    self.cells("close", "bulk")

  def test_an_idle_tree_outlives_many_heartbeats(self):
    door = self.doors["libssh2"]
    tree = kill_tree.Tree(door, self.server.target())
    before = dict(tree.roles)
    # A call that is silent for 20 intervals.
    door.start_echo(tree.leaf, wait_ms=6000).result()
    self.assertEqual(before, kill_tree.Tree(
        door, self.server.target()).roles)
    tree.end()
