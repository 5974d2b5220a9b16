#!/bin/sh
# The whole job on the embedded database: generate bars, load them, train on them, judge the model on sessions that it has not seen,
# trade the last day on paper, check that day's data, and report. The page is report.html here, or where the first argument says.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
. "$(dirname "$0")/own-store"
page=${1:-report.html}

jules fetch --mock --regime mean-revert --days 140 | jules load
jules train --steps 60000 --to 2025-07-31 -o "$own/model" -f table
jules backtest --policy "model:$own/model" --from 2025-07-03 --to 2025-07-31 --keep "$own/unseen" -f table
jules paper --policy "model:$own/model" --from 2025-08-01 --to 2025-08-01 --journal "$own/day.journal" -f table
jules eod-validate --date 2025-08-01 -f table
jules report "$own/unseen" "$own/day.journal" -o "$page"
echo "the report is $page"
