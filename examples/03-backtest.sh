#!/bin/sh
# A moving average and the flat policy on the same generated bars, and the summaries side by side.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }

bars=$(mktemp)
trap 'rm -f "$bars"' EXIT
jules fetch --mock --days 40 -f parquet >"$bars"
for policy in flat sma-cross; do
  jules backtest --policy "$policy" --max-loss 1000 --records summary "$bars"
done
jules backtest --policy sma-cross --max-loss 1000 -f table "$bars"
