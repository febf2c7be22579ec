"""What modules and their subprocesses print, seen from outside."""

import re
import time

import grpc

from fixtures import cases
from fixtures import front_door
from fixtures import kill_tree
from fixtures import poll
from fixtures import sshd

CALL_S = 30
# LineReader::kMaxLineBytes of importer/line_reader.h.
MAX_LINE_BYTES = 4096
# LineBudget's burst and rate of core/context/line_budget.h, with some air.
BURST, PER_SECOND = 4096, 1000


class CommandLineLogsTest(cases.Case):
  """`ramet call` prints them on standard error, named after the context."""

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def targets(self):
    yield "local:", ()
    yield "local:/local:", ()
    yield self.server.target(), self.server.flags()

  def print(self, target, flags, out, err="", *more):
    result = self.call(target, "probe.v1.Probe/Print",
                       {"toStdout": out, "toStderr": err}, *flags, *more)
    self.assert_succeeds(result)
    return result.err

  def test_lines_have_context_module_and_stream(self):
    for target, flags in self.targets():
      err = self.print(target, flags, "one\ntwo\n", "three\n")
      for line in (f"[{target}] probe stdout: one",
                   f"[{target}] probe stdout: two",
                   f"[{target}] probe stderr: three"):
        self.assertIn(line, err.splitlines())

  def test_the_last_partial_line_is_printed_before_the_reply(self):
    for target, flags in self.targets():
      self.assertIn(f"[{target}] probe stdout: no end",
                    self.print(target, flags, "no end").splitlines())

  def test_a_long_line_is_cut_and_nothing_of_it_is_lost(self):
    text = "".join(chr(ord("a") + i % 26) for i in range(3 * MAX_LINE_BYTES))
    err = self.print("local:", (), text + "\n")
    pieces = re.findall(r"^\[local:\] probe stdout: (.*)$", err, re.MULTILINE)
    self.assertEqual([MAX_LINE_BYTES] * 3, [len(p) for p in pieces])
    self.assertEqual(text, "".join(pieces))

  def test_what_a_terminal_would_obey_is_not_passed_on(self):
    err = self.print("local:", (), "\u0000\u001b[31mred\rforged\nafter\n")
    self.assertEqual(2, len(err.splitlines()), repr(err))
    self.assertTrue(err.replace("\n", "").isprintable(), repr(err))
    self.assertIn("[local:] probe stdout: after", err.splitlines())

  def test_quiet_prints_nothing(self):
    for target, flags in self.targets():
      for flag in ("-q", "--quiet"):
        self.assertEqual("", self.print(target, flags, "one\n", "two\n", flag))

  def test_levels_are_filtered(self):
    err = self.print("local:/local:", (), "an info\n", "a warning\n",
                     "--log-level", "warning")
    self.assertNotIn("an info", err)
    self.assertIn("a warning", err)
    err = self.print("local:/local:", (), "an info\n", "a warning\n",
                     "--log-level", "error")
    self.assertEqual("", err)


class ServedLogsTest(cases.Case):
  """The same of a running master, with a tree that lives on."""

  checks_leftovers = False  # The contexts live until the class ends.

  @classmethod
  def prepare(cls):
    cls.server = cls.serve(sshd.SshServer(cls.shared))

  def start(self, *flags):
    self.door = kill_tree.Door(self.work, self.cli, *self.server.flags(),
                               *flags)
    self.addCleanup(self.door.close)
    self.pb, self.probe = self.door.probe_pb, self.door.probe

  def spawn(self, target, command):
    self.probe.Spawn(self.pb.SpawnRequest(command=command), timeout=CALL_S,
                     metadata=front_door.to(target))

  def print(self, target, text):
    self.probe.Print(self.pb.PrintRequest(to_stdout=text), timeout=CALL_S,
                     metadata=front_door.to(target))

  def lines(self, target, stream="stdout"):
    prefix = f"[{target}] probe {stream}: "
    return [line.removeprefix(prefix)
            for line in self.door.master.log().splitlines()
            if line.startswith(prefix)]

  def wait_for(self, line, target, stream="stdout"):
    poll.until(lambda: line in self.lines(target, stream),
               f"{line} of {target}", CALL_S)

  def test_subprocesses_of_modules(self):
    self.start()
    for target in ("local:", "local:/local:", self.server.target()):
      self.spawn(target, "(echo of a child; echo and its error >&2; "
                 "setsid sh -c 'printf of.a.daemon')")
      self.wait_for("of a child", target)
      self.wait_for("and its error", target, "stderr")
      # A partial line of a stream that the module holds open: it comes with
      # the next answer of a call.
      def printed():
        self.print(target, "")
        return "of.a.daemon" in self.lines(target)
      poll.until(printed, f"of.a.daemon of {target}", CALL_S)

  def test_the_last_words_of_a_module_that_is_killed(self):
    self.start()
    for target in ("local:", "local:/local:"):
      try:
        self.spawn(target, "(printf last.words; kill -KILL $PPID)")
      except grpc.RpcError as e:  # Its end came before its answer.
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, e.code(), e)
      self.wait_for("last.words", target)

  def test_the_earliest_lines_are_not_lost(self):
    self.start()
    for target in ("local:/local:", self.server.target() + "/local:"):
      # The call that starts context and module; it prints as its first deed.
      self.print(target, "".join(f"early {i}\n" for i in range(1000)))
      self.wait_for("early 999", target)
      self.assertEqual([f"early {i}" for i in range(1000)],
                       self.lines(target))

  def test_contexts_have_names_of_their_own(self):
    self.start()
    for number in range(4):
      self.print(f"local:{number}/local:", f"here is {number}\n")
    for number in range(4):
      self.wait_for(f"here is {number}", f"local:{number}/local:")
      self.assertEqual([f"here is {number}"],
                       self.lines(f"local:{number}/local:"))

  def test_a_flood_stalls_no_call_and_says_what_it_lost(self):
    self.start()
    target = "local:/local:"
    quiet = self.door.info(target)
    begin = time.monotonic()
    self.spawn(target, "exec yes flood")
    poll.until(lambda: len(self.lines(target)) >= BURST, "the flood", CALL_S)
    slowest = 0
    for _ in range(200):
      asked = time.monotonic()
      self.assertEqual(quiet.pid, self.door.info(target).pid)
      slowest = max(slowest, time.monotonic() - asked)
    # Without a limit calls would wait behind megabytes of lines.
    self.assertLess(slowest, 2)
    poll.until(lambda: f"[{target}] log: " in self.door.master.log(),
               "a line about those that were dropped", CALL_S)
    self.assertRegex(self.door.master.log(),
                     re.escape(f"[{target}] log: ") + r"\d+ lines dropped")
    seconds = time.monotonic() - begin
    self.assertLess(len(self.lines(target)),
                    BURST + PER_SECOND * (seconds + 1))
    # The others' lines still come.
    self.print("local:other", "not drowned\n")
    self.wait_for("not drowned", "local:other")
    self.door.disconnect("local:")

  def sent_up(self):
    """Bytes that the master has got from `local:`."""
    links = self.door.contexts.Links(
        self.door.contexts_pb.LinksRequest(name="master"), timeout=CALL_S)
    return sum(link.bytes_in for link in links.links)

  def test_levels_are_filtered_where_the_lines_come_from(self):
    text = "x" * 1000 + "\n"
    sizes = {}
    for level in ("info", "warning"):
      self.start("--log-level", level)
      self.door.info("local:")
      before = self.sent_up()
      self.print("local:", text * 100)
      sizes[level] = self.sent_up() - before
      self.door.close()
    self.assertGreater(sizes["info"], 100_000)
    self.assertLess(sizes["warning"], 10_000)
