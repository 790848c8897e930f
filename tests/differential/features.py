"""Features: inputs that show one intended difference, put into a ruleset on purpose.

Each has a name, the differences it may show, values to give users, conditions that meet them,
or a change to the ruleset.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Feature:
    name: str
    # The names of the differences that may show.
    names: frozenset
    # Values of the custom attribute "feature" that users are given.
    values: tuple = ()
    # Conditions that meet them; the field is filled in.
    conditions: tuple = ()
    # Changes the users, before rules are made for them.
    change_user: object = None
    # Changes the finished ruleset.
    change: object = None
    members: dict = field(default_factory=dict)

    def prepare_users(self, rng, users):
        for user in users:
            if self.values and rng.random() < 0.8:
                user.setdefault("custom", {})["feature"] = rng.choice(self.values)
            if self.change_user:
                self.change_user(rng, user)

    def apply(self, maker, ruleset):
        """Puts the feature's conditions into rules of some gates, and changes the ruleset."""
        rng = maker.rng
        for at, template in enumerate(self.conditions):
            condition = {"type": "user_field", "field": "feature", **template}
            gate = maker.gate(f"feature_{at}", "feature_gate")
            gate["enabled"] = True
            gate["rules"] = [maker.rule(0, True, conditions=[condition])]
            if rng.random() < 0.5:
                gate["rules"].append(maker.rule(1, True))
            outer = maker.gate(f"outer_feature_{at}", "feature_gate")
            outer["rules"] = [
                maker.rule(
                    0,
                    True,
                    conditions=[
                        {"type": rng.choice(["pass_gate", "fail_gate"]), "operator": None,
                         "targetValue": gate["name"]}
                    ],
                )
            ]  # fmt: skip
        if self.change:
            self.change(maker, ruleset)


FEATURES = [Feature("nothing", frozenset())]
