#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one case: `tests/cli/run.sh tests/cli/<case>`.
#
#   cmd      a shell script; kuke, kukeond and kukepause come first in its PATH
#   out err  what it must print on stdout and stderr (absent: nothing)
#   code     its exit code (absent: 0)
#   filter   optional sed script for both streams: what differs between two machines (addresses, times)
#   needs    optional shell script: exit 0 to run the case, else its output says why it is skipped
#
# The script starts in an empty directory that is also its HOME, with $CASE naming the case's folder. The directory's
# path is printed as $TMP. KUKEON_ACCEPT=1 writes out, err and code instead of comparing: review them like code.
set -eu

case=$(cd "$1" && pwd)
bin=${KUKEON_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/build/release/bin}
[ -x "$bin/kuke" ] || { echo "$bin/kuke is not there: build it, or set KUKEON_BIN" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/home" "$work/got"

if [ -f "$case/needs" ] && ! sh "$case/needs" >"$work/why" 2>&1; then
  echo "skipped: $(cat "$work/why")"
  exit 77
fi

code=0
(
  cd "$work/home"
  env -i PATH="$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$work/home" LC_ALL=C.UTF-8 \
    TZ=UTC CASE="$case" sh "$case/cmd"
) </dev/null >"$work/out" 2>"$work/err" || code=$?
echo "$code" >"$work/got/code"
for stream in out err; do
  sed "s|$work/home|\$TMP|g" "$work/$stream" >"$work/$stream.plain"
  if [ -f "$case/filter" ]; then
    sed -E -f "$case/filter" "$work/$stream.plain" >"$work/got/$stream"
  else
    cp "$work/$stream.plain" "$work/got/$stream"
  fi
done

if [ "${KUKEON_ACCEPT:-}" = 1 ]; then
  for part in out err; do
    if [ -s "$work/got/$part" ]; then cp "$work/got/$part" "$case/$part"; else rm -f "$case/$part"; fi
  done
  if [ "$code" -ne 0 ]; then cp "$work/got/code" "$case/code"; else rm -f "$case/code"; fi
  exit 0
fi

differs=0
: >"$work/empty"
echo 0 >"$work/zero"
for part in out err code; do
  want=$case/$part
  if [ ! -f "$want" ]; then
    if [ $part = code ]; then want=$work/zero; else want=$work/empty; fi
  fi
  if ! diff -u --label "$part (wanted)" --label "$part (got)" "$want" "$work/got/$part"; then differs=1; fi
done
if [ $differs = 1 ]; then
  echo "$case: not as written there. KUKEON_ACCEPT=1 $0 $1 accepts what was printed."
fi
exit $differs
