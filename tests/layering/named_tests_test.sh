#!/bin/sh
# The sources are found behind the runfile's link, as in layering_test.sh.
set -eu
script=$(readlink -f "$1")
exec /usr/bin/python3 "$script" "${script%/tests/layering/named_tests.py}"
