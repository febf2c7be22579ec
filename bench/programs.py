"""Runs the programs that measure, and ends them all in the end."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
# scripts/bench says where: another build may own the link bazel-bin by now.
_BIN = pathlib.Path(os.environ.get("RAMET_BAZEL_BIN",
                                   REPOSITORY / "bazel-bin"))

RAMET = _BIN / "clients/cli/ramet"
RAMET_BENCH = _BIN / "bench/ramet_bench"
RAW_CHAIN = _BIN / "bench/raw_chain"
ROUTER_THROUGHPUT = _BIN / "bench/router_throughput"
GRPC_SERVER = _BIN / "bench/grpc_greeter_server"
GRPC_CLIENT = _BIN / "bench/grpc_greeter_client"
GRPC_STREAM_SERVER = _BIN / "tests/interop/plain_server"
GRPC_STREAM_CLIENT = _BIN / "bench/grpc_stream_client"
GREETER = _BIN / "examples/greeter/greeter.rmod"
GREETER_NEXT = _BIN / "bench/greeter_next.rmod"
GREETER_PY = _BIN / "examples/greeter/greeter_py.rmod"
GREETER_GO = _BIN / "examples/greeter/greeter_go.rmod"
PROBE = _BIN / "tests/probe/probe.rmod"
INTEROP = _BIN / "tests/interop/interop.rmod"
BUILT = (RAMET, RAMET_BENCH, RAW_CHAIN, ROUTER_THROUGHPUT, GRPC_SERVER,
         GRPC_CLIENT, GRPC_STREAM_SERVER, GRPC_STREAM_CLIENT, GREETER,
         GREETER_NEXT, GREETER_PY, GREETER_GO, PROBE, INTEROP)

# Debian's Python has Mitogen; another python3 may come first in PATH.
_PYTHON = "/usr/bin/python3"
_MITOGEN_BENCH = REPOSITORY / "bench/mitogen_bench.py"
_DELAY_LINE = REPOSITORY / "bench/delay_line.py"

# Whatever takes longer hangs.
_LIMIT_S = 120
_END_S = 5


class Failed(Exception):
  """A program did not do its work; the text has its standard error."""


class Skipped(Exception):
  """This machine lacks something for a measurement; the text says what."""


def ramet_bench(command, *arguments):
  return [RAMET_BENCH, command, *arguments]


def mitogen_bench(command, *arguments):
  return [_PYTHON, _MITOGEN_BENCH, command, *arguments]


class Runner:
  """Starts programs with a clean environment and knows which still run.

  pinned: on one CPU, with everything that they start.
  """

  def __init__(self, home):
    self._home = home
    self._running = []
    # The highest: interrupts tend to be on the lowest.
    self._cpu = max(os.sched_getaffinity(0))

  def _environment(self):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self._home), "TMPDIR": str(self._home),
            "LANG": "C.UTF-8"}

  def start(self, argv, pinned=False, **popen):
    argv = [str(a) for a in argv]
    if pinned:
      argv = ["taskset", "-c", str(self._cpu)] + argv
    process = subprocess.Popen(
        argv, env=self._environment(), text=True, start_new_session=True,
        cwd=self._home, **{"stdin": subprocess.DEVNULL,
                           "stdout": subprocess.PIPE,
                           "stderr": subprocess.PIPE, **popen})
    self._running.append(process)
    return process

  def run(self, argv, pinned=False):
    """Runs a program to its end and returns its standard output."""
    process = self.start(argv, pinned)
    try:
      out, err = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
      raise Failed(f"{_text(argv)}: not done after {_LIMIT_S} s")
    finally:
      self.end(process)
    if process.returncode != 0:
      raise Failed(f"{_text(argv)}: exit status {process.returncode}: "
                   f"{err.strip()[-2000:]}")
    return out

  def json(self, argv, pinned=False):
    """Runs a program and returns the last line of its output, parsed."""
    lines = self.run(argv, pinned).splitlines()
    if not lines:
      raise Failed(f"{_text(argv)}: no output")
    return json.loads(lines[-1])

  def end(self, process):
    """Ends a program, with everything that it started and left."""
    for stream in (process.stdin, process.stdout, process.stderr):
      if stream and not stream.closed:
        stream.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
      try:
        os.killpg(process.pid, number)
        process.wait(_END_S)
      except (ProcessLookupError, subprocess.TimeoutExpired):
        continue
    process.wait()
    if process in self._running:
      self._running.remove(process)

  def end_all(self):
    for process in list(self._running):
      self.end(process)


class Conversation:
  """A program that stays while one reads its lines, and sends it some."""

  def __init__(self, runner, argv, pinned=False):
    self._runner = runner
    self._argv = argv
    self._process = runner.start(argv, pinned, stdin=subprocess.PIPE,
                                 stderr=sys.stderr)

  def __enter__(self):
    return self

  def __exit__(self, *_):
    # The end of its input is how it is asked to go.
    self._process.stdin.close()
    try:
      self._process.wait(_END_S)
    except subprocess.TimeoutExpired:
      pass
    self._runner.end(self._process)

  def line(self):
    line = self._process.stdout.readline()
    if not line:
      raise Failed(f"{_text(self._argv)}: ended too early (see above)")
    return line.strip()

  def send(self, line):
    self._process.stdin.write(line + "\n")
    self._process.stdin.flush()


@contextlib.contextmanager
def front_door(runner, address, module, pinned=False):
  """`ramet serve`, for as long as it is needed."""
  process = runner.start([RAMET, "serve", "--listen", address, "--module",
                          module], pinned)
  try:
    line = process.stderr.readline()
    if "listening" not in line:
      raise Failed(f"`ramet serve`: {line}{process.stderr.read()}")
    yield
  finally:
    runner.end(process)


class DelayLine(Conversation):
  """A relay to a port on loopback; `port` is the far end."""

  def __init__(self, runner, port, delay_ms, rate_kbit=None):
    rate = () if rate_kbit is None else ("--rate-kbit", rate_kbit)
    super().__init__(runner, [_PYTHON, _DELAY_LINE, "--to", port,
                              "--delay-ms", delay_ms, *rate])
    self.port = int(self.line())

  def ended_connection(self):
    """Waits for the end of a connection; returns its bytes each way."""
    return json.loads(self.line())


def _text(argv):
  return " ".join(str(a) for a in argv)
