"""Packs Python files into one executable script, the image of a module.

    zip_script.py --output=FILE --main=FILE
        [--file=PATH_INSIDE=FILE ...] [--folder=FOLDER ...]
        [--stripped=PATH_INSIDE=FILE ...]

Of --stripped files, and those in --folder, comments and docstrings stay behind.
The script is a zip archive behind an interpreter line. Nothing in it is
compressed, because a bundle compresses it whole. The same input gives the same
bytes.
"""

import argparse
import io
import os
import zipfile

import strip_python

_INTERPRETER_LINE = b"#!/usr/bin/env python3\n"
# The earliest that a zip archive can tell.
_DATE = (1980, 1, 1, 0, 0, 0)


def packages_of(paths):
  """The __init__.py files that the folders of `paths` lack."""
  found = set()
  for path in paths:
    folder = path.rpartition("/")[0]
    while folder:
      found.add(folder + "/__init__.py")
      folder = folder.rpartition("/")[0]
  return found - set(paths)


def python_files(folder):
  """Paths within the folder, and the files there."""
  found = {}
  for where, _, names in os.walk(folder):
    for name in names:
      path = os.path.join(where, name)
      if name.endswith(".py"):
        found[os.path.relpath(path, folder)] = path
  return found


def pack(files):
  """The script's bytes, from a dict of paths and contents."""
  files = dict(files)
  files.update((path, b"") for path in packages_of(files))
  archive = io.BytesIO()
  archive.write(_INTERPRETER_LINE)
  with zipfile.ZipFile(archive, "a", zipfile.ZIP_STORED) as out:
    for path in sorted(files):
      out.writestr(zipfile.ZipInfo(path, _DATE), files[path])
  return archive.getvalue()


def read(path, stripped):
  with open(path, "rb") as f:
    data = f.read()
  return strip_python.strip(data.decode()).encode() if stripped else data


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--output", required=True)
  parser.add_argument("--main", required=True)
  for flag in ("--file", "--folder", "--stripped"):
    parser.add_argument(flag, action="append", default=[])
  arguments = parser.parse_args()
  files = {"__main__.py": (arguments.main, False)}
  for folder in arguments.folder:
    files.update((path, (source, True))
                 for path, source in python_files(folder).items())
  for flag, stripped in ((arguments.file, False), (arguments.stripped, True)):
    for each in flag:
      path, _, source = each.partition("=")
      if path in files:
        parser.error("two files for %s: %s and %s" % (
            path, files[path][0], source))
      files[path] = source, stripped
  script = pack({path: read(*how) for path, how in files.items()})
  with open(arguments.output, "wb") as f:
    f.write(script)


if __name__ == "__main__":
  main()
