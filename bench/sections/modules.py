"""How long the first call of a module takes, on lines of several kinds."""

import programs
from report import Row, duration, size
from series import interleave

# Of a line: what it is called, its delay one way, its rate.
_LINES = (("loopback", None, None), ("a line of 50 ms, round trip", 25, None),
          ("a line of 1 Mbit/s", 0, 1000))
# In the home directory that the private sshd's user has.
_CACHE = "module_cache"
_LANGUAGES = {"C++": programs.GREETER, "Go": programs.GREETER_GO,
              "Python": programs.GREETER_PY}


def measure(bench):
  yield _local(bench)
  server = bench.ssh_server()
  for name, delay_ms, rate_kbit in _LINES:
    if delay_ms is None:
      yield _first_calls(bench, name, server.port, None)
      continue
    with programs.DelayLine(bench.runner, server.port, delay_ms,
                            rate_kbit) as line:
      yield _first_calls(bench, name, line.port, line)


def _local(bench):
  series = interleave(bench.plan.module_starts, bench.available({
      **{language: lambda module=module: bench.runner.json(
          programs.ramet_bench("module", *bench.local_target(1, module)))
         for language, module in _LANGUAGES.items()},
      "mitogen": lambda: bench.runner.json(programs.mitogen_bench("module")),
  }))
  return Row("start of a module: first call in a local context, C++ / Go / "
             "Python", " / ".join(_first(series[name]) for name in _LANGUAGES),
             bench.text(series, "mitogen", _first), data=series)


def _first_calls(bench, name, port, line):
  def ramet(module, *more):
    def run():
      result = bench.runner.json(programs.ramet_bench(
          "module", *bench.ssh_target(port, "libssh2", module), *more))
      # What a bare connect sends is in it, too.
      wire = line.ended_connection()["up"] if line else 0
      return {**result, "wire": wire}
    return run

  def mitogen():
    result = bench.runner.json(programs.mitogen_bench(
        "module", *bench.mitogen_ssh_target(port)))
    return {**result, "wire": line.ended_connection()["up"] if line else 0}

  cached = ramet(programs.GREETER, "--cache", _CACHE)
  cached()  # fills it
  updated = ramet(programs.GREETER, "--update", programs.GREETER_NEXT)
  series = interleave(bench.plan.module_starts, bench.available({
      "C++": ramet(programs.GREETER), "Python": ramet(programs.GREETER_PY),
      "cache": cached, "update": updated, "mitogen": mitogen}))
  texts = [_first(series[key]) for key in ("C++", "Python", "cache")]
  sent = ""
  if line:
    sent = "; sent, connect included: " + " / ".join(
        size(int(series[key].median("wire")))
        for key in ("C++", "Python", "cache"))
  return Row(f"first call in an ssh context on {name}, C++ / Python / C++ with "
             "--cache, again", " / ".join(texts) + sent + "; second call "
             f"{duration(series['C++'].median('second_us'))}; the next "
             "version's first call "
             f"{duration(series['update'].median('updated_us'))}",
             bench.text(series, "mitogen", _first), data=series)


def _first(series):
  return duration(series.median("first_us"))
