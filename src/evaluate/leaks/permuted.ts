/** Bars whose moves come in another order: prices as wild as before, and nothing in them that could be known beforehand. */
import { exp, log } from '../../base/math.js'
import type { Rng } from '../../base/rng.js'
import { Market, SYMBOL_COUNT } from '../../market/market.js'
import { BAR_NUMBERS } from '../../market/series.js'

/** Prices of a bar: open, high, low, close. The number after them is the volume. */
const PRICES = BAR_NUMBERS - 1
const CLOSE = 3

/**
 * Each bar as a move from the close before, those of both symbols together, shuffled, and less the mean move: neither a pattern nor
 * a drift is left (the null hypothesis of Aronson, Evidence-Based Technical Analysis, 2007, chapter 6).
 */
export function permuted(market: Market, rng: Rng): Market {
  const made = new Market(market.symbols, market.interval, market.length)
  const order = shuffled(market.length, rng)
  const drift = [0, 1].map((k) => driftOf(market.close[k]!, market.length))
  const last = [market.close[0][0]!, market.close[1][0]!]
  const numbers = new Float64Array(SYMBOL_COUNT * BAR_NUMBERS)
  for (let i = 0; i < market.length; i++) {
    const from = order[i]!
    market.numbers(from, numbers)
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const before = from === 0 ? market.open[k]![0]! : market.close[k]![from - 1]!
      const scale = (last[k]! / before) * exp(-drift[k]!)
      for (let c = 0; c < PRICES; c++) numbers[k * BAR_NUMBERS + c]! *= scale
      last[k] = numbers[k * BAR_NUMBERS + CLOSE]!
    }
    made.append(market.time[i]!, numbers)
  }
  return made
}

/** Mean log move of a bar. */
const driftOf = (close: Float64Array, length: number): number =>
  log(close[length - 1]! / close[0]!) / Math.max(1, length - 1)

/** Fisher and Yates. */
function shuffled(length: number, rng: Rng): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i)
  for (let i = length - 1; i > 0; i--) {
    const j = rng.int(i + 1)
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}
