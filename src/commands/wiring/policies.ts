/** The option --policy, and the policy that it names. */
import { existsSync } from 'node:fs'
import { usage } from '../../base/errors.js'
import { stream } from '../../base/rng.js'
import { nearest } from '../../base/suggest.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { option } from '../../cli/options.js'
import { buyHold, flat, randomPolicy, replay, smaCross } from '../../trading/policies.js'
import type { Policy } from '../../trading/policy.js'
import { readActions } from './replay-file.js'

const POLICIES = ['flat', 'buy-hold', 'random', 'sma-cross'] as const

export type PolicyChoice =
  | { readonly kind: (typeof POLICIES)[number] }
  | { readonly kind: 'replay' | 'model'; readonly path: string }

export const policyOption = option<PolicyChoice | undefined>(
  'POLICY',
  `who decides: ${POLICIES.join(', ')}, replay:FILE or model:PATH`,
  { defaultText: 'flat', words: [...POLICIES, 'model:', 'model:latest', 'replay:'] },
  policyChoice,
)

/** The policy that a word names. Throws 64 for none. */
export function policyChoice(word: string): PolicyChoice {
  const [, file, path] = /^(replay|model):(.*)$/s.exec(word) ?? []
  if (file === 'replay' || file === 'model') {
    if (path === undefined || path === '')
      throw usage(`expected ${file}:${file === 'replay' ? 'FILE' : 'PATH'}`)
    return { kind: file, path }
  }
  const kind = POLICIES.find((name) => name === word)
  if (kind === undefined) {
    const hint = hintFor(word)
    throw usage(`expected one of ${POLICIES.join(', ')}, replay:FILE, model:PATH`, {
      got: quote(word),
      ...(hint === undefined ? {} : { hint }),
    })
  }
  return { kind }
}

/** A run folder or a file named without its kind, or a slip of the hand. */
function hintFor(word: string): string | undefined {
  if (/\.(ndjson|jsonl|csv)$/.test(word) && existsSync(word)) return `did you mean --policy replay:${word}?`
  if (existsSync(word)) return `did you mean --policy model:${word}?`
  const near = nearest(word, [...POLICIES, 'replay:', 'model:'])
  return near === undefined ? undefined : `did you mean ${near}?`
}

/**
 * The policy of a choice, ready before the bars are read: a mistyped name is told at once. Null for a model, which is made into
 * a policy once the bars are known. `afterReplay` says what a replay does in a run that is longer.
 */
export async function preparedPolicy(
  context: Context,
  chosen: PolicyChoice,
  seed: number,
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
  }
}
