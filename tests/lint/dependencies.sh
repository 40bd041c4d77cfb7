#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The table of README.md names the packages that scripts/deps installs, each with a reason, and no other.
set -eu
cd "$(dirname "$0")/../.."

code=$(mktemp)
page=$(mktemp)
trap 'rm -f "$code" "$page"' EXIT

scripts/deps --list | sort >"$code"
awk -F'|' '
  /^\| *when *\| *package *\|/ { inside = 1; next }
  inside && !/^\|/ { inside = 0 }
  inside && $2 !~ /^-+$/ {
    gsub(/ /, "", $2); gsub(/ /, "", $3); gsub(/^ +| +$/, "", $4); gsub(/`/, "", $3)
    if ($4 == "") print "README.md:" FNR ": no reason for " $3 >"/dev/stderr"
    count = split($3, names, ",")
    for (i = 1; i <= count; i++) print $2, names[i]
  }' README.md 2>&1 | sort >"$page"

if ! diff "$page" "$code" >/dev/null; then
  comm -23 "$page" "$code" | sed 's/^/README.md, not in scripts\/deps: /'
  comm -13 "$page" "$code" | sed 's/^/scripts\/deps, not in README.md: /'
  exit 1
fi
