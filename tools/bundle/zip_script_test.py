"""Scripts run, are stripped where it is asked, and the same every time."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
_FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(_FOLDER))

import strip_python  # pylint: disable=wrong-import-position
import zip_script  # pylint: disable=wrong-import-position

_SOURCE = '''"""A module.

More."""
import sys  # a comment
X = "# no comment"


class Empty(Exception):
  """Nothing else."""


def f():
  """Twice
  as long."""
  # Here
  raise Empty(X + """ no docstring""")
'''


class StripTest(unittest.TestCase):

  def test_comments_and_docstrings_go(self):
    stripped = strip_python.strip(_SOURCE)
    for gone in ("A module", "a comment", "Nothing", "Twice", "long", "Here"):
      self.assertNotIn(gone, stripped)
    self.assertIn('"# no comment"', stripped)
    self.assertIn("no docstring", stripped)

  def test_lines_stay_where_they_are(self):
    before, after = _SOURCE.split("\n"), strip_python.strip(_SOURCE).split("\n")
    self.assertEqual(len(before), len(after))
    for old, new in zip(before, after):
      self.assertTrue(old.startswith(new) or new.strip() == "pass", new)

  def test_it_is_the_same_program(self):
    space = {}
    exec(compile(strip_python.strip(_SOURCE), "x", "exec"), space)
    with self.assertRaisesRegex(space["Empty"], "# no comment no docstring"):
      space["f"]()


class ZipTest(unittest.TestCase):

  def setUp(self):
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.folder = pathlib.Path(folder.name)

  def _zip(self, *flags):
    script = self.folder / "script"
    subprocess.run([sys.executable, _FOLDER / "zip_script.py",
                    f"--output={script}", f"--main={self.folder}/main.py",
                    *flags], check=True)
    script.chmod(0o700)
    return script

  def test_the_script_runs(self):
    (self.folder / "main.py").write_text(
        "from a.b import c\nfrom d import e\nprint(c.f(), e.__doc__)\n")
    (self.folder / "c.py").write_text("def f():\n  return 5\n")
    (self.folder / "gen").mkdir()
    (self.folder / "gen/d").mkdir()
    (self.folder / "gen/d/e.py").write_text('"""Gone."""\n')
    flags = (f"--file=a/b/c.py={self.folder}/c.py",
             f"--folder={self.folder}/gen")
    script = self._zip(*flags)
    done = subprocess.run([script], capture_output=True, text=True, check=True)
    self.assertEqual("5 None\n", done.stdout)
    data = script.read_bytes()
    self.assertTrue(data.startswith(b"#!/usr/bin/env python3\n"))
    self.assertEqual(data, self._zip(*reversed(flags)).read_bytes())

  def test_packages_get_what_they_lack(self):
    self.assertEqual(
        {"a/__init__.py", "a/c/__init__.py"},
        zip_script.packages_of(["a/b.py", "a/c/d.py", "e.py", "f/__init__.py",
                                "f/g.py"]) - {"f/__init__.py"})


if __name__ == "__main__":
  unittest.main()
