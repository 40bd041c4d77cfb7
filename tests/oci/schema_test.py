#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every golden specification is a config.json by the JSON schema of the OCI runtime specification.

  schema_test.py SCHEMA-FOLDER FILE...
"""
import copy
import json
import pathlib
import sys
import warnings

try:
    import jsonschema
except ImportError as missing:
    print(f"skipped: {missing} (package python3-jsonschema)")
    sys.exit(77)

# One wrong value each: the schema must notice, or it judges nothing.
DAMAGE = {
    "process.cwd is a number": lambda spec: spec["process"].update(cwd=1),
    "a namespace is of no kind": lambda spec: spec["linux"]["namespaces"][0].update(type="none"),
    "seccomp does what is unknown": lambda spec: spec["linux"].update(seccomp={"defaultAction": "ALLOW"}),
    "a mount goes nowhere": lambda spec: spec["mounts"][0].pop("destination"),
    "a device is a file": lambda spec: spec["linux"].update(devices=[{"path": "/x", "type": "f"}]),
    "no ociVersion": lambda spec: spec.pop("ociVersion"),
}


def main(folder, paths):
    schema = json.loads((folder / "config-schema.json").read_text(encoding="utf-8"))
    # References are relative to the file that has them. Newer versions have another way, Debian's does not.
    warnings.simplefilter("ignore", DeprecationWarning)
    resolver = jsonschema.RefResolver(f"{folder.resolve().as_uri()}/config-schema.json", schema)
    # The schema's own `id` is not where its files are.
    schema.pop("id", None)
    judge = jsonschema.Draft4Validator(schema, resolver=resolver)

    failures = []
    for path in paths:
        spec = json.loads(path.read_text(encoding="utf-8"))
        failures += [f"{path}: {each.json_path}: {each.message}" for each in judge.iter_errors(spec)]
    for what, damage in DAMAGE.items():
        spec = copy.deepcopy(json.loads(paths[0].read_text(encoding="utf-8")))
        damage(spec)
        if judge.is_valid(spec):
            failures.append(f"the schema accepts a specification in which {what}")

    for failure in failures:
        print(failure)
    print(f"{len(paths)} specifications, {len(DAMAGE)} damaged ones, {len(failures)} failures")
    return 1 if failures or len(paths) < 60 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[2:]]))
