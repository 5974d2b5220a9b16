#!/usr/bin/env python3
"""Lets a RecurrentPPO of sb3-contrib decide: jules backtest --policy 'exec:python3 sb3-policy.py model.zip'
Without a model a stand-in with the same `predict` follows the last return of each symbol."""
import json
import sys

class StandIn:
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return 3 * ((obs[0] > 0) + 1) + (obs[13] > 0) + 1, state

if len(sys.argv) > 1:
    from sb3_contrib import RecurrentPPO
model = RecurrentPPO.load(sys.argv[1], device="cpu") if len(sys.argv) > 1 else StandIn()
state = None
for line in sys.stdin:
    decision = json.loads(line)
    obs = list(decision["inputs"].values())
    action, state = model.predict(obs, state=state, episode_start=[decision["start"]], deterministic=True)
    allowed = decision["mask"][int(action)] == 1
    print(json.dumps({"action": int(action) if allowed else decision["held"]}), flush=True)
