"""A context adds and removes the routes of its own descendants only."""

from hostile import trees
from hostile import wire

UNAVAILABLE = 14


def _log(text):
  return wire.message((1, 3), (2, "route"), (3, text))


class _ForgedRoutes:

  def add_route(self, number, dst=None, name="evil"):
    self.link.send(self.link.parent if dst is None else dst, wire.ADD_ROUTE,
                   wire.message((1, number), (2, name)))

  def del_route(self, number, dst=None):
    self.link.send(self.link.parent if dst is None else dst, wire.DEL_ROUTE,
                   wire.message((1, number), (2, UNAVAILABLE), (3, "evil")))

  def is_heard(self, number):
    """Whether the master takes frames of `number` over the hostile link."""
    text, end = trees.unique("from the route"), trees.unique("genuine")
    self.link.send(wire.MASTER, wire.FORWARD_LOG, _log(text), src=number,
                   auth=number)
    self.link.send(wire.MASTER, wire.FORWARD_LOG, _log(end))
    self.wait_for_log(end)
    return bool(self.log_lines_with(text))

  def everywhere(self):
    """The contexts that a route could be announced to."""
    return {self.link.parent, wire.MASTER} | {
        number for _, number in self.neighbours()}

  def test_a_route_within_its_own_block_is_taken_and_given_back(self):
    # What the others rely on: without it they would prove nothing.
    number = self.link.grant_first
    self.assertGreater(self.link.grant_count, 0)
    self.assertFalse(self.is_heard(number))
    self.add_route(number)
    self.assertTrue(self.is_heard(number))
    self.del_route(number)
    self.assertFalse(self.is_heard(number))

  def test_no_route_to_anybody_else_is_taken(self):
    for who, number in self.others():
      with self.subTest(claims=who):
        for dst in self.everywhere():
          self.add_route(number, dst)
        self.assertFalse(self.is_heard(number))

  def test_no_route_next_to_its_own_block_is_taken(self):
    first, count = self.link.grant_first, self.link.grant_count
    for number in (first + count, first - 2, first + count + (1 << 31)):
      self.add_route(number)
      self.assertFalse(self.is_heard(number))

  def test_a_second_route_to_itself_changes_nothing(self):
    self.add_route(self.link.id, name="somebody else")
    self.assertTrue(self.is_heard(self.link.id))
    self.link.barrier(wire.MASTER)

  def test_no_route_to_anybody_else_is_removed(self):
    waiting = [self.waiting_call(target) for target in self.HONEST]
    for _, number in self.others():
      for dst in self.everywhere():
        self.del_route(number, dst)
    self.link.barrier(self.link.parent)
    self.link.barrier(wire.MASTER)
    self.assertFalse([call for call in waiting if call.done()])

  def test_its_own_route_is_not_removed_by_its_word(self):
    self.del_route(self.link.id)
    self.link.barrier(self.link.parent)
    self.assertTrue(self.is_heard(self.link.id))

  def test_routes_that_are_no_messages_change_nothing(self):
    for payload in (b"", b"\xff", b"\x08", b"\x0a\x7f", b"\0" * 1000):
      for handle in (wire.ADD_ROUTE, wire.DEL_ROUTE):
        self.link.send(self.link.parent, handle, payload)
    self.link.barrier(self.link.parent)

  def test_descendants_go_with_the_link_that_announced_them(self):
    number = self.link.grant_first
    self.add_route(number)
    self.assertTrue(self.is_heard(number))
    self.link.close()
    link = type(self).link = self.connect()
    self.assertNotEqual(number, link.grant_first)
    self.assertFalse(self.is_heard(number))


class ForgedRoutesOfAChildTest(_ForgedRoutes, trees.Child):
  pass


class ForgedRoutesOfAGrandchildTest(_ForgedRoutes, trees.Grandchild):
  pass
