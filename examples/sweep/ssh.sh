#!/bin/sh
# Runs a plan on machines that are reached by ssh and share the folder of the tasks, a training at a time on each:
#   ssh.sh PLAN OUT HOST...
# Each machine goes through all tasks, from a place of its own on; what is done, or another one works on, is passed over. A host
# that is named twice does two at a time. JULES_TRAIN_THREADS is set there. Run again it goes on.
set -eu
plan=$1
out=$2
shift 2
jules sweep run "$plan" --out "$out" --prepare -q >/dev/null
out=$(cd "$out" && pwd)
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

# HOST NUMBER IDS: the tasks on one machine, from its part of the list on.
work() {
  host=$1
  number=$2
  ids=$3
  skip=$((number * $(echo "$ids" | grep -c '') / hosts))
  {
    echo "$ids" | tail -n "+$((skip + 1))"
    echo "$ids" | head -n "$skip"
  } | while read -r id; do
    # 75: another machine has it.
    ssh -n "$host" "sh $(quoted "$out/$id/run.sh")" || [ $? -eq 75 ] || echo "$host: task $id failed" >&2
  done
}

# IDS on all machines at once.
all() {
  ids=$1
  shift
  number=0
  for host do
    work "$host" "$number" "$ids" &
    number=$((number + 1))
  done
  wait
}

hosts=$#
rungs=$(sed -n 's/.*"rung":\([0-9]*\).*/\1/p' "$plan" | sort -nu)
[ -n "$rungs" ] || all "$(cut -d'"' -f8 "$plan")" "$@"
for rung in $rungs; do all "$(grep "\"rung\":$rung," "$plan" | cut -d'"' -f8)" "$@"; done
# 1 where a task did not come to its end.
jules sweep status "$plan" --out "$out" | tail -n 1 | grep -q '"waiting":0,"submitted":0,"running":0,.*"failed":0,"cancelled":0,.*"lost":0'
