"""A context that is to start a child lies about what it started."""

from hostile import trees
from hostile import wire


class _HostileParent:

  def start_below(self, answer):
    """Connects a context below the hostile one, which answers `answer`.

    Returns its name and the future of Connect.
    """
    name = f"{self.evil()}/ssh:{trees.unique('host')}example"
    connecting = self.contexts.Connect.future(
        self.contexts_pb.ConnectRequest(target=name), timeout=trees.CONNECT_S)
    self.link.reply(self.link.take_call("StartChild"), answer)
    return name, connecting

  def started(self, number):
    hello = wire.message((1, 1), (2, "linux-x86_64"), (3, "evil"))
    return wire.answer(wire.message((1, number), (2, hello)))

  def test_an_announced_id_of_its_own_is_taken(self):
    # What the others rely on: without it they would prove nothing.
    number = self.link.grant_first + 1
    self.link.send(self.link.parent, wire.ADD_ROUTE,
                   wire.message((1, number), (2, "local:")))
    name, connecting = self.start_below(self.started(number))
    connecting.result()
    self.assertEqual(number, self.id_of(name))
    self.link.send(self.link.parent, wire.DEL_ROUTE,
                   wire.message((1, number), (2, 14), (3, "over")))
    self.link.barrier(wire.MASTER)
    self.assertNotIn(name, self.contexts_now())

  def test_the_id_of_somebody_else_is_not(self):
    # Otherwise calls that are for its child would run there.
    unannounced = self.link.grant_first + 2
    for who, number in self.others() + [("itself", self.link.id),
                                        ("a child unheard of", unannounced)]:
      with self.subTest(claims=who):
        name, connecting = self.start_below(self.started(number))
        self.assertNotEqual("OK", connecting.code().name, "believed")
        self.assertNotIn(name, self.contexts_now())

  def test_the_same_id_is_not_taken_twice(self):
    number = self.link.grant_first + 3
    self.link.send(self.link.parent, wire.ADD_ROUTE,
                   wire.message((1, number), (2, "local:")))
    _, connecting = self.start_below(self.started(number))
    connecting.result()
    _, connecting = self.start_below(self.started(number))
    self.assertNotEqual("OK", connecting.code().name, "believed")

  def test_an_answer_that_is_none(self):
    for answer in (b"\xff" * 100, wire.answer(b"\xff\xff"), wire.answer(b""),
                   wire.part(wire.TRAILERS)):
      with self.subTest(answer=answer):
        _, connecting = self.start_below(answer)
        self.assertNotEqual("OK", connecting.code().name)


class HostileParentBelowTheMasterTest(_HostileParent, trees.Child):
  pass


class HostileParentFurtherDownTest(_HostileParent, trees.Grandchild):
  pass
