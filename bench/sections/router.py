"""What passes through one relay hop, both ways at once."""

import programs
from report import Row
from series import interleave, ratio

# A small call's payload; and the most that a frame holds.
_SMALL_BYTES, _BULK_BYTES = 100, 65_536
# Under way: enough that nobody waits, within what a link may hold.
_SMALL_WINDOW, _BULK_WINDOW = 256, 8


def measure(bench):
  plan = bench.plan
  for pinned in (True, False):
    where = "one CPU" if pinned else "free"
    small = _throughput(bench, _SMALL_BYTES, plan.routed_frames, _SMALL_WINDOW,
                        pinned)
    yield Row(f"frames of 100 bytes through a relay hop, each way, {where}",
              _text(small, "router", _rate),
              beside=f"a hop that only reads and writes "
              f"{_rate(small['bytes'])}; without a hop {_rate(small['none'])}",
              data=small)
  bulk = _throughput(bench, _BULK_BYTES, plan.routed_bulk_frames, _BULK_WINDOW,
                     False)
  yield Row("frames of 64 KiB through a relay hop, each way, free",
            _text(bulk, "router", _gigabytes),
            beside=f"a hop that only reads and writes "
            f"{_gigabytes(bulk['bytes'])}; without a hop "
            f"{_gigabytes(bulk['none'])}", data=bulk)


def _throughput(bench, size, count, window, pinned):
  def measure_once(hop):
    return lambda: bench.runner.json(
        [programs.ROUTER_THROUGHPUT, hop, size, count, window], pinned)
  return interleave(bench.plan.repetitions, {
      hop: measure_once(hop) for hop in ("router", "bytes", "none")})


def _text(series, name, show):
  times = ratio(series[name], series["bytes"], "frames_per_s")
  return f"{show(series[name])}; {times:.2f} × bytes"


def _rate(series):
  return f"{series.median('frames_per_s') / 1000:.0f} k/s"


def _gigabytes(series):
  return f"{series.median('megabytes_per_s') / 1000:.2f} GB/s"
