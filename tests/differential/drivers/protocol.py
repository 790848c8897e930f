"""What the drivers share: one request a line on standard input, one answer a line out.

A request is one ruleset with users; see `run.py` for its members. Whatever a package prints
goes to standard error, so that it cannot mix with the answers.
"""

import json
import os
import sys
import traceback


def serve(evaluate):
    """Answers every request with what `evaluate(request)` returns, or with its error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = evaluate(request)
        except Exception:  # the harness reports it with the ruleset that caused it
            answer = {"error": traceback.format_exc()}
        answer["id"] = request["id"]
        answers.write(json.dumps(answer, ensure_ascii=True) + "\n")
        answers.flush()


def run_client(request, client):
    """Asks one client everything a request asks for, in the order all drivers share.

    `client` has gcir(user, options), entity(kind, user, name), everything(user),
    override(kind, name, value, id), expose(kind, user, name), user(json) and shutdown().
    """
    answer = {"users": [], "overridden": [], "error": None}
    try:
        users = [client.user(user) for user in request["users"]]
        for at, user in enumerate(users):
            whole = at < request["whole_users"]
            responses = request["gcir"] if whole else request["gcir"][:1]
            answer["users"].append(ask(client, user, responses, request["names"]))
        for override in request["overrides"]:
            client.override(*override)
        if request["overrides"]:
            for user in users[: request["whole_users"]]:
                answer["overridden"].append(
                    ask(client, user, request["gcir_overridden"], request["names"])
                )
        for user in users[: request["exposed_users"]]:
            for kind, names in request["names"].items():
                for name in names:
                    client.expose(kind, user, name)
    finally:
        client.shutdown()
    return answer


def ask(client, user, responses, names):
    return {
        "gcir": [client.gcir(user, options) for options in responses],
        "entities": {
            kind: {name: client.entity(kind, user, name) for name in of_kind}
            for kind, of_kind in names.items()
        },
        "all": client.everything(user),
    }
