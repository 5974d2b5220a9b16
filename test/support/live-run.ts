/** A run whose bars come one by one, as in live trading, with the simulated broker; and the same day for all who stop it. */
import { FeatureTable, featureSet } from '../../src/env/features.js'
import { Market } from '../../src/market/market.js'
import { DEFAULT_LIMITS } from '../../src/risk/limits.js'
import type { Policy } from '../../src/trading/policy.js'
import { RECORD_TYPES, RecordWriter } from '../../src/trading/records.js'
import { DEFAULT_RULES, type Rules } from '../../src/trading/rules.js'
import { type SavedRun, TradingRun } from '../../src/trading/run.js'
import { randomMarket } from './random-market.js'

/** Two sessions with holes, and prices that move enough to trade on. */
export const day = randomMarket({ sessions: 2, seed: 9, gaps: 0.02, bps: 25 })
export const WARMUP = 50

export const rules: Rules = {
  ...DEFAULT_RULES,
  limits: { ...DEFAULT_LIMITS, maxDayLoss: 20, maxLoss: 1e6 },
}

interface Parts {
  readonly market: Market
  readonly policy: Policy
  readonly set: string
  readonly saved: SavedRun | null
}

/** A run on bars that it knows, from its beginning or from what another one has saved. */
export function started({ market, policy, set, saved }: Parts) {
  const features = new FeatureTable(market, featureSet(set)!, saved?.features ?? null)
  let lines: string[] = []
  const write = (line: string) => lines.push(line)
  const listener = new RecordWriter({ run: 'r', market, rules, types: new Set(RECORD_TYPES), write })
  const run = new TradingRun({ market, features, rules, policy, longOnly: false, listener })
  if (saved !== null) run.restore(saved)
  return {
    run,
    /** Decides, lets the next bar come, and settles: the lines of that. */
    step: (time: number, numbers: ArrayLike<number>): string[] => {
      lines = []
      const t = market.length - 1
      const { transition, state } = run
      transition.decide(state, t, run.act(t))
      market.append(time, numbers)
      features.update()
      transition.begin(state, t + 1)
      transition.execute(state, t)
      transition.settle(state, t)
      return lines
    },
  }
}

/** Bar `i` as `append` takes it. */
export const numbersAt = ({ open, high, low, close, volume }: Market, i: number): number[] =>
  [0, 1].flatMap((k) => [open, high, low, close, volume].map((column) => column[k]![i]!))

/**
 * Runs over the day after its warm-up, stops before every bar, and lets another run, which knows the text and the bars to come
 * alone, write the next lines and be saved in turn. Gives the number of lines; throws at the first difference.
 */
export function stoppedAtEveryBar(make: () => Policy, set: string): number {
  const whole = started({ market: day.slice(0, WARMUP), policy: make(), set, saved: null })
  let text = JSON.stringify(whole.run.save())
  let written = 0
  for (let i = WARMUP; i < day.length; i++) {
    const expected = whole.step(day.time[i]!, numbersAt(day, i))
    const saved: SavedRun = JSON.parse(text)
    const other = started({ market: Market.from(saved.bars), policy: make(), set, saved })
    const lines = other.step(day.time[i]!, numbersAt(day, i))
    if (lines.join('') !== expected.join(''))
      throw new Error(`bar ${i}: ${lines.join('')}instead of\n${expected.join('')}`)
    text = JSON.stringify(other.run.save())
    if (text !== JSON.stringify(whole.run.save()))
      throw new Error(`bar ${i}: the state differs from that of a run never stopped`)
    written += expected.length
  }
  return written
}
