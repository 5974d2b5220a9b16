import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { stream } from '../base/rng.js'
import { FeatureTable, featureSet } from '../env/features.js'
import { sessionOfStart } from '../market/grid.js'
import { Market, SYMBOL_COUNT } from '../market/market.js'
import { COLUMNS, type Series } from '../market/series.js'
import { DEFAULT_COSTS } from '../portfolio/costs.js'
import { type Offer, SimulatedBroker } from '../portfolio/fills.js'
import { CANCEL, isOpen, newReport } from '../portfolio/orders.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../risk/limits.js'
import { Backtest } from './backtest.js'
import { type Intent, LiveRun } from './live.js'
import { randomPolicy, smaCross } from './policies.js'
import type { Policy } from './policy.js'
import { RECORD_TYPES, RecordWriter } from './records.js'
import { DEFAULT_RULES, type Rules } from './rules.js'

const WARMUP = 50
const types = new Set(RECORD_TYPES)

/** Some bars of one symbol alone, now and then for minutes. */
function halted(market: Market, seed: number): Market {
  const part = new Market(market.symbols, market.interval)
  const rng = stream(seed, 'halts')
  let alone = -1
  for (let i = 0; i < market.length; i++) {
    if (rng.uniform() < 0.1) alone = rng.int(SYMBOL_COUNT + 2) - 2
    const numbers = [0, 1].map((k) => COLUMNS.map((name) => market[name][k]![i]!))
    if (alone < 0 || i < WARMUP + 2) part.append(market.time[i]!, numbers.flat())
    else part.alone[alone]!.append(market.time[i]!, numbers[alone]!)
  }
  return part
}

function backtested(market: Market, rules: Rules, policy: Policy): string[] {
  const lines: string[] = []
  const features = policy.observes ? new FeatureTable(market, featureSet('intraday')!) : null
  const listener = new RecordWriter({ run: 'r', market, rules, types, write: (line) => lines.push(line) })
  const run = new Backtest({ market, features, rules, policy, longOnly: false, warmup: WARMUP, listener })
  while (!run.advance(1000));
  return lines
}

/** The same bars one by one, with a broker that answers as the simulated one does, in its own time. */
function lived(market: Market, rules: Rules, policy: Policy): string[] {
  const lines: string[] = []
  const own = market.slice(0, WARMUP + 1)
  const features = policy.observes ? new FeatureTable(own, featureSet('intraday')!) : null
  const listener = new RecordWriter({
    run: 'r',
    market: own,
    rules,
    types,
    write: (line) => lines.push(line),
  })
  const live = new LiveRun({ market: own, features, rules, policy, longOnly: false, listener })
  const broker = new SimulatedBroker({
    fill: 'open',
    costs: rules.costs,
    fractional: false,
    overnight: rules.limits.flatBeforeCloseMs === null,
    intervalMs: market.intervalMs,
  })
  const report = newReport()
  const waiting: (Intent | null)[] = [null, null]
  const meet = (k: number, series: Series | null, i: number, mean: number) => {
    const order = waiting[k]
    if (order === null || order === undefined) return
    waiting[k] = null
    const timeMs = series === null ? market.time[i]! : series.time[i]!
    const isNight =
      sessionOfStart(timeMs, market.intervalMs)!.day !==
      sessionOfStart(order.decidedMs - 1, market.intervalMs)!.day
    const offer: Offer = {
      timeMs,
      barMs: timeMs,
      price: series === null ? market.open[k]![i]! : series.open[i]!,
      volume: series === null ? market.volume[k]![i]! : series.volume[i]!,
      meanPrice: mean,
    }
    report.order = order.order
    if (broker.isInTime(order.decidedMs, timeMs, isNight))
      broker.answer(report, market.symbols[k]!, order.shares, offer)
    else broker.expire(report, order.decidedMs)
    live.apply(report)
    if (!isOpen(live.state.orders.change.after)) return
    report.kind = CANCEL
    live.apply(report)
  }
  const send = (intents: readonly Intent[]) => {
    for (const intent of intents) waiting[intent.symbol] = intent
  }
  send(live.decide([0, 0]).intents)
  const next = [0, 0]
  for (let k = 0; k < SYMBOL_COUNT; k++)
    while (next[k]! < market.alone[k]!.length && market.alone[k]!.time[next[k]!]! < market.time[WARMUP]!)
      next[k]!++
  for (let i = WARMUP + 1; i <= market.length && !live.isOver; i++) {
    for (;;) {
      const at = [0, 1].map((k) => market.alone[k]!.time[next[k]!] ?? Number.POSITIVE_INFINITY)
      const k =
        next[0]! < market.alone[0].length && (next[1]! >= market.alone[1].length || at[0]! <= at[1]!) ? 0 : 1
      const series = market.alone[k]!
      if (next[k]! >= series.length || (i < market.length && series.time[next[k]!]! >= market.time[i]!)) break
      const one = next[k]!++
      meet(k, series, one, 0)
      send(
        live.takeAlone(
          k,
          series.time[one]!,
          COLUMNS.map((name) => series[name][one]!),
        ).intents,
      )
    }
    if (i === market.length) break
    for (let k = 0; k < SYMBOL_COUNT; k++)
      meet(k, null, i, (market.close[0][i - 1]! + market.close[1][i - 1]!) / 2)
    live.take(
      market.time[i]!,
      [0, 1].flatMap((k) => COLUMNS.map((name) => market[name][k]![i]!)),
    )
    if (i < market.length - 1 && !live.isOver) send(live.decide([0, 0]).intents)
  }
  live.close()
  return lines
}

describe('bars that come one by one', () => {
  const rules: readonly (readonly [string, Rules])[] = [
    ['the defaults', DEFAULT_RULES],
    ['no limits', { ...DEFAULT_RULES, limits: NO_LIMITS }],
    [
      'tight limits',
      { ...DEFAULT_RULES, limits: { ...DEFAULT_LIMITS, maxDayLoss: 10, maxLoss: 40, ordersPerMinute: 1 } },
    ],
    [
      'partial fills',
      {
        ...DEFAULT_RULES,
        costs: { ...DEFAULT_COSTS, participation: 0.0001, impactBps: 5, tradePenaltyBps: 1 },
      },
    ],
  ]
  const policies: Record<string, () => Policy> = {
    random: () => randomPolicy(stream(3, 'live')),
    'sma-cross': smaCross,
    'one that observes': () => ({
      name: 'looks',
      observes: true,
      act: ({ observation }) => Math.floor(Math.abs(observation[0]! + observation[13]!) * 1000) % 9,
    }),
  }
  test.each(
    rules.flatMap(([words, terms]) => Object.keys(policies).map((name) => [words, name, terms] as const)),
  )('%s, %s: the records of a backtest, to the byte', (_, name, terms) => {
    for (let seed = 1; seed <= 8; seed++) {
      const whole = randomMarket({ sessions: 2, seed, gaps: seed % 2 === 0 ? 0.05 : 0, bps: 25 })
      const market = seed % 4 < 2 ? whole : halted(whole, seed)
      expect(lived(market, terms, policies[name]!()).join('')).toBe(
        backtested(market, terms, policies[name]!()).join(''),
      )
    }
  })
})
