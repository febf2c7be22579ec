"""Nothing is left: no process, no file, however the CLI ended.

Every other case checks its own processes too (`Case.tearDown`); here the CLI
and the targets have scratch folders of their own, so that files show exactly.
"""

import os
import signal

from fixtures import cases
from fixtures import mounts
from fixtures import paths
from fixtures import poll
from fixtures import processes
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

# The promise is 1 s; a loaded machine gets more.
GONE_S = 3


@cases.needs_root
class LeftoversTest(cases.Case):

  def setUp(self):
    super().setUp()
    self.require_programs()
    self.server = self.own(sshd.SshServer(self.work))
    self.space = mounts.Namespace(mounts.private_scratch(self.work.path))
    self.addCleanup(self.space.close)
    self.cli.prefix = self.space.enter
    self.before = self.files()
    self.seen = processes.Leftovers()

  def files(self):
    return (self.server.scratch_files(),
            mounts.scratch_files(self.space.pid, self.work.path))

  def targets(self):
    yield "local:", ()
    yield "local:/local:", ()
    for transport in ("libssh2", "openssh"):
      flags = [*self.server.flags(), "--ssh-transport", transport]
      yield self.server.target(), flags
      yield self.server.target() + "/local:", flags

  def assert_nothing_left(self, note=""):
    left = self.seen.wait(GONE_S)
    self.assertEqual([], [(p.pid, p.name, p.command) for p in left], note)
    self.assertEqual(self.before, self.files(), note)

  def contexts_of(self, target):
    return target.count("/") + 1

  def start_waiting_call(self, target, flags):
    """Starts a call that waits; returns when its module runs."""
    process = self.cli.start(
        "call", target, "probe.v1.Probe/Echo", '{"waitMs":"60000"}',
        "--module", paths.PROBE, *flags)
    wanted = self.contexts_of(target) + 1  # Agents and one module.
    try:
      poll.until(lambda: len(processes.images_without_a_file()) >= wanted,
                 f"{wanted} agents and modules of {target}", 30)
    except TimeoutError:
      process.kill()
      _, err = process.communicate()
      self.fail(f"the call does not run: {err.decode()}")
    return process

  def end(self, process):
    process.stdout.close()
    process.stderr.close()
    return process.wait(timeout=30)

  def test_after_a_call(self):
    for target, flags in self.targets():
      for _ in range(2):
        self.assert_greets(self.greet(target, *flags))
        self.assert_nothing_left(target)

  def test_after_an_error_of_the_service(self):
    for target, flags in self.targets():
      result = self.call(target, "probe.v1.Probe/Echo", {"errorCode": 5},
                         *flags)
      self.assert_fails(result, "NOT_FOUND")
      self.assert_nothing_left(target)

  def test_after_a_crash_of_the_module(self):
    for target, flags in self.targets():
      self.call(target, "probe.v1.Probe/Crash", {"signal": 6}, *flags)
      self.assert_nothing_left(target)

  def test_after_a_deadline(self):
    for target, flags in self.targets():
      result = self.call(target, "probe.v1.Probe/Echo", {"waitMs": "60000"},
                         *flags, "--deadline", "1s")
      self.assert_fails(result, "DEADLINE_EXCEEDED")
      self.assert_nothing_left(target)

  def test_after_kill_9_during_a_call(self):
    for target, flags in self.targets():
      for _ in range(2):
        process = self.start_waiting_call(target, flags)
        process.send_signal(signal.SIGKILL)
        self.end(process)
        self.assert_nothing_left(target)

  def test_after_an_interrupt_and_a_termination_during_a_call(self):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
      for target, flags in self.targets():
        process = self.start_waiting_call(target, flags)
        process.send_signal(number)
        self.assertNotEqual(0, self.end(process))
        self.assert_nothing_left(f"{target}, {number.name}")

  def test_after_kill_9_anywhere_in_the_bootstrap(self):
    def flags(transport, known):
      return [*self.server.flags(known_hosts=known), "--ssh-transport",
              transport]
    for transport in ("libssh2", "openssh"):
      limits = recorded.points(
          lambda port, known, t=transport: self.assert_greets(self.greet(
              self.server.target(port=port), *flags(t, known))),
          self.server, self.work)
      for limit in limits[1::2]:
        stalling = relay.Relay(self.server.port, stall_after=limit)
        known = recorded.known_to(self.server, stalling.port, self.work)
        process = self.cli.start(
            "call", self.server.target(port=stalling.port),
            "demo.v1.Greeter/SayHello", "{}", "--module", paths.GREETER,
            *flags(transport, known))
        poll.until(lambda s=stalling, p=process: s.limit_reached.is_set() or
                   p.poll() is not None, "the connection to stall", 30)
        process.kill()
        self.end(process)
        stalling.close()
        self.assert_nothing_left(f"{transport} after {limit} bytes")

  def test_after_the_network_is_cut_during_a_call(self):
    passing = self.until_end(relay.Relay(self.server.port))
    known = recorded.known_to(self.server, passing.port, self.work)
    process = self.start_waiting_call(
        self.server.target(port=passing.port),
        self.server.flags(known_hosts=known))
    passing.close()
    self._ends.pop()
    self.assertEqual(64 + 14, self.end(process))
    self.assert_nothing_left()

  def test_a_stopped_cli_that_is_killed(self):
    process = self.start_waiting_call(self.server.target(),
                                      self.server.flags())
    os.kill(process.pid, signal.SIGSTOP)
    process.send_signal(signal.SIGKILL)
    self.end(process)
    self.assert_nothing_left()

  def test_processes_of_a_running_call_have_no_file(self):
    process = self.start_waiting_call(self.server.target(),
                                      self.server.flags())
    self.assertEqual(self.before[0], self.server.scratch_files())
    process.kill()
    self.end(process)
    self.assert_nothing_left()

  def test_the_home_folder_is_untouched(self):
    for target, flags in self.targets():
      self.assert_greets(self.greet(target, *flags))
    self.assertEqual([], os.listdir(self.cli.home))
    home = self.server.inside(self.server.user.home)
    self.assertEqual([], os.listdir(home))
