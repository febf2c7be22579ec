"""Ends that were asked for: what modules have started, and the grace."""

import json

from fixtures import cases
from fixtures import kill_tree
from fixtures import master
from fixtures import poll
from fixtures import processes
from fixtures import sshd

PROMPT_S = 20
GONE_S = 10


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
        master.Master(self.work, self.cli, "--heartbeat", kill_tree.HEARTBEAT),
        "stop")

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
