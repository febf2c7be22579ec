"""The calls that a module makes, and chains of calls that it serves."""

from conformance_case import (WINDOW_BYTES, in_every_language, message_parts,
                              print_table, window, wire)
from module_process import CONTEXT, MASTER, MODULE
from test_conformance_unary import (CANCELLED, DEADLINE_EXCEEDED, INTERNAL,
                                    INVALID_ARGUMENT, NOT_FOUND,
                                    RESOURCE_EXHAUSTED)

ABORTED, UNAVAILABLE = 10, 14
UNARY, SERVER_STREAM, CLIENT_STREAM, BIDI_STREAM = range(4)
_TARGET = 21


def tearDownModule():
  print_table()


@in_every_language
class CallOutTest:

  def _relay(self, module, requests=({},), headers=(), handle=1000, **fields):
    """Has the module make a call."""
    fields.setdefault("target", _TARGET)
    data = self.request(
        message=self.pb.RelayRequest,
        requests=[self.pb.Request(**r) for r in requests], **fields)
    module.call(handle, self.headers("Relay", *headers))
    for part in message_parts(data):
      module.call(handle, part)
    module.call(handle, wire.part(wire.END))

  def _answer(self, module, handle, payload, src=_TARGET, **more):
    """A frame of the answer to a call of the module's."""
    module.send(wire.Frame(MODULE, src, src, handle, payload=payload, **more))

  def _relayed(self, module, handle=1000):
    answer = module.answer(handle)
    self.assert_ok(answer)
    return self.pb.RelayReply.FromString(answer.messages[0][1])

  def _message(self, payload):
    return wire.part(wire.MESSAGE, self._stream(payload))

  def _stream(self, payload):
    """A reply as bytes of the message stream."""
    return wire.in_grpc(self.pb.Reply(payload=payload).SerializeToString())

  def test_a_unary_call(self):
    module = self.start()
    self._relay(module, [{"payload": b"over there"}], metadata=True)
    handle, call = module.call_out()
    self.assertGreaterEqual(handle, 1000)
    (frame,) = call.frames
    self.assertEqual((_TARGET, wire.CALL_FUNCTION, handle),
                     (frame.dst, frame.handle, frame.reply_to))
    self.assertEqual([b"/conformance.v1.Conformance/Unary"], call.headers[1])
    self.assertNotIn(2, call.headers)
    self.assertEqual([wire.message((1, "x-relay"), (2, "yes"))],
                     call.headers[3])
    ((compressed, data),) = call.messages
    self.assertEqual(0, compressed)
    self.assertEqual(b"over there", self.pb.Request.FromString(data).payload)
    self._answer(module, handle, self._message(b"back") +
                 wire.part(wire.TRAILERS))
    self.assertEqual([b"back"], list(self._relayed(module).payloads))

  def test_an_answer_in_pieces_with_metadata(self):
    module = self.start()
    self._relay(module)
    handle, _ = module.call_out()
    pairs = wire.message((1, wire.message((1, "k"), (2, "v"))))
    self._answer(module, handle, wire.part(wire.HEADERS, pairs))
    for byte in self._stream(b"back"):
      self._answer(module, handle, wire.part(wire.MESSAGE, bytes([byte])))
    trailers = wire.message((4, wire.message((1, "t"), (2, "v" * 100))))
    self._answer(module, handle, wire.part(wire.TRAILERS, trailers[:20], 1))
    self._answer(module, handle, wire.part(wire.TRAILERS, trailers[20:]))
    self.assertEqual([b"back"], list(self._relayed(module).payloads))

  def test_a_server_stream(self):
    module = self.start()
    self._relay(module, kind=SERVER_STREAM)
    handle, _ = module.call_out()
    for i in range(5):
      self._answer(module, handle, self._message(b"%d" % i))
    self._answer(module, handle, wire.part(wire.TRAILERS))
    self.assertEqual([b"0", b"1", b"2", b"3", b"4"],
                     list(self._relayed(module).payloads))

  def test_a_client_stream(self):
    module = self.start()
    self._relay(module, [{"payload": b"%d" % i} for i in range(5)],
                kind=CLIENT_STREAM)
    handle, call = module.call_out()
    self.assertEqual([b"%d" % i for i in range(5)],
                     [self.pb.Request.FromString(m).payload
                      for _, m in call.messages])
    self._answer(module, handle, self._message(b"all") +
                 wire.part(wire.TRAILERS))
    self.assertEqual([b"all"], list(self._relayed(module).payloads))

  def test_a_bidi_stream(self):
    module = self.start()
    self._relay(module, [{"payload": b"a"}, {"payload": b"b"}],
                kind=BIDI_STREAM)
    handle, call = module.call_out()
    for _, message in call.messages:
      self._answer(module, handle, self._message(
          self.pb.Request.FromString(message).payload))
    self._answer(module, handle, wire.part(wire.TRAILERS))
    self.assertEqual([b"a", b"b"], list(self._relayed(module).payloads))

  def test_the_status_of_a_call(self):
    module = self.start()
    self._relay(module)
    handle, _ = module.call_out()
    self._answer(module, handle, wire.part(wire.TRAILERS, wire.message(
        (1, NOT_FOUND), (2, "no such"), (3, b"details"))))
    reply = self._relayed(module)
    self.assertEqual((NOT_FOUND, "no such"), (reply.code, reply.text))

  def test_a_dead_reply_ends_a_call(self):
    module = self.start()
    for payload, code in ((wire.dead(UNAVAILABLE, "no route"), UNAVAILABLE),
                          (b"\xff", UNAVAILABLE), (b"", UNAVAILABLE),
                          (wire.dead(7, "policy"), 7)):
      self._relay(module)
      handle, _ = module.call_out()
      self._answer(module, handle, payload, src=CONTEXT, flags=wire.DEAD)
      self.assertEqual(code, self._relayed(module).code)
      # It is free: what still comes is ignored.
      self._answer(module, handle, wire.answer(b""))
    self.assert_serves(module)

  def test_answers_that_are_wrong_end_the_call_and_are_told(self):
    module = self.start()
    end = wire.part(wire.TRAILERS)
    for name, payload, code, cancels in (
        ("no reply", end, INTERNAL, False),
        ("two replies", self._message(b"1") * 2 + end, INTERNAL, False),
        ("a reply that does not parse",
         wire.part(wire.MESSAGE, wire.in_grpc(b"\xff")) + end, INTERNAL, False),
        ("trailers that do not parse",
         wire.part(wire.TRAILERS, b"\xff"), INTERNAL, False),
        ("junk", b"junk", INTERNAL, True),
        ("a window of a byte", wire.part(wire.WINDOW, b"\1"), INTERNAL, True),
        ("a flag of 7", wire.part(wire.MESSAGE, b"\7\0\0\0\0"), INTERNAL,
         True)):
      with self.subTest(name):
        self._relay(module)
        handle, _ = module.call_out()
        self._answer(module, handle, payload)
        self.assertEqual(code, self._relayed(module).code)
        if cancels:
          module.call_out(lambda call: call.cancelled)
    self.assert_serves(module)

  def test_requests_never_overrun_the_window(self):
    module = self.start()
    self._relay(module, [{"payload": b"r" * 100_000} for _ in range(10)],
                kind=CLIENT_STREAM)
    module.call(1000, window(0))
    module.until(lambda: module.calls_out)
    ((handle, call),) = module.calls_out.items()
    granted = WINDOW_BYTES
    for count in (1, 100_000, 7):
      module.until(lambda: call.message_bytes >= granted)
      module.barrier()
      self.assertEqual(granted, call.message_bytes)
      self._answer(module, handle, window(count), flags=wire.PRIORITY)
      granted += count
    self._answer(module, handle, window(1 << 20))
    module.until(lambda: call.ended)
    self.assertEqual(10, len(call.messages))
    self._answer(module, handle, self._message(b"all") +
                 wire.part(wire.TRAILERS))
    self._relayed(module)

  def test_grants_replies_that_it_reads(self):
    module = self.start()
    self._relay(module, kind=SERVER_STREAM)
    handle, call = module.call_out()
    module.calls_out[handle] = call
    data = self._stream(b"r" * 50_000) * 20
    sent = 0
    for part in message_parts(data):
      size = len(part) - 4
      module.until(lambda: sent + size <= WINDOW_BYTES + call.granted)
      self._answer(module, handle, part)
      sent += size
    self._answer(module, handle, wire.part(wire.TRAILERS))
    module.call(1000, window(4 << 20))
    self.assertEqual(20, len(self._relayed(module).payloads))

  def test_an_answer_beyond_the_window_ends_the_call(self):
    module = self.start()
    self._relay(module)
    handle, _ = module.call_out()
    for part in message_parts(self._stream(b"r" * 300_000) * 3):
      self._answer(module, handle, part)
    # Or it has read two replies where one is expected before.
    self.assertIn(self._relayed(module).code, (RESOURCE_EXHAUSTED, INTERNAL))
    module.call_out(lambda call: call.cancelled)
    self.assert_serves(module)

  def test_a_deadline_of_its_own(self):
    module = self.start()
    self._relay(module, timeout_ms=50)
    handle, call = module.call_out()
    self.assertTrue(1 <= call.headers[2][0] <= 50_001, call.headers)
    module.call_out(lambda call: call.cancelled)
    self.assertEqual(DEADLINE_EXCEEDED, self._relayed(module).code)
    self._answer(module, handle, wire.answer(b""))
    self.assert_serves(module)

  def test_the_deadline_of_the_call_that_it_is_made_for(self):
    module = self.start()
    self._relay(module, headers=[(2, 10_000_000)], timeout_ms=60_000)
    handle, call = module.call_out()
    self.assertTrue(1 <= call.headers[2][0] <= 10_000_001, call.headers)
    self._answer(module, handle, self._message(b"") + wire.part(wire.TRAILERS))
    self._relayed(module)

  def test_is_cancelled_with_the_call_that_it_is_made_for(self):
    module = self.start()
    for kind in (UNARY, BIDI_STREAM):
      self._relay(module, kind=kind)
      handle, call = module.call_out()
      module.calls_out[handle] = call
      module.call(1000, wire.part(wire.CANCEL))
      self.assert_fails(module.answer(1000), CANCELLED)
      module.until(lambda: call.cancelled)
      del module.calls_out[handle]
    self.assert_serves(module)

  def test_many_calls_have_handles_of_their_own(self):
    module = self.start()
    for handle in range(1000, 1004):
      self._relay(module, [{"payload": b"%d" % handle}], handle=handle)
    module.until(lambda: len(module.calls_out) == 4 and
                 all(c.ended for c in module.calls_out.values()))
    for out, call in module.calls_out.items():
      payload = self.pb.Request.FromString(call.messages[0][1]).payload
      self._answer(module, out, self._message(payload) +
                   wire.part(wire.TRAILERS))
    for handle in range(1000, 1004):
      self.assertEqual([b"%d" % handle],
                       list(self._relayed(module, handle).payloads))


@in_every_language
class ChainTest:

  def _call(self, module, handle, index, epoch=0, known_ok=0, chain=5,
            src=MASTER, **fields):
    module.call(handle, self.unary(headers=[
        each for each in ((4, chain), (5, epoch), (6, index), (7, known_ok))
        if each[1]], **fields), src=src)

  def test_calls_run_in_the_order_in_which_they_began(self):
    module = self.start()
    # The headers come in order, the rest does not.
    for index in range(5):
      module.call(1000 + index, self.headers(
          "Unary", (4, 5), *[(6, index)] * bool(index)))
    for index in (3, 1, 4, 0, 2):
      module.call(1000 + index, wire.part(wire.MESSAGE, self.request(
          print=str(index))) + wire.part(wire.END))
    for index in range(5):
      self.assertEqual(str(index), module.line(1))
    for index in range(5):
      self.assert_ok(module.answer(1000 + index))

  def test_one_waits_for_the_one_before(self):
    module = self.start()
    self._call(module, 1000, 0, wait=True, print="first")
    self._call(module, 1001, 1, print="second")
    self._call(module, 1002, 0, chain=6, print="another chain")
    self.assertEqual({"first", "another chain"},
                     {module.line(1), module.line(1)})
    self.assert_ok(module.answer(1002))
    module.barrier()
    self.assertFalse(module.answer_so_far(1001).frames)
    module.call(1000, wire.part(wire.CANCEL))
    # It failed, and so does what stands behind it.
    self.assert_fails(module.answer(1000), CANCELLED)
    self.assert_fails(module.answer(1001), CANCELLED)

  def test_calls_behind_one_that_failed_are_not_run(self):
    module = self.start()
    self._call(module, 1000, 0, code=NOT_FOUND, text="nothing")
    self._call(module, 1001, 1, print="never")
    self.assert_fails(module.answer(1000), NOT_FOUND, "nothing")
    self.assert_fails(module.answer(1001), NOT_FOUND, "nothing")
    # Those that come later, too.
    self._call(module, 1002, 2, print="never")
    self.assert_fails(module.answer(1002), NOT_FOUND, "nothing")
    # A new epoch begins anew.
    self._call(module, 1003, 0, epoch=1, print="again")
    self.assert_ok(module.answer(1003))
    self.assertEqual("again", module.line(1))
    self._call(module, 1004, 3, print="never")
    self.assert_fails(module.answer(1004), ABORTED)

  def test_a_gap_aborts_the_chain(self):
    module = self.start()
    self._call(module, 1000, 0)
    self.assert_ok(module.answer(1000))
    self._call(module, 1001, 2, print="never")
    self.assert_fails(module.answer(1001), ABORTED)
    self._call(module, 1002, 1, print="never")
    self.assert_fails(module.answer(1002), ABORTED)

  def test_a_chain_that_it_does_not_know(self):
    module = self.start()
    self._call(module, 1000, 3, known_ok=3, print="known")
    self.assert_ok(module.answer(1000))
    self._call(module, 1001, 3, known_ok=2, chain=6, print="never")
    self.assert_fails(module.answer(1001), ABORTED)
    # A chain is its caller's.
    self._call(module, 1002, 4, src=21, print="never")
    self.assert_fails(module.answer(1002), ABORTED)
    self._call(module, 1003, 4)
    self.assert_ok(module.answer(1003))

  def test_a_deadline_in_a_chain(self):
    module = self.start()
    module.call(1000, self.unary(headers=[(2, 50_000), (4, 5)], wait=True))
    self._call(module, 1001, 1, print="never")
    self.assert_fails(module.answer(1000), DEADLINE_EXCEEDED)
    self.assert_fails(module.answer(1001), DEADLINE_EXCEEDED)
    self._call(module, 1002, 0, epoch=1)
    self.assert_ok(module.answer(1002))

  def test_streams_have_no_chains(self):
    module = self.start()
    module.call(1000, self.unary("ServerStream", headers=[(4, 5)]))
    self.assert_fails(module.answer(1000), INVALID_ARGUMENT)

  def test_forgets_the_oldest_of_many_chains(self):
    module = self.start()
    # It has left its chain soon after it was answered: not every one at once.
    for i in range(1, 1050):
      self._call(module, 1000 + i, 0, chain=i)
      self.assert_ok(module.answer(1000 + i))
    self._call(module, 1000, 1, chain=1)
    self.assert_fails(module.answer(1000), ABORTED)
    self._call(module, 1000, 1, chain=1040)
    self.assert_ok(module.answer(1000))
