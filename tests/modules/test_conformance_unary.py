"""Unary calls, what goes with them, and what is wrong with them."""

import gzip
import zlib

from conformance_case import (WINDOW_BYTES, in_every_language, message_parts,
                              print_table, window, wire)
from module_process import MASTER, MODULE, hello_frame

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = range(5)
NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 5, 8, 12, 13
DEFLATE, GZIP = 1, 2
_MIB = 1024 * 1024


def tearDownModule():
  print_table()


@in_every_language
class UnaryTest:

  def test_answers_in_one_frame(self):
    module = self.start()
    module.call(1000, self.unary(payload=b"hello"))
    answer = module.answer(1000)
    self.assertEqual(b"hello", self.reply(answer).payload)
    self.assertIsNone(answer.initial)
    (frame,) = answer.frames
    self.assertEqual((MASTER, 1000, 0), (frame.dst, frame.handle, frame.flags))

  def test_knows_caller_authority_and_deadline(self):
    module = self.start()
    module.call(1000, self.unary(headers=[(2, 60_000_000)]), src=21, auth=22)
    reply = self.reply(module.answer(1000))
    self.assertEqual((21, 22, True),
                     (reply.caller, reply.authority, reply.deadline))
    module.call(1000, self.unary(), src=21, auth=22)
    self.assertFalse(self.reply(module.answer(1000)).deadline)

  def test_handles_belong_to_their_caller(self):
    module = self.start()
    for caller in (21, 22, MASTER):
      module.call(1000, self.unary(payload=b"%d" % caller), src=caller)
    found = {}
    for _ in range(3):
      frame = module.frame()
      while frame.handle == wire.HELLO:
        frame = module.frame()
      found[frame.dst] = frame.payload
    for caller in (21, 22, MASTER):
      self.assertIn(b"%d" % caller, found[caller])

  def test_takes_bytes_one_by_one(self):
    module = self.start(hello=b"")
    frame = wire.Frame(MODULE, MASTER, MASTER, wire.CALL_FUNCTION, 1000,
                       self.unary(payload=b"slow"))
    for byte in hello_frame().bytes() + frame.bytes():
      module.send(bytes([byte]))
    self.assertEqual(b"slow", self.reply(module.answer(1000)).payload)

  def test_takes_parts_in_frames_of_their_own(self):
    module = self.start()
    request = self.request(payload=b"in pieces")
    module.call(1000, self.headers("Unary"))
    for byte in request:
      module.call(1000, wire.part(wire.MESSAGE, bytes([byte])))
    module.call(1000, wire.part(wire.END))
    self.assertEqual(b"in pieces", self.reply(module.answer(1000)).payload)

  def test_takes_headers_that_go_on(self):
    module = self.start()
    key = b"x" * 60000
    data = wire.message((1, "/conformance.v1.Conformance/Unary"),
                        (3, wire.message((1, "x-long"), (2, key))))
    module.call(1000, wire.part(wire.HEADERS, data[:50000], flags=1))
    module.call(1000, wire.part(wire.HEADERS, data[50000:]) +
                wire.part(wire.MESSAGE, self.request()) + wire.part(wire.END))
    self.assert_ok(module.answer(1000))

  def test_takes_an_empty_request(self):
    module = self.start()
    module.call(1000, self.headers("Unary") +
                wire.part(wire.MESSAGE, wire.in_grpc(b"")) +
                wire.part(wire.END))
    self.assertEqual(b"", self.reply(module.answer(1000)).payload)

  def test_ignores_fields_and_part_flags_that_it_does_not_know(self):
    module = self.start()
    request = self.request(payload=b"x")
    module.call(1000, self.headers("Unary", (99, "new"), (98, 1)) +
                wire.part(wire.MESSAGE, request, flags=0x80) +
                wire.part(wire.END))
    self.assertEqual(b"x", self.reply(module.answer(1000)).payload)

  def test_answers_many_calls_at_once(self):
    module = self.start()
    for handle in range(1000, 2000):
      module.call(handle, self.unary(payload=b"%d" % handle))
    for handle in range(1000, 2000):
      self.assertEqual(b"%d" % handle,
                       self.reply(module.answer(handle)).payload)

  def test_a_handle_is_free_as_soon_as_its_answer_is_out(self):
    module = self.start()
    for i in range(200):
      module.call(1000, self.unary(payload=b"%d" % i))
      self.assertEqual(b"%d" % i, self.reply(module.answer(1000)).payload)

  # Windows.

  def test_grants_a_large_request(self):
    module = self.start()
    parts = message_parts(self.request(payload=b"r" * 3 * _MIB))
    module.call(1000, self.headers("Unary"))
    sent, seen = 0, module.answer_so_far(1000)
    for part in parts:
      size = len(part) - 4
      module.until(lambda: sent + size <= WINDOW_BYTES + seen.granted)
      module.call(1000, part)
      sent += size
    module.call(1000, wire.part(wire.END) + window(4 * _MIB))
    self.assertEqual(3 * _MIB, len(self.reply(module.answer(1000)).payload))
    self.assertLessEqual(seen.granted, sent)
    for frame in seen.frames:
      if len(frame.payload) == 8:
        self.assertEqual(wire.PRIORITY, frame.flags)

  def test_a_large_reply_waits_for_credit_and_holds_nobody_up(self):
    module = self.start()
    for handle in range(1000, 1010):
      module.call(handle, self.unary(reply_bytes=_MIB))
    for handle in range(1000, 1010):
      seen = module.answer_so_far(handle)
      module.until(lambda: seen.message_bytes == WINDOW_BYTES)
    self.assert_serves(module)
    seen = module.answer_so_far(1003)
    self.assertEqual(WINDOW_BYTES, seen.message_bytes)
    module.call(1003, window(1))
    module.until(lambda: seen.message_bytes == WINDOW_BYTES + 1)
    module.call(1003, window(_MIB))
    self.assertEqual(_MIB, len(self.reply(module.answer(1003)).payload))

  def test_a_context_that_reads_late_gets_everything(self):
    module = self.start()
    for handle in range(1000, 1300):
      module.call(handle, self.unary(reply_bytes=200_000))
    # Nothing was read until here: 60 MB are queued, or wait to be made.
    for handle in range(1299, 999, -1):
      self.assertEqual(200_000, len(self.reply(module.answer(handle)).payload))
    self.assert_serves(module)

  def test_more_than_was_granted_ends_the_call(self):
    module = self.start()
    module.call(1000, self.headers("Unary"))
    # Of the message of 1 MiB nothing but a window and itself may come.
    data = wire.in_grpc(b"\0" * _MIB) * 2
    for part in message_parts(data):
      module.call(1000, part)
    self.assertIn(module.answer(1000).code,
                  (RESOURCE_EXHAUSTED, INVALID_ARGUMENT))
    self.assert_serves(module)

  # Ends.

  def test_a_deadline_ends_the_call(self):
    module = self.start()
    module.call(1000, self.unary(headers=[(2, 50_000)], wait=True))
    self.assert_fails(module.answer(1000), DEADLINE_EXCEEDED)
    self.assertEqual("over", module.line(1))
    self.assert_serves(module, 1000)

  def test_a_deadline_of_a_request_that_never_ends(self):
    module = self.start()
    module.call(1000, self.headers("Unary", (2, 50_000)))
    self.assert_fails(module.answer(1000), DEADLINE_EXCEEDED)

  def test_a_very_long_deadline_is_none(self):
    module = self.start()
    module.call(1000, self.unary(headers=[(2, (1 << 64) - 1)]))
    self.assertFalse(self.reply(module.answer(1000)).deadline)

  def test_a_deadline_beyond_what_a_wait_takes(self):
    # 30 days are more milliseconds than an int has; the call waits for it.
    module = self.start()
    module.call(1000, self.unary(headers=[(2, 30 * 86_400_000_000)], wait=True,
                                 print="runs"))
    self.assertEqual("runs", module.line(1))
    self.assert_serves(module)
    module.call(1000, wire.part(wire.CANCEL))
    self.assert_fails(module.answer(1000), CANCELLED)

  def test_a_cancelled_call_is_forgotten(self):
    module = self.start()
    module.call(1000, self.unary(wait=True, print="runs"))
    self.assertEqual("runs", module.line(1))
    module.call(1000, wire.part(wire.CANCEL))
    self.assert_fails(module.answer(1000), CANCELLED)
    self.assertEqual("over", module.line(1))
    # What crossed it belongs to nobody.
    module.call(1000, window(5) + wire.part(wire.END))
    module.call(1000, wire.part(wire.MESSAGE, self.request()))
    module.call(1000, wire.part(wire.CANCEL))
    self.assert_serves(module, 1000)

  def test_more_calls_wait_than_run(self):
    module = self.start()
    for handle in range(1000, 1100):
      module.call(handle, self.unary(wait=True))
    for handle in range(1099, 999, -1):
      module.call(handle, wire.part(wire.CANCEL))
    for handle in range(1000, 1100):
      self.assert_fails(module.answer(handle), CANCELLED)
    self.assert_serves(module)

  def test_a_status_with_text_and_details(self):
    module = self.start()
    module.call(1000, self.unary(code=NOT_FOUND, text="nö such",
                                 details=b"\x08\x05\x00\xff"))
    answer = module.answer(1000)
    self.assert_fails(answer, NOT_FOUND, r"\Anö such\Z")
    self.assertEqual(b"\x08\x05\x00\xff", answer.details)
    self.assertEqual([], answer.messages)

  def test_a_code_that_grpc_does_not_have_is_unknown(self):
    module = self.start()
    module.call(1000, self.unary(code=77))
    self.assert_fails(module.answer(1000), UNKNOWN)

  def test_a_very_long_text_is_cut(self):
    module = self.start()
    text = "é" * _MIB
    data = self.request(code=NOT_FOUND, text=text)
    module.call(1000, self.headers("Unary"))
    for part in message_parts(data):
      module.call(1000, part)
    module.call(1000, wire.part(wire.END))
    self.assert_fails(module.answer(1000), NOT_FOUND,
                      r"\Aé{524288}\.\.\. \(\d+ more bytes\)\Z")

  def test_what_a_method_throws_is_unknown(self):
    module = self.start()
    module.call(1000, self.unary(crash=True))
    self.assert_fails(module.answer(1000), UNKNOWN, "as asked")
    self.assert_serves(module)

  # Metadata.

  def test_metadata_both_ways(self):
    module = self.start()
    sent = [("x-echo", b"one"), ("x-echo", b"two"), ("x-echo-bin", b"\0\xff"),
            ("x-other", b"no")]
    module.call(1000, self.unary(
        headers=[(3, wire.message((1, k), (2, v))) for k, v in sent],
        metadata=True))
    answer = module.answer(1000)
    self.assert_ok(answer)
    self.assertEqual([("x-initial", b"one"), ("x-initial-bin", b"\0\xff")],
                     answer.initial)
    self.assertEqual(sent[:3], answer.trailing)

  def test_metadata_with_a_failure(self):
    module = self.start()
    module.call(1000, self.unary(
        headers=[(3, wire.message((1, "x-echo"), (2, "one")))],
        metadata=True, code=NOT_FOUND))
    answer = module.answer(1000)
    self.assert_fails(answer, NOT_FOUND)
    self.assertEqual([("x-echo", b"one")], answer.trailing)

  # Compression.

  def _compressed(self, data, encoding, headers=()):
    return (self.headers("Unary", (8, encoding), *headers) +
            wire.part(wire.MESSAGE, b"\1" + len(data).to_bytes(4, "big") + data)
            + wire.part(wire.END))

  def test_takes_compressed_requests(self):
    module = self.start()
    request = self.pb.Request(payload=b"a" * 1000).SerializeToString()
    for encoding, data in ((DEFLATE, zlib.compress(request)),
                           (GZIP, gzip.compress(request))):
      module.call(1000, self._compressed(data, encoding))
      reply = self.reply(module.answer(1000))
      self.assertTrue(reply.request_compressed)
      self.assertEqual(b"a" * 1000, reply.payload)

  def test_compresses_replies_for_who_takes_it(self):
    module = self.start()
    for encoding, unpack in ((DEFLATE, zlib.decompress),
                             (GZIP, gzip.decompress)):
      module.call(1000, self.unary(headers=[(9, 1 << encoding)],
                                   compression=encoding, reply_bytes=10000))
      answer = module.answer(1000)
      self.assert_ok(answer)
      self.assertEqual(encoding, answer.encoding)
      ((compressed, data),) = answer.messages
      self.assertEqual(1, compressed)
      reply = self.pb.Reply.FromString(unpack(data))
      self.assertEqual(10000, len(reply.payload))

  def test_compresses_nothing_for_who_does_not(self):
    module = self.start()
    module.call(1000, self.unary(headers=[(9, 1 << DEFLATE)], compression=GZIP,
                                 reply_bytes=10000))
    answer = module.answer(1000)
    self.assertEqual(10000, len(self.reply(answer).payload))
    self.assertEqual((0, 0), (answer.encoding, answer.messages[0][0]))

  def test_compressed_requests_that_are_none(self):
    module = self.start()
    good = zlib.compress(b"")
    for data, encoding, code in (
        (good, 3, UNIMPLEMENTED), (good, 0, INTERNAL),
        (b"junk", DEFLATE, INTERNAL),
        (good + b"x", DEFLATE, INTERNAL), (good[:-1], DEFLATE, INTERNAL),
        (gzip.compress(b"") * 2, GZIP, INTERNAL), (good, GZIP, INTERNAL),
        (b"", GZIP, INTERNAL)):
      with self.subTest(data=data, encoding=encoding):
        module.call(1000, self._compressed(data, encoding))
        self.assert_fails(module.answer(1000), code)
    self.assert_serves(module)

  def test_a_bomb_is_not_inflated(self):
    module = self.start()
    bomb = zlib.compress(b"\0" * 64 * _MIB, 9)
    module.call(1000, self._compressed(bomb, DEFLATE))
    self.assert_fails(module.answer(1000), RESOURCE_EXHAUSTED)

  # Limits.

  def test_messages_over_the_limit_of_the_hello(self):
    module = self.start(hello=hello_frame(max_message_bytes=1000))
    module.call(1000, self.unary(payload=b"r" * 1000))
    self.assert_fails(module.answer(1000), RESOURCE_EXHAUSTED, "limit of 1000")
    module.call(1000, self.unary(reply_bytes=1000))
    self.assert_fails(module.answer(1000), RESOURCE_EXHAUSTED, "limit of 1000")
    module.call(1000, self.unary(reply_bytes=900))
    self.assert_ok(module.answer(1000))

  def test_a_message_over_4_mib_is_refused_by_its_prefix(self):
    module = self.start()
    module.call(1000, self.headers("Unary") + wire.part(
        wire.MESSAGE, b"\0" + (4 * _MIB + 1).to_bytes(4, "big")))
    self.assert_fails(module.answer(1000), RESOURCE_EXHAUSTED)

  def test_headers_over_4_mib(self):
    module = self.start()
    module.call(1000, wire.part(wire.HEADERS, wire.message(
        (1, "/conformance.v1.Conformance/Unary")), flags=1))
    for _ in range(65):
      module.call(1000, wire.part(wire.HEADERS, b"\0" * 65532, flags=1))
    self.assert_fails(module.answer(1000), RESOURCE_EXHAUSTED)

  # What is wrong with a call.

  def test_methods_that_there_are_not(self):
    module = self.start()
    for path, text in (("Nothing", 'has no method "Nothing"'),
                       ("/a.B/C", 'serves? "?/?a.B'), ("Missing", "Missing")):
      module.call(1000, self.unary(path))
      self.assert_fails(module.answer(1000), UNIMPLEMENTED, text)

  def test_calls_that_are_malformed(self):
    module = self.start()
    head, end = self.headers("Unary"), wire.part(wire.END)
    one = wire.part(wire.MESSAGE, self.request())
    for name, payload, code in (
        ("no request", head + end, INVALID_ARGUMENT),
        ("two requests", head + one + one + end, INVALID_ARGUMENT),
        ("a request that does not parse",
         head + wire.part(wire.MESSAGE, wire.in_grpc(b"\xff")) + end,
         INVALID_ARGUMENT),
        ("headers twice", head + head + one + end, INTERNAL),
        ("headers that don't parse",
         wire.part(wire.HEADERS, wire.message(
             (1, "/conformance.v1.Conformance/Unary")) + b"\xff"), INTERNAL),
        ("headers without a method", wire.part(wire.HEADERS), INTERNAL),
        ("the method not first",
         wire.part(wire.HEADERS, wire.message(
             (2, 5), (1, "/conformance.v1.Conformance/Unary"))), INTERNAL),
        ("a path with three names", self.headers("/a/b/c"), INTERNAL),
        ("a path without a service", self.headers("//b"), INTERNAL),
        ("trailers from a caller", head + wire.part(wire.TRAILERS), INTERNAL),
        ("a window of three bytes",
         head + wire.part(wire.WINDOW, b"\0\0\1"), INTERNAL),
        ("a flag of 2 before a message",
         head + wire.part(wire.MESSAGE, b"\2\0\0\0\0"), INTERNAL),
        ("a part of no kind", head + wire.part(0), INTERNAL),
        ("a part of a new kind", head + wire.part(7), INTERNAL),
        ("half a part's header", head + b"\2\0\0", INTERNAL),
        ("a part that is cut off", head + b"\2\0\0\5abc", INTERNAL)):
      with self.subTest(name):
        module.call(1000, payload)
        self.assert_fails(module.answer(1000), code)
    self.assert_serves(module)

  def test_frames_of_no_call_are_ignored(self):
    module = self.start()
    for payload in (wire.part(wire.END), wire.part(wire.MESSAGE, b"x"),
                    wire.part(wire.CANCEL), window(1), b"", b"\1", b"junk",
                    wire.part(wire.TRAILERS)):
      module.call(1000, payload)
    self.assert_serves(module, 1000)

  def test_frames_under_another_authority_are_dropped(self):
    module = self.start()
    module.call(1000, self.headers("Unary"), auth=MASTER)
    module.call(1000, wire.part(wire.MESSAGE, self.request(payload=b"forged")),
                auth=21)
    module.call(1000, wire.part(wire.CANCEL), auth=21)
    module.call(1000, wire.part(wire.MESSAGE, self.request(payload=b"good")) +
                wire.part(wire.END), auth=MASTER)
    self.assertEqual(b"good", self.reply(module.answer(1000)).payload)

  # Output.

  def test_lines_come_as_they_are_printed(self):
    module = self.start()
    module.call(1000, self.unary(print="on standard output, é",
                                 print_error="on standard error", wait=True))
    self.assertEqual("on standard output, é", module.line(1))
    self.assertEqual("on standard error", module.line(2))
