"""A peer of `npm run bench:train`: PPO with a shared LSTM in plain PyTorch on one core, without an environment.

16 environments of 128 steps, minibatches of 512 steps as 16 sequences of 32, 10 epochs. Prints a line of JSON for each width:
steps a second, one number a repetition.
"""
import json
import sys
import time

import torch

ENVS, STEPS, BPTT, SEQUENCES, EPOCHS, INPUTS, ACTIONS = 16, 128, 32, 16, 10, 26, 9


def rollout(lstm, policy, value):
    state = torch.zeros(1, ENVS, lstm.hidden_size), torch.zeros(1, ENVS, lstm.hidden_size)
    with torch.no_grad():
        for _ in range(STEPS):
            out, state = lstm(torch.randn(1, ENVS, INPUTS), state)
            choice = torch.distributions.Categorical(logits=policy(out[0]))
            choice.log_prob(choice.sample())
            value(out[0])


def update(lstm, policy, value, parameters, optimizer):
    rows = BPTT * SEQUENCES
    out, _ = lstm(torch.randn(BPTT, SEQUENCES, INPUTS))
    log_probs = torch.log_softmax(policy(out).reshape(rows, ACTIONS), -1)
    chosen = log_probs.gather(1, torch.randint(0, ACTIONS, (rows, 1)))[:, 0]
    ratio = (chosen + 2.2).exp()
    advantages = torch.randn(rows)
    policy_loss = -torch.min(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages).mean()
    value_loss = (torch.randn(rows) - value(out).reshape(rows)).square().mean()
    entropy = -(log_probs.exp() * log_probs).sum(-1).mean()
    optimizer.zero_grad()
    (policy_loss + 0.5 * value_loss - 0.01 * entropy).backward()
    torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    optimizer.step()


def speeds(hidden, repetitions):
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(INPUTS, hidden)
    policy, value = torch.nn.Linear(hidden, ACTIONS), torch.nn.Linear(hidden, 1)
    parameters = [p for module in (lstm, policy, value) for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-5, fused=True)
    for repetition in range(repetitions + 1):
        start = time.perf_counter()
        rollout(lstm, policy, value)
        for _ in range(EPOCHS * ENVS * STEPS // (BPTT * SEQUENCES)):
            update(lstm, policy, value, parameters, optimizer)
        if repetition > 0:
            yield ENVS * STEPS / (time.perf_counter() - start)


torch.set_num_threads(1)
for width in map(int, sys.argv[2:]):
    print(json.dumps({"hidden": width, "speeds": list(speeds(width, int(sys.argv[1])))}), flush=True)
