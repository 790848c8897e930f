"""Validates the bill of materials against the schema of CycloneDX 1.5."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import dependencies
import sbom

validator = JsonStrictValidator(SchemaVersion.V1_5)
bill = sbom.bill(dependencies.host(), "grpc,redis", "0")
for document, is_valid in [(bill, True), (bill | {"components": [{"name": "no type"}]}, False)]:
    error = validator.validate_str(json.dumps(document))
    if (error is None) != is_valid:
        raise SystemExit(f"should be {'valid' if is_valid else 'invalid'}: {error}")
print(f"{len(bill['components'])} components, valid CycloneDX 1.5")
