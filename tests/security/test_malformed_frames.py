"""Bytes that are no frames cost the sender its link, and nobody else's."""

from hostile import trees
from hostile import wire

INTERNAL, FAILED_PRECONDITION, UNAVAILABLE = 13, 9, 14


def _frame(**wrong):
  """A frame that would be fine but for `wrong`, as a function of the link."""
  return lambda link: wire.Frame(**{
      "dst": link.parent, "src": link.id, "auth": link.id,
      "handle": wire.NOT_SERVED, **wrong}).bytes()


class _MalformedFrames:

  def costs_the_link(self, *cases):
    for make in cases:
      link = self.anew()
      waiting = self.call_evil()
      link.take_call("Echo")
      data = make(link)
      with self.subTest(bytes=data[:wire.HEADER_BYTES]):
        link.write(data)
        self.assertTrue(link.wait_end(), "the link goes on")
        self.assertIn(waiting.code().value[0],
                      (INTERNAL, FAILED_PRECONDITION, UNAVAILABLE))
        self.assert_tree_answers()
      link.close()

  def anew(self):
    if self.link.ended:
      type(self).link = self.connect()
    return self.link

  def test_another_magic(self):
    self.costs_the_link(_frame(magic=b"\0\0"), _frame(magic=b"MR"))

  def test_another_version(self):
    self.costs_the_link(_frame(version=0), _frame(version=255))

  def test_unknown_flags(self):
    self.costs_the_link(_frame(flags=wire.COMPRESSED), _frame(flags=0x08),
                        _frame(flags=0x80 | wire.DEAD))

  def test_a_length_above_the_limit(self):
    self.costs_the_link(_frame(length=wire.MAX_PAYLOAD + 1),
                        _frame(length=0xFFFFFFFF))

  def test_a_wrong_length_that_makes_the_next_frame_garbage(self):
    self.costs_the_link(
        lambda link: _frame(payload=b"x" * 10, length=9)(link) + _frame()(link))

  def test_no_frames_at_all(self):
    self.costs_the_link(lambda link: b"GET / HTTP/1.1\r\nHost: evil\r\n\r\n",
                        lambda link: b"\xff" * 100_000)

  def test_the_end_of_the_link_at_every_part_of_a_frame(self):
    whole = _frame(payload=b"x" * 100)
    for length in (1, 27, 28, 127):
      link = self.anew()
      waiting = self.call_evil()
      link.take_call("Echo")
      link.write(whole(link)[:length])
      link.close()
      self.assertIn(waiting.code().value[0], (INTERNAL, UNAVAILABLE))

  def test_the_longest_payload_is_taken_at_every_handle(self):
    link = self.anew()
    for handle in range(20):
      link.send(link.parent, handle, b"\xff" * wire.MAX_PAYLOAD)
    link.barrier(link.parent)

  def test_a_frame_in_single_bytes(self):
    link = self.anew()
    handle = link.new_handle()
    for byte in _frame(reply_to=handle)(link):
      link.write(bytes([byte]))
    link.wait_for(lambda f: f.handle == handle, "answer")

  def test_answers_that_are_no_parts(self):
    link = self.anew()
    for payload in (b"\xff", b"\x02\0\xff\xff", b"\x09\0\0\0",
                    wire.part(wire.MESSAGE, b"\x01\0\0\0\0"),
                    wire.part(wire.MESSAGE, b"\0\xff\xff\xff\xff"),
                    wire.part(wire.TRAILERS, b"\xff\xff"),
                    wire.part(wire.TRAILERS)):
      with self.subTest(payload=payload):
        call = self.call_evil()
        link.reply(link.take_call("Echo"), payload)
        self.assertIn(call.code().name, ("INTERNAL", "RESOURCE_EXHAUSTED",
                                         "UNIMPLEMENTED"))
    link.barrier(wire.MASTER)

  def test_a_dead_reply_that_is_no_message(self):
    link = self.anew()
    for payload in (b"", b"\xff" * 1000, wire.dead(0, ""),
                    wire.dead(12345, "x" * 60000)):
      call = self.call_evil()
      link.reply(link.take_call("Echo"), payload, flags=wire.DEAD)
      self.assertNotEqual("OK", call.code().name)


class MalformedFramesOfAChildTest(_MalformedFrames, trees.Child):
  pass


class MalformedFramesOfAGrandchildTest(_MalformedFrames, trees.Grandchild):
  pass
