"""A shop's front page, on gunicorn with the application loaded before its workers are forked:

    export TIDEGATE_OPTIONS='{"api": "http://127.0.0.1:8181/v1"}'
    gunicorn --chdir examples/python app:application

The client is made once, in the master. Each worker evaluates with the rules that it inherited, and
keeps them fresh and delivers its events by itself.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Iterable
from urllib.parse import parse_qs

import tidegate

options = json.loads(os.environ.get("TIDEGATE_OPTIONS", "{}"))
client = tidegate.initialize(os.environ.get("TIDEGATE_KEY", "secret-shop"), options)


def page(path: str, query: dict[str, list[str]], agent: str) -> dict[str, Any]:
    """What a visitor sees."""
    name = query.get("user", ["guest"])[0]
    email = query.get("email", [None])[0]
    with tidegate.User(name, email=email, user_agent=agent) as user:
        layer = client.get_layer(user, "checkout_layer")
        client.log_event(user, "page_view", path, {"worker": str(os.getpid())})
        return {
            "new_checkout": client.check_gate(user, "new_checkout"),
            "banner": client.get_config(user, "shop_banner").get_str("title"),
            "button": layer.get_str("button_text", "Buy"),
            "worker": os.getpid(),
        }


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application."""
    query = parse_qs(environ.get("QUERY_STRING", ""))
    found = page(environ["PATH_INFO"], query, environ.get("HTTP_USER_AGENT", ""))
    body = json.dumps(found).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
