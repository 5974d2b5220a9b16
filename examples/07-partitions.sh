#!/bin/sh
# A folder by symbol and day, for DuckDB, Spark, ClickHouse, Iceberg and Trino: partitions.md beside this has the commands of each. Here
# it is read back by jules, which finds the same bars, and by DuckDB where there is one.
set -eu
jules() { "$(dirname "$0")/../bin/jules" "$@"; }
. "$(dirname "$0")/own-store"
work=$own

jules fetch --mock --days 3 -o "$work/bars.ndjson"
jules -q load "$work/bars.ndjson"
jules export --partition-by symbol,date -o "$work/bars"

digest() { jules backtest --policy buy-hold --records summary "$1" | sed 's/.*"data_sha256":"\([0-9a-f]*\)".*/\1/'; }
was=$(digest "$work/bars.ndjson")
is=$(digest "$work/bars")
[ "$was" = "$is" ] && echo "the same bars: $is"

query="SELECT symbol, date, count(*) AS bars, max(high) AS high
  FROM read_parquet('$work/bars/**/*.parquet', hive_partitioning = true) GROUP BY symbol, date ORDER BY symbol, date"
if command -v duckdb >/dev/null; then
  duckdb -c "$query"
elif "${PYTHON:-python3}" -c 'import duckdb' 2>/dev/null; then
  "${PYTHON:-python3}" -c 'import duckdb, sys; print(duckdb.sql(sys.argv[1]))' "$query"
else
  echo 'no DuckDB here to read them in place' >&2
fi
