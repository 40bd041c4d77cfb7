#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The fuzz targets under AddressSanitizer and UBSan, from a build tree of clang's own (preset fuzz).
#
#   run.sh build              configures and builds them
#   run.sh TARGET SECONDS     runs one from the examples and tests/fuzz/corpus; what it finds is kept below build/fuzz
set -eu
cd "$(dirname "$0")/../.."

if ! command -v clang++ >/dev/null; then
  echo "skipped: no clang++ here (libFuzzer is clang's)"
  exit 77
fi
if [ "$1" = build ]; then
  cmake --preset fuzz
  exec cmake --build --preset fuzz -- -j"${KUKEON_JOBS:-2}"
fi

target=$1 seconds=$2
corpus=build/fuzz/corpus/$target
mkdir -p "$corpus"
case $target in
  yaml_documents) seeds='examples examples/profiles' ;;
  json_documents | frames) seeds=tests/fuzz/corpus/json ;;
  accounts | seccomp | archive | image_reference) seeds=tests/fuzz/corpus/$target ;;
  *) seeds= ;;
esac
# shellcheck disable=SC2086  # several folders
exec "build/fuzz/tests/${target}_fuzz" -max_total_time="$seconds" -rss_limit_mb=512 -timeout=10 -print_final_stats=1 \
  -artifact_prefix="$corpus.found-" "$corpus" $seeds
