"""Runs a plan on a Ray cluster whose nodes share the folder of the tasks:

    jules sweep run PLAN --out OUT --prepare
    python ray_sweep.py PLAN OUT                     or: ray job submit -- python ray_sweep.py PLAN OUT

A node that is lost costs the steps since the last checkpoint: Ray starts the task again elsewhere. Run again it passes over what
is done. RAY_CPUS (default 1) is what a training gets, and how many threads it has.
"""

import itertools
import json
import os
import subprocess
import sys

import ray

plan, out = sys.argv[1], os.path.abspath(sys.argv[2])
cpus = int(os.environ.get("RAY_CPUS", "1"))


@ray.remote(num_cpus=cpus, max_retries=3)
def train(task_id):
    environment = {**os.environ, "JULES_TRAIN_THREADS": str(cpus)}
    script = os.path.join(out, task_id, "run.sh")
    return task_id, subprocess.call(["sh", script], env=environment)


with open(plan, encoding="utf-8") as lines:
    tasks = [json.loads(line) for line in lines]
ray.init(log_to_driver=False)
failed = 0
# Of successive halving a rung starts when the one before it has ended.
for _, rung in itertools.groupby(tasks, lambda task: (task["halving"] or {}).get("rung")):
    for task_id, status in ray.get([train.remote(task["id"]) for task in rung]):
        print(task_id, status, flush=True)
        failed += status != 0
sys.exit(1 if failed else 0)
