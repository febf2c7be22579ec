#!/bin/sh
# go_build.sh IMAGE GOARCH GENERATED PACKAGE RUNTIME.go... -- SOURCE.go...
#
# Builds package main of the sources, a static program, without modules and
# without a network: everything is put into a GOPATH of its own, beside Debian's
# libraries.
set -eu
image=$1
arch=$2
generated=$3
package=$4
shift 4

work=$(mktemp -d)
# go makes what it unpacks read-only.
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$work/src/$package"
cp -RL "$generated/." "$work/src/"
chmod -R u+w "$work/src"
while [ "$1" != -- ]; do
  folder=$work/src/$(basename "$(dirname "$1")")
  mkdir -p "$folder"
  cp "$1" "$folder/"
  shift
done
shift
cp "$@" "$work/src/$package/"

# The settings of whoever builds do not count.
env -i PATH=/usr/bin:/bin HOME="$work" \
  GO111MODULE=off GOFLAGS= GOPROXY=off GOTOOLCHAIN=local \
  GOPATH="$work:/usr/share/gocode" GOCACHE="$work/cache" \
  CGO_ENABLED=0 GOOS=linux GOARCH="$arch" \
  go build -trimpath -ldflags '-s -w -buildid=' -o "$image" "$package"
