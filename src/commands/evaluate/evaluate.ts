import { usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { inLine, painter } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { type Gate, gateOf, gateWords, judge } from '../wiring/gate.js'
import { barsOperand, marketExits, marketWords } from '../wiring/market.js'
import { isTable } from '../wiring/output.js'
import { demonstrate, leakWords, testLeaks } from './leaks.js'
import { type Given, evaluateOptions as options } from './options.js'
import { evaluatePolicy } from './policy.js'
import { recordsWords, summaryOfRecords } from './records.js'
import { evaluateReturns, returnsWords } from './returns.js'
import { walkForward } from './walk-forward.js'

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'say what a result proves',
  description: [
    'Trains a model on a stretch of sessions, tests it on those that follow, moves on, and puts all tests together: a window record for each, and one summary of everything that was out of sample. With --combinatorial every choice of groups of sessions tests once, and the others train.',
    'No model sees a session that it is tested on: training ends --purge sessions before the test, validation is cut from the sessions that train, features know the bars before a test, and each test begins with a fresh account and a fresh memory. A window without a trade says so.',
    'Each training is a task of a sweep, in a folder that --resume goes on with; --plan writes them for a scheduler. With --seeds K each window is trained K times, and what counts is the mean, as if each model had traded its part of the capital. Options of train go into every training.',
    'The summary holds what was earned against the number of trials: all distinct trainings on these bars that the registry knows, these among them (the windows of one seed and one choice of settings are one), and the spread of their Sharpe ratios in validation.',
    '--policy judges a policy that is there already, on the sessions that it has not seen, in stretches of --test-sessions.',
    marketWords,
    ...gateWords,
    ...leakWords,
    ...returnsWords,
    ...recordsWords,
  ],
  operands: [barsOperand],
  options,
  examples: [
    {
      text: 'Trained on 40 sessions, tested on 10, and so on',
      shell: `jules fetch --mock --days 70 | jules evaluate --train-sessions 40 \\
  --test-sessions 10 -o windows -`,
    },
    {
      text: 'A model against a gate',
      shell: "jules evaluate --policy model:latest --require 'dsr>0.95' bars.ndjson",
    },
    { text: 'Leaks of the future', shell: 'jules fetch --mock --days 20 | jules evaluate --leak-test -' },
    {
      text: 'The best of 40 trials, whose Sharpe ratios of a session spread by 0.05',
      shell: 'jules evaluate --returns daily.ndjson --trials 40 --trial-sharpe-std 0.05',
    },
  ],
  exits: {
    ...marketExits,
    1: 'a gate is not met, or a leak was found',
    65: `${marketExits[65]}; too few sessions; a row that is no return; bars that changed`,
    69: `${marketExits[69]}; a training failed`,
    73: 'the folder is not empty, or cannot be made',
    74: 'reading or writing failed',
    75: 'another process works on a training',
    77: `${marketExits[77]}; no permission to read or write`,
  },
  seeAlso: ['sweep', 'train', 'backtest', 'runs', 'metrics.7'],
  run: async (context, given, operands) => {
    const mode = modeOf(given)
    const gate = gateOf(given)
    refuseUnused(mode, given)
    if (mode === 'returns') {
      refuseOperands(mode, operands)
      return evaluateReturns(context, { ...given, returns: given.returns! }, gate)
    }
    if (mode === 'records') {
      refuseOperands(mode, operands)
      return evaluateRecords(context, given, gate)
    }
    if (gate !== null && (mode === 'leak-test' || mode === 'demo-leak'))
      throw usage(`--${mode} has no figures for a gate`)
    if (mode === 'leak-test') return testLeaks(context, given, operands)
    if (mode === 'demo-leak') return demonstrate(context, given, operands)
    if (given.policy !== undefined) {
      if (given.resume) throw usage('--resume: --policy trains nothing')
      return evaluatePolicy(context, { ...given, policy: given.policy }, operands)
    }
    return walkForward(context, given, operands)
  },
})

const MODES = ['returns', 'records', 'leak-test', 'demo-leak', 'resume'] as const

/** What is asked for; undefined for windows. Throws 64 for two things at once. */
function modeOf(given: Given): (typeof MODES)[number] | undefined {
  const [mode, other] = MODES.filter((name) => given[name])
  if (other !== undefined) throw usage(`--${mode} and --${other} exclude each other`)
  return mode
}

/** Throws 64 for what would be written or asked where nothing is: a folder, or a policy. */
function refuseUnused(mode: ReturnType<typeof modeOf>, given: Given): void {
  const { policy } = given
  const asker = mode ?? (policy === undefined ? null : 'policy')
  for (const name of ['plan', 'output'] as const) {
    if (asker !== null && asker !== 'resume' && given[name])
      throw usage(`--${name}: --${asker} ${asker === 'policy' ? 'trains nothing' : 'keeps nothing'}`)
  }
  if (policy === undefined) return
  if (mode === 'returns' || mode === 'records' || mode === 'demo-leak')
    throw usage(`--${mode} and --policy exclude each other`)
  if (policy.kind === 'replay')
    throw usage('--policy replay: its actions are those of one run over all bars', {
      hint: 'jules backtest runs it, and evaluate --records judges what that writes',
    })
}

function refuseOperands(mode: string, operands: readonly string[]): void {
  if (operands.length > 0) throw usage(`--${mode} names its file: got ${operands[0]} too`)
}

const notesIn = ({ notes }: Readonly<Record<string, unknown>>): unknown[] =>
  Array.isArray(notes) ? notes : []

async function evaluateRecords(context: Context, given: Given, gate: Gate | null): Promise<void> {
  const summary = await summaryOfRecords(context, given.records!, given)
  const table = isTable(context, given.format)
  const paint = await painter(context.color)
  const out = new BlockWriter(context.stdout())
  const plain = Object.entries(summary).filter(
    ([, value]) => typeof value === 'number' || typeof value === 'string',
  )
  const rows = [...plain, ...notesIn(summary).map((note) => ['note', note] as const)]
  await out.text(
    table
      ? rows.map(([key, value]) => `${inLine(key).padEnd(24)}${inLine(String(value))}\n`).join('')
      : `${JSON.stringify(summary)}\n`,
  )
  if (gate !== null) await out.text(judge(context, gate, summary, table ? paint : null))
  await out.drain()
}
