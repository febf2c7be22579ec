"""How long a context takes to be ready for a call."""

import time

import programs
from report import Row, latency
from series import interleave


def measure(bench):
  yield from _local(bench)
  yield from _ssh(bench)


def _local(bench):
  plan = bench.plan
  series = interleave(plan.repetitions, bench.available({
      "ramet": lambda: bench.runner.json(programs.ramet_bench(
          "connect", *bench.local_target(), "--count", plan.local_connects)),
      "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
          "connect", "--count", plan.mitogen_connects)),
  }))
  return [Row(
      "local context, ready for a call", latency(series["ramet"]),
      bench.text(series, "mitogen", lambda s: latency(s, p99=False)),
      goal="≤ 2 ms", met=series["ramet"].median("p50_us") <= 2000,
      data=series)]


def _ssh(bench):
  plan = bench.plan
  server = bench.ssh_server()

  def ssh_true():
    begin = time.monotonic()
    bench.ssh_true(server.port)
    return {"p50_us": (time.monotonic() - begin) * 1e6}

  def ramet(transport):
    return lambda: bench.runner.json(programs.ramet_bench(
        "connect", *bench.ssh_target(server.port, transport),
        "--count", plan.ssh_connects))

  series = interleave(plan.repetitions, bench.available({
      "ramet": ramet("libssh2"),
      "openssh": ramet("openssh"),
      "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
          "connect", *bench.mitogen_ssh_target(server.port),
          "--count", plan.ssh_connects)),
      "ssh true": ssh_true,
  }))
  beside = f"`ssh host true` {latency(series['ssh true'], p99=False)}"
  mitogen = bench.text(series, "mitogen", lambda s: latency(s, p99=False))
  return [
      Row("ssh context on loopback", latency(series["ramet"], p99=False),
          mitogen, beside, "≤ 100 ms",
          series["ramet"].median("p50_us") <= 100_000, data=series),
      Row("the same through the ssh binary",
          latency(series["openssh"], p99=False), mitogen, beside),
  ]
