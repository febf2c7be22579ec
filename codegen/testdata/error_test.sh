#!/bin/sh
# error_test.sh PROTOC PLUGIN: every proto in errors/ is refused with the text
# that errors/expected.txt has for it, and so are unknown options.
set -eu
protoc=$1
plugin=$2
here=codegen/testdata
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# refuse OPTIONS FILE: prints the error.
refuse() {
  if "$protoc" -I. -Iprotos --plugin=protoc-gen-ramet="$plugin" \
      --ramet_out="$1$out" "$2" 2>"$out/error"; then
    echo "$2 was accepted" >&2
    exit 1
  fi
  sed 's/^--ramet_out: //' "$out/error"
}

for proto in "$here"/errors/*.proto; do
  refuse "" "$proto"
done >"$out/errors.txt"
diff -u "$here/errors/expected.txt" "$out/errors.txt"

has="protoc-gen-ramet has lang=cpp|python|go, messages=bytes and"
has="$has Mfile.proto=go/package"

# refuse_option OPTIONS TEXT
refuse_option() {
  refuse "$1:" "$here/no_package.proto" >"$out/option.txt"
  echo "$here/no_package.proto: $2" | diff -u - "$out/option.txt"
}

refuse_option sync=true "unknown option \"sync=true\": $has"
refuse_option lang=perl "unknown option \"lang=perl\": $has"
refuse_option messages=bytes "messages=bytes is for Python and Go"
refuse_option lang=go "$here/no_package.proto has no Go package: give it an\
 option go_package, or the plugin M$here/no_package.proto=PATH"
echo ok
