"""named_tests.py REPOSITORY: the tests that documents name exist.

In the documents below `SuiteTest.Case` is a GoogleTest case and
`test_file.ClassTest.test_case` one of tests/e2e or tests/security; the class
may have it from a base class of its file. A table whose last column is `test`
names one in each row.
"""

import ast
import pathlib
import re
import sys

DOCUMENTS = ("docs/routing_and_trust.md", "docs/failure.md",
             "docs/module_lifecycle.md", "docs/modules.md", "SECURITY.md")
_UNIT = re.compile(r"TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")
_NAME = re.compile(r"`((?:\w+Test\.\w+)|(?:test_\w+\.\w+\.test_\w+))`")


def unit_tests(root):
  """Suite.Case of every *_test.cc; of typed fixtures the class is enough."""
  found = set()
  for path in root.rglob("*_test.cc"):
    if "bazel-" not in str(path.relative_to(root)):
      found |= {f"{suite}.{case}"
                for suite, case in _UNIT.findall(path.read_text())}
  return found


def _cases(classes, name):
  """The test methods of a class of one file, inherited ones too."""
  node = classes.get(name)
  if node is None:
    return set()
  found = {item.name for item in node.body
           if isinstance(item, ast.FunctionDef) and
           item.name.startswith("test_")}
  for base in node.bases:
    if isinstance(base, ast.Name):
      found |= _cases(classes, base.id)
  return found


def python_tests(root):
  found = set()
  for folder in ("tests/e2e", "tests/security"):
    for path in (root / folder).glob("test_*.py"):
      tree = ast.parse(path.read_text())
      classes = {node.name: node for node in tree.body
                 if isinstance(node, ast.ClassDef)}
      found |= {f"{path.stem}.{name}.{case}" for name in classes
                if not name.startswith("_")
                for case in _cases(classes, name)}
  return found


def rows_without_a_test(text):
  """Rows of tables with a column `test` at their end that name none."""
  found, counts = [], False
  for line in text.splitlines():
    if not line.startswith("|"):
      counts = False
      continue
    last = line.strip().strip("|").split("|")[-1].strip()
    if last == "test":
      counts = True
    elif counts and not set(last) <= set("- ") and not _NAME.search(last):
      found.append(line)
    elif counts and not last:
      found.append(line)
  return found


def main():
  root = pathlib.Path(sys.argv[1])
  known = unit_tests(root) | python_tests(root)
  wrong, named = [], 0
  for document in DOCUMENTS:
    text = (root / document).read_text()
    names = _NAME.findall(text)
    named += len(names)
    wrong += [f"{document}: there is no test {name}" for name in names
              if name not in known]
    wrong += [f"{document}: no test in the row {row}"
              for row in rows_without_a_test(text)]
    if not names:
      wrong.append(f"{document}: names no test")
  for line in wrong:
    print(line)
  print(f"{named} tests are named, {len(wrong)} complaints")
  return 1 if wrong else 0


if __name__ == "__main__":
  sys.exit(main())
