"""What ffn, arch and skfolio make of the series on standard input: one JSON line a library, with its figures or why it is skipped."""

import importlib
import json
import math
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
given = json.load(sys.stdin)
returns = np.array(given["returns"])
leaning = np.array(given["leaning"])
trials = np.array(given["trialSharpes"])
matrix = np.array(given["matrix"])


def of_ffn(ffn):
    import pandas as pd
    from ffn import core

    series = pd.Series(returns, index=pd.bdate_range("2022-01-03", periods=len(returns)))
    prices = pd.concat([pd.Series([1.0]), (1 + series).cumprod()])
    found = {
        "sharpe": core.calc_sharpe(series, nperiods=252),
        "sortino": core.calc_sortino_ratio(series, nperiods=252),
        "max_drawdown": core.calc_max_drawdown(prices),
    }
    if hasattr(core, "calc_deflated_sharpe_ratio"):
        found["dsr"] = core.calc_deflated_sharpe_ratio(series, trials, nperiods=252, annualized_trials=False)
        found["sharpe_expected_max"] = core.calc_expected_max_sharpe(len(trials), np.std(trials, ddof=1))
        found["pbo"] = core.calc_prob_backtest_overfitting(pd.DataFrame(matrix), n_blocks=8)
    return found


def of_arch(arch):
    from arch.bootstrap import StationaryBootstrap, optimal_block_length

    blocks = float(optimal_block_length(leaning)["stationary"].iloc[0])
    sharpe = lambda x: x.mean() / x.std(ddof=1) * math.sqrt(252)
    low, high = StationaryBootstrap(blocks, leaning, seed=1).conf_int(sharpe, reps=2000, method="percentile").ravel()
    return {"block": blocks, "sharpe_ci95 low": low, "sharpe_ci95 high": high}


def of_skfolio(skfolio):
    from skfolio import measures

    found = {}
    if hasattr(measures, "deflated_sharpe_ratio"):
        found["psr"] = measures.probabilistic_sharpe_ratio(returns)
        found["dsr"] = measures.deflated_sharpe_ratio(returns, trials)
        found["sharpe_expected_max"] = measures.expected_max_sharpe_ratio(
            n_trials=len(trials), trial_sharpe_ratio_std=float(np.std(trials, ddof=1))
        )
    return found


for name, figures in (("ffn", of_ffn), ("arch", of_arch), ("skfolio", of_skfolio)):
    try:
        library = importlib.import_module(name)
    except ImportError as error:
        print(json.dumps({"library": name, "skipped": str(error)}))
        continue
    from importlib.metadata import version

    found = {key: float(value) for key, value in figures(library).items()}
    print(json.dumps({"library": name, "version": version(name), "figures": found}))
