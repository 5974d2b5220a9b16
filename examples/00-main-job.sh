#!/bin/sh
# The main job on the embedded database: generate bars, load them, read them back, run a policy over them.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }

jules fetch --mock --days 5 | jules load
jules fetch --mock --days 5 | jules load
jules export --symbols NVDA --from 2025-08-01 | head -n 3
jules backtest --policy sma-cross -f table
