"""What only ancestors and neighbours may ask for, asked for in one's own name."""

from fixtures import front_door
from hostile import trees
from hostile import wire

PERMISSION_DENIED, UNIMPLEMENTED = 7, 12


class _PrivilegedHandles:

  def assert_refused(self, dst, handle, payload=b"", codes=(
      PERMISSION_DENIED, UNIMPLEMENTED)):
    answer = self.link.ask(dst, handle, payload)
    self.assertTrue(answer.dead, answer)
    self.assertEqual(dst, answer.src)
    self.assertIn(wire.fields(answer.payload)[1][0], codes, answer.payload)

  def refused_by_all(self, handle, payload=b"", **options):
    for target, dst in self.neighbours():
      with self.subTest(target=target):
        self.assert_refused(dst, handle, payload, **options)

  def test_it_starts_no_child_of_anybody(self):
    self.refused_by_all(wire.CALL_FUNCTION, wire.start_child())

  def test_it_stops_no_child_of_anybody(self):
    for number in {number for _, number in self.others()}:
      self.refused_by_all(wire.CALL_FUNCTION, wire.stop_child(number))

  def test_it_calls_no_method_that_is_for_parents(self):
    for method in ("/demo.v1.Greeter/SayHello", "/probe.v1.Probe/Crash"):
      self.refused_by_all(wire.CALL_FUNCTION, wire.call(method))

  def test_it_reaches_no_module_by_its_id(self):
    # The module's context holds the method's policy: nobody gets past it.
    def modules():
      return {target: self.probe.Info(
          front_door.empty(self.probe_pb), timeout=trees.CONNECT_S,
          metadata=[("ramet-target", target)]).pid for target in self.HONEST}

    before = modules()
    # Blocks of 1,000 ids were granted; modules have the first of them.
    for number in range(6000):
      if number != self.link.id:
        self.link.send(number, wire.CALL_FUNCTION,
                       wire.call("/probe.v1.Probe/Crash"))
    self.link.barrier(self.link.parent)
    self.assertEqual(before, modules())

  def test_it_ends_nobody(self):
    self.refused_by_all(wire.SHUTDOWN, wire.message((1, 1)))

  def test_it_detaches_nobody(self):
    self.refused_by_all(wire.DETACHING)

  def test_it_detaches_no_child_of_anybody(self):
    for number in {number for _, number in self.others()}:
      self.refused_by_all(wire.CALL_FUNCTION, wire.call(
          "/ramet.control.Agent/DetachChild", wire.message((1, number))))

  def test_it_loads_no_module(self):
    for _, dst in self.neighbours():
      for handle, payload in wire.module_frames(dst):
        self.refused_by_all(handle, payload)

  def test_it_asks_nobody_but_its_parent_for_modules(self):
    for target, dst in self.neighbours():
      if dst == self.link.parent:
        continue
      with self.subTest(target=target):
        self.assert_refused(dst, wire.GET_MODULE, wire.notice(
            wire.SERVICE, self.link.id, "demo.v1.Greeter"))

  def test_it_says_hello_to_nobody_but_its_parent(self):
    hello = wire.message((1, wire.VERSION), (2, 77), (3, b"\0"), (6, "evil"))
    for target, dst in self.neighbours():
      if dst == self.link.parent:
        continue
      with self.subTest(target=target):
        self.assert_refused(dst, wire.HELLO, hello)

  def test_a_second_hello_changes_nothing(self):
    before = self.contexts_now()[self.evil()]
    for payload in (wire.message((1, 1), (2, "linux-evil"), (3, "other")),
                    wire.message((1, 99)), b"\xff" * 100, b""):
      self.link.send(self.link.parent, wire.HELLO, payload)
    self.link.barrier(self.link.parent)
    self.assertEqual(before, self.contexts_now()[self.evil()])

  def test_it_is_granted_ids_by_its_parent_only(self):
    for target, dst in self.neighbours():
      if dst == self.link.parent:
        continue
      with self.subTest(target=target):
        self.assert_refused(dst, wire.ALLOCATE_ID, wire.message((1, 1)))

  def test_a_grant_has_a_limit(self):
    for count in (0, 1001, 0xFFFFFFFF):
      answer = self.link.ask(self.link.parent, wire.ALLOCATE_ID,
                             wire.message((1, count)))
      self.assertTrue(answer.dead, count)

  def test_handles_that_are_not_served(self):
    for handle in (0, 13, 999):
      self.refused_by_all(handle, b"x", codes=(UNIMPLEMENTED,))


class PrivilegedHandlesOfAChildTest(_PrivilegedHandles, trees.Child):
  pass


class PrivilegedHandlesOfAGrandchildTest(_PrivilegedHandles,
                                         trees.Grandchild):
  pass
