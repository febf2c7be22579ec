"""Streams: their rates, what they cost others, and what they make grow."""

import contextlib

import programs
from report import Row, latency
from series import interleave

_SMALL_BYTES, _BULK_BYTES = 100, 65_536
_HOPS = (1, 2, 4)
# What DESIGN §10 asks of small calls beside bulk.
_MOST_P99_US = 2000


def measure(bench):
  for size, name in ((_SMALL_BYTES, "100 bytes"), (_BULK_BYTES, "64 KiB")):
    yield from _rates(bench, size, name)
  yield from _behind(bench)
  yield _stopped_reader(bench)


def _target(bench, hops):
  return bench.local_target(hops, programs.INTEROP)


@contextlib.contextmanager
def _peers(bench):
  """A plain gRPC server, and a front door; yields a maker of clients."""
  plain = f"unix:{bench.folder}/plain_streams.sock"
  door = f"unix:{bench.folder}/front_door_streams.sock"

  def client(command, count, size):
    def run(address, *more):
      return lambda: bench.runner.json(
          [programs.GRPC_STREAM_CLIENT, command, "--address", address,
           "--count", count, "--bytes", size, *more])
    return {"door": run(door, "--target", "local:"), "plain": run(plain)}

  with programs.Conversation(
      bench.runner, [programs.GRPC_STREAM_SERVER, plain]) as server:
    server.line()
    with programs.front_door(bench.runner, door, programs.INTEROP):
      yield client


def _count(bench, size):
  return (bench.plan.stream_messages if size == _SMALL_BYTES
          else bench.plan.stream_bulk_messages)


def _flat(result):
  """One level, as series want it."""
  return {f"{way}_{key}": value for way in ("down", "up")
          for key, value in result[way].items()}


def _rates(bench, size, name):
  count = _count(bench, size)
  arguments = ("--count", count, "--bytes", size)

  def ramet(target):
    return lambda: _flat(bench.runner.json(
        programs.ramet_bench("stream", *target, *arguments)))

  def mitogen(hops):
    return lambda: _flat(bench.runner.json(programs.mitogen_bench(
        "stream", "--hops", hops, "--count",
        min(count, bench.plan.mitogen_stream_messages), "--bytes", size)))

  rate = _messages if size == _SMALL_BYTES else _gigabytes
  for hops in _HOPS:
    series = interleave(bench.plan.repetitions, bench.available({
        "ramet": ramet(_target(bench, hops)), "mitogen": mitogen(hops)}))
    yield Row(f"stream of {name}, replies / requests, {hops} "
              f"hop{'s' if hops > 1 else ''}", rate(series["ramet"]),
              bench.text(series, "mitogen", rate), data=series)
  try:
    target = bench.ssh_target(bench.ssh_server().port, "libssh2",
                              programs.INTEROP)
    series = interleave(bench.plan.repetitions, {"ramet": ramet(target)})
    yield Row(f"stream of {name}, replies / requests, over ssh",
              rate(series["ramet"]), data=series)
  except programs.Skipped as why:
    print(f"!!! SKIPPED streams over ssh: {why}", flush=True)
  with _peers(bench) as client:
    peers = {peer: lambda run=run: _flat(run())
             for peer, run in client("stream", count, size).items()}
    series = interleave(bench.plan.repetitions, peers)
  yield Row(f"stream of {name}, replies / requests, through the front door",
            rate(series["door"]),
            beside=f"plain gRPC {rate(series['plain'])}", data=series)


def _behind(bench):
  """A stream of 1 GiB in messages of 64 KiB, and small calls meanwhile."""
  count = bench.plan.behind_stream_messages

  def flat(result):
    return {**result["small"],
            "stream": result["stream"]["megabytes_per_s"],
            **result.get("growth", {})}

  for hops in _HOPS:
    series = interleave(bench.plan.repetitions, {
        "ramet": lambda: flat(bench.runner.json(programs.ramet_bench(
            "behind-stream", *_target(bench, hops), "--count", count, "--bytes",
            _BULK_BYTES)))})
    ramet = series["ramet"]
    yield Row(
        f"small call beside a stream of {_gib(count)}, {hops} "
        f"hop{'s' if hops > 1 else ''}; how much the master, an agent, the "
        "module grow meanwhile",
        f"{latency(ramet)}, at {ramet.median('stream') / 1000:.2f} GB/s; "
        f"{_growth(ramet)}", goal="p99 ≤ 2 ms" if hops == 1 else "",
        met=ramet.median("p99_us") <= _MOST_P99_US if hops == 1 else None,
        data=series)
  with _peers(bench) as client:
    peers = {peer: lambda run=run: flat(run()) for peer, run in
             client("behind-stream", count, _BULK_BYTES).items()}
    series = interleave(bench.plan.repetitions, peers)
  door, plain = series["door"], series["plain"]
  yield Row(
      f"small call beside a stream of {_gib(count)}, through the front door",
      f"{latency(door)}, at {door.median('stream') / 1000:.2f} GB/s",
      beside=f"plain gRPC {latency(plain)}, at "
      f"{plain.median('stream') / 1000:.2f} GB/s", data=series)


def _stopped_reader(bench):
  series = interleave(bench.plan.repetitions, {
      "ramet": lambda: bench.runner.json(programs.ramet_bench(
          "stopped-reader", *_target(bench, 2), "--count",
          bench.plan.stream_bulk_messages, "--bytes", _BULK_BYTES))})
  return Row("a stream that nobody reads, and beside it one that is read: how "
             "much the master, an agent, the module grow, 2 hops",
             _growth(series["ramet"]), data=series)


def _gib(count):
  return f"{count * _BULK_BYTES / (1 << 30):.2g} GiB"


def _growth(series):
  return ", ".join(f"{series.median(f'{part}_kib') / 1024:.1f} MiB"
                   for part in ("master", "agent", "module"))


def _messages(series):
  return " / ".join(
      f"{series.median(f'{way}_messages_per_s') / 1000:.0f} k/s"
      for way in ("down", "up"))


def _gigabytes(series):
  return " / ".join(
      f"{series.median(f'{way}_megabytes_per_s') / 1000:.2f} GB/s"
      for way in ("down", "up"))
