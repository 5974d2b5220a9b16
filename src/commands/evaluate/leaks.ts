/** `--leak-test` and `--demo-leak`: whether the future reaches what is learnt and decided, and whether the tests would tell. */

import { setImmediate } from 'node:timers/promises'
import { layoutOf } from '../../agent/network/network.js'
import { badData } from '../../base/errors.js'
import { dollars } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { flag, integer, under } from '../../cli/options.js'
import { painter } from '../../cli/ui.js'
import { actionMask } from '../../env/actions.js'
import type { Earned, LeakOptions } from '../../evaluate/leaks/checks.js'
import { BlockWriter } from '../../stream/sink.js'
import { loadMarket, type MarketInput, marketInput } from '../wiring/market.js'
import { followModel, loadModel, policyOf } from '../wiring/models.js'
import { isTable } from '../wiring/output.js'
import { type PolicyChoice, preparedPolicy } from '../wiring/policies.js'
import { modelPath } from '../wiring/runs.js'
import { featuresOf, rulesOf, type StrategyFlags } from '../wiring/strategy.js'

export const leakOptions = under('Leaks', {
  'leak-test': flag('test whether the future reaches what is learnt or decided'),
  'demo-leak': flag('plant leaks, and show what they would seem to earn and which test finds them'),
  'leak-steps': integer('N', 'steps of each short training of these', {
    fallback: 10_240,
    min: 2048,
    max: 10_000_000,
  }),
})

export const leakWords: readonly string[] = [
  '--leak-test tests on these bars, by changing what must not matter: noise in the future leaves every earlier observation and action as it was, to the bit; a longer warm-up changes at most 1 % of later actions; weights and normaliser stay as they are, to the bit, when sessions after the training are replaced; an agent that is trained on returns in another order, without costs, earns nothing on such returns (t at the level of 0.1 %); and bars neither overlap nor have the label of another length or time. One check record each; 1 where one fails. --policy is tested in the first two, else an agent that is trained for it.',
  '--demo-leak plants three leaks on these bars: a feature that peeks one bar ahead, a normaliser fitted on all bars, and a reward for the move that was just seen. It shows what each seems to earn where nothing can be known, and which tests find it.',
]

type LeakFlags = Parameters<typeof loadMarket>[1] &
  StrategyFlags & {
    readonly 'leak-steps': number
    readonly features: string
    readonly 'long-only': boolean
    readonly warmup: number
    readonly seed: number
    readonly policy: PolicyChoice | undefined
    readonly 'exec-timeout': number | undefined
    readonly format: 'ndjson' | 'table' | undefined
  }

/** Everything but the subject. */
type Ready = Omit<LeakOptions, 'subject'>

async function ready(context: Context, asked: LeakFlags, operands: readonly string[]) {
  const chosen = asked.policy
  const prepared = chosen === undefined ? null : await preparedPolicy(context, chosen, asked)
  const model = chosen?.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
  const { given, notes } = followModel(context, asked, model)
  for (const note of notes) context.ui.note(note)
  const bars: MarketInput = await marketInput(context, given, operands)
  const { market, name } = await loadMarket(context, given, bars, { single: true })
  const { tooFewToTell } = await import('../../evaluate/leaks/checks.js')
  const few = tooFewToTell(market, given.warmup)
  if (few !== null) throw badData(few.words, { where: name, hint: few.hint })
  const set = featuresOf(given.features)
  const longOnly = given['long-only']
  const { cpuEngine } = await import('../../agent/engines/cpu/engine.js')
  const options: Ready = {
    market,
    rules: rulesOf(given, market.interval),
    longOnly,
    warmup: given.warmup,
    policy:
      model === null
        ? prepared
        : await policyOf(model, { market, features: set.name, mask: actionMask(longOnly, market.isSingle) }),
    steps: given['leak-steps'],
    seed: given.seed,
    engineOf: (shape) => cpuEngine(layoutOf(shape)),
    pause: async () => {
      await setImmediate()
      context.signal.throwIfAborted()
      return false
    },
  }
  const table = isTable(context, asked.format)
  return { options, set, table, paint: await painter(context.color) }
}

/** One check record each, or lines; 1 where one fails. */
export async function testLeaks(
  context: Context,
  asked: LeakFlags,
  operands: readonly string[],
): Promise<void> {
  const { options, set, table, paint } = await ready(context, asked, operands)
  const { leakChecks } = await import('../../evaluate/leaks/checks.js')
  const { ownSubject } = await import('../../evaluate/leaks/subject.js')
  const out = new BlockWriter(context.stdout())
  for await (const { id, name, problem } of leakChecks({ ...options, subject: ownSubject(set) })) {
    if (problem !== null) context.exitWith(1)
    const ok = problem === null
    const line = table
      ? `${ok ? paint.green('ok    ') : paint.red('failed')} ${name}${ok ? '' : `\n       ${problem}`}`
      : JSON.stringify({ type: 'check', name, ok, problem, check: id })
    await out.text(`${line}\n`)
    await out.drain()
    context.signal.throwIfAborted()
  }
}

/** One leak record each, the code as it is first, or lines; 1 where a planted leak is not found, or one that is not planted is. */
export async function demonstrate(
  context: Context,
  asked: LeakFlags,
  operands: readonly string[],
): Promise<void> {
  const { options, set, table, paint } = await ready(context, asked, operands)
  const { CHECKS, leakChecks } = await import('../../evaluate/leaks/checks.js')
  const { plantedLeaks } = await import('../../evaluate/leaks/planted.js')
  const { ownSubject } = await import('../../evaluate/leaks/subject.js')
  const out = new BlockWriter(context.stdout())
  for (const subject of [ownSubject(set), ...plantedLeaks(set)]) {
    const found: (keyof typeof CHECKS)[] = []
    let earned: Earned | undefined
    for await (const check of leakChecks({ ...options, subject })) {
      if (check.problem !== null) found.push(check.id)
      earned ??= check.earned
    }
    const { pnl, t, sessions } = earned!
    const isPlanted = subject.name !== 'none'
    if (isPlanted !== found.length > 0) context.exitWith(1)
    await out.text(
      table
        ? `${paint.bold(isPlanted ? subject.name : 'no leak planted')}\n  on permuted returns without costs: ${dollars(pnl)} in ${sessions} sessions, t ${t.toFixed(1)}\n${
            found.length === 0
              ? '  found by no test\n'
              : found.map((id) => `  found: ${CHECKS[id]}\n`).join('')
          }`
        : `${JSON.stringify({ type: 'leak', leak: isPlanted ? subject.name : null, pnl, t, sessions, found })}\n`,
    )
    await out.drain()
    context.signal.throwIfAborted()
  }
}
