import { expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { FEATURE_WIDTH, FeatureTable } from './features.js'
import { intraday } from './intraday.js'
import { exposure, OBSERVATION_SIZE, observe } from './observation.js'

test('a position is a part of the target size, within [-1, 1]', () => {
  expect([exposure(0, 5), exposure(5, 5), exposure(-5, 5), exposure(2, 5), exposure(7, 5)]).toEqual([
    0, 1, -1, 0.4, 1,
  ])
})

test('what is left after a partial exit does not vanish from sight', () => {
  expect([exposure(3, 0), exposure(-3, 0), exposure(0, 0)]).toEqual([1, -1, 0])
})

test('an observation that is not finite is refused, and the feature is named', () => {
  const bars = randomMarket({ sessions: 1 })
  const features = new FeatureTable(bars, intraday)
  const out = new Float32Array(OBSERVATION_SIZE)
  const see = () => observe(features, 60, new Float64Array(2), new Float64Array(2), out)
  see()
  for (const [column, symbol, value] of [
    [0, 'first', Number.NaN],
    [12 + 3, 'second', Number.POSITIVE_INFINITY],
  ] as const) {
    const at = 60 * FEATURE_WIDTH + column
    const before = features.values[at]!
    features.values[at] = value
    expect(see).toThrow(
      expect.objectContaining({
        code: 70,
        message: `${intraday.columns[column % 12]} of the ${symbol} symbol is ${value} at bar 60: nothing is traded on it`,
      }),
    )
    features.values[at] = before
  }
  expect(() => observe(features, bars.length, new Float64Array(2), new Float64Array(2), out)).toThrow(
    RangeError,
  )
})
