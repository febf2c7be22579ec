"""A module that dies is an error of its call and of nothing else."""

from fixtures import cases

SIGNALS = {4: "SIGILL", 6: "SIGABRT", 8: "SIGFPE", 9: "SIGKILL",
           11: "SIGSEGV", 15: "SIGTERM"}


class ModuleCrashTest(cases.Case):

  def crash(self, target, **request):
    result = self.call(target, "probe.v1.Probe/Crash", request)
    return self.assert_fails(result, "UNAVAILABLE",
                             hop=target.split("/")[-1])

  def test_each_signal_is_named(self):
    for number, name in SIGNALS.items():
      for _ in range(2):
        self.assertIn(name, self.crash("local:", signal=number))

  def test_an_exit_status_is_named(self):
    for status in (0, 3):
      line = self.crash("local:", exitStatus=status)
      self.assertRegex(line, rf"(?i)exit.*\b{status}\b")

  def test_below_another_context(self):
    self.assertIn("SIGSEGV", self.crash("local:/local:", signal=11))
