#!/bin/sh
# The sources are found behind the runfile's link: a test can't depend on every
# file of every package.
set -eu
script=$(readlink -f "$1")
exec /usr/bin/python3 "$script" "${script%/tests/layering/layering.py}" "$2" "$3"
