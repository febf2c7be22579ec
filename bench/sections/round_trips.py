"""Connecting over ssh through a line with a round trip of 100 ms."""

import statistics
import time

import programs
from report import Row, size
from series import interleave

RTT_MS = 100
_PHASES = "phases, in round trips"


def measure(bench):
  server = bench.ssh_server()
  with programs.DelayLine(bench.runner, server.port, RTT_MS / 2) as line:

    def over_line(measure_once):
      """Adds the connection's bytes on the wire."""
      def run():
        result = measure_once()
        return {**result, "wire": line.ended_connection()}
      return run

    def ssh_true():
      begin = time.monotonic()
      bench.ssh_true(line.port)
      elapsed_us = (time.monotonic() - begin) * 1e6
      return {"first_result": {"p50_us": elapsed_us}}

    peers = {
        "ramet": over_line(lambda: bench.runner.json(programs.ramet_bench(
            "first-result", *bench.ssh_target(line.port, "libssh2")))),
        "openssh": over_line(lambda: bench.runner.json(programs.ramet_bench(
            "first-result", *bench.ssh_target(line.port, "openssh")))),
        "mitogen": over_line(lambda: bench.runner.json(programs.mitogen_bench(
            "first-result", *bench.mitogen_ssh_target(line.port)))),
        "ssh true": over_line(ssh_true),
    }
    series = interleave(bench.plan.delayed_connects, bench.available(peers))
  return list(_rows(series))


def _round_trips(series):
  return statistics.median(
      r["first_result"]["p50_us"] for r in series.results) / 1000 / RTT_MS


def _wire(series):
  return " up, ".join(size(int(statistics.median(
      r["wire"][way] for r in series.results))) for way in ("up", "down")
                      ) + " down"


def _phases(series):
  names = [p["name"] for p in series.results[0]["phases"]]
  return ", ".join(
      "{} {:.1f}".format(name, statistics.median(
          p["ms"] for r in series.results for p in r["phases"]
          if p["name"] == name) / RTT_MS)
      for name in names)


def _rows(series):
  ramet, mitogen = series["ramet"], series.get("mitogen")
  texts = {name: f"{_round_trips(s):.1f}" for name, s in series.items()}
  yield Row("ssh connect to first result, round trips of 100 ms",
            f"{texts['ramet']} (ssh binary: {texts['openssh']})",
            texts.get("mitogen", "–"), f"`ssh host true` {texts['ssh true']}",
            "≤ 8.6", _round_trips(ramet) <= 8.6, data=series)
  yield Row(_PHASES, _phases(ramet))
  boot = [r["bootstrap"] for r in ramet.results]
  trips = max(b["round_trips"] for b in boot)
  sent = int(statistics.median(b["sent"] for b in boot))
  received = int(statistics.median(b["received"] for b in boot))
  theirs = mitogen and sum(
      mitogen.results[0][part] for part in ("first_stage", "core"))
  yield Row("bootstrap alone: bytes sent, received; round trips",
            f"{size(sent)}, {size(received)}; {trips}",
            f"{size(theirs)} sent" if mitogen else "–", "–",
            "≤ 64 KiB; 1", sent <= 64 * 1024 and trips == 1)
  yield Row("wire bytes, ssh and module included", _wire(ramet),
            _wire(mitogen) if mitogen else "–",
            f"`ssh host true` {_wire(series['ssh true'])}")
