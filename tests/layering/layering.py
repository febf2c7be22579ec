#!/usr/bin/python3
"""Holds the tiers apart: which folder may include what.

    layering.py SOURCE_ROOT AGENT PACKED_AGENT

Bazel's layering_check does not see /usr/include, so this reads #include lines;
and it looks at the agent's program for what must not be linked into it.
Prints every violation; exit status 1 if there is any.
"""

import pathlib
import re
import subprocess
import sys

# Which folders' headers each tier may include, beside its own.
TIERS = {
    "core/base": set(),
    "core/wire": {"core/base"},
    "core/loop": {"core/base"},
    "core/route": {"core/base", "core/wire", "core/loop"},
    "core/context": {"core/base", "core/wire", "core/loop", "core/route"},
    "parent": {"core"},
    "transports": {"core", "parent"},
    "importer": {"core", "parent", "transports"},
    "agent": {"core", "parent", "transports", "importer"},
    # Instead of a libc.
    "agent/libc": {"agent/unpacker"},
    # Runs before anything else on a target, without a libc.
    "agent/unpacker": set(),
    "stub": {"core/base", "core/wire"},
}

# Tiers that the agent links: no library but the named ones, and nothing of the
# standard library that brings locale, streams or threads along.
AGENT_TIERS = ("core", "parent", "transports", "importer", "agent")
BANNED_STANDARD = {
    "iostream", "sstream", "fstream", "ostream", "istream", "iomanip",
    "locale", "regex", "mutex", "thread", "condition_variable", "future",
    "unordered_map", "unordered_set", "stdexcept", "exception", "any",
}
FOREIGN = re.compile(r"^(absl|google|grpc|grpcpp|libssh2|openssl|zlib)\b")
# The master's half of the importer reads bundles, with protobuf and Abseil.
MASTER_FILES = {"importer/bundle.cc", "importer/bundle.h"}
# Only here may the front door's and ssh's libraries be included.
GRPC_FOLDERS = ("server", "clients", "bench", "tests")
LIBSSH2_FOLDERS = ("server/ssh",)

# The module runtimes in other languages: their standard libraries only.
PYTHON_RUNTIME, GO_RUNTIME = "stub/python/ramet_module", "stub/go/ramet"
PYTHON_IMPORT = re.compile(r"^ *(?:import|from) +(\w+)", re.MULTILINE)
GO_IMPORTS = re.compile(r"^import (?:\(([^)]*)\)|(\S+))", re.MULTILINE)

INCLUDE = re.compile(r'^#include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def tier_of(path):
  return max((t for t in TIERS if path.startswith(t + "/")), key=len,
             default=None)


def check_file(path, text, problems):
  tier = tier_of(path)
  test = "_test." in path or "/testing/" in path
  for header in INCLUDE.findall(text):
    if header.startswith("grpc") and not path.startswith(GRPC_FOLDERS):
      problems.append(f"{path}: {header}: gRPC is the server's")
    if header == "libssh2.h" and not path.startswith(LIBSSH2_FOLDERS):
      problems.append(f"{path}: {header}: libssh2 is server/ssh's")
    if tier is None or test or path in MASTER_FILES:
      continue
    folder = header.rsplit("/", 1)[0] if "/" in header else ""
    ours = folder.split("/")[0] in (
        "core", "parent", "transports", "importer", "agent", "stub", "server",
        "codegen", "clients", "tools", "modules")
    if ours and folder != tier and not any(
        folder == allowed or folder.startswith(allowed + "/")
        for allowed in TIERS[tier]):
      problems.append(f"{path}: {header}: {tier} may not know {folder}")
    if tier.split("/")[0] in AGENT_TIERS:
      if header in BANNED_STANDARD:
        problems.append(f"{path}: <{header}>: too large for the agent")
      if FOREIGN.match(header):
        problems.append(f"{path}: {header}: not in the agent")


def check_runtimes(root, problems):
  """Of a runtime in another language; gives the number of its files."""
  files = 0
  for path in sorted((root / PYTHON_RUNTIME).glob("*.py")):
    files += 1
    for module in PYTHON_IMPORT.findall(path.read_text()):
      if module not in sys.stdlib_module_names:
        problems.append(f"{path.relative_to(root)}: {module}: not in Python's "
                        "standard library")
  for path in sorted((root / GO_RUNTIME).glob("*.go")):
    files += 1
    for block, single in GO_IMPORTS.findall(path.read_text()):
      for package in re.findall(r'"([^"]+)"', block or single):
        if "." in package or package.startswith("ramet"):
          problems.append(f"{path.relative_to(root)}: {package}: not in Go's "
                          "standard library")
  return files


def check_agent(agent, problems):
  headers = subprocess.run(["readelf", "-lSW", agent], check=True,
                           capture_output=True, text=True).stdout
  for section in (".dynamic", ".interp"):
    if section in headers:
      problems.append(f"agent: has {section}: it must be static")
  data = pathlib.Path(agent).read_bytes()
  for words in (b"google/protobuf", b"absl::", b"grpc_", b"libssh2"):
    if words in data:
      problems.append(f"agent: contains {words.decode()}")


def check_packed_agent(packed, problems):
  """No memory that is writable and executable, nothing to relocate."""
  headers = subprocess.run(["readelf", "-lW", packed], check=True,
                           capture_output=True, text=True).stdout
  segments = re.findall(
      r"^ +([A-Z_]+) +0x\S+ +0x\S+ +0x\S+ +0x\S+ +0x\S+ +([RWE ]{3})",
      headers, re.MULTILINE)
  if segments != [("LOAD", "R E"), ("GNU_STACK", "RW ")]:
    problems.append(f"packed agent: its segments are {segments}")


def main():
  root = pathlib.Path(sys.argv[1])
  problems = []
  files = 0
  for folder in ("core", "parent", "transports", "importer", "agent", "stub",
                 "server", "codegen", "clients", "tools", "examples"):
    for path in sorted((root / folder).rglob("*")):
      if path.suffix in (".cc", ".h"):
        files += 1
        check_file(str(path.relative_to(root)), path.read_text(), problems)
  if files < 100 or check_runtimes(root, problems) < 20:
    problems.append(f"only {files} sources found below {root}")
  check_agent(sys.argv[2], problems)
  check_packed_agent(sys.argv[3], problems)
  print("\n".join(problems) or f"{files} sources and the agent: in order")
  return 1 if problems else 0


if __name__ == "__main__":
  sys.exit(main())
