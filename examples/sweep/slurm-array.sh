#!/bin/sh
# Submits a plan to Slurm as an array, a task each; after --halving an array for each rung, one after the other:
#   slurm-array.sh PLAN OUT [OPTION OF SBATCH...]      such as --cpus-per-task=4 --time=2:00:00 --partition=long
# PLAN and OUT lie on a file system that the nodes share. Submit it again after a time limit or a lost node: what is done is
# passed over. jules sweep status PLAN --out OUT looks; collect says what came of it.
set -eu
PLAN=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
jules sweep run "$1" --out "$2" --prepare -q >/dev/null
OUT=$(cd "$2" && pwd)
export PLAN OUT
shift 2

# The job of an array: its task is a line of the plan. Before a time limit it has a minute to write a checkpoint.
job='#!/bin/sh
id=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$PLAN" | cut -d\" -f8)
export JULES_TRAIN_THREADS="${SLURM_CPUS_PER_TASK:-1}"
exec sh "$OUT/$id/run.sh"'
submit() {
  printf '%s\n' "$job" | sbatch --parsable --job-name=sweep --signal=B:TERM@60 --requeue --output="$OUT/slurm-%A_%a.out" "$@"
}

rungs=$(sed -n 's/.*"rung":\([0-9]*\).*/\1/p' "$PLAN" | sort -nu)
if [ -z "$rungs" ]; then
  submit --array="1-$(grep -c '' "$PLAN")" "$@"
fi
before=
for rung in $rungs; do
  # The lines of a rung follow each other.
  lines=$(grep -n "\"rung\":$rung," "$PLAN" | cut -d: -f1)
  array=$(echo "$lines" | sed -n '1p')-$(echo "$lines" | sed -n '$p')
  before=$(submit --array="$array" ${before:+"--dependency=afterany:$before"} "$@")
  echo "$before"
done
