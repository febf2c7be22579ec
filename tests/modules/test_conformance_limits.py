"""Limits of services, as their .proto has them (docs/calls.md)."""

import re
import zlib

from conformance_case import in_every_language, print_table, wire
from module_process import MASTER, hello_frame
from test_conformance_unary import (CANCELLED, DEADLINE_EXCEEDED,
                                    RESOURCE_EXHAUSTED)

LIMITED = "/conformance.v1.Limited/"
OVERRIDDEN = "/conformance.v1.Overridden/"
_SIBLING = 21
_FULL = ("service conformance.v1.Limited serves 2 calls at a time "
         "(max_concurrent_calls), and as many wait as may: 4 "
         "(max_queued_calls); try again when some are over")


def tearDownModule():
  print_table()


@in_every_language
class LimitsTest:

  def _unary(self, module, handle, method="Unary", headers=(), src=MASTER,
             auth=MASTER, **fields):
    module.call(handle, self.unary(LIMITED + method, headers, **fields), src,
                auth)

  def _fill(self, module):
    """Takes both places of the service."""
    self._unary(module, 1000, wait=True, print="unary")
    self.assertEqual("unary", module.line(1))
    module.call(1001, self.headers(LIMITED + "ClientStream"))

  def _end_stream(self, module):
    module.call(1001, wire.part(wire.END))
    self.assert_ok(module.answer(1001))

  def _cancel(self, module, handle):
    module.call(handle, wire.part(wire.CANCEL))
    self.assert_fails(module.answer(handle), CANCELLED)

  def _assert_full(self, module, handle=4000, text=_FULL):
    self._unary(module, handle)
    self.assert_fails(module.answer(handle), RESOURCE_EXHAUSTED,
                      re.escape(text))

  def _assert_silent(self, module, *handles):
    module.barrier()
    for handle in handles:
      self.assertFalse(module.answer_so_far(handle).frames, handle)

  def test_calls_of_all_kinds_wait_in_order_and_others_go_on(self):
    module = self.start()
    self._fill(module)
    self._unary(module, 1002, print="2")
    module.call(1003, self.headers(LIMITED + "ClientStream") +
                wire.part(wire.MESSAGE, self.request(print="3")) +
                wire.part(wire.END))
    self._unary(module, 1004, "ServerStream", reply_count=1, print="4")
    self._unary(module, 1005, "Serial", print="5")
    self._assert_full(module)
    # Another service, and the link.
    self.assert_serves(module)
    self._assert_silent(module, 1002, 1003, 1004, 1005)
    # One place becomes free: they take it one after the other.
    self._end_stream(module)
    for i in "2345":
      self.assertEqual(i, module.line(1))
    for handle in range(1002, 1006):
      self.assert_ok(module.answer(handle))
    self._cancel(module, 1000)

  def test_one_that_waits_ends_at_once_and_makes_room(self):
    module = self.start()
    self._fill(module)
    self._unary(module, 1002, print="2")
    self._unary(module, 1003, headers=[(2, 20_000)], print="never")
    self.assert_fails(module.answer(1003), DEADLINE_EXCEEDED)
    self._unary(module, 1004, print="never")
    self._cancel(module, 1004)
    for handle in range(1005, 1008):
      self._unary(module, handle, print=str(handle))
    self._assert_full(module)
    self._cancel(module, 1005)
    self._unary(module, 1008, print="8")
    self._assert_full(module)
    # What was cancelled has its place until its method has returned.
    self._cancel(module, 1000)
    lines = [module.line(1) for _ in range(5)]
    self.assertEqual(["over", "2", "1006", "1007", "8"], lines)
    for handle in (1002, 1006, 1007, 1008):
      self.assert_ok(module.answer(handle))
    self._end_stream(module)

  def test_serial_methods_run_one_at_a_time_beside_others(self):
    module = self.start()
    self._unary(module, 1000, "Serial", wait=True, print="first")
    self.assertEqual("first", module.line(1))
    for handle in range(1001, 1005):
      self._unary(module, handle, "Serial", print=str(handle))
    self._unary(module, 1005, "Serial")
    self.assert_fails(module.answer(1005), RESOURCE_EXHAUSTED, re.escape(
        "service conformance.v1.Limited serves calls of Serial one at a time, "
        "and as many wait as may: 4 (max_queued_calls); try again when some "
        "are over"))
    # They go ahead of those.
    self._unary(module, 1006, print="beside")
    self.assert_ok(module.answer(1006))
    self.assertEqual("beside", module.line(1))
    self._cancel(module, 1002)
    self._assert_silent(module, 1001, 1003, 1004)
    self._cancel(module, 1000)
    self.assertEqual(["over", "1001", "1003", "1004"],
                     [module.line(1) for _ in range(4)])
    for handle in (1001, 1003, 1004):
      self.assert_ok(module.answer(handle))

  def test_a_serial_call_waits_for_its_service_too(self):
    module = self.start()
    self._unary(module, 1000, "Serial", wait=True, print="first")
    self.assertEqual("first", module.line(1))
    module.call(1001, self.headers(LIMITED + "ClientStream"))
    self._unary(module, 1002, "Serial", print="2")
    self._unary(module, 1003, print="3")
    # It came before.
    self._cancel(module, 1000)
    self.assertEqual(["over", "2", "3"], [module.line(1) for _ in range(3)])
    self.assert_ok(module.answer(1002))
    self.assert_ok(module.answer(1003))
    self._end_stream(module)

  def test_callers_that_are_not_above_have_a_quarter_of_the_queue(self):
    module = self.start()
    self._fill(module)
    self._unary(module, 1002, src=_SIBLING, auth=_SIBLING)
    self._unary(module, 1003, src=_SIBLING, auth=_SIBLING)
    self.assert_fails(module.answer(1003), RESOURCE_EXHAUSTED,
                      re.escape(_FULL))
    for handle in range(1004, 1007):
      self._unary(module, handle)
    self._assert_full(module)
    self._end_stream(module)
    for handle in (1002, 1004, 1005, 1006):
      self.assert_ok(module.answer(handle))

  def _chain(self, module, handles, epoch=0):
    for index, handle in enumerate(handles):
      self._unary(module, handle, headers=[
          each for each in ((4, 7), (5, epoch), (6, index)) if each[1]])

  def test_only_the_first_of_a_chain_waits(self):
    module = self.start()
    self._fill(module)
    self._chain(module, range(1010, 1020))
    for handle in range(1002, 1005):
      self._unary(module, handle)
    self._assert_full(module)
    self._cancel(module, 1010)
    for handle in range(1011, 1020):
      self.assert_fails(module.answer(handle), CANCELLED)
    self._end_stream(module)
    for handle in range(1002, 1005):
      self.assert_ok(module.answer(handle))
    self._chain(module, range(1020, 1030), epoch=1)
    for handle in range(1020, 1030):
      self.assert_ok(module.answer(handle))

  def test_a_chain_that_finds_the_queue_full_fails(self):
    module = self.start()
    self._fill(module)
    for handle in range(1002, 1006):
      self._unary(module, handle)
    self._chain(module, range(1010, 1013))
    for handle in range(1010, 1013):
      self.assert_fails(module.answer(handle), RESOURCE_EXHAUSTED,
                        re.escape(_FULL))
    self._end_stream(module)
    for handle in range(1002, 1006):
      self.assert_ok(module.answer(handle))
    self._chain(module, [1020], epoch=1)
    self.assert_ok(module.answer(1020))

  def _keep_going(self, module, methods, at_once, count=600):
    pending = set()
    for handle in range(2000, 2000 + count):
      if len(pending) == at_once:
        self._finish_one(module, pending)
      method = methods[handle % len(methods)]
      self._unary(module, handle, method, reply_count=1)
      pending.add(handle)
    while pending:
      self._finish_one(module, pending)

  def _finish_one(self, module, pending):
    whole = []

    def look():
      whole[:] = [h for h in pending if module.answer_so_far(h).whole]
      return bool(whole)

    module.until(look)
    self.assert_ok(module.answer(whole[0]))
    pending.remove(whole[0])

  def test_who_has_an_answer_finds_that_it_has_made_room(self):
    module = self.start()
    # Two run, and four wait.
    self._keep_going(module, ("Unary", "ServerStream"), at_once=6)
    # One runs at least.
    self._keep_going(module, ("Serial", "Unary", "Serial"), at_once=5)

  def _sized(self, size):
    """A request of so many bytes, whose reply is small."""
    fields = {"payload": b"p" * (size - 8), "reply_bytes": 1}
    have = self.pb.Request(**fields).ByteSize()
    fields["payload"] += b"p" * (size - have)
    self.assertEqual(size, self.pb.Request(**fields).ByteSize())
    return fields

  def test_messages_have_the_limit_of_their_service(self):
    for module, others in (
        (self.start(), 4 << 20),
        (self.start(hello=hello_frame(max_message_bytes=100)), 100)):
      self._unary(module, 1000, **self._sized(10_000))
      self.assert_ok(module.answer(1000))
      self._unary(module, 1001, **self._sized(10_001))
      self.assert_fails(
          module.answer(1001), RESOURCE_EXHAUSTED,
          "^message of 10001 bytes is longer than the limit of 10000 bytes$")
      for method in ("Unary", "ServerStream"):
        self._unary(module, 1002, method, reply_bytes=9990, reply_count=1)
        self.assert_ok(module.answer(1002))
        self._unary(module, 1003, method, reply_bytes=10_000, reply_count=1)
        self.assert_fails(
            module.answer(1003), RESOURCE_EXHAUSTED,
            "^reply of 10003 bytes is longer than the limit of 10000 bytes$")
      # What comes of a compressed one.
      data = self.pb.Request(**self._sized(10_001)).SerializeToString()
      packed = b"\1" + wire.in_grpc(zlib.compress(data))[1:]
      module.call(1004, self.headers(LIMITED + "Unary", (8, 1)) +
                  wire.part(wire.MESSAGE, packed) + wire.part(wire.END))
      self.assert_fails(module.answer(1004), RESOURCE_EXHAUSTED, "10000 bytes")
      # Those of another service have the module's.
      module.call(1004, self.unary(reply_bytes=9990))
      answer = module.answer(1004)
      self.assertEqual(others < 9990, answer.code == RESOURCE_EXHAUSTED,
                       answer.text)

  def test_whoever_starts_it_may_say_otherwise(self):
    module = self.start()
    for handle in range(1000, 1003):
      module.call(handle, self.unary(OVERRIDDEN + "Unary",
                                     wait=handle == 1000, print=str(handle)))
    # Its author lets three run, but one at a time, and none wait.
    self.assert_fails(module.answer(1002), RESOURCE_EXHAUSTED, re.escape(
        "service conformance.v1.Overridden serves 1 calls at a time "
        "(max_concurrent_calls), and as many wait as may: 1 "))
    self.assertEqual("1000", module.line(1))
    self._cancel(module, 1000)
    self.assertEqual(["over", "1001"], [module.line(1), module.line(1)])
    self.assert_ok(module.answer(1001))
