#!/usr/bin/python3
"""Counts the test cases of one `bazel test` from its build events.

  count_bazel_tests.py --name NAME --events FILE --status N --json OUT

FILE is what --build_event_json_file wrote, N bazel's exit status. Cases come
from each target's test.xml; a target without a usable one is one case, a
target that could not be built is one failed case. Prints what failed with the
end of its log and writes {"passed": [...], "failed": [...], "skipped": [...]}.
"""

import argparse
import json
import pathlib
import sys
import urllib.parse
import xml.etree.ElementTree

LOG_LINES = 40
# bazel's exit statuses: 1 build failed, 3 a test failed, 4 no test was found.
_EXPLAINED_BY_TARGETS = (0, 3)


def _path(uri):
  return pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))


class Counts:

  def __init__(self, name):
    self.name = name
    self.passed, self.failed, self.skipped = [], [], []

  def add_run(self, label, status, outputs):
    """One shard or run of a target: its cases, or itself as one."""
    passed, failed, skipped = self._cases(label, outputs.get("test.xml"))
    if status != "PASSED" and not failed:
      # A crash, a timeout, or a report of a sanitizer at the end.
      failed = [f"{label} ({status})"]
    if not passed and not failed and not skipped:
      passed = [label]
    self.passed += passed
    self.failed += failed
    self.skipped += skipped
    if failed:
      self._show(label, failed, outputs.get("test.log"))

  def _cases(self, label, xml_path):
    passed, failed, skipped = [], [], []
    try:
      root = xml.etree.ElementTree.parse(xml_path).getroot()
    except (OSError, TypeError, xml.etree.ElementTree.ParseError):
      return passed, failed, skipped
    for case in root.iter("testcase"):
      name = f"{label} {case.get('classname') or ''}.{case.get('name')}"
      if case.get("status") == "notrun":
        continue
      if case.find("failure") is not None or case.find("error") is not None:
        failed.append(name)
      elif case.find("skipped") is not None:
        skipped.append(name)
      else:
        passed.append(name)
    return passed, failed, skipped

  def _show(self, label, failed, log_path):
    print(f"--- {self.name}: {label}")
    for name in failed:
      print(f"FAILED {name}")
    try:
      lines = log_path.read_text(errors="replace").splitlines()
    except (OSError, AttributeError):
      lines = ["(no log)"]
    print("\n".join("  | " + line for line in lines[-LOG_LINES:]))


def _events(path):
  try:
    with open(path, encoding="utf-8") as f:
      for line in f:
        try:
          yield json.loads(line)
        except json.JSONDecodeError:
          return  # bazel was cut off.
  except OSError:
    return


def count(name, events_path, status):
  counts = Counts(name)
  runs, unbuilt = {}, []
  for event in _events(events_path):
    identity = event.get("id", {})
    if "testResult" in identity and "testResult" in event:
      # A later attempt of the same run replaces an earlier one.
      run = identity["testResult"]
      runs[run["label"], run.get("run"), run.get("shard")] = event["testResult"]
    elif "targetCompleted" in identity:
      completed = event.get("completed", {})
      if not completed.get("success"):
        unbuilt.append(identity["targetCompleted"]["label"])
  for (label, _, _), result in sorted(runs.items(), key=str):
    outputs = {o["name"]: _path(o["uri"])
               for o in result.get("testActionOutput", []) if "uri" in o}
    counts.add_run(label, result.get("status"), outputs)
  tested = {label for label, _, _ in runs}
  for label in sorted(set(unbuilt) - tested):
    print(f"FAILED {name}: {label} could not be built")
    counts.failed.append(f"{label} (build)")
  if status not in _EXPLAINED_BY_TARGETS and not counts.failed:
    reason = {1: "the build failed", 4: "no test was found"}.get(
        status, f"bazel ended with status {status}")
    print(f"FAILED {name}: {reason}")
    counts.failed.append(f"{name}: {reason}")
  return counts


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--name", required=True)
  parser.add_argument("--events", required=True)
  parser.add_argument("--status", type=int, required=True)
  parser.add_argument("--json", required=True)
  arguments = parser.parse_args()
  counts = count(arguments.name, arguments.events, arguments.status)
  with open(arguments.json, "w", encoding="utf-8") as f:
    json.dump({"passed": counts.passed, "failed": counts.failed,
               "skipped": counts.skipped}, f)
  print(f"{arguments.name}: {len(counts.passed)} passed, "
        f"{len(counts.failed)} failed")
  return 1 if counts.failed else 0


if __name__ == "__main__":
  sys.exit(main())
