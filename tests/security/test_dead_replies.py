"""Whoever gets no answer learns exactly why, and nothing else."""

from hostile import trees
from hostile import wire

PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE = 7, 12, 14
MIB = 1 << 20


class _DeadReplies:

  def ask(self, dst, handle, payload=b""):
    """(code, text) of the dead reply, from `dst` or from who is on the way."""
    answer = self.link.ask(dst, handle, payload)
    self.assertTrue(answer.dead, answer)
    fields = wire.fields(answer.payload)
    return fields[1][0], fields[2][0].decode()

  def agents_here(self):
    return [(c.name, c.id) for c in self.contexts_now().values()
            if "ssh:" not in c.name]

  def test_no_route(self):
    # It names who is looked for, and where the way ends.
    self.assertEqual(
        (UNAVAILABLE, f"no route to {trees.UNALLOCATED} from 0 (master)"),
        self.ask(trees.UNALLOCATED, wire.PING))

  def test_an_invalid_handle(self):
    for name, number in [("master", wire.MASTER), *self.agents_here()]:
      self.assertEqual((UNIMPLEMENTED, f"invalid handle 999 in context {name}"),
                       self.ask(number, 999))

  def test_a_handle_that_policy_refuses(self):
    for name, number in self.agents_here():
      for handle in (wire.LOAD_MODULE, wire.FORWARD_MODULE, wire.SHUTDOWN,
                     wire.DETACHING):
        self.assertEqual(
            (PERMISSION_DENIED,
             f"refused by policy: handle {handle} of context {name}"),
            self.ask(number, handle))

  def test_a_method_that_policy_refuses(self):
    for name, number in self.agents_here():
      self.assertEqual(
          (PERMISSION_DENIED, f"refused by policy: demo.v1.Greeter/SayHello of "
           f"context {name} for context {self.link.id}"),
          self.ask(number, wire.CALL_FUNCTION,
                   wire.call("/demo.v1.Greeter/SayHello")))
      self.assertEqual(
          (PERMISSION_DENIED,
           f"refused by policy: ramet.control.Agent of context {name}"),
          self.ask(number, wire.CALL_FUNCTION, wire.start_child()))

  def test_a_service_that_is_not_there(self):
    for name, number in self.agents_here():
      self.assertEqual(
          (UNIMPLEMENTED, f"unknown service no.Such in context {name}"),
          self.ask(number, wire.CALL_FUNCTION, wire.call("/no.Such/Method")))

  def test_a_message_that_is_too_large(self):
    call = self.call_evil()
    asked = self.link.take_call("Echo")
    size = 4 * MIB + 1
    self.link.reply(asked, wire.part(
        wire.MESSAGE, b"\0" + size.to_bytes(4, "big") + b"m" * 1000))
    self.assertEqual("RESOURCE_EXHAUSTED", call.code().name)
    self.assertIn(f"message of {size} bytes is longer than the limit of "
                  f"{4 * MIB} bytes", call.details())

  def test_a_respondent_that_is_lost(self):
    call = self.call_evil()
    self.link.take_call("Echo")
    self.link.close()
    self.assertEqual("UNAVAILABLE", call.code().name)
    self.assertRegex(call.details(),
                     rf"^context lost: {self.evil()} \(phase call\): \S")

  def test_a_respondent_that_says_why_it_ends(self):
    call = self.call_evil()
    self.link.take_call("Echo")
    self.link.send(self.link.parent, wire.DEL_ROUTE, wire.message(
        (1, self.link.id), (2, UNAVAILABLE), (3, "it was shut down")))
    self.link.barrier(self.link.parent)
    self.link.close()
    self.assertEqual("UNAVAILABLE", call.code().name)
    self.assertEqual(f"context lost: {self.evil()} (phase call): "
                     "it was shut down", call.details())


class DeadRepliesToAChildTest(_DeadReplies, trees.Child):
  pass


class DeadRepliesToAGrandchildTest(_DeadReplies, trees.Grandchild):
  pass
