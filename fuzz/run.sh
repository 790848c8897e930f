#!/usr/bin/env bash
# Runs each fuzz target for SECONDS_EACH (600), seeded from the conformance cases and vectors.
# TARGETS names some of them. cargo-fuzz wants unstable flags; RUSTC_BOOTSTRAP gives them on the
# stable compiler. The last lines tell how many inputs each target ran.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
all=$(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^tidegate-fuzz$')
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
for target in $all; do mkdir -p "$seeds/$target"; done
cp tests/specs/*.json "$seeds/ruleset/"
find "$seeds/ruleset" \( -size +64k -o -name '*.id_lists.json' \) -delete
python3 fuzz/seeds.py "$seeds"
for target in ${TARGETS:-$all}; do
    mkdir -p "fuzz/corpus/$target"
    features=()
    [ "$target" != grpc_answer ] || features=(--features grpc)
    RUSTC_BOOTSTRAP=1 cargo fuzz run "${features[@]}" "$target" "fuzz/corpus/$target" "$seeds/$target" -- \
        -max_total_time="${SECONDS_EACH:-600}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 2>&1 | tee "$seeds/$target.log" | grep --line-buffered -v '^#'
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$seeds/$target.log") runs"
done
