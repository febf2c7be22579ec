#!/bin/bash
# ifunc_test.sh OWN_LAST_LD
#
# A program whose functions are chosen at run time is refused when it is linked,
# on both machines; another one is not.
set -eu
readonly script=$1
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/program.c" <<'END'
static int One(void) { return 1; }
#ifdef IFUNC
static void* Choose(void) { return One; }
int Chosen(void) __attribute__((ifunc("Choose")));
#else
int Chosen(void) { return One(); }
#endif
void _start(void) {
  while (Chosen()) {
  }
}
END

failed=no
for arch in x86_64 aarch64; do
  link=("$arch-linux-gnu-gcc" -nostdlib -static -no-pie "-Wl,-T,$script"
    "$work/program.c" -o "$work/program")
  if ! "${link[@]}"; then
    echo "$arch: a program without them is refused"
    failed=yes
  fi
  if "${link[@]}" -DIFUNC 2>"$work/errors" ||
    ! grep -q "libc = 'glibc'" "$work/errors"; then
    echo "$arch: one with them is not refused, or for another reason:"
    cat "$work/errors"
    failed=yes
  fi
done
[[ $failed = no ]]
