#!/usr/bin/python3
"""Measures ramet beside Mitogen, ssh, gRPC and the bare machine.

Called by scripts/bench, which builds everything first. Prints one Markdown
table; --json writes the same with every repetition.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

_FOLDER = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(_FOLDER), str(_FOLDER.parent / "tests/e2e")]

from fixtures import keys
from fixtures import processes
from fixtures import sshd
from fixtures import workdir

import programs
import report
from sections import calls
from sections import connects
from sections import front_door
from sections import losses
from sections import many
from sections import memory
from sections import modules
from sections import round_trips
from sections import router
from sections import sizes
from sections import streams

_SECTIONS = (sizes, round_trips, connects, modules, calls, streams, router, losses,
             front_door, memory, many)


@dataclasses.dataclass(frozen=True)
class Plan:
  """How often everything is done."""
  repetitions: int = 5
  delayed_connects: int = 3
  local_connects: int = 200
  module_starts: int = 3
  mitogen_connects: int = 5
  ssh_connects: int = 5
  calls: int = 10_000
  mitogen_calls: int = 1_500
  pipelined_calls: int = 100_000
  bulk_calls: int = 200
  mitogen_bulk_calls: int = 50
  calls_behind_bulk: int = 200
  mitogen_calls_behind_bulk: int = 50
  stream_messages: int = 100_000
  stream_bulk_messages: int = 8_192
  mitogen_stream_messages: int = 4_000
  behind_stream_messages: int = 16_384
  grpc_calls: int = 5_000
  routed_frames: int = 300_000
  routed_bulk_frames: int = 20_000
  losses: int = 20
  mitogen_losses: int = 2
  many_contexts: int = 1_000
  many_repetitions: int = 3


_QUICK = Plan(repetitions=1, delayed_connects=1, local_connects=20, module_starts=1,
              mitogen_connects=2, ssh_connects=1, calls=1_000,
              mitogen_calls=300, pipelined_calls=10_000, bulk_calls=50,
              mitogen_bulk_calls=10, calls_behind_bulk=50,
              mitogen_calls_behind_bulk=10, stream_messages=5_000,
              stream_bulk_messages=1_000, mitogen_stream_messages=500,
              behind_stream_messages=2_048, grpc_calls=500,
              routed_frames=30_000, routed_bulk_frames=2_000, losses=5,
              mitogen_losses=1, many_contexts=100, many_repetitions=1)


class Bench:
  """What the sections share: programs, a private sshd, the peers here."""

  def __init__(self, plan, work, stack):
    self.plan = plan
    self.folder = work.path
    self.runner = programs.Runner(work.folder("home", 0o700))
    stack.callback(self.runner.end_all)
    self.has_mitogen = self._has_mitogen()
    self._work = work
    self._stack = stack
    self._ssh_server = None

  def _has_mitogen(self):
    try:
      self.runner.run(["/usr/bin/python3", "-c", "import mitogen"])
      return True
    except programs.Failed:
      print("!!! SKIPPED Mitogen everywhere: /usr/bin/python3 has no module "
            "mitogen (Debian's python3-mitogen)", flush=True)
      return False

  def available(self, peers):
    return {name: run for name, run in peers.items()
            if self.has_mitogen or name != "mitogen"}

  @staticmethod
  def text(series, name, show):
    return show(series[name]) if name in series else report.NOTHING

  @staticmethod
  def local_target(hops=1, module=programs.GREETER):
    return "--target", "/".join(["local:"] * hops), "--module", module

  def ssh_server(self):
    if self._ssh_server is None:
      server = sshd.SshServer(self._work)
      self._stack.callback(server.stop)
      try:
        self._ssh_server = server.start()
      except (OSError, RuntimeError) as e:
        raise programs.Skipped(f"no private sshd can run here: {e}")
    return self._ssh_server

  def _known_hosts(self, port):
    lines = [keys.known_hosts_line(port, key)
             for key in self.ssh_server().host_keys]
    return self._work.write(f"known_hosts.{port}", "".join(lines))

  def ssh_target(self, port, transport, module=programs.GREETER):
    server = self.ssh_server()
    return ("--target", server.target(port=port), "--module", module,
            "--identity", server.identity, "--known-hosts",
            self._known_hosts(port), "--ssh-config",
            self._work.write("ssh_config", ""), "--transport", transport)

  def mitogen_ssh_target(self, port):
    server = self.ssh_server()
    return ("--port", port, "--user", server.user.name, "--identity",
            server.identity)

  def ssh_true(self, port):
    done = self.ssh_server().ssh("true", port=port)
    if done.returncode != 0:
      raise programs.Failed(f"`ssh host true`: {done.stderr.decode()}")


def _machine():
  model = "unknown CPU"
  with open("/proc/cpuinfo", encoding="utf-8") as f:
    for line in f:
      if line.startswith("model name"):
        model = line.split(":", 1)[1].strip()
        break
  return {"cpu": model, "cores": len(os.sched_getaffinity(0)),
          "kernel": platform.release(), "system": platform.machine(),
          "load": os.getloadavg()[0], "commit": _commit()}


def _commit():
  def git(*arguments):
    done = subprocess.run(["git", "-C", programs.REPOSITORY, *arguments],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
  if not shutil.which("git") or not git("rev-parse", "HEAD"):
    return "unknown"
  changed = " and changes" if git("status", "--porcelain") else ""
  return git("rev-parse", "--short", "HEAD") + changed


def _machine_line(machine):
  return ("{cpu}, {cores} cores, Linux {kernel} {system}, load {load:.1f} at "
          "the start, commit {commit}".format(**machine))


def _run_sections(bench):
  """Returns rows, what was skipped and what failed."""
  rows, skipped, failed = [], [], []
  for section in _SECTIONS:
    name = section.__name__.split(".")[-1]
    begin = time.monotonic()
    try:
      for row in section.measure(bench):
        rows.append(row)
    except programs.Skipped as why:
      skipped.append(f"{name}: {why}")
      print(f"!!! SKIPPED {skipped[-1]}", flush=True)
    except programs.Failed as why:
      failed.append(f"{name}: {why}")
      print(f"!!! FAILED {failed[-1]}", flush=True)
    print(f"bench: {name} took {time.monotonic() - begin:.0f} s", flush=True)
  return rows, skipped, failed


def _reap():
  """Takes the exit statuses of what was left to this process."""
  try:
    while os.waitpid(-1, os.WNOHANG)[0]:
      pass
  except ChildProcessError:
    pass


def _write_json(path, content):
  with open(path, "w", encoding="utf-8") as f:
    json.dump(content, f, indent=1, ensure_ascii=False)
    f.write("\n")


def main():
  parser = argparse.ArgumentParser(prog="scripts/bench")
  parser.add_argument("--quick", action="store_true",
                      help="once and little of everything: shows that it "
                      "works, not how fast it is")
  parser.add_argument("--json", metavar="FILE",
                      help="where to write the results (default: a file in "
                      "the folder for temporary files)")
  arguments = parser.parse_args()
  missing = [str(p) for p in programs.BUILT if not p.exists()]
  if missing:
    sys.exit(f"bench: not built: {', '.join(missing)}; run scripts/bench")
  if not arguments.json:
    fd, arguments.json = tempfile.mkstemp(".json", "ramet_bench.")
    os.close(fd)
  for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: sys.exit(143))

  begin = time.monotonic()
  machine = _machine()
  print(f"bench: {_machine_line(machine)}", flush=True)
  if machine["load"] > 0.5:
    print("bench: this machine is busy with something else: expect noise",
          flush=True)
  processes.become_subreaper()  # Nothing is left to an init that won't reap.
  with contextlib.ExitStack() as stack:
    stack.callback(_reap)
    work = workdir.WorkDir()
    stack.callback(work.remove)
    bench = Bench(_QUICK if arguments.quick else Plan(), work, stack)
    rows, skipped, failed = _run_sections(bench)

  print(f"\n{_machine_line(machine)}\n\n{report.markdown(rows)}\n")
  for text in skipped:
    print(f"SKIPPED {text}")
  for text in failed:
    print(f"FAILED {text}")
  judged = [row for row in rows if row.met is not None]
  seconds = time.monotonic() - begin
  print(f"{sum(row.met for row in judged)} of {len(judged)} goals met, "
        f"{seconds:.0f} s{', --quick: only a trial' * arguments.quick}; "
        f"everything is in {arguments.json}")
  _write_json(arguments.json, {
      "machine": machine, "quick": arguments.quick, "seconds": seconds,
      "plan": dataclasses.asdict(bench.plan), "rows": report.to_json(rows),
      "skipped": skipped, "failed": failed})
  return 1 if failed else 0


if __name__ == "__main__":
  try:
    sys.exit(main())
  except KeyboardInterrupt:
    sys.exit(130)
