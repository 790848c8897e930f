#!/bin/sh
# Compiles and runs the program beside it against the release library; see its first lines.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
library=${LIBRARY_DIR:-$root/target/release}
"${CC:-cc}" -std=c99 -D_POSIX_C_SOURCE=200809L -O2 -I"$root/include" "$here/waits.c" \
	-o "$folder/waits" -L"$library" -ltidegate -Wl,-rpath,"$library"
timeout 600 "$folder/waits" "$root/tests/specs/f1.json"
