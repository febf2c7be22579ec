"""A hostile context asks for modules: without end, and for others."""

import hashlib
import os

from fixtures import bundles
from fixtures import front_door
from fixtures import paths
from fixtures import poll
from hostile import trees
from hostile import wire

UNIMPLEMENTED, FAILED_PRECONDITION = 12, 9
# More than a link's budget of questions for images.
MANY = 500


class _ModuleRequests:

  def get(self, kind, **fields):
    self.link.send(self.link.parent, wire.GET_MODULE,
                   wire.notice(kind, **fields))

  def wait_forward(self, name):
    frame = self.link.wait_for(
        lambda f: f.handle == wire.FORWARD_MODULE and
        wire.fields(f.payload).get(3) == [name.encode()],
        f"an answer about {name}")
    return wire.fields(frame.payload)

  def slowed(self):
    parent = self.above.rstrip("/") or "master"
    links = self.contexts.Links(self.contexts_pb.LinksRequest(name=parent),
                                timeout=trees.CONNECT_S).links
    return sum(link.slowed for link in links if link.peer_id == self.link.id)

  def test_it_gets_what_it_may_ask_for(self):
    # What the others rely on: without it they would prove nothing.
    self.get(wire.SERVICE, target=self.link.id, name="demo.v1.Greeter")
    answer = self.wait_forward("demo.v1.Greeter")
    self.assertEqual([self.link.id], answer[2])
    self.assertNotIn(5, answer)
    digest, total, image = answer[4][0], 0, b""
    while not total or len(image) < total:
      frame = self.link.wait_for(
          lambda f: f.handle == wire.LOAD_MODULE and
          f.payload[:32] == digest, "the image")
      total = int.from_bytes(frame.payload[32:36], "big")
      self.assertFalse(frame.dead)
      image += frame.payload[40:]
    self.assertEqual(digest, hashlib.sha256(image).digest())

  def test_an_unknown_service_is_unknown_for_the_asker_only(self):
    for _ in range(3):
      self.get(wire.SERVICE, target=self.link.id, name="no.Such")
      answer = self.wait_forward("no.Such")
      self.assertEqual([UNIMPLEMENTED], answer[5])
      self.assertEqual([self.link.id], answer[2])

  def test_it_asks_for_nobody_else(self):
    for _, number in self.others():
      self.get(wire.SERVICE, target=number, name="demo.v1.Greeter")
    self.link.barrier(self.link.parent)
    self.assertEqual([], [f for f in self.link.frames
                          if f.handle == wire.FORWARD_MODULE])

  def assert_refused(self, digest):
    self.get(wire.IMAGE, digest=digest)
    frame = self.link.wait_for(
        lambda f: f.handle == wire.LOAD_MODULE and f.payload[:32] == digest,
        "an answer")
    self.assertTrue(frame.dead)
    self.assertEqual(FAILED_PRECONDITION,
                     int.from_bytes(frame.payload[32:36], "big"))
    self.assertEqual(b"its image was not announced", frame.payload[40:])

  def test_an_image_that_is_nowhere_fails(self):
    self.assert_refused(os.urandom(32))

  def test_a_digest_is_no_key(self):
    # Its parent has this one, and has given it to the sibling.
    other = front_door.empty(self.probe_pb)
    for target in self.HONEST:
      self.probe.Info(other, metadata=front_door.to(target),
                      timeout=trees.CONNECT_S)
    digests = bundles.image_digests(self.work, paths.PROBE)
    for digest in digests:
      self.assert_refused(digest)
    # Once it is announced to it, it gets it; without, this proves nothing.
    self.get(wire.SERVICE, target=self.link.id, name="probe.v1.Probe")
    digest = self.wait_forward("probe.v1.Probe")[4][0]
    self.assertIn(digest, digests)
    self.link.wait_for(
        lambda f: f.handle == wire.LOAD_MODULE and f.payload[:32] == digest
        and f.payload[40:], "the image")

  def test_what_it_claims_to_know_is_not_believed(self):
    # As if it were an answer: a code, a digest, a module.
    image = b"evil image"
    digest = hashlib.sha256(image).digest()
    self.link.send(self.link.parent, wire.GET_MODULE, wire.notice(
        wire.SERVICE, self.link.id, "demo.v1.Greeter", digest, UNIMPLEMENTED,
        wire.message((1, "evil"), (2, digest))))
    answer = self.wait_forward("demo.v1.Greeter")
    self.assertNotIn(5, answer)
    self.assertNotEqual(digest, answer[4][0])

  def test_malformed_questions(self):
    for payload in (b"", b"\xff" * 100, wire.notice(77), wire.notice(
        wire.IMAGE, digest=b"short"), wire.notice(
            wire.SERVICE, self.link.id, "x" * 257), wire.notice(
                wire.SERVICE, self.link.id, b"x\0y")):
      self.link.send(self.link.parent, wire.GET_MODULE, payload)
    self.link.barrier(self.link.parent)

  def test_a_flood_of_questions_for_images(self):
    sizes, before = self.sizes(), self.slowed()
    self.addCleanup(self.link.close)  # The next case waits for no debts.
    for _ in range(MANY):
      self.get(wire.IMAGE, digest=os.urandom(32))
    self.assert_tree_answers()
    poll.until(lambda: self.slowed() > before, "its link to be slowed down")
    self.assert_memory_is_bounded(sizes)

  def test_a_flood_of_questions_for_names(self):
    sizes = self.sizes()
    self.addCleanup(self.link.close)
    for i in range(80 * MANY):
      self.get(wire.SERVICE, target=self.link.id, name=f"no.Such{i}")
    self.assert_tree_answers()
    self.assert_memory_is_bounded(sizes)


class ModuleRequestsOfAChildTest(_ModuleRequests, trees.Child):
  pass


class ModuleRequestsOfAGrandchildTest(_ModuleRequests, trees.Grandchild):
  pass
