"""A module answers its own calls, and calls what is for anybody: nothing else."""

from fixtures import front_door
from hostile import modules
from hostile import trees
from hostile import wire

UNAVAILABLE = "UNAVAILABLE"
PERMISSION_DENIED, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 7, 8, 12
NO_ROUTE = 14
FOR_ANYBODY = "/probe.v1.Probe/Info"
# importer/module_calls.h
MAX_CALLS = 1024


class HostileModuleTest(trees.Tree):
  """The module of `local:` is in the hands of the case."""

  @classmethod
  def bundles(cls):
    return [modules.pack(cls.shared, cls.door)]

  def setUp(self):
    super().setUp()
    self.agent = self.id_of("local:")
    # What it calls is there.
    for name in self.HONEST:
      self.probe.Info(front_door.empty(self.probe_pb), timeout=trees.CONNECT_S,
                      metadata=front_door.to(name))
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
    asked = link.take_call("Do")
    # It has begun to answer: the next case's is started without a back-off.
    link.reply(asked, wire.part(wire.HEADERS))
    return call, link, asked

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

  def assert_nothing_came(self):
    # The rest of its own call may have come late.
    self.assertEqual([], [frame for frame in self.link.frames
                          if frame.handle != wire.CALL_FUNCTION])

  def assert_ignored(self, handle, payload=b""):
    self.send_everywhere(handle, payload)
    self.assert_module_answers()
    self.assert_nothing_came()

  def assert_dead(self, answer, codes):
    self.assertTrue(answer.dead, answer)
    self.assertEqual((self.link.id, self.agent), (answer.dst, answer.src))
    self.assertIn(wire.fields(answer.payload)[1][0], codes, answer.payload)

  def everybody(self):
    return [wire.MASTER] + [self.id_of(name) for name in self.HONEST]

  def assert_refused_by_all(self, payload):
    for dst in self.everybody():
      with self.subTest(dst=dst):
        self.assert_dead(
            self.link.ask(dst, wire.CALL_FUNCTION, payload),
            (UNIMPLEMENTED,) if dst == wire.MASTER else (PERMISSION_DENIED,))
    self.assert_module_answers()
    self.assert_nothing_came()

  def test_its_answer_arrives(self):
    self.assert_module_answers()

  def test_it_starts_no_context(self):
    self.assert_refused_by_all(wire.start_child())

  def test_it_stops_no_context(self):
    self.assert_refused_by_all(wire.stop_child(self.id_of("local:/local:")))

  def test_it_calls_no_method_that_is_for_parents(self):
    self.assert_refused_by_all(wire.call("/demo.v1.Greeter/SayHello"))

  def test_it_calls_what_is_for_anybody(self):
    # What the others rely on: without it they would prove nothing.
    for name in self.HONEST:
      number = self.id_of(name)
      answer = self.link.ask(number, wire.CALL_FUNCTION,
                             wire.call(FOR_ANYBODY))
      self.assertFalse(answer.dead, answer)
      self.assertEqual(number, answer.src)

  def test_it_calls_nothing_under_anothers_authority(self):
    for dst in self.everybody():
      for source in self.sources():
        if source != {"src": self.link.id, "auth": self.link.id}:
          self.link.send(dst, wire.CALL_FUNCTION, wire.call(FOR_ANYBODY),
                         reply_to=self.link.new_handle(), **source)
    self.assert_module_answers()
    self.assert_nothing_came()

  def test_it_reaches_no_module_by_its_id(self):
    for number in range(self.agent + 1, self.agent + 30):
      if number in self.everybody():
        continue
      answer = self.link.ask(number, wire.CALL_FUNCTION,
                             wire.call("/probe.v1.Probe/Crash"))
      self.assertTrue(answer.dead, answer)
      self.assertEqual(NO_ROUTE, wire.fields(answer.payload)[1][0])

  def test_calls_of_its_own_that_never_end(self):
    # Without END: the method never runs.
    payload = wire.call(FOR_ANYBODY, end=False)
    beside = self.id_of("local:/local:")
    handles = [self.link.new_handle() for _ in range(MAX_CALLS + 500)]
    for handle in handles:
      self.link.send(beside, wire.CALL_FUNCTION, payload, reply_to=handle)
    for handle in handles[MAX_CALLS:]:
      self.assert_dead(self.link.wait_for(
          lambda frame, handle=handle: frame.handle == handle, "a refusal"),
                       (RESOURCE_EXHAUSTED,))
    self.assert_tree_answers()
    # They end with it.
    self.link.close()
    self.assertEqual(UNAVAILABLE, self.call.code().name)
    self.call, self.link, self.asked = self.run_module()
    self.assertFalse(self.link.ask(beside, wire.CALL_FUNCTION,
                                   wire.call(FOR_ANYBODY)).dead)

  def test_a_flood_of_calls_that_are_refused(self):
    flood = b"".join(
        self.link.frame(dst, wire.CALL_FUNCTION, wire.start_child(),
                        reply_to=handle).bytes()
        for handle in range(2000, 2300) for dst in self.everybody())
    for _ in range(10):
      self.link.write(flood)
    self.assert_tree_answers()

  def test_frames_of_no_call_of_its_own_are_dropped(self):
    # To whom its call did not go, and behind the end of one.
    handle = self.link.new_handle()
    beside, below = (self.id_of("local:/local:"),
                     self.id_of("local:/local:/local:"))
    self.link.send(beside, wire.CALL_FUNCTION,
                   wire.call(FOR_ANYBODY, end=False), reply_to=handle)
    for payload in (wire.part(wire.END), wire.call(FOR_ANYBODY)):
      self.link.send(below, wire.CALL_FUNCTION, payload, reply_to=handle)
    self.assert_module_answers()
    self.assert_nothing_came()
    self.link.send(beside, wire.CALL_FUNCTION, wire.part(wire.END),
                   reply_to=handle)
    answer = self.link.wait_for(lambda frame: frame.handle == handle, "answer")
    self.assertEqual(beside, answer.src)

  def test_it_ends_nobody(self):
    self.assert_ignored(wire.SHUTDOWN)

  def test_it_loads_no_module(self):
    for handle, payload in wire.module_frames(self.agent):
      self.assert_ignored(handle, payload)

  def test_it_asks_for_no_module(self):
    self.assert_ignored(wire.GET_MODULE, wire.notice(
        wire.SERVICE, self.agent, "demo.v1.Greeter"))

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
