"""Memory of a context that has nothing to do."""

import json
import os
import time

import programs
from report import Row
from series import interleave

# Time to become idle.
_SETTLE_S = 0.5
_LIMIT_KIB = 300


def measure(bench):
  if os.geteuid() != 0:
    raise programs.Skipped("the agent keeps its memory from other programs "
                           "(PR_SET_DUMPABLE): only root can read its size")
  series = interleave(bench.plan.repetitions, bench.available({
      "ramet": lambda: _idle(bench, programs.ramet_bench(
          "idle", *bench.local_target())),
      "mitogen": lambda: _idle(bench, programs.mitogen_bench("idle")),
  }))
  ramet = series["ramet"]
  before, after = ramet.median("before_kib"), ramet.median("after_kib")
  return [
      Row("memory of an idle context (PSS)", _kib(before),
          bench.text(series, "mitogen", lambda s: _kib(s.median("before_kib"))),
          goal="≤ 300 KiB", met=before <= _LIMIT_KIB, data=series),
      Row("the same after a call; the module's process beside it",
          f"{_kib(after)}; {_kib(ramet.median('module_kib'))}",
          bench.text(series, "mitogen", lambda s: _kib(s.median("after_kib"))),
          goal="≤ 300 KiB (the agent)", met=after <= _LIMIT_KIB),
  ]


def _idle(bench, argv):
  with programs.Conversation(bench.runner, argv) as peer:
    context = json.loads(peer.line())["context_pid"]
    time.sleep(_SETTLE_S)
    before = pss_kib(context)
    peer.send("call")
    module = json.loads(peer.line())["module_pid"]
    time.sleep(_SETTLE_S)
    return {"before_kib": before, "after_kib": pss_kib(context),
            "module_kib": pss_kib(module)}


def pss_kib(pid):
  with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
    for line in f:
      if line.startswith("Pss:"):
        return int(line.split()[1])
  raise programs.Failed(f"no Pss in /proc/{pid}/smaps_rollup")


def _kib(count):
  return f"{count:,.0f} KiB" if count < 10_000 else f"{count / 1024:.1f} MiB"
