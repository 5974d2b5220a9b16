import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import type { Change } from '../portfolio/order-book.js'
import { NO_LIMITS } from '../risk/limits.js'
import { RECORD_CHECKS, RecordCheck } from './check-records.js'
import { Outcome } from './outcome.js'
import { DEFAULT_RULES, type Rules } from './rules.js'

const market = randomMarket({ sessions: 2, seed: 4 })
const [FIRST, SECOND] = market.sessions.map(({ openMs }) => openMs) as [number, number]
const minute = (n: number, openMs = FIRST): number => openMs + n * 60_000

type Told = readonly ['order' | 'fill', number, number] | readonly ['fill', number, number, number]

/** What is broken by these orders and fills of the first symbol: time, signed shares, and when a fill was decided. */
function broken(told: readonly Told[], rules: Rules = DEFAULT_RULES): string[] {
  const check = new RecordCheck(market, rules)
  const outcome = new Outcome()
  for (const [kind, timeMs, shares, decidedMs = timeMs] of told) {
    if (kind === 'order') {
      outcome.ordered[0] = shares
      check.ordered(timeMs, 0, outcome)
    } else check.reported({ isExecution: true, symbol: 0, timeMs, decidedMs, shares, oldShares: 0 } as Change)
  }
  check.settled(market.length - 2)
  check.finish()
  return [...check.problems.keys()]
}

describe('records', () => {
  const [AFTER, ORDER, ENTRY, FLAT, TRADES] = RECORD_CHECKS
  const cases: [string, readonly Told[], readonly string[]][] = [
    [
      'that are sound',
      [
        ['order', minute(9), 5],
        ['fill', minute(9), 5],
        ['fill', minute(300), -5],
      ],
      [],
    ],
    [
      'with a fill before its order',
      [
        ['fill', minute(9), 5, minute(10)],
        ['fill', minute(11), -5],
      ],
      [AFTER],
    ],
    [
      'that go back',
      [
        ['order', minute(12), 5],
        ['order', minute(11), 5],
      ],
      [ORDER],
    ],
    ['with an entry ten minutes before the close', [['order', minute(380), 5]], [ENTRY]],
    ['with one before that', [['order', minute(379), 5]], []],
    [
      'with a way out near the close',
      [
        ['fill', minute(9), 5],
        ['order', minute(385), -5],
        ['fill', minute(385), -5],
      ],
      [],
    ],
    [
      'with a flip near the close',
      [
        ['fill', minute(9), 5],
        ['order', minute(385), -9],
        ['fill', minute(385), -5],
      ],
      [ENTRY],
    ],
    ['with a position at the close', [['fill', minute(9), 5]], [FLAT]],
    ['with one at the last close', [['fill', minute(9, SECOND), -5]], [FLAT]],
    [
      'with 51 trades a day',
      Array.from({ length: 51 }, (_, i): Told => ['fill', minute(i), i % 2 === 0 ? 5 : -5]).concat([
        ['fill', minute(60), -5],
      ]),
      [TRADES],
    ],
    [
      'with 50 a day, two days long',
      [FIRST, SECOND].flatMap((openMs) =>
        Array.from({ length: 50 }, (_, i): Told => ['fill', minute(i, openMs), i % 2 === 0 ? 5 : -5]),
      ),
      [],
    ],
  ]
  test.each(cases)('%s', (_title, told, expected) => {
    expect(broken(told)).toEqual(expected)
  })

  test('keep what is promised alone: without limits positions may stay', () => {
    expect(broken([['fill', minute(389), 5]], { ...DEFAULT_RULES, limits: NO_LIMITS })).toEqual([])
  })

  test('of a symbol that had no bar to be closed at are sound', () => {
    const halted = market.slice(0, 100)
    const check = new RecordCheck(halted, DEFAULT_RULES)
    check.reported({
      isExecution: true,
      symbol: 0,
      timeMs: minute(9),
      decidedMs: minute(9),
      shares: 5,
      oldShares: 0,
    } as Change)
    check.marked(minute(390))
    check.finish()
    expect([...check.problems]).toEqual([])
  })
})
