#!/bin/bash
# symbols_test.sh SYMBOLS_TXT
#
# Every function and variable that Debian's C++ libraries take from the C library
# is one that somebody has looked at: it is in symbols.txt. Fails when an update
# of Debian's brings another.
set -eu
readonly reviewed=$1
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -v '^#' "$reviewed" | awk 'NF { print $1 }' | sort >"$work/reviewed"
if [[ -n $(uniq -d "$work/reviewed") ]]; then
  echo "twice in symbols.txt: $(uniq -d "$work/reviewed")"
  exit 1
fi

failed=no
: >"$work/all_wanted"
for arch in x86_64 aarch64; do
  triple=$arch-linux-gnu
  gcc=/usr/lib/gcc/$triple/12
  [[ $arch = x86_64 ]] || gcc=/usr/lib/gcc-cross/$triple/12
  archives=("$gcc"/lib{stdc++,gcc,gcc_eh}.a
    "/usr/lib/$triple"/lib{protobuf-lite,z,deflate}.a
    "/usr/lib/$triple"/libabsl_*.a)
  "$triple-nm" -g --defined-only "${archives[@]}" 2>/dev/null |
    awk 'NF == 3 { print $3 }' | sort -u >"$work/defined"
  "$triple-nm" -g -u "${archives[@]}" 2>/dev/null |
    awk 'NF == 2 { print $2 }' | sort -u | comm -23 - "$work/defined" \
    >"$work/wanted"
  cat "$work/wanted" >>"$work/all_wanted"
  if [[ $(wc -l <"$work/wanted") -lt 100 ]]; then
    echo "$arch: the libraries want almost nothing: are they there?"
    failed=yes
  fi
  new=$(comm -23 "$work/wanted" "$work/reviewed")
  if [[ -n $new ]]; then
    echo "$arch: not in symbols.txt:"$'\n'"$new"
    failed=yes
  fi
done
old=$(sort -u "$work/all_wanted" | comm -13 - "$work/reviewed")
if [[ -n $old ]]; then
  echo "in symbols.txt, but wanted by no library:"$'\n'"$old"
  failed=yes
fi
[[ $failed = no ]]
