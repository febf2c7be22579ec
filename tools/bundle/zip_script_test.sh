#!/bin/sh
# zip_script_test.sh ZIP_SCRIPT_TEST.py
exec /usr/bin/python3 "$1"
