#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs schema_test.py where there is a Python: `tests/schema/run.sh KUKE FILE…`.
set -eu

if ! command -v python3 >/dev/null; then
  echo "skipped: no python3 here (packages python3-jsonschema, python3-yaml)"
  exit 77
fi
exec python3 "$(dirname "$0")/schema_test.py" "$@"
