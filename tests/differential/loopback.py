"""A loopback server that gives rulesets and id lists to every side and records their events."""

import base64
import gzip
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def id_key(unit_id):
    """The key of an id in an id list."""
    return base64.b64encode(hashlib.sha256(unit_id.encode()).digest()).decode()[:8]


class Loopback:
    """Serves `/<side>/<ruleset>/...`; `rulesets` maps an id to (v1, v2, id lists)."""

    def __init__(self):
        self.rulesets = {}
        self.events = {}
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def put(self, ruleset_id, v1, v2, id_lists):
        files = {
            name: "".join(f"+{id_key(member)}\n" for member in members).encode()
            for name, members in id_lists.items()
        }
        with self.lock:
            encoded = [json.dumps(document).encode() for document in (v1, v2)]
            self.rulesets[ruleset_id] = (*encoded, files)

    def drop(self, ruleset_id):
        with self.lock:
            self.rulesets.pop(ruleset_id, None)
            for key in [key for key in self.events if key[1] == ruleset_id]:
                del self.events[key]

    def wait_for_events(self, side, ruleset_id, seconds=10):
        """Some packages deliver their last events from a thread of their own."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with self.lock:
                if self.events.get((side, ruleset_id)):
                    return
            time.sleep(0.02)

    def taken(self, side, ruleset_id):
        with self.lock:
            return self.events.pop((side, ruleset_id), [])

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path, body, ranged):
        side, ruleset_id, _, rest = path.lstrip("/").split("/", 3)
        with self.lock:
            v1, v2, files = self.rulesets[ruleset_id]
        if rest.startswith("download_config_specs"):
            return v2 if "/v2/" in path else v1
        if rest.startswith("get_id_lists"):
            base = path.rsplit("/", 1)[0]
            return json.dumps(
                {
                    name: {
                        "name": name,
                        "size": len(content),
                        "url": f"{self.url}{base}/list/{at}",
                        "creationTime": 1,
                        "fileID": f"file{at}",
                    }
                    for at, (name, content) in enumerate(files.items())
                }
            ).encode()
        if rest.startswith("list/"):
            content = list(files.values())[int(rest.rsplit("/", 1)[1])]
            return content[int(ranged.removeprefix("bytes=").split("-")[0] or 0) :]
        if rest.startswith(("log_event", "rgstr")):
            events = json.loads(body).get("events", [])
            with self.lock:
                self.events.setdefault((side, ruleset_id), []).extend(events)
        return b'{"success":true}'


def handler_for(loopback):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.reply()

        def do_POST(self):
            self.reply()

        def reply(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            path = self.path.split("?")[0]
            try:
                content = loopback.answer(path, body, self.headers.get("range") or "")
                self.send_response(200)
            except (KeyError, ValueError, IndexError):
                content = b"{}"
                self.send_response(404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
