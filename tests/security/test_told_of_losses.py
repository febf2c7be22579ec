"""Who is lost is told to whom it concerns, and by whom it may be told."""

from hostile import trees
from hostile import wire

UNAVAILABLE = 14


class _Losses:
  BESIDE = ("local:/local:x", "local:y")

  def grow(self, target):
    """A context that a case may lose; its id."""
    self.greet_at(target, timeout=trees.CONNECT_S)
    self.addCleanup(self.end, target)
    return self.id_of(target)

  def end(self, target):
    if target in self.contexts_now():
      self.contexts.Disconnect(
          self.contexts_pb.DisconnectRequest(name=target),
          timeout=trees.CONNECT_S)

  def setUp(self):
    super().setUp()
    # Those of BESIDE come and go.
    self.beside = {target: self.grow(target) for target in self.BESIDE}

  def tearDown(self):
    for target in self.BESIDE:
      self.end(target)
    super().tearDown()

  def told(self, number):
    return self.link.wait_for(
        lambda f: f.handle == wire.DEL_ROUTE and
        wire.fields(f.payload)[1] == [number], f"word that {number} is lost")

  def test_who_was_addressed_is_told_of(self):
    for target, number in self.beside.items():
      self.link.ask(number, wire.NOT_SERVED)
      self.end(target)
      frame = self.told(number)
      self.assertEqual((self.link.parent, self.link.parent, self.link.id),
                       (frame.src, frame.auth, frame.dst))
      self.assertEqual(
          [f"context lost: {target} (phase call): it was shut down".encode()],
          wire.fields(frame.payload)[3])

  def test_the_tree_goes_on_when_it_lies_about_others(self):
    waiting = [self.waiting_call(target) for target in self.HONEST]
    for number in [*self.beside.values(), *(n for _, n in self.others())]:
      for dst in [*self.beside.values(), *(n for _, n in self.neighbours())]:
        for src in (self.link.id, self.link.parent):
          self.link.send(dst, wire.DEL_ROUTE, wire.message(
              (1, number), (2, UNAVAILABLE), (3, "evil")), src=src, auth=src)
    self.link.barrier(self.link.parent)
    for number in self.beside.values():
      self.link.barrier(number)
    self.assertFalse([call for call in waiting if call.done()])


class LossesToldToAChildTest(_Losses, trees.Child):
  pass


class LossesToldToAGrandchildTest(_Losses, trees.Grandchild):
  pass
