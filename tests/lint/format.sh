#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Layout is clang-format's business: `clang-format -i` mends every finding. Debian 12 has version 14.
set -eu
cd "$(dirname "$0")/../.."

for program in clang-format-14 clang-format; do
  if command -v $program >/dev/null && $program --version | grep -q 'version 14\.'; then
    find src tests bench \( -name '*.h' -o -name '*.c' -o -name '*.cpp' \) ! -path '*/testdata/*' -print0 \
      | xargs -0 -r $program --dry-run --Werror --ferror-limit=1
    exit 0
  fi
done
echo "skipped: no clang-format 14 here (scripts/deps --test)"
exit 77
