"""From the death of a context to the error of the call that waits there."""

import programs
from report import Row, latency
from series import interleave

_MAX_HOPS = 4


def measure(bench):
  for hops in range(1, _MAX_HOPS + 1):
    target = "/".join(["local:"] * hops)
    series = interleave(bench.plan.repetitions, bench.available({
        "ramet": lambda: bench.runner.json(programs.ramet_bench(
            "kill", "--target", target, "--module", programs.PROBE, "--count",
            bench.plan.losses)),
        "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
            "kill", "--hops", hops, "--count", bench.plan.mitogen_losses)),
    }))
    yield Row(f"SIGKILL of a context {hops} hop{'s' if hops > 1 else ''} away "
              "to the error of its caller", latency(series["ramet"]),
              bench.text(series, "mitogen", latency), data=series)
