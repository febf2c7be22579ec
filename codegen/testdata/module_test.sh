#!/bin/sh
# module_test.sh RMOD_SHOW BUNDLE: looks into the bundle of the adversarial
# module.
set -eu
show=$1
bundle=$2
text=$("$show" "$bundle")

expect() {
  case $text in
    *"$1"*) ;;
    *) echo "missing: $1"; echo "in:"; echo "$text"; exit 1 ;;
  esac
}

expect "module adversarial"
expect "image linux-x86_64: "
# Policies come from the options.
expect "Ours(adversarial.imports.Request) returns (adversarial.imports.Reply) PARENTS"
expect "Theirs(adversarial.other.Request) returns (adversarial.other.Reply) ANY"
expect "Mixed(adversarial.imports.Request) returns (adversarial.other.Reply) SELF"
# Names are those of the .proto, not of the C++.
expect "delete(adversarial.keywords.delete) returns (adversarial.keywords.delete.operator)"
expect "service NoPackage"
expect "Chat(stream adversarial.streams.Word) returns (stream adversarial.streams.Word) PARENTS"
echo ok
