#!/bin/sh
# golden_test.sh PROTOC PLUGIN [--update]: compares what the plugin makes of
# every proto in this folder, in each language, with golden/, or replaces
# golden/ by it.
set -eu
protoc=$1
plugin=$2
mode=${3:-}
here=codegen/testdata
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# generate OPTIONS FOLDER: into a folder of $out.
generate() {
  mkdir -p "$out/$2"
  "$protoc" -I. -Iprotos --plugin=protoc-gen-ramet="$plugin" \
    --ramet_out="$1$out/$2" "$here"/*.proto
}

# A Go package for each file, as go_ramet_module has it.
packages=Mramet/options.proto=ramet/optionspb
for proto in "$here"/*.proto; do
  packages=$packages,M$proto=${proto%.proto}pb
done

generate "" cpp
generate "lang=python:" python
generate "lang=go,$packages:" go
generate "lang=python,messages=bytes:" python_bytes
generate "lang=go,messages=bytes,$packages:" go_bytes

# The C++ as it is, the other languages in folders of their own; of those for
# bytes one file is enough.
mkdir "$out/golden"
cp "$out/cpp/$here"/* "$out/golden/"
for language in python go; do
  mkdir "$out/golden/$language"
  (cd "$out/$language/$here" && find . -type f) | while read -r file; do
    cp "$out/$language/$here/$file" \
      "$out/golden/$language/$(echo "${file#./}" | tr / _)"
  done
done
cp "$out/python_bytes/$here/streams_ramet.py" \
  "$out/golden/python/bytes_streams_ramet.py"
cp "$out/go_bytes/$here/streamspb/streams.ramet.go" \
  "$out/golden/go/bytes_streams.ramet.go"
find "$out/golden" -type f -exec mv {} {}.golden \;

if [ "$mode" = --update ]; then
  golden=$BUILD_WORKSPACE_DIRECTORY/$here/golden
  rm -rf "$golden"
  cp -r "$out/golden" "$golden"
  echo "wrote $(find "$golden" -type f | wc -l) files to $golden"
  exit 0
fi

if ! diff -ru "$here/golden" "$out/golden"; then
  echo "To accept: bazel run //codegen/testdata:update_goldens"
  exit 1
fi
