#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every file of ours keeps: a licence line, no tabs, no blanks at line ends, no notes to self, lines that fit.
set -eu
cd "$(dirname "$0")/../.."

findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

# Go wants tabs, golden files of cli/ are what the program printed.
# shellcheck disable=SC2046 # no path of ours has blanks
awk '
  FNR == 1 {
    if (marked == 0 && last != "") print last ": no SPDX-License-Identifier in its first two lines"
    last = FILENAME; marked = 0; raw = 0
    cxx = FILENAME ~ /\.(h|c|cpp)$/
    limit = cxx ? 100 : 120
    prose = FILENAME ~ /\.(md|yaml|json)$/
    if (prose) marked = 1
  }
  FNR <= 2 && /SPDX-License-Identifier: Apache-2\.0/ { marked = 1 }
  /\t/ && FILENAME !~ /\.go$/ { print FILENAME ":" FNR ": tab" }
  /[ \r]$/ { print FILENAME ":" FNR ": blank at the end of the line" }
  /(TO)DO|(FIX)ME/ { print FILENAME ":" FNR ": note to self: say it in an issue" }
  {
    # Bytes become characters: a continuation byte of UTF-8 does not count.
    text = $0; gsub(/[\200-\277]/, "", text)
    if (cxx && text ~ /R"[a-z]*\(/) raw = 1
    # A raw string is a golden text: it is as long as it is.
    if (!raw && length(text) > limit && !(prose && (/^\|/ || /https?:/)))
      print FILENAME ":" FNR ": " length(text) " columns"
    if (raw && text ~ /\)[a-z]*"/) raw = 0
  }
  END { if (marked == 0) print last ": no SPDX-License-Identifier in its first two lines" }
' $(find ARCHITECTURE.md README.md CMakeLists.txt CMakePresets.json .clang-tidy .ci bench cmake docs examples scripts \
      src tests -type f ! -path 'tests/cli/*/*' ! -name '*.golden' ! -path '*/testdata/*' \
      ! -path 'tests/fuzz/corpus/*' | sort) >"$findings"

cat "$findings"
[ ! -s "$findings" ]
