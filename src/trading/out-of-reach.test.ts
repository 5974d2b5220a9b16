import { describe, expect, test } from 'vitest'
import { firstOf, randomMarket } from '../../test/support/random-market.js'
import { DEFAULT_LIMITS, NO_LIMITS } from '../risk/limits.js'
import { outOfReach } from './out-of-reach.js'
import { DEFAULT_RULES, type Rules } from './rules.js'

/** NVDA near 180 dollars, MSFT near 520. */
const pair = randomMarket({ sessions: 2 })
const one = firstOf(pair)
const sized = (maxPosition: number, more: Partial<Rules> = {}): Rules => ({
  ...DEFAULT_RULES,
  maxPosition,
  limits: { ...DEFAULT_LIMITS, maxPosition },
  ...more,
})
const leveraged = (maxLeverage: number): Rules => ({
  ...DEFAULT_RULES,
  capital: 1000,
  limits: { ...DEFAULT_LIMITS, maxLeverage },
})

describe('symbols that can never be traded', () => {
  test.each<[string, Rules, string[], string | null]>([
    ['the defaults', DEFAULT_RULES, [], null],
    ['less than any share', sized(50), ['NVDA', 'MSFT'], 'size-zero'],
    ['enough for one of them', sized(300), ['MSFT'], 'size-zero'],
    ['the same without limits', sized(300, { limits: NO_LIMITS }), ['MSFT'], 'size-zero'],
    ['parts of a share', sized(50, { fractional: true }), [], null],
    ['a count of shares above the limit', sized(50, { shares: 1 }), ['NVDA', 'MSFT'], 'max-position'],
    ['no money for a share', leveraged(0.1), ['NVDA', 'MSFT'], 'max-leverage'],
    ['money for some', leveraged(0.95), [], null],
  ])('%s', (_title, rules, symbols, rule) => {
    for (const longOnly of [false, true]) {
      const found = outOfReach(pair, rules, { longOnly, warmup: 50 })
      expect(found.map(({ symbol }) => symbol)).toEqual(symbols)
      for (const { rule: own } of found) expect(own).toBe(rule)
      const single = outOfReach(one, rules, { longOnly, warmup: 50 })
      expect(single.map(({ symbol }) => symbol)).toEqual(symbols.filter((symbol) => symbol === 'NVDA'))
    }
  })

  test('one bar that allows a position is enough, and prices are those of the decisions', () => {
    const closes = [...pair.close[1].subarray(50, pair.length - 1)]
    const [least, most] = [Math.min(...closes), Math.max(...closes)]
    const [msft] = outOfReach(pair, sized(least - 0.01), { longOnly: true, warmup: 50 })
    expect(msft).toEqual({ symbol: 'MSFT', rule: 'size-zero', lowest: least, highest: most })
    expect(outOfReach(pair, sized(least), { longOnly: true, warmup: 50 })).toEqual([])
  })
})
