/** One day through training's environment, the backtest, and paper trading over the wire: the same bytes. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { daysFromCivil } from '../../src/base/time.js'
import { FeatureTable, featureSet } from '../../src/env/features.js'
import { OBSERVATION_SIZE } from '../../src/env/observation.js'
import { DEFAULT_COSTS } from '../../src/portfolio/costs.js'
import { NO_LIMITS } from '../../src/risk/limits.js'
import { Backtest } from '../../src/trading/backtest.js'
import { smaCross } from '../../src/trading/policies.js'
import type { Policy } from '../../src/trading/policy.js'
import { RecordWriter } from '../../src/trading/records.js'
import { DEFAULT_RULES, type Rules } from '../../src/trading/rules.js'
import { TradingEnv } from '../../src/trading/trading-env.js'
import { fixedModel } from '../support/fixed-model.js'
import { play, simFor, TYPES } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { Workdir } from '../support/workdir.js'

const WARMUP = 50
const day = randomMarket({ sessions: 1, seed: 7, bps: 20 })
const halfDay = randomMarket({ sessions: 1, seed: 8, bps: 20, last: daysFromCivil(2024, 11, 29) })

let model: Awaited<ReturnType<typeof fixedModel>>
beforeAll(async () => {
  model = await fixedModel()
})
afterAll(() => model.end())

/** Without what brokers number. */
const bare = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/"exec":"[^"]*"/, ''))

function backtested(market: typeof day, rules: Rules, policy: Policy): string[] {
  const lines: string[] = []
  const features = policy.observes ? new FeatureTable(market, featureSet('intraday')!) : null
  const listener = new RecordWriter({
    run: 'r',
    market,
    rules,
    types: TYPES,
    write: (line) => lines.push(line),
  })
  const run = new Backtest({ market, features, rules, policy, longOnly: false, warmup: WARMUP, listener })
  while (!run.advance(1000));
  return lines
}

function trained(market: typeof day, rules: Rules): string[] {
  const lines: string[] = []
  const features = new FeatureTable(market, featureSet('intraday')!)
  const listener = new RecordWriter({
    run: 'r',
    market,
    rules,
    types: TYPES,
    write: (line) => lines.push(line),
  })
  const env = new TradingEnv({ market, features, rules, listener })
  const actor = model.actor()
  const seen = new Float32Array(OBSERVATION_SIZE)
  env.reset(WARMUP)
  while (!env.terminated && !env.truncated) {
    env.observe(seen)
    env.step(actor.act(seen, env.heldAction))
  }
  return lines
}

async function papered(market: typeof day, rules: Rules, policy: () => Policy) {
  const parts = { market, rules, policy, warmup: WARMUP }
  const sim = await simFor(parts)
  const { lines, ending } = await play(parts, sim, join(new Workdir().path, 'j.ndjson'))
  expect(sim.violations).toEqual(new Map())
  await sim.close()
  return { lines, ending }
}

test.each([
  ['a day of 390 minutes', day, 390],
  ['the half day 2024-11-29', halfDay, 210],
] as const)('%s: training, backtest and paper write the same bytes', async (_, market, minutes) => {
  expect(market.length).toBe(minutes)
  const expected = backtested(market, DEFAULT_RULES, model.policy())
  expect(expected.filter((line) => line.includes('"type":"fill"')).length).toBeGreaterThan(10)
  expect(expected.filter((line) => line.includes('"type":"equity"')).length).toBe(minutes - WARMUP - 1)
  expect(trained(market, DEFAULT_RULES).join('')).toBe(expected.join(''))
  const { lines, ending } = await papered(market, DEFAULT_RULES, model.policy)
  expect(ending).toBe('data')
  expect(bare(lines)).toEqual(bare(expected))
})

test.each([
  ['no limits', { ...DEFAULT_RULES, limits: NO_LIMITS }],
  [
    'partial fills and impact',
    {
      ...DEFAULT_RULES,
      costs: { ...DEFAULT_COSTS, participation: 0.002, impactBps: 3, tradePenaltyBps: 1 },
    },
  ],
] as const)('%s: backtest and paper write the same bytes', async (_, rules) => {
  const market = randomMarket({ sessions: 2, seed: 3, gaps: 0.03, bps: 20 }).slice(280, 480)
  const expected = backtested(market, rules, smaCross())
  expect(expected.filter((line) => line.includes('"type":"fill"')).length).toBeGreaterThan(4)
  const { lines } = await papered(market, rules, smaCross)
  expect(bare(lines)).toEqual(bare(expected))
})
