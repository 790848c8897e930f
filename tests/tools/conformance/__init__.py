"""Tables of rulesets, users and expected results, and what turns them into files."""
