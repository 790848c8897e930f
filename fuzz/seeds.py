"""Writes inputs to start from into FOLDER/<target>/, out of the conformance cases."""

import glob
import json
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
OPTIONS = [
    {"hash": "djb2", "client_sdk_key": "client-a"},
    {"hash": "none", "target_app_id": "app", "include_local_overrides": True},
    {"hash": None, "client_sdk_key": None},
]
ADDRESSES = ["24.18.183.148", " 8.8.8.8", "1.2.3", "2001:4860::8888", "256.1.1.1", "not.an.ip"]


def put(target, name, content):
    content = content if isinstance(content, bytes) else content.encode()
    (FOLDER / target / name.replace("/", "_")).write_bytes(content)


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


for index, path in enumerate(sorted(glob.glob("tests/cases/*.json"))):
    file = json.loads(Path(path).read_text())
    if "options" in file:
        put("options", str(index), json.dumps(file["options"]))
    cases = file["cases"][:5]
    for case in cases:
        name = f"{index}-{case['id']}"
        put("user", name, json.dumps(case["user"]))
        event = {"user": case["user"], "event_name": "e", "value": 1.5, "metadata": {"k": "v"}}
        put("event", name, json.dumps(event))
        if "overrides" in case:
            put("overrides", name, json.dumps(case["overrides"]))
        if "userAgent" in case["user"]:
            put("user_agent", name, str(case["user"]["userAgent"]))
    entities = [{"kind": case["kind"], "name": case["name"]} for case in cases]
    request = {"users": [case["user"] for case in cases], "entities": entities}
    put("batch", str(index), json.dumps({**request, "log_exposures": index % 2 == 0}))
    specs = Path(f"tests/specs/{file['specs']}.json").read_bytes()
    if len(specs) < 20_000:
        put("grpc_answer", str(index), b"\x0a" + varint(len(specs)) + specs + b"\x10\x96\x01")
        put("disk_cache", str(index), specs)
for index, options in enumerate(OPTIONS):
    put("response_options", str(index), json.dumps(options))
for index, address in enumerate(ADDRESSES):
    put("ip", str(index), address)
put("id_list", "list", "+AAAAAAAA\n+BBBBBBBB\r\n-AAAAAAAA\r+ CCCCCCCC \n*x\n")
# Kind, encoding, batch, count and time, then the payload; a line is a record.
put("spool_segment", "pieces", b"\1\1" + b"\7" * 28 + b"events\n\2\0" + b"\7" * 28)
