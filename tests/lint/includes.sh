#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The include table of ARCHITECTURE.md holds for every #include and every LINK of CMakeLists.txt. Headers that compile
# slowly stay in .cpp files, or in a header that only its own folder includes.
set -eu
cd "$(dirname "$0")/../.."

table=$(mktemp)
heavy=$(mktemp)
findings=$(mktemp)
trap 'rm -f "$table" "$heavy" "$findings"' EXIT

# "folder: a b c" for each row of the table.
awk -F'|' '
  /^\| folder \(/ { inside = 1; next }
  inside && !/^\|/ { inside = 0 }
  inside && $2 !~ /^-+$/ {
    gsub(/[ `]/, "", $2); gsub(/[ `–]/, "", $4); gsub(/,/, " ", $4)
    print $2 ": " $4
  }' ARCHITECTURE.md >"$table"
[ -s "$table" ] || { echo "ARCHITECTURE.md: no include table found"; exit 1; }

for directory in src/kukeon/*/; do
  folder=$(basename "$directory")
  grep -q "^$folder:" "$table" || echo "src/kukeon/$folder: no row in the table of ARCHITECTURE.md"
done >>"$findings"
sed 's/:.*//' "$table" | while read -r folder; do
  [ -d "src/kukeon/$folder" ] || echo "ARCHITECTURE.md: row \"$folder\" has no folder src/kukeon/$folder"
done >>"$findings"

find src/kukeon -name '*.h' -exec grep -lE \
  '^#include <(grpc|google/protobuf|asio|rapidjson|nlohmann|yaml-cpp|archive|CLI/|sqlite3|spdlog|nftables|netlink)' \
  {} + | sed 's|^src/||' >"$heavy" || true

# shellcheck disable=SC2046 # no path of ours has blanks
awk '
  FILENAME == ARGV[1] { heavy[$0] = 1; next }
  FILENAME == ARGV[2] {
    split($0, row, ": *"); known[row[1]] = 1; allowed[row[1], row[1]] = 1; allowed[row[1], "base"] = 1
    count = split(row[2], names, " ")
    for (i = 1; i <= count; i++) allowed[row[1], names[i]] = 1
    next
  }
  FNR == 1 {
    split(FILENAME, path, "/"); folder = path[3]
  }
  /^#include "kukeon\// {
    split($2, part, "/"); target = part[2]
    if (!((folder, target) in allowed))
      print FILENAME ":" FNR ": " folder " may not include " target " (ARCHITECTURE.md)"
    file = $2; gsub(/"/, "", file)
    if ((getline line < ("src/" file)) < 0) print FILENAME ":" FNR ": " file " does not exist"
    close("src/" file)
    if (file in heavy && target != folder)
      print FILENAME ":" FNR ": " file " drags slow headers along: they belong in .cpp files"
  }
  /^#include "/ && !/^#include "(kukeon|github\.com)\// { print FILENAME ":" FNR ": " $2 " is no full path" }
  /^#include <(grpc|google\/protobuf)/ && folder != "containerd" {
    print FILENAME ":" FNR ": only containerd/ knows gRPC and protobuf"
  }' "$heavy" "$table" $(find src/kukeon -name '*.h' -o -name '*.cpp') >>"$findings"

# kukeon_library(folder LINK a b PRIVATE …): LINK stays within the row.
awk '
  FNR == NR {
    split($0, row, ": *"); allowed[row[1], "base"] = 1
    count = split(row[2], names, " ")
    for (i = 1; i <= count; i++) allowed[row[1], names[i]] = 1
    next
  }
  /^kukeon_library\(/ {
    line = $0; sub(/^kukeon_library\(/, "", line); sub(/\)$/, "", line); sub(/ PRIVATE .*/, "", line)
    count = split(line, word, " ")
    for (i = 3; i <= count; i++)
      if (word[i] !~ /::/ && !((word[1], word[i]) in allowed))
        print "CMakeLists.txt:" FNR ": " word[1] " may not link " word[i] " (ARCHITECTURE.md)"
  }' "$table" CMakeLists.txt >>"$findings"

cat "$findings"
[ ! -s "$findings" ]
