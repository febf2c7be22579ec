#!/usr/bin/python3
"""`soak.py --seconds N [--seed N]`: the random life of a tree (scripts/soak).

Every step's outcome is checked: a call answers rightly or fails with
UNAVAILABLE, in time, and only when something was struck that it may have met.
"""

import argparse
import collections
import os
import pathlib
import random
import signal
import sys
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import grpc

from fixtures import cli
from fixtures import kill_tree
from fixtures import poll
from fixtures import processes
from fixtures import sshd
from fixtures import workdir

# No call, whatever happens around it, takes longer.
STEP_S = 30
# Of them the tree has at most so many, each up to so many hops away.
MOST_CONTEXTS, MOST_HOPS = 24, 4
LABELS = 4
# In the second half; an allocator keeps some, a leak grows with the steps.
MOST_GROWTH_KIB = 8 * 1024
WARM_UP = 0.5
# Each thread of gRPC would keep the bulk that it has once met.
ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}


class Soak:

  def __init__(self, seconds, seed):
    self.random = random.Random(seed)
    self.end = time.monotonic() + seconds
    self.warm = time.monotonic() + WARM_UP * seconds
    self.work = workdir.WorkDir()
    self.cli = cli.Cli(self.work)
    self.server = sshd.SshServer(self.work).start()
    self.door = kill_tree.Door(self.work, self.cli, *self.server.flags(),
                               env=ALLOCATOR)
    self.files = self.server.scratch_files()
    self.leftovers = processes.Leftovers()
    self.stopped = []
    self.pending = []  # (future, what is right)
    self.counts = collections.Counter()
    self.passed, self.failures = 0, []

  def note(self, good, text):
    if good:
      self.passed += 1
    else:
      self.failures.append(text)
      print(f"!!! {text}", flush=True)

  # Steps.

  def target(self):
    """A place in the tree; a quarter of them is behind sshd."""
    hops = [f"local:{self.random.randrange(LABELS)}"
            for _ in range(self.random.randint(1, MOST_HOPS))]
    if self.random.random() < 0.25:
      hops[0] = self.server.target()
    return "/".join(hops)

  def check(self, call, target, wanted):
    """One answer: right, or UNAVAILABLE with the name of a hop."""
    try:
      error = call.exception(timeout=STEP_S)
    except grpc.FutureTimeoutError:
      self.note(False, f"a call to {target} hangs")
      call.cancel()
      return
    if error is None:
      self.note(call.result().payload == wanted, f"{target}: a wrong answer")
      return
    text = f"{target}: {error.code().name}: {error.details()}"
    self.counts[error.code().name] += 1
    self.note(error.code() == grpc.StatusCode.UNAVAILABLE and
              ("local:" in error.details() or "ssh:" in error.details()), text)

  def call(self):
    target, payload = self.target(), self.random.randbytes(100)
    self.check(self.door.start_echo(target, STEP_S, payload=payload), target,
               payload)

  def bulk(self):
    target = self.target()
    payload = self.random.randbytes(self.random.randrange(1 << 20))
    calls = [self.door.start_echo(target, STEP_S, payload=payload)
             for _ in range(4)]
    self.pending += [(call, target, payload) for call in calls]

  def wait(self):
    """A call that is at work for a while, and may be met by a strike."""
    target, payload = self.target(), b"waited"
    self.pending.append((self.door.start_echo(
        target, STEP_S, payload=payload,
        wait_ms=self.random.randrange(2000)), target, payload))

  def strike(self):
    pids = sorted(self.door.pids().values())
    pids += [child for pid in pids for child in processes.children(pid)]
    if not pids:
      return
    pid = self.random.choice(pids)
    number = self.random.choice((signal.SIGKILL, signal.SIGTERM,
                                 signal.SIGSTOP))
    process = processes.read(pid)
    if process is None or "ramet" not in process.command:
      return  # It has ended meanwhile.
    try:
      os.kill(pid, number)
    except ProcessLookupError:
      return
    if number == signal.SIGSTOP:
      self.stopped.append(process)

  def disconnect(self):
    names = sorted(self.door.pids())
    if names:
      self.door.disconnect(self.random.choice(names))

  def trim(self):
    """Ends the oldest trees when there are too many."""
    pids = self.door.pids()
    if len(pids) > MOST_CONTEXTS:
      self.door.disconnect(self.random.choice(
          sorted(name for name in pids if "/" not in name)))

  def settle(self):
    for call, target, wanted in self.pending:
      self.check(call, target, wanted)
    self.pending.clear()

  def go_on(self):
    """What was stopped goes on; its link is closed, and it ends."""
    for process in self.stopped:
      now = processes.read(process.pid)
      if now and now.start == process.start:
        os.kill(process.pid, signal.SIGCONT)
    self.stopped.clear()

  # Checks.

  def quiet(self):
    """Ends the whole tree; returns the master's size and descriptors."""
    self.settle()
    self.go_on()
    for name in [n for n in self.door.pids() if "/" not in n]:
      self.door.disconnect(name)
    left = self.leftovers.wait(STEP_S)
    self.note(not left, f"processes left: {left}")
    self.note(self.files == self.server.scratch_files(),
              f"files left: {self.server.scratch_files() - self.files}")
    self.note(not os.listdir(self.cli.scratch), "files left in TMPDIR")
    pid = self.door.master.pid
    return processes.resident_kib(pid), processes.open_descriptors(pid)

  def run(self):
    steps = ([self.call] * 8 + [self.bulk] * 2 + [self.wait] * 4 +
             [self.strike] * 3 + [self.disconnect] + [self.settle] * 2)
    before = None
    while time.monotonic() < self.end:
      step = self.random.choice(steps)
      self.counts[step.__name__] += 1
      step()
      self.trim()
      if len(self.pending) > 32:
        self.settle()
      if before is None and time.monotonic() > self.warm:
        before = self.quiet()
    after = self.quiet()
    self.note(after[0] - before[0] <= MOST_GROWTH_KIB,
              f"memory of the master grew: {before[0]} to {after[0]} KiB")
    self.note(after[1] <= before[1],
              f"descriptors of the master: {before[1]}, then {after[1]}")
    self.note(self.door.master.running(), self.door.master.log()[-2000:])
    return before, after

  def close(self):
    self.door.close()
    self.server.stop()
    self.work.remove()


def main():
  parser = argparse.ArgumentParser(prog="scripts/soak")
  parser.add_argument("--seconds", type=int, default=300)
  parser.add_argument("--seed", type=int)
  arguments = parser.parse_args()
  seed = arguments.seed
  if seed is None:
    seed = random.SystemRandom().randrange(1 << 32)
  print(f"soak: seed {seed}, {arguments.seconds} s", flush=True)
  processes.become_subreaper()
  soak = Soak(arguments.seconds, seed)
  try:
    before, after = soak.run()
  finally:
    soak.close()
  print("soak: " + ", ".join(f"{n} × {name}" for name, n in
                             sorted(soak.counts.items())))
  print(f"soak: the master had {before[0]} KiB and {before[1]} descriptors "
        f"at half-time, {after[0]} and {after[1]} at the end")
  print(f"{soak.passed} passed, {len(soak.failures)} failed")
  return 1 if soak.failures else 0


if __name__ == "__main__":
  sys.exit(main())
