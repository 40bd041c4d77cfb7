#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `kuke schema` prints is JSON Schema 2020-12 and judges documents as kuke does.

  schema_test.py KUKE FILE...     a file below invalid/ must be refused, every other one accepted

document_kinds_test.cpp holds kuke's own parser against the same files.
"""
import json
import pathlib
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (packages python3-jsonschema, python3-yaml)")
    sys.exit(77)


class Yaml12(yaml.SafeLoader):
    """Reads as editors do, by YAML 1.2: times and `yes` are strings; but 0755 stays octal, and 1e3 is a number."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), "tTfF")
Yaml12.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"), "-+0123456789")


def kuke_schema(kuke, *words):
    ran = subprocess.run([kuke, "schema", *words], stdout=subprocess.PIPE, check=True, text=True)
    return ran.stdout


def main(kuke, paths):
    failures = []
    schemas = {"": json.loads(kuke_schema(kuke))}
    for kind in schemas[""]["$defs"]:
        schemas[kind] = json.loads(kuke_schema(kuke, kind))
        if yaml.load(kuke_schema(kuke, kind, "-o", "yaml"), Yaml12) != schemas[kind]:
            failures.append(f"schema {kind}: -o yaml and -o json differ")

    judges = {}
    for kind, schema in schemas.items():
        if schema["$schema"] != "https://json-schema.org/draft/2020-12/schema":
            failures.append(f"schema {kind}: $schema is {schema['$schema']}")
        jsonschema.Draft202012Validator.check_schema(schema)
        judges[kind] = jsonschema.Draft202012Validator(schema)

    judged = {"valid": 0, "invalid": 0}
    for path in paths:
        want_valid = path.parent.name != "invalid"
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Yaml12))
        problems = []
        for document in documents:
            of_any = list(judges[""].iter_errors(document))
            problems += of_any
            kind = document.get("kind") if isinstance(document, dict) else None
            if kind in judges and bool(of_any) != (not judges[kind].is_valid(document)):
                failures.append(f"{path}: `kuke schema` and `kuke schema {kind}` disagree")
        judged["valid" if want_valid else "invalid"] += len(documents)
        if want_valid:
            failures += [f"{path}: {each.json_path}: {each.message}" for each in problems]
        elif not problems:
            failures.append(f"{path}: is valid by the schema")

    for failure in failures:
        print(failure)
    print(f"{len(schemas)} schemas, {judged['valid']} documents of valid files, {judged['invalid']} of invalid ones, "
          f"{len(failures)} failures")
    if min(judged.values()) == 0:
        print("nothing was judged")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]))
