"""Delta debugging: the smallest ruleset and user that still show an unexplained difference."""

import copy

BUDGET = 400


def shrink(ruleset, user, fails):
    """A smaller ruleset with one user for which `fails(ruleset)` still holds."""
    return Shrinker(fails).run(ruleset, user)


class Shrinker:
    def __init__(self, fails):
        self.fails = fails
        self.left = BUDGET

    def run(self, ruleset, user):
        small = copy.deepcopy(ruleset)
        small.users = [small.users[user]]
        small.given_v2 = None if small.given_v2 is None else small.given_v2
        if not self.holds(small):
            return ruleset
        before = None
        while before != (before := size(small)) and self.left > 0:
            for lists in (specs_lists, rule_lists, condition_lists, target_lists, other_lists):
                for read in lists(small):
                    small = self.fewer(small, read)
            for maps in (user_maps, document_maps):
                for read in maps(small):
                    small = self.fewer_keys(small, read)
            if before == size(small):
                break
        return small

    def holds(self, candidate):
        if self.left <= 0:
            return False
        self.left -= 1
        return self.fails(candidate)

    def fewer(self, ruleset, read):
        """Removes as many elements of one list as can go, in ever smaller runs."""
        length = len(read(ruleset))
        run = max(1, length // 2)
        while length and run:
            start = 0
            while start < len(read(ruleset)):
                candidate = copy.deepcopy(ruleset)
                del read(candidate)[start : start + run]
                if self.holds(candidate):
                    ruleset = candidate
                else:
                    start += run
            run //= 2
        return ruleset

    def fewer_keys(self, ruleset, read):
        for key in list(read(ruleset) or {}):
            candidate = copy.deepcopy(ruleset)
            del read(candidate)[key]
            if self.holds(candidate):
                ruleset = candidate
        return ruleset


def size(ruleset):
    return len(repr((ruleset.v1, ruleset.users, ruleset.id_lists, ruleset.overrides)))


PARTS = ("feature_gates", "dynamic_configs", "layer_configs")


def specs_lists(_):
    return [lambda ruleset, part=part: ruleset.v1[part] for part in PARTS]


def rule_lists(ruleset):
    return [
        lambda ruleset, part=part, at=at: ruleset.v1[part][at]["rules"]
        for part in PARTS
        for at in range(len(ruleset.v1[part]))
    ]


def every_rule(ruleset):
    for part in PARTS:
        for at, spec in enumerate(ruleset.v1[part]):
            for number in range(len(spec["rules"])):
                yield part, at, number


def rule_at(ruleset, place):
    part, at, number = place
    return ruleset.v1[part][at]["rules"][number]


def condition_lists(ruleset):
    return [
        lambda ruleset, place=place: rule_at(ruleset, place)["conditions"]
        for place in every_rule(ruleset)
    ]


def every_condition(ruleset):
    for place in every_rule(ruleset):
        for number in range(len(rule_at(ruleset, place)["conditions"])):
            yield place, number


def condition_at(ruleset, place, number):
    return rule_at(ruleset, place)["conditions"][number]


def target_lists(ruleset):
    return [
        lambda ruleset, place=place, at=at: condition_at(ruleset, place, at)["targetValue"]
        for place, at in every_condition(ruleset)
        if isinstance(condition_at(ruleset, place, at).get("targetValue"), list)
    ]


def other_lists(ruleset):
    return [
        lambda ruleset: ruleset.overrides,
        *(lambda ruleset, name=name: ruleset.id_lists[name] for name in ruleset.id_lists),
    ]


def user_maps(ruleset):
    nested = [name for name, value in ruleset.users[0].items() if isinstance(value, dict)]
    return [
        *(lambda ruleset, name=name: ruleset.users[0].get(name) for name in nested),
        lambda ruleset: ruleset.users[0],
        lambda ruleset: ruleset.id_lists,
    ]


KEPT = {"has_updates", "time", *PARTS}


def document_maps(ruleset):
    made = []
    for part in PARTS:
        for at in range(len(ruleset.v1[part])):
            for member in ("defaultValue",):
                if isinstance(ruleset.v1[part][at].get(member), dict):
                    made.append(lambda ruleset, part=part, at=at: ruleset.v1[part][at]["defaultValue"])
    for place in every_rule(ruleset):
        if isinstance(rule_at(ruleset, place).get("returnValue"), dict):
            made.append(lambda ruleset, place=place: rule_at(ruleset, place)["returnValue"])
    for name in ("overrides", "override_rules"):
        if ruleset.v1.get(name):
            made.append(lambda ruleset, name=name: ruleset.v1.get(name))
    made.append(lambda ruleset: Optional(ruleset.v1))
    return made


class Optional(dict):
    """The members of a document that may go, deleting from the document itself."""

    def __init__(self, document):
        super().__init__({key: value for key, value in document.items() if key not in KEPT})
        self.document = document

    def __delitem__(self, key):
        del self.document[key]
