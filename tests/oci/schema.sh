#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs schema_test.py where there is a Python and the schema: `tests/oci/schema.sh SCHEMA-FOLDER FILE…`.
set -eu

if ! command -v python3 >/dev/null; then
  echo "skipped: no python3 here (package python3-jsonschema)"
  exit 77
fi
if [ ! -e "$1/config-schema.json" ]; then
  echo "skipped: no OCI schema in $1 (package golang-github-opencontainers-specs-dev)"
  exit 77
fi
exec python3 "$(dirname "$0")/schema_test.py" "$@"
