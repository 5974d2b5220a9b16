#!/bin/sh
# From bars to a judged model: generated bars with a planted signal, a short training, the sessions it has not seen.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

jules fetch --mock --regime mean-revert --days 140 -o "$work/bars.parquet"
jules train --steps 60000 -o "$work/run" -f table "$work/bars.parquet"
jules backtest --policy "model:$work/run" --from 2025-07-03 -f table "$work/bars.parquet"
jules export-model "$work/run" -o "$work/policy.onnx"
ls "$work/run"
