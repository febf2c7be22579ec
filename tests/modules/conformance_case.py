"""The base of the conformance cases: one language each, and the table."""

import collections
import importlib
import os
import pathlib
import struct
import subprocess
import sys
import unittest

from fixtures import paths
from fixtures import workdir

_FOLDER = pathlib.Path(__file__).resolve().parent
# Also when only this folder is looked at.
sys.path.insert(1, str(_FOLDER.parent / "security"))

import bundle_image  # pylint: disable=wrong-import-position
import module_process  # pylint: disable=wrong-import-position
from hostile import wire  # pylint: disable=wrong-import-position

LANGUAGES = {"C++": "conformance_cc", "Python": "conformance_py",
             "Go": "conformance_go"}
SERVICE = "/conformance.v1.Conformance/"
WINDOW_BYTES = 256 * 1024

# case -> language -> outcome; see print_table().
_outcomes = collections.defaultdict(dict)


def bundle(language):
  folder = os.environ.get("RAMET_MODULES_DIR", "bazel-bin/tests/modules")
  return paths.REPOSITORY / folder / (LANGUAGES[language] + ".rmod")


def messages():
  """conformance_pb2, made by protoc."""
  if "conformance_pb2" not in sys.modules:
    work = workdir.WorkDir()
    folder = work.folder("pb2")
    subprocess.run(
        ["protoc", f"-I{_FOLDER}", f"-I{paths.REPOSITORY}/protos",
         f"--python_out={folder}", "conformance.proto", "ramet/options.proto"],
        check=True)
    sys.path.insert(1, str(folder))
    importlib.import_module("conformance_pb2")
    sys.path.remove(str(folder))
    work.remove()
  return sys.modules["conformance_pb2"]


class ConformanceCase(unittest.TestCase):
  """Starts a module for each case; `language` is set by in_every_language."""

  language = None
  maxDiff = None

  @classmethod
  def setUpClass(cls):
    cls.pb = messages()
    cls.image = bundle_image.read(bundle(cls.language))

  def setUp(self):
    self._processes = []

  def tearDown(self):
    for process in self._processes:
      process.close()

  def run(self, result=None):
    outcome = super().run(result)
    if self.language:
      bad = [t.id() for t, _ in result.failures + result.errors]
      bad += getattr(result, "failed", [])
      _outcomes[self._testMethodName][self.language] = self.id() not in bad
    return outcome

  def start(self, **options):
    process = module_process.ModuleProcess(self.image, **options)
    self._processes.append(process)
    return process

  def shared_image(self):
    """The image as a file that can be run."""
    work = workdir.WorkDir()
    self.addCleanup(work.remove)
    path = work.folder("image") / "image"
    path.write_bytes(self.image)
    path.chmod(0o700)
    return path

  # Payloads of calls.

  def headers(self, method, *fields):
    path = method if method.startswith("/") else SERVICE + method
    return wire.part(wire.HEADERS, wire.message((1, path), *fields))

  def request(self, message=None, **fields):
    """A Request, or another message, as bytes of the message stream."""
    return wire.in_grpc(
        (message or self.pb.Request)(**fields).SerializeToString())

  def unary(self, method="Unary", headers=(), **fields):
    """The whole payload of a call of one small request."""
    return (self.headers(method, *headers) +
            wire.part(wire.MESSAGE, self.request(**fields)) +
            wire.part(wire.END))

  def reply(self, answer, which=0):
    """One reply of an answer that ended with OK."""
    self.assert_ok(answer)
    return self.pb.Reply.FromString(answer.messages[which][1])

  # Of answers.

  def assert_ok(self, answer):
    self.assertEqual((0, ""), (answer.code, answer.text))

  def assert_fails(self, answer, code, text=""):
    self.assertEqual(code, answer.code, answer.text)
    if text:
      self.assertRegex(answer.text, text)

  def assert_serves(self, module, handle=5000):
    """It goes on after what was done to it."""
    module.call(handle, self.unary(payload=b"still there"))
    self.assertEqual(b"still there", self.reply(module.answer(handle)).payload)

  def assert_broken(self, module, text="broken link"):
    """It ends with status 1 and one line that says why."""
    self.assertEqual(1, module.wait())
    self.assertRegex(module.text(2), r"\Aramet module: .*" + text + r".*\n\Z")


def message_parts(data, kind=wire.MESSAGE):
  """Any bytes of the message stream, in parts, each for a frame of its own."""
  step = wire.MAX_PAYLOAD - 4
  return [wire.part(kind, data[at:at + step])
          for at in range(0, len(data), step)]


def window(count):
  return wire.part(wire.WINDOW, struct.pack(">I", count))


def in_every_language(case):
  """A class of cases as one for each language, in the module of the class."""
  module = sys.modules[case.__module__]
  for language, name in LANGUAGES.items():
    title = case.__name__ + name.replace("conformance_", "_")
    setattr(module, title, type(title, (case, ConformanceCase),
                                {"language": language,
                                 "__module__": case.__module__}))
  return case


def print_table():
  """A row for each case that has run so far, a column for each language."""
  if not _outcomes:
    return
  width = max(len(name) for name in _outcomes)
  print(f"{'':{width}}  " + "  ".join(f"{l:6}" for l in LANGUAGES))
  for name, by_language in _outcomes.items():
    marks = [{True: "ok", False: "FAILED", None: "-"}[by_language.get(l)]
             for l in LANGUAGES]
    print(f"{name:{width}}  " + "  ".join(f"{m:6}" for m in marks))
  _outcomes.clear()
  sys.stdout.flush()
