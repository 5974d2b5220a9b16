/** The two price series of the golden trajectories, rebuilt from their published recurrence. */
import { Market } from '../../src/market/market.js'

/** A 32-bit linear congruential generator, prices in whole cents: [open, high, low, close, volume]. */
function goldenRows(seed: number, cents: number, bars: number, driftCents = 0): number[][] {
  let state = seed
  const draw = (n: number) => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  let close = cents
  const rows: number[][] = []
  for (let i = 0; i < bars; i++) {
    const open = close
    if (i > 0) close += draw(51) - 25 + driftCents
    const high = Math.max(open, close) + draw(10)
    const low = Math.min(open, close) - draw(10)
    rows.push([open / 100, high / 100, low / 100, close / 100, 1000 + draw(20_000)])
  }
  return rows
}

export const GOLDEN_BARS = 300
/** The second day begins at bar 150. */
const DAYS = ['2025-07-28T13:30:00Z', '2025-07-29T13:30:00Z'].map((text) => Date.parse(text))

export const goldenTime = (i: number): number => DAYS[Math.floor(i / 150)]! + (i % 150) * 60_000

export function goldenPair(falling: boolean): readonly [number[][], number[][]] {
  return [
    goldenRows(42, 17_000, GOLDEN_BARS, falling ? -12 : 0),
    goldenRows(123, 51_000, GOLDEN_BARS, falling ? -15 : 0),
  ]
}

export function goldenMarket(falling = false): Market {
  const market = new Market(['NVDA', 'MSFT'], '1m')
  const [nvda, msft] = goldenPair(falling)
  for (let i = 0; i < GOLDEN_BARS; i++) market.append(goldenTime(i), [...nvda[i]!, ...msft[i]!])
  return market
}
