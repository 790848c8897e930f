"""Tidegate's C library, through ctypes, behind the drivers' protocol.

Usage: tidegate.py LIBRARY DOCUMENT_VERSION, where the version is v1 or v2.
"""

import ctypes
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from protocol import run_client, serve

NO_SYNC = 24 * 3600
WAIT_MS = 30_000
NO_EXPOSURE = 1
KINDS = {"gate": 1, "config": 2, "experiment": 3, "layer": 4}


class Library:
    """The functions used here, with text as pointer and length and a status checked."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.tidegate_buf_data.restype = ctypes.c_void_p
        self.c.tidegate_buf_data.argtypes = [ctypes.c_void_p]
        self.c.tidegate_buf_len.restype = ctypes.c_size_t
        self.c.tidegate_buf_len.argtypes = [ctypes.c_void_p]
        self.c.tidegate_buf_free.restype = None
        self.c.tidegate_buf_free.argtypes = [ctypes.c_void_p]
        self.c.tidegate_last_error.restype = ctypes.c_size_t
        self.c.tidegate_last_error.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def call(self, name, *arguments):
        """Ids are int, text is str; everything else is passed as it is."""
        function = getattr(self.c, "tidegate_" + name)
        function.restype = ctypes.c_int32
        passed = []
        for argument in arguments:
            if isinstance(argument, str):
                encoded = argument.encode()
                passed += [ctypes.c_char_p(encoded), ctypes.c_size_t(len(encoded))]
            elif isinstance(argument, int):
                passed.append(ctypes.c_uint64(argument))
            else:
                passed.append(argument)
        status = function(*passed)
        if status < 0:
            message = ctypes.create_string_buffer(1024)
            self.c.tidegate_last_error(message, len(message))
            raise RuntimeError(f"tidegate_{name}: {status}: {message.value.decode()}")

    def handle(self, name, *arguments):
        out = ctypes.c_uint64()
        self.call(name, *arguments, ctypes.byref(out))
        return out.value

    def json(self, name, *arguments):
        """The JSON in an owned buffer, or None for an empty one."""
        out = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(out))
        try:
            data = self.c.tidegate_buf_data(out)
            content = ctypes.string_at(data, self.c.tidegate_buf_len(out))
            return json.loads(content) if content else None
        finally:
            self.c.tidegate_buf_free(out)


class Client:
    def __init__(self, library, version, request):
        self.library = library
        base = f"{request['url']}/{version}"
        options = {
            "api": base,
            "rulesets_sync_interval": NO_SYNC,
            "idlists_sync_interval": NO_SYNC,
            "logging_interval": NO_SYNC,
            "event_queue_size": 100_000,
            "disable_diagnostics": True,
        }
        if version == "v2":
            # Id lists and events have one version only.
            options["api_for_get_id_lists"] = f"{request['url']}/v1"
            options["api_for_log_event"] = f"{request['url']}/v1"
        if request["environment"]:
            options["environment"] = request["environment"]
        if request["global_custom_fields"]:
            options["global_custom_fields"] = request["global_custom_fields"]
        self.users = []
        handle = library.handle("options_new", json.dumps(options))
        self.client = library.handle("client_new", request["key"], handle)
        library.call("options_release", handle)
        library.call("client_initialize", self.client, ctypes.c_uint32(WAIT_MS))

    def user(self, user):
        handle = self.library.handle("user_new", json.dumps(user, ensure_ascii=False))
        self.users.append(handle)
        return handle

    def gcir(self, user, options):
        return self.library.json(
            "get_client_init_response", self.client, user, json.dumps(options)
        )

    def result(self, kind, user, name, flags):
        return self.library.handle(
            f"get_{kind}", self.client, user, name, ctypes.c_uint32(flags)
        )

    def entity(self, kind, user, name):
        result = self.result(kind, user, name, NO_EXPOSURE)
        answer = self.library.json("result_to_json", result)
        self.library.call("result_release", result)
        details = answer.pop("details")
        answer["source"] = details["source"]
        answer["why"] = details["reason"]
        answer["reason"] = details["detailed_reason"]
        answer["config_sync_time"] = details["config_sync_time"]
        answer["init_time"] = details["init_time"]
        return answer

    def everything(self, user):
        return self.library.json("evaluate_all", self.client, user)

    def override(self, kind, name, value, id):
        self.library.call(
            "override",
            self.client,
            ctypes.c_int32(KINDS[kind]),
            name,
            json.dumps(value, ensure_ascii=False),
            id or "",
        )

    def expose(self, kind, user, name):
        result = self.result(kind, user, name, 0)
        if kind == "layer":
            for key in self.library.json("result_to_json", result)["value"]:
                self.library.json("result_get_json", result, key)
        self.library.call("result_release", result)

    def shutdown(self):
        library = self.library
        library.call("client_shutdown", self.client, ctypes.c_uint32(WAIT_MS), None)
        for user in self.users:
            library.call("user_release", user)
        library.call("client_release", self.client)


if __name__ == "__main__":
    LIBRARY = Library(sys.argv[1])
    VERSION = sys.argv[2]
    serve(lambda request: run_client(request, Client(LIBRARY, VERSION, request)))
