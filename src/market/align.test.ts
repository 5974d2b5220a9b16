import { describe, expect, test } from 'vitest'
import { Aligner, type AlignOptions } from './align.js'
import { INTERVALS, MISSING_CODE, Names, newBatch, SESSIONS } from './bar.js'

const OPEN = Date.UTC(2025, 6, 30, 13, 30)

interface Row {
  symbol: string
  minute: number
  interval?: '1m' | '5m' | '1h'
  price?: number
  source?: string
  session?: 'rth'
}

function align(rows: Row[], maxMissing = 0.05, more: Partial<AlignOptions> = {}) {
  const batch = newBatch(rows.length, new Names())
  for (const { symbol, minute, interval = '1m', source = 'test', session, price } of rows) {
    const i = batch.length++
    batch.symbol[i] = batch.names.id(symbol)
    batch.interval[i] = INTERVALS.indexOf(interval)
    batch.time[i] = OPEN + minute * 60_000
    for (const column of [batch.open, batch.high, batch.low, batch.close]) column[i] = price ?? 100 + minute
    batch.volume[i] = 5
    batch.adjusted[i] = MISSING_CODE
    batch.session[i] = session === undefined ? MISSING_CODE : SESSIONS.indexOf(session)
    batch.source[i] = batch.names.id(source)
    batch.line[i] = i + 1
  }
  const aligner = new Aligner({ symbols: ['NVDA', 'MSFT'], name: 'stdin', maxMissing, ...more })
  aligner.push(batch)
  return { aligner, finish: () => aligner.finish() }
}

const pairs = (minutes: number[]): Row[] =>
  minutes.flatMap((minute) => [
    { symbol: 'NVDA', minute },
    { symbol: 'MSFT', minute },
  ])

describe('an inner join on time', () => {
  test('keeps common bars, drops and names the others by range', () => {
    const rows = [
      ...pairs([0, 1, 2]),
      { symbol: 'NVDA', minute: 3 },
      { symbol: 'NVDA', minute: 4 },
      ...pairs([5]),
      { symbol: 'MSFT', minute: 6 },
    ]
    const { aligner, finish } = align(rows, 0.5)
    const market = finish()
    expect([...market.time.subarray(0, market.length)].map((time) => (time - OPEN) / 60_000)).toEqual([
      0, 1, 2, 5,
    ])
    expect(aligner.droppedRows).toBe(3)
    expect(aligner.describeDropped()).toBe(
      'NVDA lacks 2025-07-30T13:36:00Z (1); MSFT lacks 2025-07-30T13:33:00Z to 2025-07-30T13:34:00Z (2)',
    )
  })

  test('leaves bars outside of the session aside', () => {
    const { aligner, finish } = align([...pairs([-30, 0, 1, 500])])
    expect([finish().length, aligner.outside]).toEqual([2, 4])
  })

  test('says what keeps the rows out', () => {
    const cases: [Partial<AlignOptions>, string][] = [
      [{ interval: '5m' }, 'no bars of NVDA or MSFT: 4 rows are of interval 1m'],
      [{ sources: ['real'] }, 'no bars of NVDA or MSFT: 4 rows are of source test'],
      [{ fromMs: OPEN + 86_400_000 }, 'no bars of NVDA or MSFT: 4 rows are of other dates'],
    ]
    for (const [more, message] of cases) {
      expect(() => align(pairs([0, 1]), 0.05, more).finish()).toThrow(message)
    }
    const early = pairs([-30, -29])
    expect(() => align(early).finish()).toThrow('4 rows lie outside of the regular session')
  })

  test('exactly as much as is allowed is accepted', () => {
    const rows = (missing: number) => [
      ...pairs(Array.from({ length: 100 - missing }, (_, minute) => minute)),
      ...Array.from({ length: missing }, (_, i) => ({ symbol: 'MSFT', minute: 100 - missing + i })),
    ]
    expect(align(rows(5)).finish().length).toBe(95)
    expect(() => align(rows(6)).finish()).toThrow('6.00 % of the times lack a bar of one symbol')
    // The limit of paper trading: 1 of 1,000.
    expect(() => align(rows(1), 0.001).finish()).toThrow('1.00 % of the times')
    expect(align(rows(0), 0.001).finish().length).toBe(100)
  })

  const refused: [string, Row[], string][] = [
    [
      'too much lost',
      [...pairs([0, 1]), { symbol: 'NVDA', minute: 2 }],
      '33.33 % of the times lack a bar of one symbol, more than 5.00 %: MSFT lacks 2025-07-30T13:32:00Z (1)',
    ],
    [
      'a missing symbol',
      [
        { symbol: 'NVDA', minute: 0 },
        { symbol: 'TSLA', minute: 0 },
      ],
      'no bars of MSFT: the input holds TSLA',
    ],
    ['no bars', [{ symbol: 'TSLA', minute: 0 }], 'no bars of NVDA or MSFT: the input holds TSLA'],
    [
      'mixed intervals',
      [...pairs([0]), { symbol: 'NVDA', minute: 1, interval: '5m' }],
      'mixed intervals: 1m before, 5m here',
    ],
    [
      'time going backwards',
      [...pairs([1]), ...pairs([0])],
      'time goes backwards: 2025-07-30T13:30:00Z after 2025-07-30T13:31:00Z',
    ],
    [
      'invented bars beside real ones',
      [...pairs([0]), { symbol: 'NVDA', minute: 1, source: 'mock' }, { symbol: 'MSFT', minute: 1 }],
      'invented bars mixed with real ones: mock, test',
    ],
  ]
  test.each(refused)('%s is refused', (_title, rows, message) => {
    expect(() => align(rows).finish()).toThrow(message)
  })
})

describe('the calendar decides what the regular session is', () => {
  test('bars outside are left aside, and refused by their line where they are said to be inside', () => {
    const rows = pairs([0, 1, 400])
    expect(align(rows).finish().length).toBe(2)
    expect(() => align(rows.map((row) => ({ ...row, session: 'rth' as const })))).toThrow(
      'NVDA 2025-07-30T20:10:00Z is said to be of the regular session and lies outside of it',
    )
  })
})

describe('bars that are left aside', () => {
  test('straddle the open: they are counted, and the first is named', () => {
    const rows: Row[] = ['NVDA', 'MSFT'].flatMap((symbol) =>
      [-30, 30, 90].map((minute) => ({ symbol, minute, interval: '1h' })),
    )
    const { aligner } = align(rows.sort((a, b) => a.minute - b.minute))
    expect([aligner.outside, aligner.straddling]).toEqual([2, 2])
    expect(aligner.firstStraddling).toBe('NVDA 2025-07-30T13:00:00Z, before the open at 2025-07-30T13:30:00Z')
    expect(align(pairs([-30, 0])).aligner.straddling).toBe(0)
  })
})

describe('live bars', () => {
  /** Bars as they end, each symbol in its own order. */
  function live(given: readonly (readonly ['NVDA' | 'MSFT', number])[], more: Partial<AlignOptions> = {}) {
    const aligner = new Aligner({ symbols: ['NVDA', 'MSFT'], name: 'live', maxMissing: 1, ...more })
    const names = new Names()
    const push = (symbol: string, minute: number, interval: '1m' | '1h' = '1m') => {
      const batch = newBatch(1, names)
      batch.length = 1
      batch.symbol[0] = names.id(symbol)
      batch.interval[0] = INTERVALS.indexOf(interval)
      batch.time[0] = OPEN + minute * 60_000
      for (const column of [batch.open, batch.high, batch.low, batch.close]) column[0] = 100 + minute
      batch.session[0] = MISSING_CODE
      aligner.push(batch)
    }
    aligner.closeThrough(OPEN)
    for (const [symbol, minute] of given) push(symbol, minute)
    return { aligner, push }
  }
  const minutes = ({ market }: Aligner) =>
    [...market!.time.subarray(0, market!.length)].map((time) => (time - OPEN) / 60_000)

  test('of two streams come in any order until their time is up', () => {
    const { aligner } = live([
      ['NVDA', 0],
      ['NVDA', 1],
      ['MSFT', 0],
      ['NVDA', 2],
      ['MSFT', 1],
      ['MSFT', 2],
    ])
    expect(aligner.closeThrough(OPEN + 2 * 60_000)).toBe(2)
    expect(aligner.closeThrough(OPEN + 3 * 60_000)).toBe(3)
    expect(minutes(aligner)).toEqual([0, 1, 2])
    const { close } = aligner.market!
    expect([...close[0].subarray(0, 3), ...close[1].subarray(0, 3)]).toEqual([100, 101, 102, 100, 101, 102])
    expect(aligner.droppedRows).toBe(0)
  })

  test('that a partner lacks are alone, and who lacks them is named', () => {
    const { aligner } = live([
      ['NVDA', 0],
      ['NVDA', 1],
      ['MSFT', 1],
    ])
    aligner.closeThrough(OPEN + 5 * 60_000)
    expect([minutes(aligner), aligner.market!.alone[0].length]).toEqual([[1], 1])
    expect(aligner.describeDropped()).toBe('MSFT lacks 2025-07-30T13:30:00Z (1)')
  })

  test('end at the close of the session, and with the full hour of the clock', () => {
    const { aligner, push } = live([])
    const hour = (minute: number) => {
      push('NVDA', minute, '1h')
      push('MSFT', minute, '1h')
    }
    const closed = (minute: number) => aligner.closeThrough(OPEN + minute * 60_000)
    hour(0)
    hour(30)
    // The hour from 10:00 tells that there was a full hour at 10:00; it is not in the market before its end.
    expect([closed(59), closed(60), closed(90)]).toEqual([0, 1, 2])
    hour(330)
    expect([closed(389), closed(390)]).toEqual([2, 3])
    hour(24 * 60 + 360)
    expect([closed(24 * 60 + 389), closed(24 * 60 + 390)]).toEqual([3, 4])
  })
})

test('a night that looks like a split is told, for the symbol that has it', () => {
  const rows = [...pairs([0, 1]), ...pairs([1440, 1441])]
  const { aligner } = align(
    rows.map((row) => ({ ...row, price: row.symbol === 'NVDA' && row.minute > 1000 ? 10 : 100 })),
  )
  expect(aligner.splits.map(({ symbol, ratio }) => [symbol, ratio])).toEqual([['NVDA', '10-for-1']])
})
