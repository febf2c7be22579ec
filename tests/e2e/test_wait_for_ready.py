"""Calls that wait until their context can be reached."""

from fixtures import cases
from fixtures import front_door
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

  def test_a_chain_waits_for_its_first_call(self):
    """Its other calls keep their order, though they were not told to wait."""
    target, flags = self.refusing(2)
    running = self.until_end(master.Master(self.work, self.cli, *flags),
                             "stop")
    _, _, (pb, stubs) = front_door.generate(self.work)
    channel = self.until_end(front_door.channel(running.address))
    probe = stubs.ProbeStub(channel)
    calls = []
    for index in range(6):
      waits = [("ramet-wait-for-ready", "true")] if index == 0 else []
      calls.append(probe.Echo.future(
          pb.EchoRequest(payload=bytes([index]),
                         error_code=15 if index == 4 else 0),
          timeout=50, metadata=(*front_door.to(target), *waits,
                                ("ramet-chain", f"4711:{index}"))))
    self.assertEqual(["OK"] * 4 + ["DATA_LOSS"] * 2,
                     [call.code().name for call in calls])
    self.assertEqual([bytes([index]) for index in range(4)],
                     [call.result().payload for call in calls[:4]])
    self.assertEqual(3, self.way.connections)
    # Call 5 has not run; this is one more than 0 to 4.
    self.assertEqual(6, probe.Info(front_door.empty(pb), timeout=50,
                                   metadata=front_door.to(target)).calls)

  def test_no_credentials_are_no_reason_to_wait(self):
    flags = self.server.flags(
        identity=self.work.write("no_key", "nothing"))
    self.assert_fails(
        self.greet(self.server.target(), *flags, "--wait-for-ready",
                   "--deadline", "50s"),
        "UNAUTHENTICATED", within_s=15)
