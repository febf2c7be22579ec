"""An agent whose parent sends it images and announcements that are wrong."""

import hashlib
import os
import zlib

from fixtures import processes
from hostile import agents
from hostile import wire

SELF = agents.SELF
DATA_LOSS, INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED = 15, 3, 9, 12
RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED, UNAVAILABLE = 8, 4, 14
MIB = 1 << 20
# A module that speaks no protocol: that it was started shows in its end.
SCRIPT = b"#!/bin/sh\nexit 7\n"


class HostileRootTest(agents.AgentCase):

  def test_a_good_image_is_started(self):
    # What the others rely on: without it they would prove nothing.
    image = zlib.compress(SCRIPT)
    self.load(image)
    self.announce(image, image_bytes=len(SCRIPT))
    self.assertEqual((UNAVAILABLE, "module evil in context ssh:web1 ended: "
                      "exit status 7"), self.call())

  def test_a_call_waits_for_its_image(self):
    image = zlib.compress(SCRIPT)
    self.load(image, piece=image[:10])
    self.announce(image, image_bytes=len(SCRIPT))
    handle = self.begin_call()
    self.link.barrier(SELF)
    self.assertEqual([], [f for f in self.link.frames if f.handle == handle])
    self.load(image, piece=image[10:], offset=10)
    self.assertEqual(UNAVAILABLE, self.end_of(handle)[0])

  def test_a_deadline_ends_the_wait(self):
    image = zlib.compress(SCRIPT)
    self.load(image, piece=image[:10])
    self.announce(image)
    self.assertEqual(DEADLINE_EXCEEDED,
                     self.end_of(self.begin_call(timeout_us=50_000))[0])

  def test_a_corrupt_image(self):
    image = zlib.compress(SCRIPT)
    for i in (0, len(image) // 2, len(image) - 1):
      changed = bytearray(image)
      changed[i] ^= 1
      digest = hashlib.sha256(image).digest()
      self.load(bytes(changed)[:5], total=len(image), digest=digest)
      self.announce(image, image_bytes=len(SCRIPT))
      handle = self.begin_call()
      self.load(bytes(changed)[5:], total=len(image), offset=5, digest=digest)
      self.assertEqual((DATA_LOSS, "module evil: wrong digest"),
                       self.end_of(handle))
    self.assert_alive()

  def test_a_truncated_image_is_waited_for_until_its_sender_gives_up(self):
    image = zlib.compress(SCRIPT)
    self.load(image, piece=image[:-1])
    self.announce(image)
    handle = self.begin_call()
    self.link.send(SELF, wire.LOAD_MODULE, wire.load_module(
        image, piece=b"that is all", total=DATA_LOSS), flags=wire.DEAD)
    self.assertEqual((DATA_LOSS, "module evil: that is all"),
                     self.end_of(handle))

  def test_more_bytes_than_announced(self):
    image = zlib.compress(SCRIPT)
    self.load(image, piece=image[:5])
    self.announce(image)
    handle = self.begin_call()
    self.load(image, piece=image[5:] + b"more", offset=5)
    self.assertEqual((DATA_LOSS, "module evil: more bytes than announced"),
                     self.end_of(handle))

  def test_another_length_than_the_announcement_says(self):
    image = zlib.compress(SCRIPT)
    self.load(image)
    self.announce(image, deflated_bytes=len(image) + 1)
    self.assertEqual(DATA_LOSS, self.call()[0])

  def test_an_oversized_image(self):
    self.announce(b"x", deflated_bytes=65 * MIB)
    handle = self.begin_call()
    self.load(b"x", piece=b"x" * 1000, total=65 * MIB)
    self.assertEqual(
        (RESOURCE_EXHAUSTED,
         f"module evil: no room for an image of {65 * MIB} bytes"),
        self.end_of(handle))
    self.assert_alive()

  def test_sizes_that_are_not_accepted(self):
    image = zlib.compress(SCRIPT)
    self.load(image)
    for sizes in ({"deflated_bytes": 0}, {"deflated_bytes": 257 * MIB},
                  {"image_bytes": 257 * MIB}):
      with self.subTest(**sizes):
        self.announce(image, **sizes)
        self.assertEqual(INVALID_ARGUMENT, self.call()[0])

  def test_a_zip_bomb(self):
    image = zlib.compress(bytes(64 * MIB))
    self.load(image[:60000], total=len(image),
              digest=hashlib.sha256(image).digest())
    self.load(image[60000:], total=len(image), offset=60000,
              digest=hashlib.sha256(image).digest())
    self.announce(image, image_bytes=1000)
    self.assertEqual(
        (DATA_LOSS, "module evil: does not inflate to the 1000 bytes "
         "announced"), self.call())
    self.assert_alive()

  def test_no_zlib_data(self):
    for image in (b"x" * 100, b"\x1f\x8b\x08 gzip", b"\x78\x9c" + b"\xff" * 99):
      with self.subTest(image=image):
        self.load(image)
        self.announce(image, image_bytes=100)
        self.assertEqual(DATA_LOSS, self.call()[0])

  def test_another_platform(self):
    image = zlib.compress(SCRIPT)
    self.load(image)
    self.announce(image, platform="linux-m68k")
    # There may be one for this platform: it was perhaps only guessed.
    calls = (self.begin_call(), self.begin_call())
    self.link.wait_for(lambda f: f.handle == wire.GET_MODULE, "the question")
    self.link.send(SELF, wire.FORWARD_MODULE, wire.notice(
        wire.SERVICE, SELF, "a.A", code=FAILED_PRECONDITION))
    for handle in calls:
      self.assertEqual(
          (FAILED_PRECONDITION, "module evil is for linux-m68k, this context "
           "runs linux-x86_64"), self.end_of(handle))

  def test_more_images_than_are_kept(self):
    for i in range(300):
      image = b"x" * 500_000 + bytes([i // 256, i % 256])
      digest = hashlib.sha256(image).digest()
      for at in range(0, len(image), 60000):
        self.load(image[at:at + 60000], total=len(image), offset=at,
                  digest=digest)
    self.link.barrier(SELF)
    # 64 MiB of images, and what a program needs.
    self.assertLess(processes.resident_kib(self.pid), 80 * 1024)

  def test_images_that_never_end(self):
    for i in range(600):
      self.load(b"x", piece=b"x", total=MIB, digest=os.urandom(32))
    self.announce(b"y")
    handle = self.begin_call()
    # All the room is taken by what is still to come.
    self.load(b"y")
    self.assertEqual(
        (RESOURCE_EXHAUSTED, "module evil: no room for an image of 1 bytes"),
        self.end_of(handle))
    self.assert_alive()

  def test_an_unknown_service_is_asked_for_and_then_not_again(self):
    for expected in (1, 0):
      handle = self.begin_call("no.Such")
      if expected:
        asked = self.link.wait_for(lambda f: f.handle == wire.GET_MODULE,
                                   "the question")
        self.assertEqual([b"no.Such"], wire.fields(asked.payload)[3])
        self.link.send(SELF, wire.FORWARD_MODULE, wire.notice(
            wire.SERVICE, SELF, "no.Such", code=UNIMPLEMENTED))
      self.assertEqual((UNIMPLEMENTED,
                        "unknown service no.Such in context ssh:web1"),
                       self.end_of(handle))
    self.assertEqual([], [f for f in self.link.frames
                          if f.handle == wire.GET_MODULE])
