#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Scripts parse, and shellcheck has no warning about them.
set -eu
cd "$(dirname "$0")/../.."

scripts=$(find scripts .ci bench tests/lint tests/cli tests/schema -type f \
  \( -name '*.sh' -o ! -name '*.*' ! -path 'tests/*' \) | sort)
for script in $scripts; do
  case $(head -n 1 "$script") in
    *bash) bash -n "$script" ;;
    *) sh -n "$script" ;;
  esac
done
if ! command -v shellcheck >/dev/null; then
  echo "skipped: no shellcheck here (scripts/deps --test)"
  exit 77
fi
# shellcheck disable=SC2086 # no path of ours has blanks
shellcheck -S warning $scripts
