"""A difference as a case file, ready to be completed and committed under tests/cases."""

KINDS = {"top": "client_init_response"}


def case_file(ruleset, mismatch):
    """The shared case format; `expect` has both answers, of which one must go."""
    specs = ruleset.v2 if mismatch.vendor == "core" else ruleset.v1
    return {
        "about": f"{mismatch.member} of {mismatch.kind} {mismatch.name}: {mismatch.channel}",
        "specs": specs,
        "environment": ruleset.environment,
        "global_custom_fields": ruleset.global_custom_fields,
        "overrides": ruleset.overrides,
        "id_lists": ruleset.id_lists,
        "cases": [
            {
                "id": f"{mismatch.kind}-{mismatch.member}",
                "kind": KINDS.get(mismatch.kind, mismatch.kind),
                "name": mismatch.name,
                "user": ruleset.users[0] if len(ruleset.users) == 1 else ruleset.users[mismatch.user],
                "expect": {mismatch.member: {"ours": mismatch.ours, "theirs": mismatch.theirs}},
            }
        ],
    }
