/** The option --policy, and the policy that it names. */
import { existsSync } from 'node:fs'
import { usage } from '../../base/errors.js'
import { stream } from '../../base/rng.js'
import { nearest } from '../../base/suggest.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { option, real } from '../../cli/options.js'
import { execPolicy } from '../../trading/exec-policy.js'
import { buyHold, flat, randomPolicy, replay, smaCross } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { startProgram } from './exec-program.js'
import { readActions } from './replay-file.js'
import { featuresOf } from './strategy.js'

const POLICIES = ['flat', 'buy-hold', 'random', 'sma-cross'] as const

export type PolicyChoice =
  | { readonly kind: (typeof POLICIES)[number] }
  | { readonly kind: 'replay' | 'model'; readonly path: string }
  | { readonly kind: 'exec'; readonly command: string }

export const policyOption = option<PolicyChoice | undefined>(
  'POLICY',
  `who decides: ${POLICIES.join(', ')}, replay:FILE, model:PATH or exec:CMD`,
  { defaultText: 'flat', words: [...POLICIES, 'model:', 'model:latest', 'replay:', 'exec:'] },
  policyChoice,
)

/** Seconds that a program has for an answer where nothing else is said. */
const EXEC_PATIENCE = 10

export const execTimeout = real('SECONDS', 'how long the program of exec:CMD may take for an answer', {
  defaultText: String(EXEC_PATIENCE),
  min: 0.001,
  max: 86_400,
})

export const execWords =
  'exec:CMD runs CMD by a shell, tells it each decision in a line of JSON on its standard input, and waits for a line {"action":n} on its standard output, n as in replay:FILE. The line has time (the end of the bars), bars (open, high, low, close and volume of both symbols), inputs (the 26 numbers by their names of jules-features(7)), mask (9 times 1 or 0, for what may be chosen), held (the action that keeps the targets) and start (true at the first decision of an episode). Blank lines are skipped, and other keys of an answer are not looked at. What it writes to standard error is passed on; the master password of the vault and the keys of vendors are not in its environment.'

export const execEndWords =
  'A wrong answer, or a line that was not asked for, is 65; no answer within --exec-timeout, or a program that ends, is 69. At the end of the run its input ends, and it has 2 seconds to do so too. After a signal the answer under way is waited for.'

/** The policy that a word names. Throws 64 for none. */
export function policyChoice(word: string): PolicyChoice {
  const [, command] = /^exec:(.*)$/s.exec(word) ?? []
  if (command !== undefined) {
    if (command.trim() === '') throw usage('expected exec:CMD')
    return { kind: 'exec', command }
  }
  const [, file, path] = /^(replay|model):(.*)$/s.exec(word) ?? []
  if (file === 'replay' || file === 'model') {
    if (path === undefined || path === '')
      throw usage(`expected ${file}:${file === 'replay' ? 'FILE' : 'PATH'}`)
    return { kind: file, path }
  }
  const kind = POLICIES.find((name) => name === word)
  if (kind === undefined) {
    const hint = hintFor(word)
    throw usage(`expected one of ${POLICIES.join(', ')}, replay:FILE, model:PATH, exec:CMD`, {
      got: quote(word),
      ...(hint === undefined ? {} : { hint }),
    })
  }
  return { kind }
}

/**
 * Seconds that a program has for an answer where bars come as they happen: what is given, or no more than half of a bar. Throws 64
 * where it could still think when the next bar has ended.
 */
export function livePatience(given: number | undefined, intervalMs: number): number {
  const bar = intervalMs / 1000
  if (given === undefined) return Math.min(EXEC_PATIENCE, bar / 2)
  if (given < bar) return given
  throw usage(`--exec-timeout: expected less than a bar, which is ${bar} s`, { got: String(given) })
}

/** A run folder or a file named without its kind, or a slip of the hand. */
function hintFor(word: string): string | undefined {
  if (/\.(ndjson|jsonl|csv)$/.test(word) && existsSync(word)) return `did you mean --policy replay:${word}?`
  if (existsSync(word)) return `did you mean --policy model:${word}?`
  const near = nearest(word, [...POLICIES, 'replay:', 'model:', 'exec:'])
  return near === undefined ? undefined : `did you mean ${near}?`
}

export interface PolicyFlags {
  readonly seed: number
  /** Name of the feature set. */
  readonly features: string
  readonly 'exec-timeout': number | undefined
}

/**
 * The policy of a choice, ready before the bars are read: a mistyped name is told at once. Null for a model, which is made into
 * a policy once the bars are known. `afterReplay` says what a replay does in a run that is longer.
 */
export async function preparedPolicy(
  context: Context,
  chosen: PolicyChoice,
  { seed, features, 'exec-timeout': patience = EXEC_PATIENCE }: PolicyFlags,
  afterReplay: 'refuse' | 'hold' = 'refuse',
): Promise<Policy | null> {
  switch (chosen.kind) {
    case 'model':
      return null
    case 'flat':
      return flat
    case 'buy-hold':
      return buyHold
    case 'random':
      // Of the policies here the only one that the seed decides on.
      return { ...randomPolicy(stream(seed, 'random-policy')), identity: `random ${seed}` }
    case 'sma-cross':
      return smaCross()
    case 'replay':
      return replay(chosen.path, await readActions(context, chosen.path), afterReplay)
    case 'exec': {
      const { command } = chosen
      const patienceMs = 1000 * patience
      return execPolicy({
        command,
        program: startProgram(context, command, patienceMs),
        columns: featuresOf(features).columns,
        patienceMs,
      })
    }
  }
}
