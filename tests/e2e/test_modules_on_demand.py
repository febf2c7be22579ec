"""Modules on their way: what crosses each link, how often, and what is kept."""

import os
import re
import signal
import stat

from fixtures import bundles
from fixtures import cases
from fixtures import front_door
from fixtures import kill_tree
from fixtures import packed_modules
from fixtures import paths
from fixtures import poll
from fixtures import relay
from fixtures import sshd

import grpc

CALL_S = 60
# Hellos, routes, calls and answers of a case, without images.
SMALL = 200_000


class _Served(cases.Case):

  checks_leftovers = False  # The contexts live until the master ends.

  def setUp(self):
    super().setUp()
    self.require_programs()

  def start(self, *flags):
    # No heartbeats: frames are counted.
    self.door = kill_tree.Door(self.work, self.cli, "--heartbeat", "0s",
                               *flags)
    self.until_end(self.door)
    self.pb = self.door.probe_pb

  def link(self, name, peer):
    """What `name` counts of its link to `peer`."""
    links = self.door.contexts.Links(
        self.door.contexts_pb.LinksRequest(name=name), timeout=CALL_S).links
    (found,) = [link for link in links if link.name == peer]
    return found

  def sent(self, name, peer):
    return self.link(name, peer).bytes_out


class ImagesTest(_Served):

  def setUp(self):
    super().setUp()
    self.start()
    self.image = bundles.image_bytes(self.work, paths.PROBE)

  def test_an_image_crosses_each_link_once(self):
    self.door.info("local:/local:a")
    first = self.sent("master", "local:")
    self.assertGreater(first, self.image * 0.9)
    self.assertLess(first, self.image + SMALL)
    for target in ("local:/local:a", "local:/local:b", "local:",
                   "local:/local:b/local:"):
      self.door.info(target)
    self.assertLess(self.sent("master", "local:") - first, SMALL)
    for name in ("a", "b"):
      sent = self.sent("local:", f"local:/local:{name}")
      self.assertGreater(sent, self.image * 0.9)
      self.assertLess(sent, self.image + SMALL)

  def test_32_children_at_once(self):
    self.door.info("local:/local:first")
    self.door.disconnect("local:")
    calls = [self.door.start_echo(f"local:/local:c{i}") for i in range(32)]
    for call in calls:
      call.result(timeout=CALL_S)
    sent = self.sent("master", "local:")
    self.assertGreater(sent, self.image * 0.9)
    self.assertLess(sent, self.image + SMALL)

  def test_a_context_that_is_connected_anew_gets_it_anew(self):
    for _ in range(2):
      self.door.info("local:")
      self.assertGreater(self.sent("master", "local:"), self.image * 0.9)
      self.door.disconnect("local:")


class PatchTest(_Served):
  """Another version of what a context has costs what is new in it."""

  def setUp(self):
    super().setUp()
    self.start()
    self.whole = bundles.image_bytes(self.work, bundles.INTERCEPTED)

  def load(self, bundle):
    result = self.cli.run("module", "load", bundle, "--master",
                          self.door.master.address)
    self.assertEqual(0, result.status, str(result))

  def test_it_travels_as_a_patch_over_each_link(self):
    targets = ("local:/local:a", "local:/local:b", "local:")
    before = [self.door.info(target).pid for target in targets]
    up = self.sent("master", "local:")
    down = self.sent("local:", "local:/local:a")
    self.load(bundles.rebuilt(self.work))
    after = [self.door.info(target).pid for target in targets]
    self.assertFalse(set(before) & set(after))
    for sent in (self.sent("master", "local:") - up,
                 self.sent("local:", "local:/local:a") - down):
      self.assertGreater(sent, 1000)
      self.assertLess(sent, self.whole / 3)
    # Back again, and to who has neither.
    self.load(paths.PROBE)
    up = self.sent("master", "local:")
    self.door.info("local:")
    self.assertLess(self.sent("master", "local:") - up, self.whole / 3)
    up = self.sent("master", "local:")
    self.door.info("local:/local:new")
    self.assertGreater(self.sent("local:", "local:/local:new"),
                       self.whole / 2)

  def test_one_that_missed_versions_gets_a_patch_as_well(self):
    self.door.info("local:")
    self.load(bundles.version(self.work, 1))
    self.load(bundles.rebuilt(self.work))
    up = self.sent("master", "local:")
    self.door.info("local:")
    self.assertLess(self.sent("master", "local:") - up, self.whole / 3)


class MemoryTest(_Served):
  """With heartbeats, which tell when a context is quiet."""

  def pss_kib(self, name):
    with open(f"/proc/{self.door.pids()[name]}/smaps_rollup") as f:
      (kib,) = re.findall(r"^Pss: +(\d+) kB$", f.read(), re.MULTILINE)
    return int(kib)

  def test_a_quiet_context_is_as_small_as_before(self):
    self.start("--heartbeat", "1s")
    pid = self.door.info("local:").pid
    # Its image has 1 MiB, deflated.
    poll.until(lambda: self.pss_kib("local:") < 300, "the image to go", 20)
    # And may be started without it.
    os.kill(pid, signal.SIGKILL)
    poll.until(lambda: not os.path.exists(f"/proc/{pid}"), "the end", 20)
    self.assertNotEqual(pid, self.door.info("local:").pid)


class ModulesThatModulesCallTest(_Served):
  """probe.v1.Probe calls probe.v1.Open, which is in another bundle."""

  def start_with(self, *related):
    caller, self.caller_bytes = packed_modules.pack(
        self.work, "caller", "probe.v1.Probe", *related)
    self.opener, self.opener_bytes = packed_modules.pack(
        self.work, "opener", "probe.v1.Open")
    self.start("--module", caller, "--module", self.opener)

  def call_out(self, target, payload=b"there and back"):
    request = self.pb.CallOutRequest(
        target=self.pb.CallOutRequest.OWN, method=self.pb.CallOutRequest.ECHO,
        echo=self.pb.EchoRequest(payload=payload))
    return self.door.probe.CallOut.future(request, timeout=CALL_S,
                                          metadata=front_door.to(target))

  def frames_up(self, target):
    """Frames that a new context sends until its call has been answered."""
    reply = self.call_out(target).result()
    self.assertEqual((0, b"there and back"), (reply.code, reply.payload),
                     reply.message)
    return self.link("local:", target).frames_in

  def test_what_is_asked_for_is_learned(self):
    self.start_with()
    asking = self.frames_up("local:/local:a")
    # The question is what the next one saves: its module is there already.
    self.assertEqual(asking - 1, self.frames_up("local:/local:b"))
    self.assertEqual(asking - 1, self.frames_up("local:/local:c"))
    self.assertLess(self.sent("master", "local:"),
                    self.caller_bytes + self.opener_bytes + SMALL)

  def test_what_the_bundle_names_goes_along_at_once(self):
    self.start_with("opener", "no-such-module")
    first = self.frames_up("local:/local:a")
    self.assertEqual(first, self.frames_up("local:/local:b"))
    # Nothing was learned: a master that knows nothing is asked once more.
    self.door.close()
    self._ends.clear()
    self.start_with()
    self.assertEqual(first + 1, self.frames_up("local:/local:a"))

  def module(self, *arguments):
    result = self.cli.run("module", *arguments, "--master",
                          self.door.master.address)
    self.assertEqual(0, result.status, str(result))

  def test_what_was_unloaded_is_asked_for_when_it_is_back(self):
    self.start_with()
    self.module("unload", "probe")  # It has the same services.
    for _ in range(2):
      self.assertEqual(0, self.call_out("local:/local:a").result().code)
      self.module("unload", "opener")
      for _ in range(2):
        refused = self.call_out("local:/local:a").result()
        self.assertEqual(grpc.StatusCode.UNIMPLEMENTED.value[0], refused.code)
        self.assertIn("unknown service probe.v1.Open", refused.message)
      self.module("load", self.opener)
    self.assertEqual(0, self.call_out("local:/local:a").result().code)

  def test_32_children_that_ask_at_once(self):
    self.start_with()
    targets = [f"local:/local:c{i}" for i in range(32)]
    for target in targets:
      self.door.info(target)
    before = self.sent("master", "local:")
    calls = [self.call_out(target) for target in targets]
    for call in calls:
      self.assertEqual(0, call.result().code)
    sent = self.sent("master", "local:") - before
    self.assertGreater(sent, self.opener_bytes * 0.9)
    self.assertLess(sent, self.opener_bytes + SMALL)


@cases.needs_root
class DiskCacheTest(cases.Case):
  """`--cache DIR` on an sshd's host."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared, mount_lines=[
        "mkdir -p /tmp/small /tmp/fixed",
        "mount -t tmpfs -o size=64k,mode=777 tmpfs /tmp/small",
        "mount -t tmpfs -o mode=777 tmpfs /tmp/fixed",
        "mkdir -m 700 /tmp/fixed/cache",
        f"chown {sshd.accounts.User('guest').name} /tmp/fixed/cache",
        "mount -o remount,ro /tmp/fixed",
    ]))

  def setUp(self):
    super().setUp()
    self.require_programs()
    self.image = bundles.image_bytes(self.work, paths.GREETER)

  def greet_and_count(self, *flags):
    """Greets over a new connection: (result, bytes sent to the server)."""
    line = relay.Relay(self.server.port)
    result = self.greet(self.server.target(port=line.port),
                        *self.server.flags(), "--host-key-check", "off",
                        *flags)
    line.close()
    self.assert_greets(result)
    return result, line.bytes(relay.TO_SERVER)

  def cache(self, name):
    """The folder, as a path of this namespace, and its files."""
    folder = self.server.inside(name)
    return folder, [f"{folder}/{file}" for file in os.listdir(folder)]

  def test_the_figures_of_a_connect_tell_it(self):
    flags = (*self.server.flags(), "--cache", "/tmp/counted", "--stats")
    sent = []
    for _ in range(2):
      result = self.greet(self.server.target(), *flags)
      self.assert_greets(result)
      (count,) = re.findall(r"stats: modules: (\d+) bytes sent", result.err)
      sent.append(int(count))
    self.assertGreater(sent[0], self.image * 0.9)
    self.assertEqual(0, sent[1])

  def test_a_second_connect_sends_no_image(self):
    _, plain = self.greet_and_count()
    result, cold = self.greet_and_count("--cache", "/tmp/modules")
    self.assertEqual("", result.err)
    _, warm = self.greet_and_count("--cache", "/tmp/modules")
    self.assertLess(abs(cold - plain), SMALL)
    self.assertGreater(cold - warm, self.image * 0.9)
    folder, (file,) = self.cache("/tmp/modules")
    self.assertEqual(0o700, stat.S_IMODE(os.stat(folder).st_mode))
    self.assertRegex(os.path.basename(file), "^[0-9a-f]{64}$")
    self.assertEqual(0o600, stat.S_IMODE(os.stat(file).st_mode))

    with self.subTest("a file that was tampered with"):
      with open(file, "r+b") as f:
        f.seek(1000)
        f.write(b"evil")
      _, again = self.greet_and_count("--cache", "/tmp/modules")
      self.assertGreater(again - warm, self.image * 0.9)
      self.assertLess(
          abs(self.greet_and_count("--cache", "/tmp/modules")[1] - warm), SMALL)
    with self.subTest("a file that was cut off"):
      os.truncate(file, 1000)
      _, again = self.greet_and_count("--cache", "/tmp/modules")
      self.assertGreater(again - warm, self.image * 0.9)
    with self.subTest("a folder that others may enter"):
      os.chmod(folder, 0o755)
      result, again = self.greet_and_count("--cache", "/tmp/modules")
      self.assertGreater(again - warm, self.image * 0.9)
      self.assertIn("images are not kept in /tmp/modules: its owner or mode",
                    result.err)

  def test_it_has_a_limit(self):
    # Whose files they are plays no part: the folder is the user's.
    self.greet_and_count("--cache", "/tmp/limited")
    folder, (greeter,) = self.cache("/tmp/limited")
    old, notes = f"{folder}/{'0' * 64}", f"{folder}/notes"
    for file in (old, notes):
      with open(file, "wb") as f:
        f.truncate(1 << 20)
      os.utime(file, (0, 0))
    os.unlink(greeter)
    self.greet_and_count("--cache", "/tmp/limited")
    self.assertCountEqual([greeter, old, notes], self.cache("/tmp/limited")[1])
    os.unlink(greeter)
    self.greet_and_count("--cache", "/tmp/limited", "--cache-mib", "1")
    self.assertCountEqual([greeter, notes], self.cache("/tmp/limited")[1])

  def test_a_full_disk(self):
    result, sent = self.greet_and_count("--cache", "/tmp/small/cache")
    self.assertGreater(sent, self.image * 0.9)
    self.assertEqual(1, result.err.count(
        "images are not kept in /tmp/small/cache: write: No space left on "
        "device"), result.err)
    self.assertEqual([], self.cache("/tmp/small/cache")[1])

  def test_a_read_only_folder(self):
    result, sent = self.greet_and_count("--cache", "/tmp/fixed/cache")
    self.assertGreater(sent, self.image * 0.9)
    self.assertEqual(1, result.err.count(
        "images are not kept in /tmp/fixed/cache: write: "), result.err)

  def test_a_place_that_is_not_there(self):
    result, _ = self.greet_and_count("--cache", "/no/such/place")
    self.assertEqual(1, result.err.count(
        "images are not kept in /no/such/place: open: "), result.err)
