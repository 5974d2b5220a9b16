#!/bin/sh
# Runs a plan with GNU parallel, on this machine or, with its own --sshlogin, on many:
#   gnu-parallel.sh PLAN OUT [OPTION OF PARALLEL...]
# Run again it goes on; what is done is passed over. jules sweep collect PLAN --out OUT says what came of it.
set -eu
plan=$1
out=$2
shift 2
jules sweep run "$plan" --out "$out" --prepare -q >/dev/null
OUT=$(cd "$out" && pwd)
export OUT
# A training a core: more threads would get in each other's way, and change no byte.
: "${JULES_TRAIN_THREADS:=1}"
export JULES_TRAIN_THREADS

# The ids of the tasks of one rung of --halving, one a line.
ids() { grep "\"rung\":$1," "$plan" | cut -d'"' -f8; }

status=0
rungs=$(sed -n 's/.*"rung":\([0-9]*\).*/\1/p' "$plan" | sort -nu)
if [ -z "$rungs" ]; then
  cut -d'"' -f8 "$plan" | parallel --will-cite "$@" 'sh "$OUT"/{}/run.sh' || status=1
fi
# A rung starts when the one before it has ended.
for rung in $rungs; do
  ids "$rung" | parallel --will-cite "$@" 'sh "$OUT"/{}/run.sh' || status=1
done
exit "$status"
