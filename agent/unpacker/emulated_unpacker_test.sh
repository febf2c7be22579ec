#!/bin/bash
# emulated_unpacker_test.sh EMULATION.PY UNPACKER_TEST
#
# Runs the cases of unpacker_test with the unpacker for AArch64. Left out are
# those that see QEMU instead: it needs descriptors of its own, and is what
# /proc/self/exe names.
set -eu
export SAY_START_SUFFIX=_aarch64
readonly LEFT_OUT=UnpackerTest.NoDescriptor*:UnpackerTest.PutsTheExecutable*
if ! why=$("$1" true 2>&1); then
  echo "!!! NO AARCH64 PROGRAM RUNS HERE: ${why##*$'\n'}"
  # In CI it must.
  [[ -z ${CI:-} ]]
  exit
fi
exec "$1" "$2" "--gtest_filter=-$LEFT_OUT"
