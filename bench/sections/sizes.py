"""What travels, in bytes."""

import programs
from report import Row, size

_LIMIT = 64 * 1024


def measure(bench):
  ramet = bench.runner.json(programs.ramet_bench(
      "sizes", "--module", programs.GREETER))
  to_bare_target = ramet["first_stage"] + ramet["agent_packed"]
  return [
      Row("first stage, one command line", size(ramet["first_stage"]),
          data={"ramet": ramet}),
      Row("agent: raw / packed",
          f"{size(ramet['agent'])} / {size(ramet['agent_packed'])}"),
      Row("first stage + agent: all that a bare target gets",
          size(to_bare_target), goal="≤ 64 KiB and `/bin/sh`",
          met=to_bare_target <= _LIMIT),
      Row("greeter's module image: raw / deflated",
          f"{size(ramet['module'])} / {size(ramet['module_deflated'])}"),
  ]
