"""The table and its JSON."""

import dataclasses

NOTHING = "–"


@dataclasses.dataclass
class Row:
  """One line of the table.

  ramet, mitogen, beside: texts. goal: DESIGN §10's, empty when it has none.
  met: whether it is. data: what the texts were made from, for the JSON.
  """
  what: str
  ramet: str
  mitogen: str = NOTHING
  beside: str = NOTHING
  goal: str = ""
  met: bool = None
  data: dict = dataclasses.field(default_factory=dict)

  def verdict(self):
    if self.met is None:
      return ""
    return "met" if self.met else "**missed**"


def duration(us):
  if us >= 100_000:
    return f"{us / 1000:.0f} ms"
  if us >= 1000:
    return f"{us / 1000:.2f} ms"
  return f"{us:.1f} µs" if us < 100 else f"{us:.0f} µs"


def latency(series, p99=True):
  """Median p50, the range of p50 over repetitions, and median p99."""
  p50s = [r["p50_us"] for r in series.results]
  text = duration(series.median("p50_us"))
  if len(p50s) > 1:
    text += f" ({duration(min(p50s))} … {duration(max(p50s))})"
  if p99:
    text += f", p99 {duration(series.median('p99_us'))}"
  return text


def size(count):
  return f"{count:,} B"


def markdown(rows):
  lines = ["| what | ramet | Mitogen | beside it | goal | |",
           "|---|---|---|---|---|---|"]
  for row in rows:
    cells = (row.what, row.ramet, row.mitogen, row.beside, row.goal,
             row.verdict())
    lines.append("| " + " | ".join(cells) + " |")
  return "\n".join(lines)


def to_json(rows):
  return [{**dataclasses.asdict(row),
           "data": {name: value.to_json() if hasattr(value, "to_json") else
                    value for name, value in row.data.items()}}
          for row in rows]
