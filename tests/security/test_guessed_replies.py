"""Whoever guesses a handle can't answer, nor end, a call of somebody else."""

from fixtures import front_door
from fixtures import poll
from fixtures import sshd
from hostile import door
from hostile import trees
from hostile import wire

# A master numbers its handles from 1000 on: more than a class makes calls.
GUESSES = range(wire.FIRST_DYNAMIC, wire.FIRST_DYNAMIC + 2000)
UNAVAILABLE = 14


class _GuessedReplies:
  """A second scripted context, `friend`, answers only when told to."""

  @classmethod
  def prepare(cls):
    super().prepare()
    cls.friends_door = door.Door(cls.shared, "friend")
    cls.addClassCleanup(cls.friends_door.close)
    # The same keys: the master has one set of them.
    cls.friends_server = cls.serve(FriendlyServer(
        cls.shared, cls.server, cls.friends_door.command))

  def guess(self, dst, payload, flags=0, **source):
    """Sends `payload` to every handle that `dst` may be waiting at."""
    self.link.write(b"".join(
        self.link.frame(dst, handle, payload, flags=flags, **source).bytes()
        for handle in GUESSES))
    self.link.barrier(dst)

  def guess_all(self, dst, respondent):
    forged = wire.answer(b"\x0a\x04evil")
    dead = wire.dead(UNAVAILABLE, "evil")
    for source in ({}, {"src": respondent}, {"auth": respondent},
                   {"src": respondent, "auth": respondent}):
      self.guess(dst, forged, **source)
      self.guess(dst, wire.part(wire.TRAILERS), **source)
      self.guess(dst, b"\xff" * 100, **source)
      self.guess(dst, dead, flags=wire.DEAD, **source)

  def connect_friend(self):
    target = self.above + self.friends_server.target()
    connecting = self.contexts.Connect.future(
        self.contexts_pb.ConnectRequest(target=target),
        timeout=trees.CONNECT_S)
    friend = self.friends_door.accept_context()
    connecting.result()
    return target, friend

  def test_the_siblings_answer_wins(self):
    target, friend = self.connect_friend()
    call = self.probe.Echo.future(
        self.probe_pb.EchoRequest(), metadata=front_door.to(target),
        timeout=60)
    try:
      asked = friend.take_call("Echo")
      self.guess_all(wire.MASTER, friend.id)
      self.assertFalse(call.done())
      friend.reply(asked, wire.answer(b"\x0a\x06friend"))
      self.assertEqual(b"friend", call.result().payload)
    finally:
      call.cancel()
      friend.close()
    poll.until(lambda: target not in self.contexts_now(), "the friend to go")

  def test_calls_to_agents_are_answered_by_nobody_else(self):
    waiting = {target: self.waiting_call(target) for target in self.HONEST}
    for target in self.HONEST:
      self.guess_all(wire.MASTER, self.id_of(target))
    self.assertEqual([], [t for t, call in waiting.items() if call.done()])

  def test_it_answers_its_own_call_only_once(self):
    first, second = self.call_evil(), None
    asked = self.link.take_call("Echo")
    self.link.reply(asked, wire.answer(b"\x0a\x03one"))
    self.assertEqual(b"one", first.result().payload)
    second = self.waiting_call("local:")
    self.link.reply(asked, wire.answer(b"\x0a\x03two"))
    self.guess(wire.MASTER, wire.answer(b"\x0a\x03two"))
    self.assertFalse(second.done())


class FriendlyServer(sshd.SshServer):
  """A second sshd that lets in whoever the first one does."""

  def __init__(self, work, first, command):
    super().__init__(work, "friendly", config=[f"ForceCommand {command}"])
    self._first = first
    self.authorize(first.identity)

  def start(self):
    super().start()
    with open(self._first.known_hosts, "a", encoding="utf-8") as f:
      f.write(self.known_hosts.read_text())
    return self


class GuessedRepliesOfAChildTest(_GuessedReplies, trees.Child):
  pass


class GuessedRepliesOfAGrandchildTest(_GuessedReplies, trees.Grandchild):
  pass
