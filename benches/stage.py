"""What the measurements share: C programs linked with a library, rulesets, a service on loopback."""

import http.server
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def compile_program(name, folder, sources, library, link="tidegate"):
    """A program in `folder` that finds the library of the folder `library`, wherever that is."""
    # A library that was built and not installed has no file of the name that programs look for.
    soname = Path(folder, f"lib{link}.so.1")
    soname.unlink(missing_ok=True)
    soname.symlink_to(Path(library).resolve() / f"lib{link}.so")
    program = Path(folder, name)
    subprocess.run(["cc", "-std=c99", "-D_DEFAULT_SOURCE", "-O2", "-Wall", "-Wextra",
                    f"-I{ROOT}/include", f"-I{ROOT}/benches/c", *sources, "-o", program,
                    f"-L{library}", f"-l{link}", f"-Wl,-rpath,{folder}:{library}", "-lpthread"],
                   check=True)
    return str(program)


def rules(size):
    """The ruleset of this size, as a service sends it."""
    made = subprocess.run([sys.executable, f"{ROOT}/benches/rules.py", size], check=True,
                          capture_output=True)
    return made.stdout


class Service(http.server.BaseHTTPRequestHandler):
    """A small service; each measurement says what it answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @classmethod
    def start(cls):
        """Serves until the program ends; returns the address for the option `api`."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
