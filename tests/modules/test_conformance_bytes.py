"""Modules whose messages stay bytes: nothing of protobuf on the target."""

import unittest

from conformance_case import (SERVICE, bundle, bundle_image, message_parts,
                              module_process, wire)


class BytesTest(unittest.TestCase):

  def _echoes(self, name):
    image = bundle_image.read(bundle("Python").with_name(name + ".rmod"))
    module = module_process.ModuleProcess(image)
    self.addCleanup(module.close)
    module.call(1000, wire.call(SERVICE + "Unary", b"\xff any bytes"))
    module.call(1001, wire.part(
        wire.HEADERS, wire.message((1, SERVICE + "BidiStream"))))
    for part in message_parts(wire.in_grpc(b"\xfe" * 100_000) * 2):
      module.call(1001, part)
    module.call(1001, wire.part(wire.END))
    module.call(1002, wire.call(SERVICE + "ClientStream", b""))
    answer = module.answer(1000)
    self.assertEqual((0, ""), (answer.code, answer.text))
    self.assertEqual([(0, b"\xff any bytes")], answer.messages)
    answer = module.answer(1001)
    self.assertEqual([(0, b"\xfe" * 100_000)] * 2, answer.messages)
    self.assertEqual(12, module.answer(1002).code)
    return image

  def test_python_without_protobuf(self):
    self.assertFalse(b"FromString" in self._echoes("bytes_py"))

  def test_go_without_protobuf(self):
    self.assertFalse(b"google.golang.org/protobuf" in self._echoes("bytes_go"))
