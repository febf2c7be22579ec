"""Unary calls, one after the other and many at a time."""

import programs
from report import Row, duration, latency
from series import interleave, ratio

_MAX_HOPS = 4


def measure(bench):
  for pinned in (True, False):
    yield from _latencies(bench, pinned)
  yield from _over_ssh(bench)
  yield from _in_flight_64(bench)
  yield from _pipelined(bench)
  yield from _bulk(bench)
  yield from _behind_bulk(bench)


def _latencies(bench, pinned):
  plan = bench.plan
  by_hops = {}
  for hops in range(1, _MAX_HOPS + 1):
    by_hops[hops] = interleave(plan.repetitions, bench.available({
        "ramet": lambda: bench.runner.json(programs.ramet_bench(
            "call", *bench.local_target(hops), "--count", plan.calls), pinned),
        "raw": lambda: bench.runner.json(
            [programs.RAW_CHAIN, "pipe", hops, plan.calls], pinned),
        "raw sockets": lambda: bench.runner.json(
            [programs.RAW_CHAIN, "socket", hops, plan.calls], pinned),
        "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
            "call", "--hops", hops, "--count", plan.mitogen_calls), pinned),
    }))
  where = "one CPU" if pinned else "free"
  judge = _judge_pinned if pinned else _judge_free
  rows = [_latency_row(bench, hops, where, by_hops[hops], judge)
          for hops in by_hops]
  rows.append(_further_hops(bench, by_hops, where, pinned))
  return rows


def _judge_pinned(series, times_raw):
  return ("≤ 20 µs and ≤ 1.5 × raw",
          series["ramet"].median("p50_us") <= 20 and times_raw <= 1.5)


def _judge_free(series, times_raw):
  ahead = ("mitogen" in series and
           ratio(series["ramet"], series["mitogen"], "p50_us") < 1)
  return "ahead of Mitogen and ≤ 1.2 × raw", ahead and times_raw <= 1.2


def _latency_row(bench, hops, where, series, judge):
  times_raw = ratio(series["ramet"], series["raw"], "p50_us")
  # The goals are about one hop, and about what each further one adds.
  goal, met = judge(series, times_raw) if hops == 1 else ("", None)
  return Row(
      f"unary call, {hops} hop{'s' if hops > 1 else ''}, {where}",
      f"{latency(series['ramet'])}; {times_raw:.2f} × raw",
      bench.text(series, "mitogen", latency),
      f"raw chain {latency(series['raw'])}; over sockets "
      f"{duration(series['raw sockets'].median('p50_us'))}", goal, met,
      data={**series, "times_raw": times_raw})


def _further_hops(bench, by_hops, where, judged):
  def added(series_name):
    return (by_hops[_MAX_HOPS][series_name].median("p50_us") -
            by_hops[1][series_name].median("p50_us")) / (_MAX_HOPS - 1)

  def text(series_name):
    return f"+{duration(added(series_name))}"

  return Row(f"each further hop, {where}", text("ramet"),
             bench.text(by_hops[1], "mitogen", lambda _: text("mitogen")),
             f"raw chain {text('raw')}", "≤ +8 µs" if judged else "",
             added("ramet") <= 8 if judged else None,
             data={"ramet_us": added("ramet"), "raw_us": added("raw")})


def _over_ssh(bench):
  port = bench.ssh_server().port
  series = interleave(bench.plan.repetitions, bench.available({
      "ramet": lambda: bench.runner.json(programs.ramet_bench(
          "call", *bench.ssh_target(port, "libssh2"), "--count",
          bench.plan.calls)),
      "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
          "call", *bench.mitogen_ssh_target(port), "--count",
          bench.plan.mitogen_calls)),
  }))
  yield Row("unary call over ssh on loopback, free", latency(series["ramet"]),
            bench.text(series, "mitogen", latency), data=series)


def _in_flight(bench, count, mitogen_count, window, size, pinned=False,
               hops=1):
  def arguments(calls):
    return "--count", calls, "--window", window, "--bytes", size

  return interleave(bench.plan.repetitions, bench.available({
      "ramet": lambda: bench.runner.json(programs.ramet_bench(
          "pipeline", *bench.local_target(hops), *arguments(count)), pinned),
      "mitogen": lambda: bench.runner.json(programs.mitogen_bench(
          "pipeline", "--hops", hops, *arguments(mitogen_count)), pinned),
  }))


def _in_flight_64(bench):
  for hops in (1, 2, 4):
    series = _in_flight(bench, bench.plan.pipelined_calls,
                        bench.plan.mitogen_calls, 64, 8, hops=hops)
    yield Row(f"calls, 64 in flight, {hops} hop{'s' if hops > 1 else ''}, free",
              _rate(series["ramet"]), bench.text(series, "mitogen", _rate),
              data=series)


def _rate(series):
  rates = [r["calls_per_s"] / 1000 for r in series.results]
  text = f"{series.median('calls_per_s') / 1000:.1f} k/s"
  if len(rates) > 1:
    text += f" ({min(rates):.1f} … {max(rates):.1f})"
  return text


def _pipelined(bench):
  for pinned in (True, False):
    series = _in_flight(bench, bench.plan.pipelined_calls,
                        bench.plan.mitogen_calls, 256, 8, pinned)
    yield Row(
        f"pipelined calls, 256 in flight, {'one CPU' if pinned else 'free'}",
        _rate(series["ramet"]), bench.text(series, "mitogen", _rate),
        goal="≥ 300 k/s",
        met=series["ramet"].median("calls_per_s") >= 300_000, data=series)


def _bulk(bench):
  series = _in_flight(bench, bench.plan.bulk_calls,
                      bench.plan.mitogen_bulk_calls, 8, 1 << 20)

  def text(s):
    return f"{s.median('megabytes_per_s') / 1000:.2f} GB/s"

  return [Row("bulk: 1 MiB there and back, 8 calls in flight, each way",
              text(series["ramet"]), bench.text(series, "mitogen", text),
              goal="≥ 2 GB/s",
              met=series["ramet"].median("megabytes_per_s") >= 2000,
              data=series)]


def _behind_bulk(bench):
  def flat(result):
    return {**result["small"], "bulk": result["bulk_megabytes_per_s"]}

  arguments = ("--window", 8, "--bytes", 1 << 20, "--count")
  series = interleave(bench.plan.repetitions, bench.available({
      "ramet": lambda: flat(bench.runner.json(programs.ramet_bench(
          "behind-bulk", *bench.local_target(), *arguments,
          bench.plan.calls_behind_bulk))),
      "mitogen": lambda: flat(bench.runner.json(programs.mitogen_bench(
          "behind-bulk", *arguments, bench.plan.mitogen_calls_behind_bulk))),
  }))

  def text(s):
    return f"{latency(s)}; bulk {s.median('bulk') / 1000:.2f} GB/s"

  yield Row("small call beside that bulk", text(series["ramet"]),
            bench.text(series, "mitogen", text), goal="p99 ≤ 2 ms",
            met=series["ramet"].median("p99_us") <= 2000, data=series)
