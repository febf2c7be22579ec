"""Whoever sends too much, or takes nothing, slows down only itself."""

import threading
import time

from hostile import trees
from hostile import wire

from fixtures import processes

MIB = 1 << 20
# Longer than a link that goes on takes for any chunk; a flood ends then.
STALL_S = 0.3


class _Flooding:

  stall_s = STALL_S

  def setUp(self):
    super().setUp()
    self.sizes_before = self.sizes()

  def tearDown(self):
    self.assert_memory_is_bounded(self.sizes_before)
    if not self.link.reads:
      # What it has not read is its own loss.
      self.link.close()
    super().tearDown()

  def flood(self, frames, times=1):
    """Sends all `frames` many times, while the rest of the tree is asked."""
    data = b"".join(frame.bytes() for frame in frames)
    repeats = max(1, MIB // len(data))
    many, rounds = data * repeats, -(-times // repeats)
    flooding = threading.Thread(target=self._write, args=(many, rounds))
    flooding.start()
    try:
      while flooding.is_alive():
        self.assert_tree_greets()
        flooding.join(0.05)
    finally:
      flooding.join()
    self.assert_memory_is_bounded(self.sizes_before)

  def _write(self, many, rounds):
    for _ in range(rounds):
      if self.link.write(many, self.stall_s) < len(many):
        return
      self.link.frames.clear()

  def targets(self):
    return [dst for _, dst in self.neighbours()] + [trees.UNALLOCATED]

  def frames_of(self, handle, payload=b"", dsts=None, **fields):
    """One frame to each of `dsts`, whose answers come back."""
    fields = {"reply_to": 5000, **fields}
    return [self.link.frame(dst, handle, payload, **fields)
            for dst in (self.targets() if dsts is None else dsts)]


class _Floods(_Flooding):

  def test_questions_that_are_refused(self):
    self.flood(self.frames_of(wire.NOT_SERVED), 10_000)

  def test_questions_that_are_refused_with_answers_that_nobody_reads(self):
    self.link.reads = False
    self.flood(self.frames_of(wire.NOT_SERVED), 100_000)

  def test_pings(self):
    self.flood(self.frames_of(wire.PING, b"p" * 100), 10_000)

  def test_long_pings_whose_answers_nobody_reads(self):
    self.link.reads = False
    self.flood(self.frames_of(wire.PING, b"p" * wire.MAX_PAYLOAD), 300)

  def test_forged_frames(self):
    self.flood(self.frames_of(wire.CALL_FUNCTION, b"x", src=wire.MASTER),
               50_000)

  def test_routes_that_are_refused(self):
    route = wire.message((1, trees.UNALLOCATED), (2, "evil"))
    self.flood(self.frames_of(wire.ADD_ROUTE, route, [self.link.parent]) +
               self.frames_of(wire.DEL_ROUTE, route, [self.link.parent]),
               50_000)

  def test_log_lines(self):
    line = wire.message((1, 1), (2, "flood"), (3, "f" * 100))
    self.flood(self.frames_of(wire.FORWARD_LOG, line, [wire.MASTER]), 20_000)

  def test_answers_to_nothing(self):
    self.flood([self.link.frame(dst, handle, wire.answer(b"x"))
                for dst in self.targets() for handle in (1000, 0xFFFFFFFF)],
               40_000)

  def test_frames_to_itself_that_it_does_not_read(self):
    self.link.reads = False
    self.flood([self.link.frame(self.link.id, 5000, b"x" * wire.MAX_PAYLOAD)],
               1_200)

  def test_dead_replies_to_itself_that_it_does_not_read(self):
    self.link.reads = False
    self.flood([self.link.frame(self.link.id, 5000, b"x" * wire.MAX_PAYLOAD,
                                flags=wire.DEAD)], 1_600)

  def test_frames_ahead_of_all_others(self):
    self.flood([self.link.frame(dst, wire.NOT_SERVED, b"x" * 1000,
                                flags=wire.PRIORITY)
                for dst in self.targets()], 8_000)

  def test_routes_to_everything_that_it_was_granted(self):
    first, count = self.link.grant_first, self.link.grant_count
    self.flood([self.link.frame(self.link.parent, wire.ADD_ROUTE,
                                wire.message((1, number), (2, "r" * 6_000)))
                for number in range(first, first + count)])
    self.link.close()  # All of them are lost at once.
    self.assert_tree_answers()

  def test_big_calls_to_a_context_that_never_reads(self):
    self.link.reads = False
    calls = [self.call_evil(payload=b"c" * (3 * MIB)) for _ in range(12)]
    # The front door keeps the requests of calls for as long as they last.
    self.sizes_before["master"] += 12 * 3 * MIB // 1024
    for _ in range(5):
      self.assert_tree_answers()
    self.assert_memory_is_bounded(self.sizes_before)
    self.link.close()
    for call in calls:
      self.assertNotEqual("OK", call.code().name)

  def test_an_answer_that_never_ends(self):
    # A message that is never whole is refused at its limit, and what comes
    # after that is for a handle that nobody has.
    call = self.call_evil()
    asked = self.link.take_call("Echo")
    self.flood([self.link.frame(
        asked.src, asked.reply_to,
        wire.part(wire.MESSAGE, b"\0\xff\xff\xff\xff" + b"m" * 60_000))],
               1_200)
    self.assertEqual("RESOURCE_EXHAUSTED", call.code().name)

  def test_endless_empty_messages(self):
    self.call_evil()
    asked = self.link.take_call("Echo")
    self.flood([self.link.frame(
        asked.src, asked.reply_to,
        wire.part(wire.MESSAGE, b"\0\0\0\0\0" * 12_000))], 200)

  def test_endless_headers_of_an_answer(self):
    call = self.call_evil()
    asked = self.link.take_call("Echo")
    self.flood([self.link.frame(
        asked.src, asked.reply_to,
        wire.part(wire.TRAILERS, b"t" * 60_000, flags=1))], 1_200)
    self.assertEqual("RESOURCE_EXHAUSTED", call.code().name)

  def test_calls_that_never_end_to_a_method_that_is_for_anybody(self):
    # Probe.Info has the policy ANY; its calls are begun and left alone.
    begun = wire.part(wire.HEADERS, wire.message((1, "/probe.v1.Probe/Info")))
    for target in self.HONEST:
      self.probe.Echo(self.probe_pb.EchoRequest(),
                      metadata=trees.front_door.to(target),
                      timeout=trees.TREE_ANSWERS_S)
    dsts = [self.id_of(target) for target in self.HONEST]
    self.flood([self.link.frame(dst, wire.CALL_FUNCTION, begun, reply_to=n)
                for n in range(100_000, 120_000) for dst in dsts])
    self.link.barrier(self.link.parent)
    for dst in dsts:
      answer = self.link.ask(dst, wire.CALL_FUNCTION,
                             wire.call("/probe.v1.Probe/Info"))
      self.assertTrue(answer.dead, "there is no room for more")
    self.link.close()
    self.assert_tree_answers()
    # They have ended with who began them.
    type(self).link = self.connect()
    for dst in dsts:
      answer = self.link.ask(dst, wire.CALL_FUNCTION,
                             wire.call("/probe.v1.Probe/Info"))
      self.assertFalse(answer.dead, answer.payload)

  def test_control_frames_that_do_not_stop(self):
    # What is more than a link's budget is not read, so that it slows down
    # nobody but who sends it; all of it is read in the end.
    begin = time.monotonic()
    frames = self.frames_of(wire.PING, b"", [self.link.parent], reply_to=0)
    self.stall_s = 3
    # What its parent takes at once and in a few seconds.
    self.flood(frames, 60_000 if self.above else 150_000)
    self.link.barrier(self.link.parent)
    self.assertGreater(time.monotonic() - begin, 1)
    reply = self.contexts.Links(
        self.contexts_pb.LinksRequest(name=self.above.rstrip("/")),
        timeout=trees.TREE_ANSWERS_S)
    (slowed,) = [link.slowed for link in reply.links
                 if link.peer_id == self.link.id]
    self.assertGreater(slowed, 0)

  def test_no_descriptor_is_lost(self):
    before = processes.open_descriptors(self.master.pid)
    for _ in range(3):
      self.link.close()
      type(self).link = self.connect()
    self.assertLessEqual(processes.open_descriptors(self.master.pid),
                         before)


class _GrantFloods(_Flooding):
  """In classes of their own: the parent's ids are used up afterwards."""

  def test_grants(self):
    self.flood(self.frames_of(wire.ALLOCATE_ID, wire.message((1, 1000)),
                              [self.link.parent]), 20_000)

  def test_grants_of_one_id_and_routes_that_are_refused(self):
    # Looking an id up among many small grants must not stall anybody.
    self.flood(self.frames_of(wire.ALLOCATE_ID, wire.message((1, 1)),
                              [self.link.parent]), 20_000)
    self.flood(self.frames_of(
        wire.ADD_ROUTE, wire.message((1, trees.UNALLOCATED), (2, "evil")),
        [self.link.parent]), 20_000)


class FloodsOfAChildTest(_Floods, trees.Child):
  pass


class FloodsOfAGrandchildTest(_Floods, trees.Grandchild):
  pass


class GrantFloodsOfAChildTest(_GrantFloods, trees.Child):
  pass


class GrantFloodsOfAGrandchildTest(_GrantFloods, trees.Grandchild):
  pass
