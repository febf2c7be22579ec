"""What the master says of refused frames, and how many ids a link may have."""

from hostile import trees
from hostile import wire

RESOURCE_EXHAUSTED = 8


class _Reported:

  def refusals(self):
    return [line for line in self.master.log().splitlines()
            if "refused" in line and self.server.target() in line]

  def ask_for_ids(self):
    return self.link.ask(self.link.parent, wire.ALLOCATE_ID,
                         wire.message((1, 1000)))

  def test_a_line_names_the_offender_and_does_not_repeat(self):
    self.assertEqual([], self.refusals())
    forged = self.link.frame(wire.MASTER, wire.FORWARD_LOG, b"x",
                             src=trees.UNALLOCATED).bytes()
    self.link.write(forged)
    trees.poll.until(self.refusals, "a line about the refused frame")
    self.link.write(forged * 1000)
    self.link.barrier(self.link.parent)
    self.link.barrier(wire.MASTER)
    self.assertEqual(1, len(self.refusals()), self.refusals())

  def test_ids_end_with_a_reason(self):
    granted = 0
    for _ in range(self.MOST_IDS // 1000 + 1):
      answer = self.ask_for_ids()
      if answer.dead:
        break
      granted += wire.fields(answer.payload)[2][0]
    self.assertTrue(answer.dead, f"{granted} ids were granted")
    self.assertEqual(RESOURCE_EXHAUSTED, wire.fields(answer.payload)[1][0])
    self.assertEqual(self.MOST_IDS, granted)


class ReportedOfAChildTest(_Reported, trees.Child):
  MOST_IDS = 100_000

  def test_ids_end_with_a_reason(self):
    super().test_ids_end_with_a_reason()
    # The next child of the master has a link of its own.
    self.link.close()
    type(self).link = self.connect()
    self.assertFalse(self.ask_for_ids().dead)


class ReportedOfAGrandchildTest(_Reported, trees.Grandchild):
  MOST_IDS = 73_000  # Three quarters of 98,500.

  def test_ids_end_with_a_reason(self):
    super().test_ids_end_with_a_reason()
    # Its parent has enough left to start others, who need more than it has.
    self.link.close()
    for number in range(40):
      self.greet_at(f"local:/local:{number}", timeout=trees.CONNECT_S)
    for number in range(40):
      self.contexts.Disconnect(
          self.contexts_pb.DisconnectRequest(name=f"local:/local:{number}"),
          timeout=trees.CONNECT_S)
