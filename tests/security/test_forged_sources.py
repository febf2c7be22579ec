"""A context speaks for itself and what is below it, for nobody else."""

from fixtures import front_door
from hostile import trees
from hostile import wire


def _log(text):
  return wire.message((1, 3), (2, "forged"), (3, text))


class _ForgedSources:

  def forgeries(self, number):
    """The ways to put `number` into a frame's source."""
    own = self.link.id
    return [{"src": number, "auth": own}, {"src": own, "auth": number},
            {"src": number, "auth": number}]

  def test_a_genuine_log_line_arrives(self):
    # What the others rely on: without it they would prove nothing.
    text = trees.unique("genuine")
    self.link.send(wire.MASTER, wire.FORWARD_LOG, _log(text))
    self.wait_for_log(text)
    self.assertIn(self.evil(), self.log_lines_with(text)[0])

  def test_a_newline_in_a_log_line_begins_no_line(self):
    text = trees.unique("forged")
    self.link.send(wire.MASTER, wire.FORWARD_LOG,
                   _log(f"x\n[local:] probe stdout: {text}\r\x1b[2K"))
    self.wait_for_log(text)
    (line,) = self.log_lines_with(text)
    self.assertTrue(line.startswith(f"[{self.evil()}] "), line)
    self.assertTrue(line.isprintable(), line)

  def test_a_log_line_in_anothers_name_is_dropped(self):
    text = trees.unique("forged")
    for _, number in self.others():
      for source in self.forgeries(number):
        self.link.send(wire.MASTER, wire.FORWARD_LOG, _log(text), **source)
    end = trees.unique("genuine")
    self.link.send(wire.MASTER, wire.FORWARD_LOG, _log(end))
    self.wait_for_log(end)
    self.assertEqual([], self.log_lines_with(text))

  def refused_without_an_answer(self, handle, payload):
    for who, number in self.others():
      for target, dst in self.neighbours():
        with self.subTest(claims=who, target=target):
          for source in self.forgeries(number):
            self.link.send(dst, handle, payload,
                           reply_to=self.link.new_handle(), **source)
          self.link.barrier(dst)
          self.assertEqual([], self.link.frames)

  def test_no_child_is_started_in_anothers_name(self):
    self.refused_without_an_answer(wire.CALL_FUNCTION, wire.start_child())

  def test_no_child_is_stopped_in_anothers_name(self):
    self.refused_without_an_answer(
        wire.CALL_FUNCTION, wire.stop_child(self.id_of("local:/local:")))

  def test_no_method_is_called_in_anothers_name(self):
    self.refused_without_an_answer(
        wire.CALL_FUNCTION, wire.call("/demo.v1.Greeter/SayHello"))

  def test_no_method_is_called_on_the_authority_of_a_module(self):
    # Known to the contexts above once the module has called somebody.
    out = self.probe_pb.CallOutRequest
    authorities = [
        self.probe.CallOut(out(target=out.OWN, method=out.WHO), timeout=10,
                           metadata=front_door.to(target)).who.authority
        for target in self.HONEST]
    self.assertNotIn(0, authorities)
    for number in authorities:
      for target, dst in self.neighbours():
        with self.subTest(module=number, target=target):
          for source in self.forgeries(number):
            # For SELF, and for anybody.
            for method in ("Own", "Who"):
              self.link.send(dst, wire.CALL_FUNCTION,
                             wire.call(f"/probe.v1.Open/{method}"),
                             reply_to=self.link.new_handle(), **source)
          self.link.barrier(dst)
          self.assertEqual([], self.link.frames)

  def test_no_context_is_ended_in_anothers_name(self):
    self.refused_without_an_answer(wire.SHUTDOWN, b"")

  def test_no_module_is_loaded_in_anothers_name(self):
    for handle, payload in wire.module_frames(self.id_of("local:")):
      self.refused_without_an_answer(handle, payload)

  def test_no_module_is_asked_for_in_anothers_name(self):
    self.refused_without_an_answer(wire.GET_MODULE, wire.notice(
        wire.SERVICE, self.id_of("local:"), "demo.v1.Greeter"))

  def test_no_id_is_granted_in_anothers_name(self):
    self.refused_without_an_answer(wire.ALLOCATE_ID, wire.message((1, 1)))


class ForgedSourcesOfAChildTest(_ForgedSources, trees.Child):
  pass


class ForgedSourcesOfAGrandchildTest(_ForgedSources, trees.Grandchild):
  pass
