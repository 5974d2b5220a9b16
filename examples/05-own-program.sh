#!/bin/sh
# A policy that is a program of yours: it reads a line of JSON a decision, and answers with one. exec-policy.mjs is one in Node, and
# sb3-policy.py runs a model of Stable-Baselines3.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
jules() { "$here/../bin/jules" "$@"; }

bars=$(mktemp)
trap 'rm -f "$bars"' EXIT
jules fetch --mock --days 3 -f parquet >"$bars"
jules backtest --policy "exec:node '$here/exec-policy.mjs'" --records summary "$bars"
if python3 -c '' 2>/dev/null; then
  jules backtest --policy "exec:python3 '$here/sb3-policy.py'" --records summary "$bars"
else
  echo 'sb3-policy.py is skipped: there is no python3' >&2
fi
