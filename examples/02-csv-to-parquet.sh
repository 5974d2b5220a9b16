#!/bin/sh
# A vendor's CSV with New York wall times becomes Parquet, and a Hive folder that Spark, DuckDB and Ray read in place.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
. "$(dirname "$0")/own-store"
work=$own

cat >"$work/vendor.csv" <<'CSV'
Date,Time,Close,Open,High,Low,Volume
2025-07-31,09:30:00,179.40,179.20,179.50,179.10,152340
2025-07-31,09:35:00,179.10,179.40,179.45,179.00,98012
2025-08-01,09:30:00,174.55,174.09,174.70,173.90,201877
CSV

jules fetch "$work/vendor.csv" --symbol NVDA --interval 5m --tz America/New_York -o "$work/nvda.parquet"
jules fetch "$work/nvda.parquet" -f csv
jules load "$work/nvda.parquet"
jules export --symbols NVDA --interval 5m --partition-by symbol,date -o "$work/bars"
(cd "$work" && find bars -name '*.parquet' | sort)
