"""A thousand local contexts of one master."""

import json
import os
import resource

import programs
from report import Row
from series import Series
from sections import memory

_SECONDS, _GIBIBYTES = 3, 0.4
# A context costs its master two pipes, standard error and a pidfd.
_DESCRIPTORS = 5


def measure(bench):
  count = bench.plan.many_contexts
  most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  if most < count * _DESCRIPTORS:
    raise programs.Skipped(f"{count} contexts need {count * _DESCRIPTORS} "
                           f"descriptors, and {most} are allowed")
  series = Series([_once(bench, count)
                   for _ in range(bench.plan.many_repetitions)])
  seconds = series.median("seconds")
  text = f"{seconds:.2f} s"
  met = seconds <= _SECONDS
  if os.geteuid() == 0:
    contexts = series.median("contexts_mib")
    master = series.median("master_mib")
    text += f"; {contexts:.0f} MiB (PSS), and the master {master:.0f} MiB"
    met = met and contexts + master <= _GIBIBYTES * 1024
  return [Row(f"{count:,} local contexts: start, memory", text,
              goal=f"≤ {_SECONDS} s, ≤ {_GIBIBYTES} GiB", met=met,
              data={"ramet": series})]


def _once(bench, count):
  argv = programs.ramet_bench("many", "--target", "local:", "--module",
                              programs.GREETER, "--count", count)
  with programs.Conversation(bench.runner, argv) as peer:
    result = json.loads(peer.line())
    pids, master = result.pop("pids"), result.pop("master_pid")
    if len(set(pids)) != count:
      raise programs.Failed(f"{len(set(pids))} contexts instead of {count}")
    if os.geteuid() == 0:
      result["contexts_mib"] = sum(memory.pss_kib(pid) for pid in pids) / 1024
      result["master_mib"] = memory.pss_kib(master) / 1024
    return result
