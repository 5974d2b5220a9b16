/** Made-up bars for benchmarks. */
import { stream } from '../../dist/base/rng.js'
import { sessionsEndingAt } from '../../dist/market/calendar.js'
import { Market } from '../../dist/market/market.js'

/** One-minute random walks of two symbols. */
export function walk(bars) {
  const market = new Market(['NVDA', 'MSFT'], '1m', bars)
  const rng = stream(1, 'bench')
  const price = [180, 520]
  const numbers = new Float64Array(10)
  for (const { openMs, closeMs } of sessionsEndingAt(20_301, Math.ceil(bars / 385))) {
    for (let time = openMs; time < closeMs && market.length < bars; time += 60_000) {
      for (let k = 0; k < 2; k++) {
        const from = price[k]
        const to = from * (1 + 0.0004 * rng.normal())
        price[k] = to
        numbers.set([from, Math.max(from, to), Math.min(from, to), to, 1000 + rng.int(9000)], 5 * k)
      }
      market.append(time, numbers)
    }
  }
  return market
}
