#!/bin/sh
# The main job on the embedded database: generate bars, load them, read them back, train on them, and judge the model.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
. "$(dirname "$0")/own-store"

jules fetch --mock --regime mean-revert --days 140 | jules load
jules fetch --mock --regime mean-revert --days 140 | jules load
jules export --symbols NVDA --from 2025-08-01 | head -n 3
run=$own/run
jules train --steps 60000 -o "$run" -f table
jules backtest --policy "model:$run" --from 2025-07-03 -f table
