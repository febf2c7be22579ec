#!/bin/bash
# same_output_test.sh IMAGE...
#
# Each program with each C library, for this machine and, where QEMU is, for
# AArch64: all of one machine print the same and end with the same status.
set -u
readonly QEMU=/usr/bin/qemu-aarch64-static

failed=no
declare -A outputs
ulimit -c 0
for image in "$@"; do
  run=()
  machine=x86_64
  if [[ $image = *aarch64* ]]; then
    machine=aarch64
    if [[ ! -x $QEMU ]]; then
      echo "!!! $QEMU IS MISSING: $image is not tried"
      [[ -z ${CI:-} ]] || failed=yes
      continue
    fi
    run=("$QEMU")
  fi
  output=$("${run[@]}" "$image" 2>&1; echo "status $?")
  if [[ $(wc -l <<<"$output") -lt 40 || $output = *" is false"* ]]; then
    echo "$image printed:"$'\n'"$output"
    failed=yes
  fi
  if [[ -z ${outputs[$machine]:-} ]]; then
    outputs[$machine]=$output
  elif ! diff <(echo "${outputs[$machine]}") <(echo "$output"); then
    echo "$image prints something else (>) than with the other C library (<)"
    failed=yes
  fi
done
[[ $failed = no && $# -eq 4 ]]
