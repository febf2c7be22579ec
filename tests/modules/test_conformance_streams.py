"""Calls of the three streaming kinds: order, windows, ends."""

import zlib

from conformance_case import (WINDOW_BYTES, in_every_language, message_parts,
                              print_table, window, wire)
from test_conformance_unary import (CANCELLED, DEADLINE_EXCEEDED, INTERNAL,
                                    INVALID_ARGUMENT, NOT_FOUND,
                                    RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNKNOWN)

_MIB = 1024 * 1024


def tearDownModule():
  print_table()


@in_every_language
class StreamTest:

  def _send(self, module, handle, *requests, end=False):
    """Requests of a stream, as far as they fit a frame."""
    module.call(handle, b"".join(
        wire.part(wire.MESSAGE, self.request(**r)) for r in requests) +
                (wire.part(wire.END) if end else b""))

  def _open(self, module, handle, method, *headers):
    module.call(handle, self.headers(method, *headers))

  def _replied(self, module, handle, count):
    """Waits for replies of a call that goes on."""
    seen = module.answer_so_far(handle)
    module.until(lambda: len(seen.messages) >= count or seen.whole)
    return [self.pb.Reply.FromString(m) for _, m in seen.messages]

  # Server.

  def test_many_replies_in_order(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", payload=b"r", reply_count=500))
    answer = module.answer(1000)
    self.assert_ok(answer)
    self.assertEqual(500, len(answer.messages))

  def test_no_reply(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream"))
    answer = module.answer(1000)
    self.assert_ok(answer)
    self.assertEqual([], answer.messages)

  def test_replies_never_overrun_the_window(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", reply_bytes=1000,
                                 reply_count=2000))
    seen = module.answer_so_far(1000)
    granted = WINDOW_BYTES
    for count in (1, 5, 70000, 1000, 3):
      module.until(lambda: seen.message_bytes >= granted)
      module.barrier()
      self.assertEqual(granted, seen.message_bytes)
      module.call(1000, window(count))
      granted += count
    # Another call is served while this one waits.
    self.assert_serves(module)
    module.call(1000, window(4 * _MIB))
    answer = module.answer(1000)
    self.assert_ok(answer)
    self.assertEqual(2000, len(answer.messages))

  def test_trailers_wait_behind_the_messages(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", reply_bytes=WINDOW_BYTES,
                                 reply_count=1))
    seen = module.answer_so_far(1000)
    module.until(lambda: seen.message_bytes == WINDOW_BYTES)
    module.barrier()
    self.assertFalse(seen.whole)
    module.call(1000, window(100))
    self.assert_ok(module.answer(1000))

  def test_huge_windows_are_taken(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", reply_bytes=_MIB,
                                 reply_count=3))
    for _ in range(4):
      module.call(1000, window(0xFFFFFFFF))
    self.assertEqual(3, len(module.answer(1000).messages))

  def test_initial_metadata_ahead_of_replies(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", metadata=True, early=True,
                                 wait=True))
    seen = module.answer_so_far(1000)
    module.until(lambda: seen.initial is not None)
    self.assertEqual(("x-initial", b"one"), seen.initial[0])
    module.call(1000, wire.part(wire.CANCEL))
    self.assert_fails(module.answer(1000), CANCELLED)

  def test_a_cancelled_stream_ends_its_method(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", reply_bytes=1000,
                                 reply_count=4_000_000))
    seen = module.answer_so_far(1000)
    module.until(lambda: seen.message_bytes == WINDOW_BYTES)
    module.call(1000, wire.part(wire.CANCEL))
    self.assert_fails(module.answer(1000), CANCELLED)
    # Else the module would not end: its method counts as one that runs.
    module.send(wire.Frame(7, 3, 3, wire.SHUTDOWN))
    self.assertEqual(0, module.wait())

  def test_a_deadline_ends_a_method_that_waits_for_credit(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", headers=[(2, 100_000)],
                                 reply_bytes=1000, reply_count=4_000_000))
    self.assert_fails(module.answer(1000), DEADLINE_EXCEEDED)
    module.send(wire.Frame(7, 3, 3, wire.SHUTDOWN))
    self.assertEqual(0, module.wait())

  def test_a_stream_takes_one_request_where_one_is_meant(self):
    module = self.start()
    one = wire.part(wire.MESSAGE, self.request())
    for payload in (wire.part(wire.END), one + one + wire.part(wire.END)):
      module.call(1000, self.headers("ServerStream") + payload)
      self.assert_fails(module.answer(1000), INVALID_ARGUMENT, "one request")

  # Client.

  def test_counts_many_requests(self):
    module = self.start()
    self._open(module, 1000, "ClientStream")
    for _ in range(200):
      self._send(module, 1000, *[{"payload": b"12345"}] * 5)
    self._send(module, 1000, end=True)
    reply = self.reply(module.answer(1000))
    self.assertEqual((1000, 5000), (reply.requests, reply.request_bytes))

  def test_no_request(self):
    module = self.start()
    self._open(module, 1000, "ClientStream")
    self._send(module, 1000, end=True)
    self.assertEqual(0, self.reply(module.answer(1000)).requests)

  def test_grants_what_it_reads(self):
    module = self.start()
    self._open(module, 1000, "ClientStream")
    data = self.request(payload=b"r" * 50_000) * 100
    sent, seen = 0, module.answer_so_far(1000)
    for part in message_parts(data):
      size = len(part) - 4
      module.until(lambda: sent + size <= WINDOW_BYTES + seen.granted)
      module.call(1000, part)
      sent += size
    self._send(module, 1000, end=True)
    self.assertEqual(100, self.reply(module.answer(1000)).requests)
    # Nothing beyond the window was ever granted.
    self.assertLessEqual(seen.granted, sent)

  def test_grants_nothing_that_it_does_not_read(self):
    module = self.start()
    self._open(module, 1000, "BidiStream")
    self._send(module, 1000, {"wait": True})
    data = self.request(payload=b"r" * 1000) * 255
    sent = len(self.request(wait=True)) + len(data)
    for part in message_parts(data):
      module.call(1000, part)
    seen = module.answer_so_far(1000)
    module.barrier()
    self.assertLessEqual(seen.granted, 70_000)
    # What goes beyond is refused.
    left = WINDOW_BYTES + seen.granted - sent
    for part in message_parts(b"\0" * (left + 1)):
      module.call(1000, part)
    answer = module.answer(1000)
    self.assert_fails(answer, RESOURCE_EXHAUSTED, "granted")
    self.assert_serves(module)

  def test_a_failure_before_all_requests_are_there(self):
    module = self.start()
    self._open(module, 1000, "BidiStream")
    self._send(module, 1000, {"code": NOT_FOUND, "text": "enough"})
    self.assert_fails(module.answer(1000), NOT_FOUND, "enough")
    # These crossed it.
    self._send(module, 1000, {"payload": b"late"}, end=True)
    self.assert_serves(module, 1000)

  # Both.

  def test_replies_to_each_request_in_turn(self):
    module = self.start()
    self._open(module, 1000, "BidiStream")
    for i in range(50):
      self._send(module, 1000, {"payload": b"%d" % i})
      self.assertEqual(b"%d" % i,
                       self._replied(module, 1000, i + 1)[i].payload)
    self._send(module, 1000, end=True)
    self.assert_ok(module.answer(1000))

  def test_begins_without_a_request(self):
    module = self.start()
    self._open(module, 1000, "BidiStream")
    module.barrier()
    module.call(1000, wire.part(wire.END))
    self.assert_ok(module.answer(1000))

  def test_streams_go_on_beside_one_another(self):
    module = self.start()
    for handle in range(1000, 1040):
      self._open(module, handle, "BidiStream")
    for i in range(5):
      for handle in range(1000, 1040):
        self._send(module, handle, {"payload": b"%d" % i})
    for handle in range(1039, 999, -1):
      self.assertEqual([b"%d" % i for i in range(5)],
                       [r.payload for r in self._replied(module, handle, 5)])
      module.call(handle, wire.part(wire.END))
      self.assert_ok(module.answer(handle))

  def test_more_streams_than_it_may_serve(self):
    module = self.start()
    for handle in range(1000, 1256):
      module.call(handle, self.headers("BidiStream"))
    module.call(2000, self.headers("BidiStream"))
    self.assert_fails(module.answer(2000), RESOURCE_EXHAUSTED)
    self.assert_serves(module)
    for handle in range(1000, 1256):
      module.call(handle, wire.part(wire.CANCEL))
      module.answer(handle)

  def test_callers_that_are_not_above_have_a_quarter_of_the_streams(self):
    module = self.start()
    for handle in range(1000, 1064):
      module.call(handle, self.headers("BidiStream"), src=21, auth=21)
    for handle, more in ((2000, {"src": 21, "auth": 21}), (2001, {"auth": 21})):
      module.call(handle, self.headers("BidiStream"), **more)
      self.assert_fails(module.answer(handle), RESOURCE_EXHAUSTED)
    module.call(2002, self.headers("BidiStream") + wire.part(wire.END))
    self.assert_ok(module.answer(2002))

  def test_exceptions_of_streams(self):
    module = self.start()
    for method in ("ServerStream", "ClientStream", "BidiStream"):
      module.call(1000, self.unary(method, crash=True))
      self.assert_fails(module.answer(1000), UNKNOWN, "as asked")

  def test_compressed_streams(self):
    module = self.start()
    data = self.pb.Request(payload=b"a" * 1000, compression=1)
    packed = zlib.compress(data.SerializeToString())
    module.call(1000, self.headers("BidiStream", (8, 1), (9, 6)) + wire.part(
        wire.MESSAGE, (b"\1" + len(packed).to_bytes(4, "big") + packed) * 3) +
                wire.part(wire.END))
    answer = module.answer(1000)
    self.assert_ok(answer)
    self.assertEqual(1, answer.encoding)
    self.assertEqual(3, len(answer.messages))
    for compressed, message in answer.messages:
      self.assertEqual(1, compressed)
      self.assertEqual(b"a" * 1000, self.pb.Reply.FromString(
          zlib.decompress(message)).payload)

  def test_what_is_wrong_in_a_stream(self):
    module = self.start()
    head, end = self.headers("BidiStream"), wire.part(wire.END)
    one = wire.part(wire.MESSAGE, self.request())
    for name, payload, code in (
        ("a message behind the end", head + end + one,
         (INTERNAL, 0)),  # 0: the method was done before
        ("a request that does not parse",
         head + wire.part(wire.MESSAGE, wire.in_grpc(b"\xff")),
         (INVALID_ARGUMENT,)),
        ("a message that can't be decompressed",
         self.headers("BidiStream", (8, 1)) +
         wire.part(wire.MESSAGE, b"\1\0\0\0\4junk"), (INTERNAL,)),
        ("an encoding that is not known",
         self.headers("BidiStream", (8, 9)) +
         wire.part(wire.MESSAGE, b"\1\0\0\0\4junk"), (UNIMPLEMENTED,)),
        ("headers twice", head + head, (INTERNAL,)),
        ("junk", head + b"junk", (INTERNAL,))):
      with self.subTest(name):
        module.call(1000, payload)
        self.assertIn(module.answer(1000).code, code)
    self.assert_serves(module)
