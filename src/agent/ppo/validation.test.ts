import { describe, expect, test } from 'vitest'
import { BUILT } from '../../../test/support/engines.js'
import { randomMarket } from '../../../test/support/random-market.js'
import { FeatureTable, featureSet } from '../../env/features.js'
import { Backtest } from '../../trading/backtest.js'
import { DEFAULT_RULES } from '../../trading/rules.js'
import { cpuEngine } from '../engines/cpu/engine.js'
import { Actor } from '../model/actor.js'
import { layoutOf } from '../network/network.js'
import { recall2 } from '../tasks/memory.js'
import { type Evaluate, episodes, sessions } from './validation.js'

const drain = (work: ReturnType<Evaluate>) => {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** An actor with some policy or other. */
async function actorOf(inputs: number, actions: number): Promise<Actor> {
  const shape = {
    inputs,
    actions,
    hidden: 8,
    lstm: 'shared',
    layers: 1,
    net: [],
    activation: 'tanh',
  } as const
  const engine = await cpuEngine(layoutOf(shape), BUILT)
  engine.writeParameters(Float32Array.from({ length: engine.layout.size }, (_, i) => Math.sin(i * i)))
  return new Actor(engine, { normaliser: null, mask: new Uint8Array(actions).fill(1), holdPrior: 0 })
}

describe('the standard error of a score', () => {
  test('of sessions: that of the sum of their dollars, worked out from the marks', async () => {
    const market = randomMarket({ sessions: 4, seed: 2, bps: 6 })
    const features = new FeatureTable(market, featureSet('intraday')!)
    const warmup = market.sessions[1]!.first + 7
    const options = { market, features, rules: DEFAULT_RULES, longOnly: false, warmup }
    const actor = await actorOf(26, 9)
    const score = drain(sessions(options, false)(actor))
    actor.reset()
    const policy = {
      name: 'model',
      observes: true,
      act: ({ observation, held }: { observation: Float32Array; held: number }) =>
        actor.act(observation, held),
    }
    const run = new Backtest({ ...options, policy })
    while (!run.advance(1000));
    const { ledger } = run
    // Equity stands at the close of the bar after a decision: the last of each session is what it ended with.
    const ends = market.sessions.slice(1).map((_, i) => (market.sessions[i + 2]?.first ?? market.length) - 1)
    const marks = [DEFAULT_RULES.capital, ...ends.map((bar) => ledger.equity[bar - 1 - ledger.first]!)]
    const days = ends.map((_, i) => marks[i + 1]! - marks[i]!)
    expect(days.every((dollars) => dollars !== 0)).toBe(true)
    const mean = (days[0]! + days[1]! + days[2]!) / 3
    const variance = days.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 2
    expect(score.reward).toBeCloseTo(3 * mean, 9)
    expect(score.error).toBeCloseTo(Math.sqrt(3 * variance), 9)
    expect(score.sessions).toEqual(
      days.map((pnl, i) => ({ day: market.sessions[i + 1]!.day, pnl: expect.closeTo(pnl, 9) })),
    )
    // A limit that ends the run leaves sessions in which nothing is earned.
    const strict = { ...options, rules: { ...DEFAULT_RULES, maxDrawdown: 1e-6 } }
    const short = drain(sessions(strict, false)(actor)).sessions!
    expect(short.map(({ day }) => day)).toEqual(score.sessions!.map(({ day }) => day))
    expect(short.slice(1).map(({ pnl }) => pnl)).toEqual([0, 0])
  })

  test('of episodes: that of their mean, and 0 of a single one', async () => {
    const actor = await actorOf(recall2.inputs, recall2.actions)
    const one = (count: number) => drain(episodes(recall2, 1, count)(actor))
    // The first episode of two is the one of one.
    const [first, both] = [one(1), one(2)]
    const second = 2 * both.reward - first.reward
    expect(second).not.toBe(first.reward)
    expect(both.error).toBeCloseTo(Math.abs(second - first.reward) / 2, 9)
    expect(first.error).toBe(0)
  })
})
