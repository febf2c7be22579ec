"""Whatever dies or stops, everybody who waits learns it, and nothing is left.

The tree is master → an agent → an agent below it → its module, once on this
machine and once behind sshd. Each process of it is killed or stopped while the
tree is idle, while a call waits, and while bulk is on its way.
"""

import json
import os
import signal

from fixtures import cases
from fixtures import cli
from fixtures import master
from fixtures import poll
from fixtures import processes
from fixtures import sshd

# Short, so that what is stopped is found soon. Limits below are far longer:
# they only tell a wait from a hang.
HEARTBEAT = "200ms"
PROMPT_S = 20
GONE_S = 10

WAIT = {"waitMs": 600_000}
BULK = {"payload": "eA==", "replyBytes": 4_000_000}


class Tree:
  """master → top → top/local: → its module; the pids by role."""

  def __init__(self, case, top):
    self.top, self.leaf = top, f"{top}/local:"
    self._case = case
    self._own_calls = 0
    module = self.info()
    pids = {}
    for line in case.contexts("list").out.splitlines():
      fields = line.split("\t")
      pids[fields[1]] = int(fields[4].removeprefix("pid "))
    self.roles = {"agent": pids[self.top], "leaf": pids[self.leaf],
                  "module": int(module["pid"])}
    if top.startswith("ssh:"):
      self.roles["session"] = max(
          p.pid for p in case.server.sessions() if p.name == "sshd")

  def call(self, method, request):
    return self._case.call(self.leaf, f"probe.v1.Probe/{method}", request,
                           "--master", self._case.master.address)

  def start_call(self, request):
    return self._case.cli.start(
        "call", self.leaf, "probe.v1.Probe/Echo", json.dumps(request),
        "--master", self._case.master.address)

  def info(self):
    self._own_calls += 1
    return self._case.assert_succeeds(self.call("Info", {}))

  def others_calls(self):
    """Calls that the module has got beside those of info()."""
    return int(self.info()["calls"]) - self._own_calls

  def name_of_lost(self, role):
    return {"leaf": f"context lost: {self.leaf} ",
            "module": f"module probe in context {self.leaf} ended: ",
            }.get(role, f"context lost: {self.top} ")

  def strike(self, role, number):
    os.kill(self.roles[role], number)

  def end(self):
    """What was stopped behind a lost link ends when it goes on."""
    self._case.contexts("disconnect", self.top)
    for pid in self.roles.values():
      if not processes.ended(pid):
        try:
          os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
          pass
    poll.until(lambda: all(map(processes.ended, self.roles.values())),
               f"{self.roles} to end", GONE_S)


class KillMatrixTest(cases.Case):
  """One master for all cases; each strike has a tree of its own."""

  checks_leftovers = False  # A tree's end looks for its own.

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))
    cls.cli_of_master = cli.Cli(cls.shared)
    cls.master = master.Master(cls.shared, cls.cli_of_master, "--heartbeat",
                               HEARTBEAT, *cls.server.flags())
    cls.addClassCleanup(cls.master.stop)

  def contexts(self, *arguments):
    return self.cli.run("contexts", *arguments, "--master",
                        self.master.address)

  def trees(self, top):
    """(role, tree) for each role; twice, because what broke the first time
    must not have left anything worse."""
    roles = ["agent", "leaf", "module"]
    if top.startswith("ssh:"):
      roles.append("session")
    for role in roles:
      for _ in range(2):
        tree = Tree(self, top)
        with self.subTest(role=role):
          yield role, tree
        tree.end()

  def check_waiter(self, process, lost):
    out, err = process.communicate(timeout=PROMPT_S)
    self.assertEqual(64 + 14, process.returncode, err)
    self.assertIn(lost, err.decode())

  def strike_during_a_call(self, top, number):
    for role, tree in self.trees(top):
      waiting = tree.start_call(WAIT)
      poll.until(lambda t=tree: t.others_calls() == 1, "the call to run",
                 PROMPT_S)
      tree.strike(role, number)
      self.check_waiter(waiting, tree.name_of_lost(role))

  def strike_during_bulk(self, top, number):
    for role, tree in self.trees(top):
      # One after the other, until one meets the strike.
      callers = [tree.start_call(BULK) for _ in range(4)]
      poll.until(lambda t=tree: t.others_calls() >= 1, "bulk", PROMPT_S)
      tree.strike(role, number)
      for caller in callers:
        _, err = caller.communicate(timeout=PROMPT_S)
        if caller.returncode != 0:
          self.assertEqual(64 + 14, caller.returncode, err)

  def strike_idle(self, top, number):
    for role, tree in self.trees(top):
      tree.strike(role, number)
      if role == "module":
        continue  # Nobody waits for it; the next call starts another.
      gone = tree.leaf if role == "leaf" else tree.top
      poll.until(lambda g=gone: f"\t{g}\t" not in self.contexts("list").out,
                 f"{gone} to be gone", PROMPT_S)

  def test_kill_during_a_call(self):
    self.strike_during_a_call("local:", signal.SIGKILL)
    self.strike_during_a_call(self.server.target(), signal.SIGKILL)

  def test_stop_during_a_call(self):
    self.strike_during_a_call("local:", signal.SIGSTOP)
    self.strike_during_a_call(self.server.target(), signal.SIGSTOP)

  def test_kill_during_bulk(self):
    self.strike_during_bulk("local:", signal.SIGKILL)
    self.strike_during_bulk(self.server.target(), signal.SIGKILL)

  def test_stop_during_bulk(self):
    self.strike_during_bulk("local:", signal.SIGSTOP)

  def test_kill_when_idle(self):
    self.strike_idle("local:", signal.SIGKILL)
    self.strike_idle(self.server.target(), signal.SIGKILL)

  def test_stop_when_idle(self):
    self.strike_idle("local:", signal.SIGSTOP)

  def test_an_idle_tree_outlives_many_heartbeats(self):
    tree = Tree(self, self.server.target())
    before = dict(tree.roles)
    # A call that is silent for 20 intervals.
    self.assert_succeeds(tree.call("Echo", {"waitMs": 4000}))
    self.assertEqual(before, Tree(self, self.server.target()).roles)
    tree.end()


class DescendantsTest(cases.Case):
  """What a module has started ends with its context, however it hides."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def hide(self, target, serving):
    for command in ("sleep 1000", "setsid sleep 1000",
                    "trap '' TERM HUP INT; sleep 1000",
                    "(setsid sh -c 'sleep 1000 & sleep 1000' &)"):
      self.assert_succeeds(self.call(
          target, "probe.v1.Probe/Spawn", {"command": command}, "--master",
          serving.address))

  def sleepers(self):
    return [p for p in processes.descendants() if p.command == "sleep 1000"]

  def serve_here(self):
    serving = master.Master(self.work, self.cli, *self.server.flags())
    self.addCleanup(lambda: serving.running() and serving.kill())
    return serving

  def check_all_gone(self, end):
    for target in ("local:", "local:/local:", self.server.target()):
      serving = self.serve_here()
      self.hide(target, serving)
      poll.until(lambda: len(self.sleepers()) == 5, "the sleepers", PROMPT_S)
      end(serving, target)
      poll.until(lambda: not self.sleepers(), f"{self.sleepers()} to end",
                 GONE_S)
      if serving.running():
        serving.stop()

  def test_after_a_disconnect(self):
    self.check_all_gone(lambda serving, target: self.cli.run(
        "contexts", "disconnect", target, "--master", serving.address))

  def test_after_the_masters_end(self):
    self.check_all_gone(lambda serving, _: serving.stop())

  def test_after_kill_9_of_the_master(self):
    self.check_all_gone(lambda serving, _: serving.kill())


class GraceTest(cases.Case):
  """Calls at work have the grace to end; new ones are refused."""

  def setUp(self):
    super().setUp()
    self.serving = self.until_end(
        master.Master(self.work, self.cli, "--heartbeat", HEARTBEAT), "stop")

  def start_echo(self, wait_ms):
    before = self.calls()
    process = self.cli.start(
        "call", "local:", "probe.v1.Probe/Echo",
        json.dumps({"waitMs": wait_ms}), "--master", self.serving.address)
    poll.until(lambda: self.calls() > before + self.asked, "the call to run",
               PROMPT_S)
    return process

  def calls(self):
    self.asked = getattr(self, "asked", -1) + 1
    return int(self.assert_succeeds(self.call(
        "local:", "probe.v1.Probe/Info", {}, "--master",
        self.serving.address))["calls"])

  def disconnect(self):
    return self.cli.run("contexts", "disconnect", "local:", "--master",
                        self.serving.address)

  def test_a_short_call_ends_well(self):
    call = self.start_echo(1000)
    self.assertEqual(0, self.disconnect().status)
    _, err = call.communicate(timeout=PROMPT_S)
    self.assertEqual(0, call.returncode, err)

  def test_a_call_that_takes_too_long_is_ended(self):
    call = self.start_echo(600_000)
    self.assertEqual(0, self.disconnect().status)
    _, err = call.communicate(timeout=PROMPT_S)
    self.assertEqual(64 + 14, call.returncode, err)
    self.assertIn("context lost: local: (phase call): it was shut down",
                  err.decode())
