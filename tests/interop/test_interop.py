"""gRPC's interoperability cases: stock clients, plain gRPC and ramet.

Each test is one client against one target; the end of the class prints all
outcomes in one table. See README.md.
"""

import os
import pathlib
import shutil
import subprocess
import sys

from fixtures import cases
from fixtures import cli as cli_fixture
from fixtures import master
from fixtures import paths
from fixtures import poll
from fixtures import processes
from fixtures import sshd

_FOLDER = pathlib.Path(__file__).resolve().parent
_BUILT = paths.REPOSITORY / "bazel-bin/tests/interop"
_PROTOS = [f"tests/interop/{name}.proto"
           for name in ("empty", "messages", "test")]
# All cases of one client; each has 20 s of its own before it fails.
_CLIENT_LIMIT_S = 120

CASES = (
    "empty_unary", "large_unary", "client_compressed_unary",
    "server_compressed_unary", "client_streaming",
    "client_compressed_streaming", "server_streaming",
    "server_compressed_streaming", "ping_pong", "empty_stream",
    "custom_metadata", "status_code_and_message", "special_status_message",
    "unimplemented_method", "unimplemented_service", "cancel_after_begin",
    "cancel_after_first_response", "timeout_on_sleeping_server")
LANGUAGES = ("cpp", "python", "node")
PLAIN = "plain"
TARGETS = (PLAIN, "local", "ssh", "local/local", "ssh/local")
# In the table's head.
_SHORT = dict(zip(TARGETS, ("gRPC", "l", "s", "l/l", "s/l")))


class _PlainServer:
  """The service behind gRPC alone."""

  def __init__(self, work):
    self.address = f"unix:{work.path}/plain.sock"
    self._process = subprocess.Popen(
        [str(_BUILT / "plain_server"), self.address], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    processes.register(self._process.pid)
    line = self._process.stdout.readline().decode()
    if line != f"listening on {self.address}\n":
      raise AssertionError(f"plain_server said {line!r}")

  def stop(self):
    self._process.stdin.close()
    self._process.wait(20)
    self._process.stdout.close()


class InteropTest(cases.Case):

  checks_leftovers = False  # Contexts live on between the cases.

  @classmethod
  def prepare(cls):
    # {(language, target): {case: "passed", "skipped: why" or "failed: why"}}
    cls.outcomes = {}
    cls.addClassCleanup(cls._print_table)
    cls._generated = cls.shared.folder("generated")
    subprocess.run(
        ["protoc", f"-I{paths.REPOSITORY}", f"--python_out={cls._generated}",
         "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
         f"--grpc_out={cls._generated}", *_PROTOS], check=True)
    cls._plain = _PlainServer(cls.shared)
    cls.addClassCleanup(cls._plain.stop)
    server = cls.serve(sshd.SshServer(cls.shared))
    cls._contexts = {"local": "local:", "local/local": "local:/local:",
                     "ssh": server.target(),
                     "ssh/local": server.target() + "/local:"}
    cls._master = master.Master(
        cls.shared, cli_fixture.Cli(cls.shared), "--module",
        _BUILT / "interop.rmod", *server.flags())
    cls.addClassCleanup(cls._master.stop)

  @classmethod
  def _client(cls, language):
    if language == "cpp":
      return [_BUILT / "interop_client"]
    if language == "python":
      return [sys.executable, _FOLDER / "interop_client.py", cls._generated]
    node = shutil.which("node")
    if not node or not (_FOLDER / "node/node_modules/@grpc/grpc-js").exists():
      raise AssertionError("node or its packages are missing: scripts/setup "
                           "installs them")
    return [node, _FOLDER / "node/interop_client.js", paths.REPOSITORY]

  @classmethod
  def outcomes_of(cls, language, target):
    key = (language, target)
    if key not in cls.outcomes:
      where = ([cls._plain.address] if target == PLAIN else
               [cls._master.address, cls._contexts[target]])
      argv = [str(a) for a in cls._client(language) + where]
      run = subprocess.run(argv, capture_output=True, text=True, check=False,
                           stdin=subprocess.DEVNULL, timeout=_CLIENT_LIMIT_S)
      lines = [line.split(" ", 1) for line in run.stdout.splitlines()]
      found = dict(line for line in lines if len(line) == 2)
      if tuple(found) != CASES:
        raise AssertionError(f"{argv}: exit status {run.returncode}\n"
                             f"{run.stdout}\n{run.stderr[-4000:]}")
      cls.outcomes[key] = found
    return cls.outcomes[key]

  def check(self, language, target):
    plain = self.outcomes_of(language, PLAIN)
    found = self.outcomes_of(language, target)
    for case in CASES:
      with self.subTest(case=case):
        self.assertNotIn("failed", found[case].split(":")[0], found[case])
        self.assertEqual(plain[case], found[case],
                         "not as with plain gRPC")
    self.assertTrue(self._master.running(), self._master.log())

  @classmethod
  def _print_table(cls):
    if not cls.outcomes:
      return
    marks = {"passed": "ok", "skipped": "skip", "failed": "FAIL"}
    columns = [(language, target) for language in LANGUAGES
               for target in TARGETS if (language, target) in cls.outcomes]
    print("\nInteroperability cases, by client and target ("
          + ", ".join(f"{_SHORT[t]}: {t}" for t in TARGETS) + "):\n")
    last = ""
    languages = ""
    for language, _ in columns:
      languages += f"{'' if language == last else language:>7}"
      last = language
    print(f"{'':28}{languages}")
    print(f"{'':28}" + "".join(f"{_SHORT[t]:>7}" for _, t in columns))
    for case in CASES:
      print(f"{case:28}" + "".join(
          f"{marks[cls.outcomes[c][case].split(':')[0]]:>7}" for c in columns))
    notes = {f"  {c[0]} {case}: {outcome}"
             for c in columns for case, outcome in cls.outcomes[c].items()
             if outcome != "passed"}
    print("\n".join([""] + sorted(notes)), flush=True)


def _make_tests():
  for language in LANGUAGES:
    for target in TARGETS:
      name = f"test_{language}_{target.replace('/', '_over_')}"
      setattr(InteropTest, name,
              lambda self, l=language, t=target: self.check(l, t))


_make_tests()
