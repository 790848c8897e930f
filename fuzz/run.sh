#!/usr/bin/env bash
# Runs each fuzz target for SECONDS_EACH (600), seeded from the conformance cases.
# cargo-fuzz wants unstable flags; RUSTC_BOOTSTRAP gives them on the stable compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
mkdir -p "$seeds"/{ruleset,user,options,id_list,event}
cp tests/specs/*.json "$seeds/ruleset/"
find "$seeds/ruleset" \( -size +64k -o -name '*.id_lists.json' \) -delete
python3 - "$seeds" <<'PY'
import glob, json, sys
for index, path in enumerate(sorted(glob.glob("tests/cases/*.json"))):
    file = json.load(open(path))
    if "options" in file:
        open(f"{sys.argv[1]}/options/{index}", "w").write(json.dumps(file["options"]))
    for case in file["cases"][:5]:
        name = f"{index}-{case['id']}".replace("/", "_")
        open(f"{sys.argv[1]}/user/{name}", "w").write(json.dumps(case["user"]))
        event = {"user": case["user"], "event_name": "e", "value": 1.5, "metadata": {"k": "v"}}
        open(f"{sys.argv[1]}/event/{name}", "w").write(json.dumps(event))
open(f"{sys.argv[1]}/id_list/list", "w").write("+AAAAAAAA\n+BBBBBBBB\r\n-AAAAAAAA\r+ CCCCCCCC \n*x\n")
PY
for target in ${TARGETS:-ruleset user options id_list event}; do
    mkdir -p "fuzz/corpus/$target"
    RUSTC_BOOTSTRAP=1 cargo fuzz run "$target" "fuzz/corpus/$target" "$seeds/$target" -- \
        -max_total_time="${SECONDS_EACH:-600}" -timeout=10 -rss_limit_mb=2048 -max_len=65536
done
