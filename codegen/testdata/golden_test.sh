#!/bin/sh
# golden_test.sh PROTOC PLUGIN [--update]: compares what the plugin makes of
# every proto in this folder with golden/, or replaces golden/ by it.
set -eu
protoc=$1
plugin=$2
mode=${3:-}
here=codegen/testdata
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$protoc" -I. -Iprotos --plugin=protoc-gen-ramet="$plugin" \
  --ramet_out="$out" "$here"/*.proto

if [ "$mode" = --update ]; then
  golden=$BUILD_WORKSPACE_DIRECTORY/$here/golden
  rm -rf "$golden"
  mkdir -p "$golden"
  for file in "$out/$here"/*; do
    cp "$file" "$golden/$(basename "$file").golden"
  done
  echo "wrote $(ls "$golden" | wc -l) files to $golden"
  exit 0
fi

status=0
for file in "$out/$here"/*; do
  golden=$here/golden/$(basename "$file").golden
  diff -u "$golden" "$file" || status=1
done
for golden in "$here"/golden/*; do
  if [ ! -f "$out/$here/$(basename "$golden" .golden)" ]; then
    echo "$golden: the generator makes no such file"
    status=1
  fi
done
if [ $status != 0 ]; then
  echo "To accept: bazel run //codegen/testdata:update_goldens"
fi
exit $status
