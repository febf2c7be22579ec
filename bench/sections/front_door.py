"""A stock gRPC client through `ramet serve`, beside a plain gRPC server."""

import contextlib

import programs
from report import Row, duration, latency
from series import difference, interleave


def measure(bench):
  for pinned in (True, False):
    yield _measure(bench, pinned)


@contextlib.contextmanager
def _plain_server(bench, address, pinned):
  with programs.Conversation(bench.runner, [programs.GRPC_SERVER, address],
                             pinned) as server:
    server.line()
    yield


def _measure(bench, pinned):
  plain = f"unix:{bench.folder}/plain.sock"
  door = f"unix:{bench.folder}/front_door.sock"

  def client(address, *more):
    return lambda: bench.runner.json(
        [programs.GRPC_CLIENT, "call", "--address", address, "--count",
         bench.plan.grpc_calls, *more], pinned)

  with _plain_server(bench, plain, pinned), programs.front_door(
      bench.runner, door, programs.GREETER, pinned):
    series = interleave(bench.plan.repetitions, {
        "ramet": client(door, "--target", "local:"),
        "plain": client(plain)})
  more = difference(series["ramet"], series["plain"], "p50_us")
  return Row(
      f"the call, 1 hop, through the front door, "
      f"{'one CPU' if pinned else 'free'}",
      f"{latency(series['ramet'])}; plain {_signed(more)}",
      beside=f"plain gRPC {latency(series['plain'])}",
      goal="plain gRPC + ≤ 25 µs" if pinned else "",
      met=more <= 25 if pinned else None,
      data={**series, "added_us": more})


def _signed(us):
  return ("+ " if us >= 0 else "− ") + duration(abs(us))
