"""Real ruleset files as rulesets, with users that vary over what their conditions look at."""


def real_rulesets(paths, user_count):
    raise NotImplementedError
