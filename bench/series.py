"""Repetitions of a measurement, peer by peer, and what they come to."""

import statistics


class Series:
  """One peer's repetitions: the JSON objects that its program printed."""

  def __init__(self, results):
    self.results = results

  def median(self, key):
    return statistics.median(r[key] for r in self.results)

  def to_json(self):
    return self.results


def interleave(repetitions, peers):
  """Runs every peer once, and that `repetitions` times: A B A B.

  peers: a name to a function that measures once.
  Returns a name to a Series.
  """
  results = {name: [] for name in peers}
  for _ in range(repetitions):
    for name, measure in peers.items():
      results[name].append(measure())
  return {name: Series(list_) for name, list_ in results.items()}


def ratio(one, other, key):
  """The median of one / other, repetition by repetition.

  Neighbours in time had the same disturbances.
  """
  return statistics.median(a[key] / b[key]
                           for a, b in zip(one.results, other.results))


def difference(one, other, key):
  return statistics.median(a[key] - b[key]
                           for a, b in zip(one.results, other.results))
