#!/usr/bin/env bash
# Runs what the README and the C examples show, against the local server.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

target/debug/examples/local_server --rules examples/rules/shop.json \
    --lists examples/rules/shop.id_lists.json --quiet >"$work/address" &
server=$!
until [ -s "$work/address" ]; do
    kill -0 "$server"
    read -rt 0.05 <> <(:) || true
done
api=$(sed -n 's/.*"api":"\([^"]*\)".*/\1/p' "$work/address")

build() {
    cc -std=c99 -Wall -Wextra -Werror -Iinclude "$1" -o "$2" -Ltarget/debug -ltidegate \
        -Wl,-rpath,"$PWD/target/debug"
}

# The program that the README opens with.
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;/^```$/,$d' >"$work/readme.c"
build "$work/readme.c" "$work/readme"
"$work/readme" "$api" | tee "$work/out"
grep -qx 'employees_only for ada: on' "$work/out"

build examples/c/explain.c "$work/explain"
"$work/explain" "$api" secret-demo gate new_checkout '{"userID": "carol"}' | tee "$work/out"
grep -q 'its roll did not pass' "$work/out"
grep -q 'pass_gate "holdout_2026"' "$work/out"

echo "2 passed, 0 failed"
