#!/usr/bin/python3
"""Runs the end-to-end cases: `run.py [--list] [--json FILE] [NAME...]`.

The cases are those of this folder and of tests/interop, security and modules.

NAME is a part of a case's full name, e.g. `test_call`, `BareTargetTest` or
`says_hello`. The last line is `N passed, N failed`; the exit status is 1 when
a case failed. Needs Debian's python3, which has grpcio.
"""

import argparse
import faulthandler
import json
import os
import pathlib
import signal
import sys
import time
import unittest

_FOLDER = pathlib.Path(__file__).resolve().parent
_FOLDERS = (_FOLDER, *(_FOLDER.parent / name
                       for name in ("interop", "security", "modules")))
# Longer than any case may take; shows where a case hangs, then ends the run.
_CASE_LIMIT_S = 300


class _Report(unittest.TestResult):
  """One line per case, details of failures at once."""

  def __init__(self):
    super().__init__()
    self.passed = []
    self.failed = []
    self.skipped_names = []

  def startTest(self, test):
    super().startTest(test)
    faulthandler.dump_traceback_later(_CASE_LIMIT_S, exit=True)
    self._begin = time.monotonic()
    self._bad = False

  def stopTest(self, test):
    super().stopTest(test)
    faulthandler.cancel_dump_traceback_later()
    if self._bad:
      self._say("FAILED", test)
      self.failed.append(test.id())

  def addSuccess(self, test):
    self.passed.append(test.id())
    self._say("ok", test)

  def addSkip(self, test, reason):
    self.skipped_names.append(test.id())
    print(f"!!! SKIPPED {test.id()}: {reason}", flush=True)

  def addFailure(self, test, err):
    self._fail(test, err)

  def addError(self, test, err):
    self._fail(test, err)

  def addSubTest(self, test, subtest, err):
    if err is not None:
      self._fail(subtest, err)

  def _fail(self, test, err):
    print(f"--- {test.id()}\n{self._exc_info_to_string(err, test)}",
          flush=True)
    self._bad = True
    if not isinstance(test, unittest.TestCase):
      # The set-up of a class: none of its cases ran, it counts as one.
      self.failed.append(test.id())

  def _say(self, outcome, test):
    seconds = time.monotonic() - self._begin
    print(f"{outcome:7}{seconds:6.1f} s  {test.id()}", flush=True)


def _cases(suite):
  for item in suite:
    if isinstance(item, unittest.TestSuite):
      yield from _cases(item)
    else:
      yield item


def main():
  # A shell without job control has its background ignore SIGINT, nohup ignores
  # SIGHUP, and every program of a case would inherit that.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  signal.signal(signal.SIGHUP, signal.SIG_DFL)
  parser = argparse.ArgumentParser()
  parser.add_argument("--list", action="store_true")
  parser.add_argument("--json", help="writes the counts and names there")
  parser.add_argument("names", nargs="*")
  arguments = parser.parse_args()
  # gRPC reads it at import: the cases start programs while channels are open.
  os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
  sys.path.insert(0, str(_FOLDER))
  found = [case for folder in _FOLDERS
           for case in _cases(unittest.TestLoader().discover(
               str(folder), top_level_dir=str(folder)))]
  chosen = [c for c in found if not arguments.names or
            any(n in c.id() for n in arguments.names)]
  if arguments.list:
    print("\n".join(c.id() for c in chosen))
    return 0
  if not chosen:
    print(f"no case is named like {' '.join(arguments.names)}")
    return 1
  report = _Report()
  unittest.TestSuite(chosen).run(report)
  for name in report.failed:
    print(f"FAILED {name}")
  for name in report.skipped_names:
    print(f"SKIPPED {name}")
  if arguments.json:
    with open(arguments.json, "w", encoding="utf-8") as f:
      json.dump({"passed": report.passed, "failed": report.failed,
                 "skipped": report.skipped_names}, f)
  print(f"{len(report.passed)} passed, {len(report.failed)} failed")
  return 1 if report.failed else 0


if __name__ == "__main__":
  sys.exit(main())
