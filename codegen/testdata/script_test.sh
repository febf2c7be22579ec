#!/bin/sh
# script_test.sh IMAGE SERVICE...: an image that is started by hand says that it
# serves these, so that all of its code was loaded.
set -eu
image=$1
shift
status=0
text=$(env -u RAMET_MODULE_FD PATH=/usr/bin:/bin "$image" 2>&1) || status=$?
if [ $status != 2 ]; then
  echo "status $status, 2 was expected: $text"
  exit 1
fi
for service in "$@"; do
  case $text in
    *"$service"*) ;;
    *) echo "missing: $service in: $text"; exit 1 ;;
  esac
done
echo ok
