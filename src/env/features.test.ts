import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { goldenMarket } from '../../test/support/golden-market.js'
import { stream } from '../base/rng.js'
import { sessionsEndingAt } from '../market/calendar.js'
import { Market } from '../market/market.js'
import { FEATURE_SETS, FEATURE_WIDTH, FeatureTable, featureSet } from './features.js'

const golden = JSON.parse(readFileSync('test/fixtures/env/classic_features.json', 'utf8'))

/** Random walks over sessions of the calendar. */
function randomMarket(sessions: number, seed = 1): Market {
  const market = new Market(['NVDA', 'MSFT'], '1m')
  const rng = stream(seed, 'features')
  const price = [180, 520]
  for (const { openMs, closeMs } of sessionsEndingAt(20_301, sessions)) {
    for (let time = openMs; time < closeMs; time += 60_000) {
      market.append(
        time,
        price.flatMap((from, k) => {
          const to = from * (1 + 0.0008 * rng.normal())
          price[k] = to
          return [
            from,
            Math.max(from, to) * 1.0001,
            Math.min(from, to) * 0.9999,
            to,
            1000 * (1 + rng.uniform()),
          ]
        }),
      )
    }
  }
  return market
}

describe('classic', () => {
  test('equals the published float32 features of 300 bars', () => {
    const { values, set } = new FeatureTable(goldenMarket(), featureSet('classic')!)
    expect(set.columns).toEqual(golden.names)
    for (const [k, symbol] of ['NVDA', 'MSFT'].entries()) {
      const expected = new Float32Array(Uint8Array.from(Buffer.from(golden[symbol], 'base64')).buffer)
      for (let t = 0; t < 300; t++) {
        for (let c = 0; c < 12; c++) {
          const found = values[t * FEATURE_WIDTH + k * 12 + c]!
          const wanted = expected[t * 12 + c]!
          if (found !== wanted)
            expect([symbol, set.columns[c], t, found]).toEqual([symbol, set.columns[c], t, wanted])
        }
      }
    }
  })
})

describe.each(FEATURE_SETS.map((set) => [set.name, set] as const))('%s', (_name, set) => {
  test('whole file and bar by bar give the same bits', () => {
    const market = randomMarket(3)
    const whole = new FeatureTable(market, set)
    const growing = new Market(['NVDA', 'MSFT'], '1m', 1)
    const table = new FeatureTable(growing, set)
    for (let i = 0; i < market.length; i++) {
      growing.append(
        market.time[i]!,
        [0, 1].flatMap((k) =>
          [market.open, market.high, market.low, market.close, market.volume].map((column) => column[k]![i]!),
        ),
      )
      table.update()
    }
    expect(Buffer.from(table.values.slice(0, market.length * FEATURE_WIDTH).buffer)).toEqual(
      Buffer.from(whole.values.slice(0, market.length * FEATURE_WIDTH).buffer),
    )
  })

  test('what comes after a bar does not change its features', () => {
    const market = randomMarket(2)
    const before = new FeatureTable(market, set).values
    for (const cut of [0, 1, 57, 389, 390, 391, 600]) {
      const other = market.slice(0, market.length)
      const rng = stream(cut, 'noise')
      for (const column of [other.open, other.high, other.low, other.close, other.volume]) {
        for (const k of [0, 1] as const)
          for (let i = cut + 1; i < other.length; i++) column[k][i] = 1 + 900 * rng.uniform()
      }
      const after = new FeatureTable(other, set).values
      const seen = (cut + 1) * FEATURE_WIDTH
      expect(Buffer.from(after.slice(0, seen).buffer).equals(Buffer.from(before.slice(0, seen).buffer))).toBe(
        true,
      )
      // The noise did reach what lies after.
      expect(Buffer.from(after.buffer).equals(Buffer.from(before.buffer))).toBe(false)
    }
  })

  test('every number is finite', () => {
    const { values } = new FeatureTable(randomMarket(4), set)
    expect(values.every(Number.isFinite)).toBe(true)
  })
})

test('intraday features stay within their cut and move', () => {
  const { values, length } = new FeatureTable(randomMarket(6), featureSet('intraday')!)
  for (let c = 0; c < FEATURE_WIDTH; c++) {
    let [least, most] = [Infinity, -Infinity]
    for (let t = 0; t < length; t++) {
      least = Math.min(least, values[t * FEATURE_WIDTH + c]!)
      most = Math.max(most, values[t * FEATURE_WIDTH + c]!)
    }
    expect(least).toBeGreaterThanOrEqual(-5)
    expect(most).toBeLessThanOrEqual(5)
    expect(most - least).toBeGreaterThan(0.1)
  }
})
