"""A unidirectional tree: no frame passes from one child's subtree to another's.

The rule comes with the hello, so it holds at every hop below, too.
"""

from hostile import trees
from hostile import wire

PERMISSION_DENIED = 7


class _Unidirectional:

  MASTER_FLAGS = ("--unidirectional",)

  def test_it_reaches_nobody_beside_itself(self):
    beside = [(who, number) for who, number in self.others()
              if who in ("sibling", "sibling's child")]
    self.assertEqual(2, len(beside))
    for who, number in beside:
      with self.subTest(to=who):
        answer = self.link.ask(number, wire.PING, b"hello")
        self.assertTrue(answer.dead, f"{who} answered")
        fields = wire.fields(answer.payload)
        self.assertEqual(PERMISSION_DENIED, fields[1][0])
        self.assertIn(b"in a unidirectional tree", fields[2][0])

  def test_it_reaches_those_above_it(self):
    for number in (wire.MASTER, self.link.parent):
      answer = self.link.ask(number, wire.PING, b"hello")
      self.assertFalse(answer.dead)
      self.assertEqual(b"hello", answer.payload)


class UnidirectionalChildTest(_Unidirectional, trees.Child):
  pass


class UnidirectionalGrandchildTest(_Unidirectional, trees.Grandchild):
  pass


class BidirectionalTest(trees.Child):
  """Without the mode the same frames arrive: the case above can fail."""

  def test_siblings_answer(self):
    for who, number in self.neighbours():
      with self.subTest(to=who):
        answer = self.link.ask(number, wire.PING, b"hello")
        self.assertFalse(answer.dead)
