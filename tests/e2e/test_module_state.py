"""The state in which a module's process begins, as it sees it itself."""

import os
import re
import signal

from fixtures import bundles
from fixtures import cases
from fixtures import master
from fixtures import paths
from fixtures import poll

MIB = 1 << 20


class ModuleStateTest(cases.Case):

  def state(self, *flags, module=None, **options):
    return self.assert_succeeds(self.call(
        "local:", "probe.v1.Probe/State", {}, *flags, module=module,
        **options))

  def test_the_environment_is_cleared_but_for_the_common_variables(self):
    for target in ("local:", "local:/local:"):
      state = self.assert_succeeds(self.call(
          target, "probe.v1.Probe/State", {},
          env={"SSH_AUTH_SOCK": "/agent", "TOKEN": "secret",
               "LD_LIBRARY_PATH": "/evil"}))
      own = self.cli.environment()
      self.assertEqual(
          [f"{name}={own[name]}" for name in ("HOME", "LANG", "PATH")],
          state["environment"], target)

  def test_what_the_bundle_declares_is_there(self):
    own = self.cli.environment()
    state = self.state(module=bundles.DECLARED,
                       env={"RAMET_TEST_PASSED": "yes", "TOKEN": "secret"})
    self.assertEqual(
        [f"HOME={own['HOME']}", "LANG=C", f"PATH={own['PATH']}",
         "RAMET_TEST_FIXED=a=b c", "RAMET_TEST_PASSED=yes"],
        state["environment"])

  def test_folder_umask_signals_and_core_files(self):
    old = os.umask(0o077)
    ignored = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
      state = self.state()
    finally:
      os.umask(old)
      signal.signal(signal.SIGUSR1, ignored)
      signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    self.assertEqual("/", state["directory"])
    self.assertEqual(0o022, state["umask"])
    # The runtime's own: a write to a link that is gone is an error.
    self.assertEqual([], [name for name in state.get("ignoredSignals", [])
                          if name != "Broken pipe"])
    self.assertEqual([], state.get("blockedSignals", []))
    self.assertEqual("0", state.get("coreLimitBytes", "0"))

  def test_what_the_starter_left_open_is_closed(self):
    bundle = bundles.pack(self.work, "ls -l /proc/$$/fd")
    leaks = os.pipe()
    process = self.cli.start("call", "local:/local:", bundles.METHOD[1:], "{}",
                             "--module", bundle, pass_fds=leaks)
    try:
      err = process.communicate(timeout=30)[1].decode()
    finally:
      for fd in leaks:
        os.close(fd)
    found = dict(re.findall(r"stdout: .* (\d+) -> (.*)$", err, re.MULTILINE))
    self.assertEqual("/dev/null", found.pop("0", ""), err)
    for fd, kind in (("1", "pipe:"), ("2", "pipe:"), ("3", "socket:")):
      self.assertIn(kind, found.pop(fd, ""), err)
    # The script's own file: its interpreter has it at two numbers.
    self.assertEqual([], [where for where in found.values()
                          if "memfd:" not in where], err)

  def test_its_memory_is_limited_as_it_declares(self):
    state = self.state(module=bundles.DECLARED)
    self.assertEqual(str(256 * MIB), state["dataLimitBytes"])
    def allocate(mib, **options):
      return self.call("local:", "probe.v1.Probe/Allocate",
                       {"bytes": str(mib * MIB)}, **options)
    self.assert_succeeds(allocate(64, module=bundles.DECLARED))
    self.assert_fails(allocate(300, module=bundles.DECLARED),
                      "RESOURCE_EXHAUSTED", text="no memory")
    self.assert_succeeds(allocate(300))


class IdleModuleTest(cases.Case):

  def running(self, flags, module):
    """A master, and a function that gives the pid of the module."""
    served = self.until_end(
        master.Master(self.work, self.cli, "--module", module, *flags), "stop")
    def pid():
      return int(self.assert_succeeds(self.cli.run(
          "call", "local:", "probe.v1.Probe/Info", "{}", "--master",
          served.address))["pid"])
    return pid

  def ends(self, pid):
    poll.until(lambda: not os.path.exists(f"/proc/{pid}"), "it to end", 20)

  def test_a_bundle_has_an_idle_time_of_its_own(self):
    pid = self.running((), bundles.DECLARED)
    first = pid()
    self.ends(first)
    self.assertNotEqual(first, pid())

  def test_the_masters_is_for_all_others(self):
    pid = self.running(("--module-idle", "200ms"), paths.PROBE)
    first = pid()
    self.ends(first)
    self.assertNotEqual(first, pid())


  def test_without_one_it_stays(self):
    pid = self.running((), paths.PROBE)
    self.assertEqual(pid(), pid())
