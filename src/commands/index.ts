/** Every command in the order of the help page. A command is one file, or a folder, and one entry here. */
import type { CommandEntry } from '../cli/command.js'

export const commands: readonly CommandEntry[] = [
  {
    name: 'fetch',
    summary: 'get market data as bars: from vendors, a gateway, files, or generated',
    load: () => import('./fetch/fetch.js').then((module) => module.fetch),
  },
  {
    name: 'load',
    summary: 'put records into the store',
    load: () => import('./load.js').then((module) => module.load),
  },
  {
    name: 'export',
    summary: 'get bars out of the store',
    load: () => import('./export.js').then((module) => module.exportBars),
  },
  {
    name: 'train',
    summary: 'train a recurrent PPO agent',
    load: () => import('./train/train.js').then((module) => module.train),
  },
  {
    name: 'sweep',
    summary: 'train many models, here or on a scheduler',
    load: () => import('./sweep/sweep.js').then((module) => module.sweep),
  },
  {
    name: 'backtest',
    summary: 'run a policy over past bars',
    load: () => import('./backtest/backtest.js').then((module) => module.backtest),
  },
  {
    name: 'report',
    summary: 'say what a run earned, and whether that can be believed, on one page',
    load: () => import('./report/report.js').then((module) => module.report),
  },
  {
    name: 'replay',
    summary: 'make a run again from its manifest, and say if it is the same',
    load: () => import('./replay/replay.js').then((module) => module.replay),
  },
  {
    name: 'evaluate',
    summary: 'say what a result proves',
    load: () => import('./evaluate/evaluate.js').then((module) => module.evaluate),
  },
  {
    name: 'paper',
    summary: "trade on paper through the broker's gateway",
    load: () => import('./paper/paper.js').then((module) => module.paper),
  },
  {
    name: 'drift',
    summary: 'hold a day on paper against its replay',
    load: () => import('./drift.js').then((module) => module.drift),
  },
  {
    name: 'dash',
    summary: 'show what is traded and trained, live, in a browser or the terminal',
    load: () => import('./dash/dash.js').then((module) => module.dash),
  },
  {
    name: 'check-env',
    summary: 'check the trading environment on given bars',
    load: () => import('./check-env.js').then((module) => module.checkEnvironment),
  },
  {
    name: 'inspect',
    summary: 'say what is in bars: span, gaps, overlaps, splits',
    load: () => import('./inspect/inspect.js').then((module) => module.inspect),
  },
  {
    name: 'eod-validate',
    summary: 'check the bars of a day at its end',
    load: () => import('./eod-validate/eod-validate.js').then((module) => module.eodValidate),
  },
  {
    name: 'sim',
    summary: "simulate the broker's gateway, with faults",
    load: () => import('./sim/sim.js').then((module) => module.sim),
  },
  {
    name: 'export-model',
    summary: 'write a model for other runtimes',
    load: () => import('./export-model.js').then((module) => module.exportModel),
  },
  {
    name: 'bench',
    summary: 'measure the training engines of this machine',
    load: () => import('./bench.js').then((module) => module.bench),
  },
  {
    name: 'runs',
    summary: 'list, show, compare and prune training runs',
    load: () => import('./runs/runs.js').then((module) => module.runs),
  },
  {
    name: 'db',
    summary: 'run the embedded database and look after the store',
    load: () => import('./db/db.js').then((module) => module.db),
  },
  {
    name: 'vault',
    summary: 'keep secrets in an encrypted file',
    load: () => import('./vault/vault.js').then((module) => module.vault),
  },
  {
    name: 'doctor',
    summary: 'check that this machine has what jules needs',
    load: () => import('./doctor/doctor.js').then((module) => module.doctorOf(commands)),
  },
  {
    name: 'generate',
    summary: 'write the manual pages or completions',
    hidden: true,
    load: () => import('./generate.js').then((module) => module.generateFrom(commands)),
  },
]
