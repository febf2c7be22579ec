#!/bin/bash
# streams_test.sh IMAGE...
#
# What streams_program prints, for this machine and, where QEMU is, for AArch64.
set -u
readonly EXPECTED='early 1.5
number 42 INVALID_ARGUMENT: bad
caught
1970-01-01T00:00:00+00:00 10004
0
terminate called after throwing St12out_of_range: uncaught'
readonly QEMU=/usr/bin/qemu-aarch64-static

failed=no
ulimit -c 0
for image in "$@"; do
  run=()
  if [[ $image = *aarch64* ]]; then
    if [[ ! -x $QEMU ]]; then
      echo "!!! $QEMU IS MISSING: $image is not tried"
      [[ -z ${CI:-} ]] || failed=yes
      continue
    fi
    run=("$QEMU")
  fi
  output=$("${run[@]}" "$image" 2>&1 | grep -v '^qemu:')
  if [[ $output != "$EXPECTED" ]]; then
    echo "$image printed:"$'\n'"$output"
    failed=yes
  fi
done
[[ $failed = no && $# -eq 2 ]]
