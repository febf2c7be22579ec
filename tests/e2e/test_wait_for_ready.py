"""Calls that wait until their context can be reached."""

from fixtures import cases
from fixtures import master
from fixtures import recorded
from fixtures import relay
from fixtures import sshd

FOREVER = 1 << 30


class WaitForReadyTest(cases.Case):

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def refusing(self, times):
    self.way = self.until_end(
        relay.Relay(self.server.port, refuse_first=times))
    known = recorded.known_to(self.server, self.way.port, self.work)
    return (self.server.target(port=self.way.port),
            self.server.flags(known_hosts=known))

  def test_a_call_fails_at_once_unless_told_to_wait(self):
    target, flags = self.refusing(FOREVER)
    self.assert_fails(self.greet(target, *flags), "UNAVAILABLE")
    self.assertEqual(1, self.way.connections)

  def test_a_call_goes_through_when_the_target_is_there(self):
    target, flags = self.refusing(2)
    self.assert_greets(self.greet(target, *flags, "--wait-for-ready",
                                  "--deadline", "50s"))
    self.assertEqual(3, self.way.connections)

  def test_the_deadline_says_what_it_waited_for(self):
    target, flags = self.refusing(FOREVER)
    result = self.greet(target, *flags, "--wait-for-ready", "--deadline",
                        "1s")
    self.assert_fails(result, "DEADLINE_EXCEEDED", phases=("connect",),
                      within_s=15)
    self.assertRegex(self.error_line(result), "not ready in time; last: ")
    self.assertGreater(self.way.connections, 1)

  def test_through_the_front_door(self):
    target, flags = self.refusing(2)
    running = self.until_end(master.Master(self.work, self.cli, *flags),
                             "stop")
    through = ("--master", running.address)
    self.assert_fails(self.greet(target, *through), "UNAVAILABLE")
    self.assert_greets(self.greet(target, *through, "--wait-for-ready",
                                  "--deadline", "50s"))

  def test_no_credentials_are_no_reason_to_wait(self):
    flags = self.server.flags(
        identity=self.work.write("no_key", "nothing"))
    self.assert_fails(
        self.greet(self.server.target(), *flags, "--wait-for-ready",
                   "--deadline", "50s"),
        "UNAUTHENTICATED", within_s=15)
