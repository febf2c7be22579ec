"""Modules in Python and Go in a tree of contexts, by the command line."""

from conformance_case import LANGUAGES, bundle
from fixtures import cases
from fixtures import paths

_GREETERS = {"C++": "greeter", "Python": "greeter_py", "Go": "greeter_go"}


def _greeter(language):
  return (paths.REPOSITORY / "bazel-bin/examples/greeter" /
          (_GREETERS[language] + ".rmod"))


class LanguagesTest(cases.Case):

  def _conform(self, language, method, request, *flags):
    return self.call("local:", "conformance.v1.Conformance/" + method, request,
                     *flags, module=bundle(language))

  def test_the_greeter(self):
    for language in _GREETERS:
      for target in ("local:", "local:a/local:b"):
        with self.subTest(language, target=target):
          self.assert_greets(self.greet(target,
                                        module=_greeter(language)))

  def test_all_kinds_of_calls(self):
    for language in LANGUAGES:
      with self.subTest(language):
        reply = self.assert_succeeds(
            self._conform(language, "Unary", {"replyBytes": 1_000_000}))
        self.assertGreater(len(reply["payload"]), 1_000_000)
        result = self._conform(language, "ServerStream",
                               {"replyCount": 20, "replyBytes": 50_000})
        self.assertEqual((0, 20), (result.status, result.out.count("\n")),
                         result.err)

  def test_cpp_with_the_other_c_library(self):
    module = paths.REPOSITORY / "bazel-bin/tests/modules/conformance_glibc.rmod"
    reply = self.assert_succeeds(self.call(
        "local:", "conformance.v1.Conformance/Unary", {"replyBytes": 1_000_000},
        module=module))
    self.assertGreater(len(reply["payload"]), 1_000_000)
    result = self.call("local:", "conformance.v1.Conformance/ServerStream",
                       {"replyCount": 20, "replyBytes": 50_000}, module=module)
    self.assertEqual((0, 20), (result.status, result.out.count("\n")),
                     result.err)

  def test_calls_between_modules(self):
    """Relay calls the same service in the context that runs it, id 1."""
    for language in LANGUAGES:
      with self.subTest(language):
        reply = self.assert_succeeds(self._conform(
            language, "Relay", {"target": 1, "kind": "UNARY",
                                "requests": [{"payload": "aGk="}]}))
        self.assertEqual(["aGk="], reply["payloads"])

  def test_policies_hold_in_every_language(self):
    # Only Unary is for ANY; a module has no parent's authority.
    for language in LANGUAGES:
      with self.subTest(language):
        reply = self.assert_succeeds(self._conform(
            language, "Relay", {"target": 1, "kind": "SERVER_STREAM",
                                "requests": [{}]}))
        self.assertEqual(7, reply["code"])

  def test_what_is_printed_and_thrown(self):
    for language in LANGUAGES:
      with self.subTest(language):
        result = self._conform(language, "Unary", {
            "print": "to stdout", "printError": "to stderr", "crash": True})
        self.assert_fails(result, "UNKNOWN", text="as asked")
        self.assertIn("stdout: to stdout", result.err)
        self.assertIn("stderr: to stderr", result.err)

  def test_a_deadline(self):
    for language in LANGUAGES:
      with self.subTest(language):
        self.assert_fails(
            self._conform(language, "Unary", {"wait": True},
                          "--deadline", "1s"), "DEADLINE_EXCEEDED")

  def test_a_target_without_python_says_so(self):
    result = self.greet("local:", module=_greeter("Python"),
                        env={"PATH": "/nowhere"})
    self.assert_fails(result, "UNAVAILABLE", text="python3.*No such file")
    self.assertIn("127", self.error_line(result))
