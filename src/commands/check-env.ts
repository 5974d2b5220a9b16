import { setImmediate } from 'node:timers/promises'
import { badData } from '../base/errors.js'
import { defineCommand } from '../cli/command.js'
import { choice, integer } from '../cli/options.js'
import { painter } from '../cli/ui.js'
import { actionMask } from '../env/actions.js'
import { BlockWriter } from '../stream/sink.js'
import {
  barsOperand,
  loadMarket,
  marketExits,
  marketInput,
  marketOptions,
  marketWords,
} from './wiring/market.js'
import { followModel, loadModel, policyOf } from './wiring/models.js'
import { isTable } from './wiring/output.js'
import { execTimeout, policyOption, preparedPolicy } from './wiring/policies.js'
import { modelPath } from './wiring/runs.js'
import { featuresOf, rulesOf, strategyOptions } from './wiring/strategy.js'

export const checkEnvironment = defineCommand({
  name: 'check-env',
  summary: 'check the trading environment on given bars',
  description: [
    'Walks through the environment with random actions and checks what a learner relies on: observations of the right shape, episodes that end as they should, the same bytes from the same seed, money conserved, the limits kept, and no look at the future: every bar after a decision is replaced by noise, and everything up to it must stay as it was, to the bit.',
    'The records of a run of random actions are checked too, and with --policy those of a policy: no fill before its order, records in the order of time, nothing opened near the close, nothing left at it, and no more trades a day than allowed.',
    marketWords,
    'With one symbol in --symbols the environment is that of one ticker.',
  ],
  operands: [barsOperand],
  options: {
    policy: { ...policyOption, defaultText: 'random actions alone' },
    'exec-timeout': execTimeout,
    seed: integer('N', 'seed of the random actions', { fallback: 1, min: 0, max: 4_294_967_295 }),
    ...strategyOptions,
    ...marketOptions,
    format: choice('FORMAT', ['ndjson', 'table'], 'one record a check, or lines for people', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  },
  examples: [
    { text: 'On generated bars', shell: 'jules fetch --mock --days 3 | jules check-env -' },
    {
      text: 'A policy in it',
      shell: 'jules fetch --mock --days 3 | jules check-env --policy sma-cross -',
    },
  ],
  exits: { 1: 'a check failed', ...marketExits },
  seeAlso: ['backtest', 'features.7'],
  run: async (context, asked, operands) => {
    const chosen = asked.policy ?? null
    const prepared = chosen === null ? null : await preparedPolicy(context, chosen, asked)
    const model = chosen?.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
    const { given, notes } = followModel(context, asked, model)
    for (const note of notes) context.ui.note(note)
    const loaded = await loadMarket(context, given, await marketInput(context, given, operands), {
      single: true,
    })
    const { market } = loaded
    if (market.length < given.warmup + 20) {
      throw badData(
        `${market.length} bars of ${market.traded.join(' and ')}: too few to check after a warm-up of ${given.warmup}`,
        {
          where: loaded.name,
        },
      )
    }
    const longOnly = given['long-only']
    const set = featuresOf(given.features)
    const policy =
      model === null
        ? prepared
        : await policyOf(model, { market, features: set.name, mask: actionMask(longOnly, market.isSingle) })
    const { checkEnv } = await import('../trading/check-env.js')
    const table = isTable(context, given.format)
    const paint = await painter(context.color)
    const out = new BlockWriter(context.stdout())
    let failed = false
    for (const { name, problem } of checkEnv({
      market,
      set,
      rules: rulesOf(given, market.interval),
      longOnly,
      warmup: given.warmup,
      seed: given.seed,
      policy,
    })) {
      failed ||= problem !== null
      const line = table
        ? `${problem === null ? paint.green('ok    ') : paint.red('failed')} ${name}${problem === null ? '' : `\n       ${problem}`}`
        : JSON.stringify({ type: 'check', name, ok: problem === null, problem })
      await out.text(`${line}\n`)
      await setImmediate()
      context.signal.throwIfAborted()
    }
    await out.drain()
    if (failed) context.exitWith(1)
  },
})
