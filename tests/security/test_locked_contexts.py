"""An agent that holds locks, whose parent is hostile by now.

It was honest when the agent was started: the hello that brought the locks.
"""

import hashlib
import zlib

from fixtures import minisign

from hostile import agents
from hostile import wire

SELF = agents.SELF
PERMISSION_DENIED, UNAVAILABLE = 7, 14


def _script(status):
  """A module that speaks no protocol: its end tells which was started."""
  return zlib.compress(b"#!/bin/sh\nexit %d\n" % status)


GOOD, EVIL = _script(8), _script(9)


def _pin(image):
  return f"image:{hashlib.sha256(image).hexdigest()}"


class _LockedCase(agents.AgentCase):

  def start_child(self, *fields, hop="local:"):
    """The id of a child of the agent; None: it was not started."""
    handle = self.link.new_handle()
    self.link.send(SELF, wire.CALL_FUNCTION, wire.call(
        "/ramet.control.Agent/StartChild",
        wire.message((1, hop), (3, 5000), *fields)), reply_to=handle)
    frame = self.link.wait_for(lambda f: f.handle == handle, "StartChild")
    if frame.dead or frame.payload[0] != wire.MESSAGE:
      return None
    length = int.from_bytes(frame.payload[2:4], "big")
    # Behind the part's header, and gRPC's in front of the message.
    return wire.fields(frame.payload[4 + 5:4 + length])[1][0]

  def offer(self, image, name="m", target=SELF, environment=(), more=()):
    digest = hashlib.sha256(image).digest()
    self.link.send(SELF, wire.LOAD_MODULE, wire.load_module(image))
    self.link.send(SELF, wire.FORWARD_MODULE, wire.notice(
        wire.SERVICE, target, "", digest, 0, wire.message(
            (1, name), (2, digest), (3, "linux-x86_64"), (4, len(image)),
            (5, len(zlib.decompress(image))),
            (6, wire.message((1, "a.A"),
                             (2, wire.message((1, "Any"), (2, 1))))),
            *((10, variable) for variable in environment), *more)))

  def call_at(self, target=SELF):
    """(code, text) of the end of a call."""
    handle = self.link.new_handle()
    self.link.send(target, wire.CALL_FUNCTION, wire.call("/a.A/Any"),
                   reply_to=handle)
    return self.end_of(handle)

  def assert_starts(self, status, target=SELF):
    code, text = self.call_at(target)
    self.assertEqual(UNAVAILABLE, code, text)
    self.assertIn(f"exit status {status}", text)

  def assert_refuses(self, name, image, lock, target=SELF, who="ssh:web1",
                     values=""):
    self.assertEqual(
        (PERMISSION_DENIED,
         f"context {who} refuses module {name} ({_pin(image)}{values}): "
         f"locked since its start: {lock}"), self.call_at(target))


class LockedContextTest(_LockedCase):

  LOCKS = f"=rule 3\n-forbidden\n=no bad images\n-{_pin(EVIL)}*\n"

  def test_what_no_lock_refuses_is_started(self):
    # What the others rely on: without it they would prove nothing.
    self.offer(GOOD)
    self.assert_starts(8)

  def test_an_image_that_a_lock_denies(self):
    for name in ("evil", "another name", _pin(GOOD)):
      self.offer(EVIL, name)
      self.assert_refuses(name, EVIL, "no bad images")

  def test_a_name_that_a_lock_denies(self):
    self.offer(GOOD, "forbidden")
    self.assert_refuses("forbidden", GOOD, "rule 3")
    self.offer(GOOD, "allowed")
    self.assert_starts(8)

  def test_a_second_hello_costs_it_its_link(self):
    self.link.send(SELF, wire.HELLO, wire.message(
        (1, wire.VERSION), (2, SELF), (3, b"\0"), (6, "ssh:web1")))
    self.link.wait_end()

  def test_a_child_holds_what_its_parent_holds(self):
    # Whatever the request says: locks are added, and none is taken back.
    child = self.start_child((8, "=everything\n+*\n+image:*\n"))
    self.assertIsNotNone(child)
    self.offer(EVIL, target=child)
    self.assert_refuses("m", EVIL, "no bad images", child, "local:")
    self.offer(GOOD, target=child)
    self.assert_starts(8, child)

  def test_a_child_can_be_narrowed(self):
    child = self.start_child((8, f"=only one\n+{_pin(GOOD)}\n"))
    other = _script(7)
    self.offer(other, target=child)
    self.assert_refuses("m", other, "only one", child, "local:")
    self.offer(other)
    self.assert_starts(7)


class PinnedContextTest(_LockedCase):
  """Nothing but one image, as `--lock-modules` has it."""

  LOCKS = f"=--lock-modules\n+{_pin(GOOD)}\n"

  def test_the_pinned_image_is_started(self):
    self.offer(GOOD, environment=("PATH", "HOME"))
    self.assert_starts(8)

  def test_no_other_whatever_it_is_called(self):
    for name in ("m", "greeter", _pin(GOOD), "", "*"):
      self.offer(EVIL, name)
      self.assert_refuses(name, EVIL, "--lock-modules")

  def test_not_with_variables_that_make_another_program_of_it(self):
    for values in (("LD_PRELOAD=/tmp/evil.so",), ("PATH=/tmp", "LANG=C"),
                   ("=",)):
      self.offer(GOOD, environment=("HOME",) + values)
      hashed = hashlib.sha256("".join(
          f"{len(value)}:{value}" for value in values).encode()).hexdigest()
      self.assert_refuses("m", GOOD, "--lock-modules", values=f"+{hashed}")

  def test_what_serves_serves_on_when_another_is_offered(self):
    self.offer(GOOD)
    self.assert_starts(8)
    self.offer(EVIL)
    self.assert_starts(8)

  def test_no_other_bytes_under_its_digest(self):
    digest = hashlib.sha256(GOOD).digest()
    self.link.send(SELF, wire.LOAD_MODULE, wire.load_module(
        EVIL, digest=digest))
    self.offer(GOOD)
    self.assertNotIn("exit status 9", self.call_at()[1])


def _statement(*images, name="m"):
  """What `ramet module statement` would print."""
  return "".join([f"ramet module {name}\n",
                  *(f"{_pin(image)}\n" for image in images)]).encode()


class SignedContextTest(_LockedCase):
  """Whatever a key has signed, as `--lock-signature` has it."""

  @classmethod
  def prepare(cls):
    cls.key = minisign.Key(cls.shared, "release")
    cls.other = minisign.Key(cls.shared, "other")
    cls.LOCKS = f"=--lock-signature\n+key:{cls.key.raw.hex()}\n"

  def signed(self, statement, key=None, signer=None):
    """The announcement's fields; `signer`: who it says has signed."""
    key = key or self.key
    return ((16, statement), (17, key.signature(statement)),
            (18, (signer or key).raw))

  def assert_refuses_all(self, image, *mores, **offered):
    for more in mores:
      self.offer(image, more=more, **offered)
      self.assert_refuses(offered.get("name", "m"), image, "--lock-signature")

  def test_one_version_after_another(self):
    for status in (8, 7, 6):
      image = _script(status)
      self.offer(image, more=self.signed(_statement(EVIL, image)))
      self.assert_starts(status)

  def test_what_nobody_has_signed(self):
    self.assert_refuses_all(
        GOOD, (), ((16, _statement(GOOD)), (18, self.key.raw)),
        ((16, _statement(GOOD)), (17, bytes(64)), (18, self.key.raw)),
        ((18, self.key.raw),))

  def test_what_another_has_signed(self):
    statement = _statement(GOOD)
    self.assert_refuses_all(
        GOOD, self.signed(statement, self.other),
        self.signed(statement, self.other, signer=self.key),
        self.signed(statement, self.key, signer=self.other))

  def test_an_image_that_is_not_in_the_statement(self):
    good = self.signed(_statement(GOOD))
    longer = ((16, _statement(GOOD, EVIL)),) + good[1:]
    self.assert_refuses_all(EVIL, good, longer)
    # What it is signed for is started from the same fields.
    self.offer(GOOD, more=good)
    self.assert_starts(8)

  def test_another_name(self):
    for name in ("greeter", "", "m\n", f"m\n{_pin(GOOD)}",
                 f"key:{self.key.raw.hex()}"):
      self.assert_refuses_all(GOOD, self.signed(_statement(GOOD)), (),
                              name=name)

  def test_other_values_of_variables(self):
    values = ("LD_PRELOAD=/tmp/evil.so",)
    hashed = hashlib.sha256(f"23:{values[0]}".encode()).hexdigest()
    self.offer(GOOD, environment=values, more=self.signed(_statement(GOOD)))
    self.assert_refuses("m", GOOD, "--lock-signature", values=f"+{hashed}")
    signed = f"ramet module m\n{_pin(GOOD)}+{hashed}\n".encode()
    self.offer(GOOD, environment=values, more=self.signed(signed))
    self.assert_starts(8)

  def test_what_was_signed_for_something_else(self):
    for text in (f"{_pin(GOOD)}\n", f"ramet module m\n{_pin(GOOD)}",
                 f"a file\nramet module m\n{_pin(GOOD)}\n"):
      self.assert_refuses_all(GOOD, self.signed(text.encode()))

  def test_what_serves_serves_on_when_another_is_offered(self):
    self.offer(GOOD, more=self.signed(_statement(GOOD)))
    self.assert_starts(8)
    self.offer(EVIL, more=self.signed(_statement(GOOD)))
    self.assert_starts(8)

  def test_a_child_insists_as_well(self):
    child = self.start_child((8, "=everything\n+*\n"))
    self.assertIsNotNone(child)
    self.offer(GOOD, target=child)
    self.assert_refuses("m", GOOD, "--lock-signature", child, "local:")
    self.offer(GOOD, target=child, more=self.signed(_statement(GOOD)))
    self.assert_starts(8, child)


class _FilesOfAnAncestor(_LockedCase):

  def setUp(self):
    super().setUp()
    self.proof = self.work.path / "proof"
    config = self.work.write(
        "config", f"Host *\n  ProxyCommand touch {self.proof}\n")
    self.assertIsNone(self.start_child(
        (2, wire.message((3, str(config)), (4, 2), (5, 2))),
        hop="ssh:nowhere.example"))
    self.cache = self.work.path / "cache"
    self.assertIsNotNone(self.start_child((6, str(self.cache))))


class FilesOfAnAncestorTest(_FilesOfAnAncestor):

  def test_without_locks_they_are_used(self):
    # What the other relies on: without it it would prove nothing.
    self.assertTrue(self.proof.exists(), "the program of ssh's configuration")
    self.assertTrue(self.cache.exists(), "the cache's folder")


class FilesOfALockedContextsAncestorTest(_FilesOfAnAncestor):

  LOCKS = PinnedContextTest.LOCKS

  def test_they_start_no_program_and_take_no_bytes(self):
    self.assertFalse(self.proof.exists(), "the program of ssh's configuration")
    self.assertFalse(self.cache.exists(), "the cache's folder")
