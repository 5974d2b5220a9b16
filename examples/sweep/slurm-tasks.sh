#!/bin/sh
# Submits a plan to Slurm, a job for each task that is not done and that the queue does not have:
#   slurm-tasks.sh PLAN OUT [OPTION OF SBATCH...]
# Unlike an array, jules knows the jobs: sweep status asks the queue, sweep cancel cancels, sweep retry submits again what was
# lost. After --halving submit again when a rung has ended.
set -eu
plan=$1
out=$2
shift 2
options=
for option do options="$options '$(printf %s "$option" | sed "s/'/'\\\\''/g")'"; done
jules sweep run "$plan" --out "$out" --executor command \
  --submit "sbatch --parsable --job-name=sweep-{id} --signal=B:TERM@60 --output={dir}/slurm.out$options {run}" \
  --status 'squeue --noheader --jobs={job} | grep -q .' \
  --cancel 'scancel {job}'
