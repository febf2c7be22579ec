"""A context that was detached lives on without its master, and ends alone."""

import itertools
import json
import os
import signal

from fixtures import cases
from fixtures import master
from fixtures import poll
from fixtures import processes
from fixtures import sshd

PROMPT_S = 20
# Silent for longer than that, a context that still had a parent would be lost.
HEARTBEAT = "500ms"
WAIT = {"waitMs": 600_000}

_numbers = itertools.count(1)


class DetachTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def setUp(self):
    super().setUp()
    self.serving = self.serve_here()

  def serve_here(self):
    serving = master.Master(self.work, self.cli, "--heartbeat", HEARTBEAT,
                            *self.server.flags())
    self._ends.append(lambda: serving.running() and serving.kill())
    return serving

  def contexts(self, *arguments):
    return self.cli.run("contexts", *arguments, "--master",
                        self.serving.address)

  def names(self):
    return [line.split("\t")[1]
            for line in self.contexts("list").out.splitlines()]

  def ask(self, target, method, request):
    return self.assert_succeeds(self.call(
        target, f"probe.v1.Probe/{method}", request, "--master",
        self.serving.address))

  def detach(self, target):
    """Detaches it and returns its pid, which nobody tells afterwards."""
    result = self.contexts("detach", target)
    self.assertEqual(0, result.status, result)
    name, what, _, pid, _ = result.out.strip().split("\t")
    self.assertEqual((target, "detached"), (name, what))
    self.assertNotIn(target, self.names())
    pid = int(pid.removeprefix("pid "))
    self._ends.append(lambda: self.end_by_force(pid))
    return pid

  @staticmethod
  def end_by_force(pid):
    """Whatever a case that failed has left."""
    for process in [pid, *(p.pid for p in processes.descendants(pid))]:
      if not processes.ended(process):
        os.kill(process, signal.SIGKILL)

  def module(self, target):
    return int(self.ask(target, "Info", {})["pid"])

  def worker(self, target):
    """A program below the module that ends when it is told to: its mark.

    It writes far more than a pipe holds before, so that somebody has to read
    it; where nobody does it goes on for ever.
    """
    mark = f"worker-{next(_numbers)}."
    self.ask(target, "Spawn", {"command": (
        f"(: {mark}; trap 'head -c 1000000 /dev/zero | tr \"\\0\" \"\\n\" &&"
        " exit' USR1; while :; do sleep 0.02; done)")})
    poll.until(lambda: self.workers(mark), "the worker", PROMPT_S)
    return mark

  @staticmethod
  def workers(mark):
    return [p.pid for p in processes.descendants() if mark in p.command and
            p.name == "sh"]

  def assert_works(self, mark):
    (pid,) = self.workers(mark)
    # Its trap is set before it sleeps.
    poll.until(lambda: processes.children(pid), "the worker's sleep", PROMPT_S)
    os.kill(pid, signal.SIGUSR1)
    self.until_ended(pid)

  def assert_alive(self, *pids):
    for pid in pids:
      self.assertFalse(processes.ended(pid), processes.read(pid))

  def until_ended(self, *pids):
    poll.until(lambda: all(map(processes.ended, pids)), f"{pids} to end",
               PROMPT_S)

  def terminate(self, pid, *others):
    os.kill(pid, signal.SIGTERM)
    self.until_ended(pid, *others)

  def check_outlives(self, target, end):
    module = self.module(target)
    worker = self.worker(target)
    agent = self.detach(target)
    end()
    self.assert_works(worker)
    self.assert_alive(agent, module)
    self.terminate(agent, module)

  def test_it_outlives_its_master(self):
    self.check_outlives("local:", self.serving.stop)

  def test_it_outlives_its_master_behind_ssh(self):
    self.check_outlives(self.server.target(), self.serving.stop)

  def test_it_outlives_its_master_behind_the_ssh_binary(self):
    self.serving.stop()
    self.serving = master.Master(self.work, self.cli, "--ssh-transport",
                                 "openssh", *self.server.flags())
    self._ends.append(lambda: self.serving.running() and self.serving.kill())
    self.check_outlives(self.server.target(), self.serving.stop)

  def test_it_outlives_kill_9_of_its_master(self):
    self.check_outlives("local:", self.serving.kill)
    self.serving = self.serve_here()
    self.check_outlives(self.server.target(), self.serving.kill)

  def test_it_outlives_the_sshd_session(self):
    def end():
      for process in self.server.sessions():
        if process.name == "sshd":
          os.kill(process.pid, signal.SIGKILL)
    self.check_outlives(self.server.target(), end)

  def test_one_below_another_outlives_both(self):
    for target in ("local:/local:", f"{self.server.target()}/local:"):
      above = target.split("/", maxsplit=1)[0]
      self.check_outlives(target, lambda a=above: self.assertEqual(
          0, self.contexts("disconnect", a).status))

  def test_it_outlives_all_who_were_above_it_one_by_one(self):
    deep = "local:/local:/local:/local:"
    def end():
      for target in ("local:/local:/local:", "local:/local:", "local:"):
        self.assertEqual(0, self.contexts("disconnect", target).status)
        self.assertNotIn(target, self.names())
      self.serving.stop()
    self.check_outlives(deep, end)

  def test_the_others_stay(self):
    self.module("local:a/local:")
    self.module("local:b")
    agent = self.detach("local:a/local:")
    self.assertEqual(["local:a", "local:b"], self.names())
    # The name is free again; ids are not.
    before = self.module("local:a/local:")
    self.assert_alive(agent)
    self.terminate(agent)
    self.assertEqual(before, self.module("local:a/local:"))

  def test_its_subtree_goes_with_it(self):
    below = {target: self.module(target)
             for target in ("local:/local:", "local:/local:/local:")}
    worker = self.worker("local:/local:/local:")
    waiting = [self.start_echo(target) for target in ("local:", *below)]
    agent = self.detach("local:")
    for call in waiting:
      self.assert_told(call)
    self.assertEqual([], self.names())
    self.serving.stop()
    self.assert_works(worker)
    self.assert_alive(agent, *below.values())
    family = [p.pid for p in processes.descendants(agent)]
    self.assertGreaterEqual(len(family), 5)
    self.terminate(agent, *family)

  def start_echo(self, target):
    before, asked = int(self.ask(target, "Info", {})["calls"]), 0
    waiting = self.cli.start("call", target, "probe.v1.Probe/Echo",
                             json.dumps(WAIT), "--master",
                             self.serving.address)
    def runs():
      nonlocal asked
      asked += 1
      return int(self.ask(target, "Info", {})["calls"]) - asked > before
    poll.until(runs, "the call to run", PROMPT_S)
    return waiting

  def assert_told(self, call):
    _, err = call.communicate(timeout=PROMPT_S)
    self.assertEqual(64 + 14, call.returncode, err)
    self.assertIn("ramet: UNAVAILABLE: context lost: local: (phase call): "
                  "detached\n", err.decode())

  def test_a_call_goes_on_and_its_caller_is_told(self):
    call = self.start_echo("local:")
    module = self.module("local:")
    agent = self.detach("local:")
    self.assert_told(call)
    self.assert_alive(agent, module)
    # Longer than heartbeats may be missed: nobody misses the parent.
    worker = self.worker_of_time()
    poll.until(worker.exists, "time to pass", PROMPT_S)
    self.assert_alive(agent, module)
    self.terminate(agent, module)

  def worker_of_time(self):
    mark = self.work.path / "later"
    self.ask("local:clock", "Spawn",
             {"command": f"(sleep 2; touch {mark})"})
    return mark

  def test_it_ends_with_its_last_module(self):
    module = self.module("local:")
    below = self.module("local:/local:")
    agent = self.detach("local:")
    children = [p.pid for p in processes.descendants(agent)
                if p.pid not in (module, below) and p.exe.endswith("(deleted)")]
    self.assertEqual(1, len(children))
    self.serving.stop()
    os.kill(module, signal.SIGKILL)
    self.until_ended(module)
    self.assert_alive(agent, below)
    os.kill(children[0], signal.SIGKILL)
    self.until_ended(agent, below)

  def test_one_with_nothing_to_do_ends_at_once(self):
    self.assertEqual(0, self.contexts("connect", "local:").status)
    self.until_ended(self.detach("local:"))

  def test_sigterm_ends_everything_that_it_has_started(self):
    for command in ("trap '' TERM HUP INT; sleep 1000",
                    "(setsid sh -c 'sleep 1000 & sleep 1000' &)"):
      self.ask("local:/local:", "Spawn", {"command": command})
    agent = self.detach("local:")
    self.serving.stop()
    family = [p.pid for p in processes.descendants(agent)]
    poll.until(lambda: len([p for p in processes.descendants(agent)
                            if p.command == "sleep 1000"]) == 3,
               "the sleepers", PROMPT_S)
    self.terminate(agent, *family)
    self.assertEqual([], [p for p in processes.descendants()
                          if p.command == "sleep 1000"])

  def test_sigterm_gives_calls_at_work_a_grace(self):
    call = self.start_echo("local:")
    agent = self.detach("local:")
    self.assert_told(call)
    os.kill(agent, signal.SIGTERM)
    os.kill(agent, signal.SIGTERM)
    mark = self.worker_of_time()
    poll.until(mark.exists, "a second to pass", PROMPT_S)
    self.assert_alive(agent)
    self.until_ended(agent)

  def test_sighup_does_nothing(self):
    module = self.module("local:")
    agent = self.detach("local:")
    os.kill(agent, signal.SIGHUP)
    worker = self.worker_of_time()
    poll.until(worker.exists, "time to pass", PROMPT_S)
    self.assert_alive(agent, module)
    self.terminate(agent, module)

  def test_who_looks_can_see_that_it_is_detached(self):
    self.module("local:x")
    agent = self.detach("local:x")
    self.assertEqual("ramet: local:x, detached",
                     processes.read(agent).command)
    self.terminate(agent)

  def test_it_has_no_descriptor_of_its_parent(self):
    self.module("local:")
    before = processes.open_descriptors(self.serving.pid)
    for _ in range(3):
      self.module("local:n")
      self.terminate(self.detach("local:n"))
    self.assertLessEqual(processes.open_descriptors(self.serving.pid), before)

  def test_one_that_is_not_there(self):
    self.assert_fails(self.contexts("detach", "local:"), "NOT_FOUND",
                      text="no context local:")
    self.module("local:")
    self.terminate(self.detach("local:"))
    self.assert_fails(self.contexts("detach", "local:"), "NOT_FOUND")
