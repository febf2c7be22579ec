"""A master with well-behaved contexts and a hostile one: the base of cases.

    master ── local: ── local:/local: ── local:/local:/local:
       │         └───── local:/ssh:evil      (Grandchild)
       └─ ssh:evil                           (Child)
"""

import itertools
import time

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import front_door
from fixtures import master
from fixtures import poll
from fixtures import processes
from fixtures import sshd
from hostile import door
from hostile import wire

# The rest of the tree answers within this, whatever the hostile one does.
TREE_ANSWERS_S = 5
CONNECT_S = 30
MOST_GROWTH_KIB = 64 * 1024
# Never granted in a tree this small.
UNALLOCATED = 4_000_000_000

_numbers = itertools.count(1)


def unique(text):
  """A text that no other case uses."""
  return f"{text}-{next(_numbers)}."


class Tree(cases.Case):
  """The tree without the hostile context, for all cases of a class.

  After each case the well-behaved contexts are the same processes as before
  and give the right answers; after the class nothing is left.
  """

  checks_leftovers = False  # Contexts live on; `_stop` checks.
  # Flags of the master, beside those that it has anyway.
  MASTER_FLAGS = ()
  HONEST = ("local:", "local:/local:", "local:/local:/local:")

  @classmethod
  def prepare(cls):
    cls.leftovers = processes.Leftovers()
    cls.addClassCleanup(cls._assert_nothing_left)
    cls.door = door.Door(cls.shared)
    cls.addClassCleanup(cls.door.close)
    cls.server = cls.serve(sshd.SshServer(
        cls.shared, config=[f"ForceCommand {cls.door.command}"]))
    cls.cli_of_master = cli_fixture.Cli(cls.shared)
    flags = [flag for path in cls.bundles() for flag in ("--module", path)]
    cls.master = master.Master(cls.shared, cls.cli_of_master,
                               *cls.server.flags(), *flags,
                               *cls.MASTER_FLAGS)
    cls.addClassCleanup(lambda: cls.master.running() and cls.master.stop())
    ((cls.contexts_pb, contexts), (cls.greeter_pb, greeter),
     (cls.probe_pb, probe)) = front_door.generate(cls.shared)
    cls.channel = front_door.channel(cls.master.address)
    cls.addClassCleanup(cls.channel.close)
    cls.contexts = contexts.ContextsStub(cls.channel)
    cls.greeter = greeter.GreeterStub(cls.channel)
    cls.probe = probe.ProbeStub(cls.channel)
    for target in cls.HONEST:
      cls.greet_at(target, timeout=CONNECT_S)

  @classmethod
  def bundles(cls):
    """Bundles for the master, beside those that it has anyway."""
    return ()

  @classmethod
  def _assert_nothing_left(cls):
    left = cls.leftovers.wait()
    cls.leftovers.kill()
    assert not left, f"processes left behind: {left}"
    files = list(cls.cli_of_master.scratch.iterdir())
    assert not files, f"files left in TMPDIR: {files}"

  def setUp(self):
    super().setUp()
    self.require_programs()
    self.before = self.honest()
    self.agents_before = self.agents()
    self.assertLessEqual({pid for _, pid in self.before.values()},
                         self.agents_before)

  def tearDown(self):
    super().tearDown()
    self.assert_tree_answers()

  # The tree.

  @classmethod
  def greet_at(cls, target, timeout=TREE_ANSWERS_S):
    return cls.greeter.SayHello(cls.greeter_pb.HelloRequest(name="Ada"),
                                metadata=front_door.to(target),
                                timeout=timeout)

  def contexts_now(self):
    listed = self.contexts.List(self.contexts_pb.ListRequest(),
                                timeout=TREE_ANSWERS_S)
    return {c.name: c for c in listed.contexts}

  def honest(self):
    """Name -> (id, pid) of the well-behaved contexts."""
    return {name: (c.id, c.pid) for name, c in self.contexts_now().items()
            if "ssh:" not in name}

  def agents(self):
    """Pids of every local agent below the master, known to it or not."""
    found, queue = set(), [self.master.pid]
    while queue:
      for pid in processes.children(queue.pop()):
        process = processes.read(pid)
        if process and process.command.startswith("ramet: local:"):
          found.add(pid)
          queue.append(pid)
    return found

  def id_of(self, name):
    return self.contexts_now()[name].id

  def assert_tree_answers(self):
    self.assert_tree_greets()
    self.assertEqual(self.before, self.honest())
    self.assertEqual(self.agents_before, self.agents())

  def assert_tree_greets(self):
    self.assertTrue(self.master.running(), self.master.log()[-4000:])
    for target in self.HONEST:
      begin = time.monotonic()
      reply = self.greet_at(target)
      self.assertLess(time.monotonic() - begin, TREE_ANSWERS_S)
      self.assertIn("Hello, Ada", reply.message)
      self.assertNotEqual("evil", reply.hostname)

  def waiting_call(self, target, **options):
    """A call to `target` that is under way and does not end by itself."""
    info = lambda: self.probe.Info(front_door.empty(self.probe_pb),
                                   metadata=front_door.to(target),
                                   timeout=TREE_ANSWERS_S).calls
    before, asked = info(), 0
    waiting = self.probe.Echo.future(
        self.probe_pb.EchoRequest(wait_ms=60000),
        metadata=front_door.to(target), timeout=60)
    self.addCleanup(waiting.cancel)
    def arrived():
      nonlocal asked
      asked += 1
      return info() - asked > before
    poll.until(arrived, "the call to reach the module")
    return waiting

  # Memory.

  def sizes(self):
    """Resident KiB of the master and the agents."""
    pids = {"master": self.master.pid,
            **{name: pid for name, (_, pid) in self.before.items()}}
    return {name: processes.resident_kib(pid) for name, pid in pids.items()}

  def assert_memory_is_bounded(self, before):
    after = self.sizes()
    for name, size in before.items():
      self.assertLess(after[name] - size, MOST_GROWTH_KIB,
                      f"{name}: {before} {after}")

  def log_lines_with(self, text):
    return [line for line in self.master.log().splitlines() if text in line]

  def wait_for_log(self, text):
    poll.until(lambda: self.log_lines_with(text), f"the log line {text}")


class Hostile(Tree):
  """A tree with a hostile context, connected anew when a case has lost it."""

  above = ""  # The path of the hostile context's parent.

  @classmethod
  def prepare(cls):
    super().prepare()
    cls.link = None
    cls.addClassCleanup(lambda: cls.link and cls.link.close())

  @classmethod
  def evil(cls):
    return f"{cls.above}{cls.server.target()}"

  def setUp(self):
    super().setUp()
    cls = type(self)
    if cls.link is None or cls.link.ended or cls.evil() not in (
        self.contexts_now()):
      if cls.link:
        cls.link.close()
      cls.link = self.connect()
    self.link.reads = True
    self.link.frames.clear()

  def connect(self):
    """Starts the hostile context anew and returns its link."""
    # What one that flooded has left in buffers is read first, and slowly.
    poll.until(lambda: self.evil() not in self.contexts_now(),
               "the last hostile context to go", CONNECT_S)
    connecting = self.contexts.Connect.future(
        self.contexts_pb.ConnectRequest(target=self.evil()),
        timeout=CONNECT_S)
    link = self.door.accept_context()
    self.addCleanup(lambda: link is type(self).link or link.close())
    connecting.result()
    return link

  def call_evil(self, **request):
    """A call to the hostile context: the future."""
    call = self.probe.Echo.future(
        self.probe_pb.EchoRequest(**request),
        metadata=front_door.to(self.evil()), timeout=60)
    self.addCleanup(call.cancel)
    return call

  def others(self):
    """(who, id) of everybody whom the hostile context could claim to be."""
    raise NotImplementedError

  def neighbours(self):
    """(who, id) of contexts that a hostile one may want to harm."""
    return [(who, number) for who, number in self.others()
            if who in ("master", "parent", "sibling", "sibling's child")]


class Child(Hostile):
  """The hostile context is a child of the master."""

  def others(self):
    near, far = self.id_of("local:"), self.id_of("local:/local:")
    return [("master", wire.MASTER), ("sibling", near),
            ("sibling's child", far), ("an id of another's block", near + 900),
            ("an unallocated id", UNALLOCATED), ("nobody", wire.UNKNOWN)]


class Grandchild(Hostile):
  """The hostile context is a child of `local:`."""

  above = "local:/"

  def others(self):
    parent, near = self.id_of("local:"), self.id_of("local:/local:")
    return [("master", wire.MASTER), ("parent", parent), ("sibling", near),
            ("sibling's child", self.id_of("local:/local:/local:")),
            ("an id of another's block", near + 30),
            ("an id of its parent's", parent + 900),
            ("an unallocated id", UNALLOCATED), ("nobody", wire.UNKNOWN)]
