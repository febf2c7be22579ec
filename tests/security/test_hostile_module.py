"""A module answers its own calls and does nothing else."""

from fixtures import front_door
from hostile import modules
from hostile import trees
from hostile import wire

UNAVAILABLE = "UNAVAILABLE"


class HostileModuleTest(trees.Tree):
  """The module of `local:` is in the hands of the case."""

  @classmethod
  def bundles(cls):
    return [modules.pack(cls.shared, cls.door)]

  def setUp(self):
    super().setUp()
    self.agent = self.id_of("local:")
    self.sizes_before = self.sizes()
    self.call, self.link, self.asked = self.run_module()

  def tearDown(self):
    # The end of a call tells that its context has seen the module's.
    if self.call.done():
      self.call = self.call_module()
      self.link.take_call("Do")
    self.link.close()
    self.assertEqual(UNAVAILABLE, self.call.code().name)
    self.assert_memory_is_bounded(self.sizes_before)
    super().tearDown()

  def call_module(self):
    call = self.channel.unary_unary(modules.METHOD).future(
        b"", metadata=front_door.to("local:"), timeout=60)
    self.addCleanup(call.cancel)
    return call

  def run_module(self):
    """A call, the link of the module that it has started, and its frame."""
    call = self.call_module()
    link = self.door.accept_module()
    return call, link, link.take_call("Do")

  def assert_module_answers(self):
    """The module's context has dealt with everything that it sent before."""
    self.link.reply(self.asked, wire.answer(b""))
    self.assertEqual(b"", self.call.result())

  def sources(self):
    """The module itself, and everybody whom it could claim to be."""
    claims = [self.link.id, self.agent, wire.MASTER, wire.UNKNOWN,
              self.id_of("local:/local:"), self.link.id + 1,
              trees.UNALLOCATED]
    return [{"src": src, "auth": auth} for src in claims for auth in claims]

  def send_everywhere(self, handle, payload=b""):
    for dst in (self.agent, wire.MASTER, self.id_of("local:/local:"),
                self.id_of("local:/local:/local:")):
      for source in self.sources():
        self.link.send(dst, handle, payload, reply_to=self.link.new_handle(),
                       **source)

  def assert_ignored(self, handle, payload=b""):
    self.send_everywhere(handle, payload)
    self.assert_module_answers()
    self.assertEqual([], self.link.frames)

  def test_its_answer_arrives(self):
    self.assert_module_answers()

  def test_it_starts_no_context(self):
    self.assert_ignored(wire.CALL_FUNCTION, wire.start_child())

  def test_it_stops_no_context(self):
    self.assert_ignored(wire.CALL_FUNCTION,
                        wire.stop_child(self.id_of("local:/local:")))

  def test_it_calls_no_method_of_anybody(self):
    for method in ("/demo.v1.Greeter/SayHello", "/probe.v1.Probe/Info"):
      self.send_everywhere(wire.CALL_FUNCTION, wire.call(method))
    self.assert_module_answers()
    self.assertEqual([], self.link.frames)

  def test_it_ends_nobody(self):
    self.assert_ignored(wire.SHUTDOWN)

  def test_it_loads_no_module(self):
    self.assert_ignored(wire.LOAD_MODULE, wire.load_module(
        "evil", ["demo.v1.Greeter"])[0])

  def test_it_gets_no_ids(self):
    self.assert_ignored(wire.ALLOCATE_ID, wire.message((1, 10)))

  def test_it_changes_no_routes(self):
    for number in (self.agent, wire.MASTER, self.link.id, self.link.id + 1,
                   self.id_of("local:/local:")):
      for handle in (wire.ADD_ROUTE, wire.DEL_ROUTE):
        self.send_everywhere(handle, wire.message((1, number), (2, 14)))
    self.assert_module_answers()

  def test_it_says_hello_to_nobody_but_its_context(self):
    self.assert_ignored(wire.HELLO, wire.message((1, 1), (2, 5), (3, b"\0")))

  def test_no_log_line_is_taken_from_it(self):
    # Its standard output and error are what becomes log lines.
    text = trees.unique("from a module")
    self.assert_ignored(wire.FORWARD_LOG, wire.message(
        (1, 3), (2, "module"), (3, text)))
    self.assertEqual([], self.log_lines_with(text))

  def test_it_answers_no_call_of_another_module(self):
    waiting = [self.waiting_call("local:"), self.waiting_call("local:/local:")]
    for payload, flags in ((wire.answer(b"\x0a\x04evil"), 0),
                           (wire.dead(14, "evil"), wire.DEAD)):
      for handle in range(wire.FIRST_DYNAMIC, wire.FIRST_DYNAMIC + 500):
        if handle == self.asked.reply_to:
          continue
        for src in (self.link.id, self.agent):
          self.link.send(wire.MASTER, handle, payload, src=src, auth=src,
                         flags=flags)
    self.assert_module_answers()
    self.assertFalse([call for call in waiting if call.done()])

  def test_its_answer_under_anothers_authority_is_dropped(self):
    for source in self.sources():
      if source != {"src": self.link.id, "auth": self.link.id}:
        self.link.reply(self.asked, wire.answer(b"\x0a\x04evil"), **source)
    self.assert_module_answers()

  def test_it_answers_only_once(self):
    self.assert_module_answers()
    for _ in range(100):
      self.link.reply(self.asked, wire.answer(b"\x0a\x04evil"))
    self.call = self.call_module()
    self.asked = self.link.take_call("Do")
    self.assert_module_answers()

  def test_bytes_that_are_no_frames_cost_it_its_life(self):
    for wrong in ({"magic": b"XX"}, {"version": 2}, {"flags": 0x40},
                  {"length": wire.MAX_PAYLOAD + 1}):
      with self.subTest(**wrong):
        self.link.write(wire.Frame(self.agent, self.link.id, self.link.id,
                                   wire.NOT_SERVED, **wrong).bytes())
        self.assertEqual(UNAVAILABLE, self.call.code().name)
        self.assertTrue(self.link.wait_end())
        self.link.close()
        self.call, self.link, self.asked = self.run_module()

  def test_frames_without_end_that_nobody_asked_for(self):
    flood = b"".join(
        wire.Frame(dst, self.link.id, self.link.id, handle,
                   payload=b"f" * 1000).bytes()
        for dst in (self.agent, wire.MASTER) for handle in range(500)) * 20
    for _ in range(3):
      self.link.write(flood)
      self.assert_tree_answers()
    self.assert_module_answers()

  def test_calls_that_it_never_reads(self):
    self.link.reads = False
    calls = [self.channel.unary_unary(modules.METHOD).future(
        b"c" * (3 << 20), metadata=front_door.to("local:"), timeout=60)
             for _ in range(12)]
    for _ in range(5):
      self.assert_tree_answers()
    self.link.close()
    for call in calls:
      call.cancel()

  def test_an_answer_that_never_ends(self):
    endless = self.link.frame(
        self.asked.src, self.asked.reply_to,
        wire.part(wire.MESSAGE, b"\0\xff\xff\xff\xff" + b"m" * 60_000))
    for _ in range(20):
      self.link.write(endless.bytes() * 50)
      self.assert_tree_answers()
    self.assertEqual("RESOURCE_EXHAUSTED", self.call.code().name)
