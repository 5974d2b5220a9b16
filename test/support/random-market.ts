/** Random walks of two symbols over sessions of the calendar: no drift, no memory. */
import { stream } from '../../src/base/rng.js'
import { sessionsEndingAt } from '../../src/market/calendar.js'
import { Market } from '../../src/market/market.js'

export interface RandomMarketOptions {
  readonly sessions: number
  readonly seed?: number
  /** Each minute is left out with this probability. */
  readonly gaps?: number
  /** Standard deviation of a minute's log return, in basis points. */
  readonly bps?: number
  /** The last session, days since 1970-01-01. */
  readonly last?: number
}

const LAST = 20_301

/** One-minute bars of sessions up to 2025-08-01, or another date. */
export function randomMarket({
  sessions,
  seed = 1,
  gaps = 0,
  bps = 8,
  last = LAST,
}: RandomMarketOptions): Market {
  const market = new Market(['NVDA', 'MSFT'], '1m')
  const rng = stream(seed, 'random-market')
  const price = [180, 520]
  for (const { openMs, closeMs } of sessionsEndingAt(last, sessions)) {
    for (let time = openMs; time < closeMs; time += 60_000) {
      const numbers = price.flatMap((from, k) => {
        const to = from * (1 + (bps / 1e4) * rng.normal())
        price[k] = to
        const [high, low] = [Math.max(from, to) * 1.0001, Math.min(from, to) * 0.9999]
        return [from, high, low, to, Math.round(1000 * (1 + rng.uniform()))]
      })
      if (rng.uniform() >= gaps) market.append(time, numbers)
    }
  }
  return market
}

/** A market of its first symbol alone. */
export function firstOf({
  symbols: [symbol],
  interval,
  length,
  time,
  open,
  high,
  low,
  close,
  volume,
}: Market): Market {
  const one = new Market([symbol, symbol], interval)
  for (let i = 0; i < length; i++) {
    const bar = [open, high, low, close, volume].map(([column]) => column[i]!)
    one.append(time[i]!, [...bar, ...bar])
  }
  return one
}
