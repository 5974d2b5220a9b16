#!/bin/sh
# Generated bars into the store and back. Loading twice changes nothing; what comes out is what went in.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
. "$(dirname "$0")/own-store"
work=$own

jules fetch --mock --days 3 --seed 7 >"$work/in.ndjson"
jules load "$work/in.ndjson"
jules load "$work/in.ndjson"
jules export --from 2025-07-30 --to 2025-08-01 --source mock >"$work/out.ndjson"
cmp "$work/in.ndjson" "$work/out.ndjson"
echo "the same $(wc -l <"$work/out.ndjson") bars"
