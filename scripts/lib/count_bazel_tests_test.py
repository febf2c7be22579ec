#!/usr/bin/python3
"""Counting is itself tested: a wrong count hides a failure."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import count_bazel_tests

GTEST = """<testsuites tests="3"><testsuite name="RouterTest" tests="3">
<testcase name="A" status="run" classname="RouterTest"/>
<testcase name="B" status="run" classname="RouterTest">
{b}</testcase>
<testcase name="C" status="notrun" classname="RouterTest"/>
</testsuite></testsuites>"""


class CountBazelTestsTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name)
    self.events = []

  def run_of(self, label, status, xml=None, attempt=1):
    outputs = []
    for name, text in (("test.xml", xml), ("test.log", "last words")):
      if text is not None:
        path = self.folder / f"{label.strip('/').replace(':', '_')}{name}"
        path.write_text(text)
        outputs.append({"name": name, "uri": path.as_uri()})
    self.events.append({
        "id": {"testResult": {"label": label, "run": 1, "shard": 1,
                              "attempt": attempt}},
        "testResult": {"status": status, "testActionOutput": outputs}})

  def count(self, status=0):
    path = self.folder / "events"
    path.write_text("".join(json.dumps(e) + "\n" for e in self.events))
    with contextlib.redirect_stdout(io.StringIO()) as out:
      counts = count_bazel_tests.count("unit", path, status)
    self.out = out.getvalue()
    return len(counts.passed), len(counts.failed), len(counts.skipped)

  def test_cases_are_counted_and_those_not_run_are_not(self):
    self.run_of("//a:t", "PASSED", GTEST.format(b=""))
    self.assertEqual((2, 0, 0), self.count())

  def test_a_failed_case_is_named_with_its_log(self):
    self.run_of("//a:t", "FAILED", GTEST.format(b="<failure/>"))
    self.assertEqual((1, 1, 0), self.count(3))
    self.assertIn("FAILED //a:t RouterTest.B", self.out)
    self.assertIn("last words", self.out)

  def test_a_skipped_case_is_neither(self):
    self.run_of("//a:t", "PASSED", GTEST.format(b="<skipped/>"))
    self.assertEqual((1, 0, 1), self.count())

  def test_a_target_without_xml_is_one_case(self):
    self.run_of("//a:t", "PASSED")
    self.run_of("//b:t", "TIMEOUT", "not xml")
    self.assertEqual((1, 1, 0), self.count(3))

  def test_a_leak_found_after_the_last_case_is_a_failure(self):
    self.run_of("//a:t", "FAILED", GTEST.format(b=""))
    self.assertEqual((2, 1, 0), self.count(3))

  def test_the_last_attempt_counts(self):
    self.run_of("//a:t", "FAILED", GTEST.format(b="<failure/>"))
    self.run_of("//a:t", "PASSED", GTEST.format(b=""), attempt=2)
    self.assertEqual((2, 0, 0), self.count())

  def test_a_target_that_does_not_build_is_a_failure(self):
    self.events.append({"id": {"targetCompleted": {"label": "//a:t"}},
                        "aborted": {"reason": "ANALYSIS_FAILURE"}})
    self.events.append({"id": {"targetCompleted": {"label": "//b:lib"}},
                        "completed": {"success": True}})
    self.assertEqual((0, 1, 0), self.count(1))

  def test_a_status_that_no_target_explains_is_a_failure(self):
    for status in (1, 2, 4, 37):
      self.assertEqual((0, 1, 0), self.count(status))

  def test_no_events_at_all_is_a_failure_when_bazel_failed(self):
    counts = count_bazel_tests.count("unit", self.folder / "none", 2)
    self.assertEqual(1, len(counts.failed))


if __name__ == "__main__":
  unittest.main()
