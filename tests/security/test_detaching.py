"""A context is let go when its ancestors want it, and only then."""

from hostile import trees
from hostile import wire

FAILED_PRECONDITION = 9


class _Detaching:

  def start_detach(self):
    detaching = self.contexts.Detach.future(
        self.contexts_pb.DetachRequest(name=self.evil()),
        timeout=trees.CONNECT_S)
    self.addCleanup(detaching.cancel)
    asked = self.link.wait_for(lambda f: f.handle == wire.DETACHING,
                               "question to let go")
    self.assertEqual((self.link.parent, self.link.parent),
                     (asked.src, asked.auth))
    return detaching, asked

  def test_one_that_answers_is_let_go_and_cut_off(self):
    call = self.call_evil()
    self.link.take_call("Echo")
    detaching, asked = self.start_detach()
    self.assertIn(self.evil(), self.contexts_now())
    self.link.reply(asked, b"")
    self.assertEqual(self.evil(), detaching.result().name)
    # It goes on sending, and nobody listens.
    self.assertTrue(self.link.wait_end())
    self.assertNotIn(self.evil(), self.contexts_now())
    self.assertEqual("UNAVAILABLE", call.code().name)
    self.assertEqual(f"context lost: {self.evil()} (phase call): detached",
                     call.details())

  def test_one_that_does_not_answer_stays(self):
    detaching, _ = self.start_detach()
    self.assertEqual("DEADLINE_EXCEEDED", detaching.code().name)
    self.assertRegex(detaching.details(), "did not answer$")
    self.assertIn(self.evil(), self.contexts_now())
    self.link.barrier(self.link.parent)
    # What nobody waits for any more would cut it off late.
    self.link.close()

  def test_one_that_refuses_stays(self):
    detaching, asked = self.start_detach()
    self.link.reply(asked, wire.dead(FAILED_PRECONDITION, "not now"),
                    flags=wire.DEAD)
    self.assertEqual("FAILED_PRECONDITION", detaching.code().name)
    self.assertEqual("not now", detaching.details())
    self.assertIn(self.evil(), self.contexts_now())

  def test_nobody_detaches_itself(self):
    for payload in (b"", b"\xff" * 100):
      self.link.send(self.link.parent, wire.DETACHING, payload)
      self.link.send(self.link.parent, wire.DETACHING, payload, flags=wire.DEAD)
    self.link.barrier(self.link.parent)
    self.assertIn(self.evil(), self.contexts_now())

  def test_an_answer_of_somebody_else_is_none(self):
    detaching, asked = self.start_detach()
    number = self.link.grant_first
    self.link.send(self.link.parent, wire.ADD_ROUTE, wire.message(
        (1, number), (2, "below")))
    for src in (number, self.link.parent, trees.UNALLOCATED):
      self.link.reply(asked, b"", src=src, auth=src)
    self.link.barrier(self.link.parent)
    self.assertFalse(detaching.done())
    self.assertIn(self.evil(), self.contexts_now())
    self.link.reply(asked, b"")
    detaching.result()


class DetachingOfAChildTest(_Detaching, trees.Child):
  pass


class DetachingOfAGrandchildTest(_Detaching, trees.Grandchild):
  pass
