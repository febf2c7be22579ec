"""The link itself: hello, frames that are none, PING, SHUTDOWN, its end."""

import os
import random
import subprocess

from conformance_case import (in_every_language, print_table, window, wire)
from module_process import CONTEXT, MASTER, MODULE, hello_frame


def tearDownModule():
  print_table()


def _ping(handle, payload=b"", **more):
  return wire.Frame(MODULE, CONTEXT, CONTEXT, wire.PING, handle, payload,
                    **more)


_SHUTDOWN = wire.Frame(MODULE, CONTEXT, CONTEXT, wire.SHUTDOWN)


@in_every_language
class LinkTest:

  # Hello.

  def test_answers_the_hello(self):
    module = self.start()
    frame = module.frame()
    self.assertEqual((CONTEXT, MODULE, MODULE, wire.HELLO, 0, 0),
                     (frame.dst, frame.src, frame.auth, frame.handle,
                      frame.reply_to, frame.flags))
    reply = wire.fields(frame.payload)
    self.assertEqual([1], reply[1])
    self.assertEqual([f"linux-{os.uname().machine}".encode()], reply[2])
    self.assertEqual([os.uname().nodename.encode()], reply[3])
    self.assertEqual([module.pid], reply[4])

  def test_another_version_is_answered_with_its_own(self):
    module = self.start(hello=hello_frame(version=2))
    frame = module.frame()
    self.assertEqual(wire.HELLO, frame.handle)
    self.assertEqual([1], wire.fields(frame.payload)[1])
    self.assert_broken(module, "version 2, this module 1")

  def test_first_frames_that_are_no_hello(self):
    for hello in (
        _ping(1000), wire.Frame(MODULE, CONTEXT, CONTEXT, wire.HELLO),
        wire.Frame(MODULE, CONTEXT, CONTEXT, wire.HELLO, payload=b"\xff")):
      self.assert_broken(self.start(hello=hello))

  def test_ends_when_nobody_greets_it(self):
    module = self.start(hello=b"")
    module.link.shutdown(1)
    self.assertEqual(0, module.wait())

  def test_says_what_it_is_when_it_is_started_by_hand(self):
    path = self.shared_image()
    done = subprocess.run([path], env={"PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, check=False)
    self.assertEqual(2, done.returncode)
    self.assertIn("conformance.v1.Conformance", done.stderr)
    self.assertIn("This is a ramet module", done.stderr)

  # Frames.

  def test_frames_that_are_none_end_it(self):
    good = _ping(1000).bytes()
    for name, frame in (
        ("magic", b"XM" + good[2:]), ("version", _ping(1000, version=2)),
        ("flags", _ping(1000, flags=8)),
        ("compressed", _ping(1000, flags=wire.COMPRESSED)),
        ("length", _ping(1000, length=65537)),
        ("another context",
         wire.Frame(8, CONTEXT, CONTEXT, wire.PING, 1000)),
        ("no handle", wire.Frame(MODULE, CONTEXT, CONTEXT, 0)),
        ("a second hello", hello_frame()),
        ("GET_MODULE", wire.Frame(MODULE, CONTEXT, CONTEXT, wire.GET_MODULE)),
        ("LOAD_MODULE", wire.Frame(MODULE, CONTEXT, CONTEXT, wire.LOAD_MODULE)),
        ("handle 999", wire.Frame(MODULE, CONTEXT, CONTEXT, 999))):
      with self.subTest(name):
        module = self.start()
        module.frame()
        module.send(frame)
        self.assert_broken(module)

  def test_what_came_before_a_broken_frame_is_served(self):
    module = self.start()
    module.send(wire.Frame(MODULE, MASTER, MASTER, wire.CALL_FUNCTION, 1000,
                           self.unary("Nothing")).bytes() + b"junk" * 7)
    self.assertEqual(12, module.answer(1000).code)
    self.assert_broken(module)

  def test_dead_frames_are_ignored(self):
    module = self.start()
    for handle in (wire.HELLO, wire.CALL_FUNCTION, wire.SHUTDOWN, wire.PING,
                   wire.GET_MODULE, 999, 1000, 0xFFFFFFFF):
      module.send(wire.Frame(MODULE, CONTEXT, CONTEXT, handle,
                             payload=wire.dead(14, "lost"), flags=wire.DEAD))
    self.assert_serves(module)

  def test_answers_that_nobody_waits_for_are_ignored(self):
    module = self.start()
    for handle in (1000, 1001, 0xFFFFFFFF):
      for payload in (wire.answer(b""), b"junk", b"", window(7)):
        module.send(wire.Frame(MODULE, 21, 21, handle, payload=payload))
    self.assert_serves(module)

  # PING.

  def test_answers_a_ping_with_its_payload(self):
    module = self.start()
    module.frame()
    payload = os.urandom(65536)
    module.send(_ping(1234, payload, flags=wire.PRIORITY))
    frame = module.frame()
    self.assertEqual((CONTEXT, 1234, 0), (frame.dst, frame.handle,
                                          frame.reply_to))
    self.assertEqual(payload, frame.payload)

  def test_a_ping_that_wants_no_answer_gets_none(self):
    module = self.start()
    module.frame()
    module.send(_ping(0), _ping(1001))
    self.assertEqual(1001, module.frame().handle)

  def test_answers_pings_while_methods_run(self):
    module = self.start()
    for handle in range(1000, 1100):
      module.call(handle, self.unary(wait=True))
    module.barrier()

  # SHUTDOWN, and the end.

  def test_ends_at_shutdown(self):
    module = self.start()
    module.frame()
    module.send(_SHUTDOWN)
    self.assertRaises(EOFError, module.frame)
    self.assertEqual(0, module.wait())

  def test_answers_its_calls_before_it_ends(self):
    module = self.start()
    module.call(1000, self.headers("BidiStream"))
    module.call(1001, self.unary(wait=True, print="runs"))
    module.call(1002, self.unary(reply_bytes=1 << 20))
    self.assertEqual("runs", module.line(1))
    module.send(_SHUTDOWN)
    module.barrier()
    module.call(1000, wire.part(wire.MESSAGE, self.request(payload=b"late")) +
                wire.part(wire.END))
    self.assertEqual(b"late", self.reply(module.answer(1000)).payload)
    module.call(1002, window(1 << 20))
    self.assertEqual(1 << 20, len(self.reply(module.answer(1002)).payload))
    module.call(1001, wire.part(wire.CANCEL))
    module.answer(1001)
    self.assertEqual(0, module.wait())
    self.assertEqual("over", module.line(1))

  def test_ends_at_once_with_its_link(self):
    for shut in ("SHUT_WR", "close"):
      module = self.start()
      module.call(1000, self.unary(wait=True, print="runs"))
      module.call(1001, self.unary("ServerStream", reply_bytes=1000,
                                   reply_count=1_000_000))
      self.assertEqual("runs", module.line(1))
      if shut == "close":
        module.link.close()
      else:
        module.link.shutdown(1)
      self.assertEqual(0, module.wait())

  def test_ends_within_a_frame(self):
    for count in (1, 27, 28, 40):
      module = self.start()
      module.frame()
      module.send(_ping(1000, b"x" * 100).bytes()[:count])
      module.link.shutdown(1)
      self.assertEqual(0, module.wait())

  # Anything.

  def test_survives_calls_with_random_bytes(self):
    """Payloads of calls are the caller's: they never end the module."""
    rng = random.Random(5)
    module = self.start()
    good = (self.unary(payload=b"x" * 20, headers=[(2, 9_000_000), (9, 6)]),
            self.unary("ServerStream", reply_count=3),
            self.headers("BidiStream", (8, 1)) + wire.part(
                wire.MESSAGE, self.request(payload=b"y")) + window(70000))
    for i in range(1500):
      payload = bytearray(rng.choice(good))
      for _ in range(rng.randrange(1, 4)):
        kind = rng.randrange(4)
        at = rng.randrange(len(payload) + 1)
        if kind == 0:
          payload[at:at] = bytes([rng.randrange(256)])
        elif kind == 1:
          del payload[at:at + rng.randrange(1, 5)]
        elif kind == 2 and at < len(payload):
          payload[at] = rng.randrange(256)
        else:
          del payload[at:]
        payload = payload or bytearray(b"\0")
      module.call(10000 + i % 50, bytes(payload), src=21 + i % 3, auth=MASTER)
    for i in range(150):
      module.call(10000 + i % 50, wire.part(wire.CANCEL), src=21 + i % 3)
    self._drain(module)

  def _drain(self, module):
    """Reads whatever it answers until it answers a ping."""
    module.send(_ping(99999))
    while module.frame().handle != 99999:
      pass
    module.call(5000, self.unary(payload=b"still there"))
    while True:
      frame = module.frame()
      if frame.handle == 5000:
        self.assertIn(b"still there", frame.payload)
        return

  def test_random_frames_end_it_in_order_or_not_at_all(self):
    rng = random.Random(7)
    good = (hello_frame().bytes() + wire.Frame(
        MODULE, MASTER, MASTER, wire.CALL_FUNCTION, 1000,
        self.unary(payload=b"x")).bytes() + _ping(1001).bytes())
    for _ in range(25):
      data = bytearray(good)
      data[rng.randrange(len(data))] = rng.randrange(256)
      module = self.start(hello=bytes(data))
      module.link.shutdown(1)
      self.assertIn(module.wait(), (0, 1))
      text = module.text(2)
      if text:
        self.assertRegex(text, r"\Aramet module: broken link: [^\n]+\n\Z")
