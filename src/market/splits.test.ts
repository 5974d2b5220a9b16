import { describe, expect, test } from 'vitest'
import { ADJUSTMENTS, MISSING_CODE, Names, newBatch } from './bar.js'
import { type Split, SplitWatch, splitOf, splitWords } from './splits.js'

describe('a ratio from a close to the next open', () => {
  test.each([
    [1 / 10, '10-for-1', '1/10'],
    [0.0985, '10-for-1', '1/10'],
    [1 / 4, '4-for-1', '1/4'],
    [0.26, '4-for-1', '1/4'],
    [1 / 3, '3-for-1', '1/3'],
    [1 / 2, '2-for-1', '1/2'],
    [0.51, '2-for-1', '1/2'],
    [2 / 3, '3-for-2', '2/3'],
    [2 / 5, '5-for-2', '2/5'],
    [1 / 20, '20-for-1', '1/20'],
    [8, '1-for-8', '8 times'],
    [1.5, '2-for-3', '3/2'],
    [50, '1-for-50', '50 times'],
  ])('of %d looks like %s', (ratio, name, part) => {
    expect(splitOf(ratio)).toEqual({ ratio: name, part })
  })

  // Bad nights and good ones.
  test.each([1, 0.97, 1.05, 0.9, 0.8, 0.75, 0.7, 0.65, 0.69, 0.6, 0.55, 1.25, 1.35, 1.44, 1.6, 1.8])(
    'of %d is a move of the market',
    (ratio) => {
      expect(splitOf(ratio)).toBeNull()
    },
  )

  test('of a third less is one only where it is near', () => {
    expect([splitOf(0.67)?.ratio, splitOf(0.675), splitOf(0.655)]).toEqual(['3-for-2', null, null])
  })
})

describe('nights', () => {
  const at = (text: string) => Date.parse(text)

  /** Bars of one symbol: start, open, close, and how they are adjusted. */
  function watched(rows: readonly (readonly [string, number, number, string?])[]): Split[] {
    const batch = newBatch(rows.length, new Names())
    const watch = new SplitWatch()
    const found: Split[] = []
    for (const [time, open, close, adjusted] of rows) {
      const i = batch.length++
      batch.symbol[i] = batch.names.id('NVDA')
      batch.time[i] = at(time)
      batch.open[i] = open
      batch.close[i] = close
      batch.adjusted[i] =
        adjusted === undefined ? MISSING_CODE : (ADJUSTMENTS as readonly string[]).indexOf(adjusted)
      const split = watch.see(batch, i)
      if (split !== null) found.push(split)
    }
    return found
  }

  const friday = ['2024-06-07T19:59:00Z', 1210, 1208] as const
  const monday = ['2024-06-10T13:30:00Z', 120.4, 121] as const
  const words =
    'NVDA opens on 2024-06-10 at 120.4, 1/10 of its close of 1208 on 2024-06-07, and its bars do not say that they are adjusted: a 10-for-1 split? Get adjusted bars, or begin after it with --from 2024-06-10'

  test('are told with symbol, factor, dates and a way out, oldest or newest first', () => {
    expect(watched([friday, monday]).map(splitWords)).toEqual([words])
    expect(watched([monday, friday]).map(splitWords)).toEqual([words])
  })

  test('of adjusted bars are true moves', () => {
    expect(watched([friday, [...monday, 'splits']])).toEqual([])
    expect(watched([[...friday, 'none'], monday])).toHaveLength(1)
  })

  test('within a session and over long holes nothing is told', () => {
    expect(watched([friday, ['2024-06-07T19:59:30Z', 120, 120]])).toEqual([])
    expect(watched([friday, ['2024-07-10T13:30:00Z', 120, 120]])).toEqual([])
  })
})
