#!/usr/bin/env python3
"""Lets a Stable-Baselines3 model decide: jules backtest --policy 'exec:python3 sb3-policy.py model.zip'

Any model with `predict` and 26 inputs and 9 actions does: PPO, or RecurrentPPO of sb3-contrib. Without a model a stand-in with the
same `predict` follows the last return of each symbol.
"""
import json
import sys


class StandIn:
    def predict(self, obs, state=None, episode_start=None, deterministic=False):
        return 3 * ((obs[0] > 0) + 1) + (obs[13] > 0) + 1, state


def load(path):
    from sb3_contrib import RecurrentPPO

    return RecurrentPPO.load(path, device="cpu")


model = load(sys.argv[1]) if len(sys.argv) > 1 else StandIn()
state = None
for line in sys.stdin:
    decision = json.loads(line)
    obs = list(decision["inputs"].values())
    action, state = model.predict(obs, state=state, episode_start=[decision["start"]], deterministic=True)
    allowed = decision["mask"][int(action)] == 1
    print(json.dumps({"action": int(action) if allowed else decision["held"]}), flush=True)
