import { describe, expect, test } from 'vitest'
import { randomMarket } from '../../test/support/random-market.js'
import { Aligner } from './align.js'
import { type BarBatch, INTERVALS, Names, newBatch } from './bar.js'
import { Market } from './market.js'
import { MarketView } from './view.js'

const at = (text: string): number => Date.parse(`2025-07-30T${text}:00Z`)
const BAR = [100, 101, 99, 100, 7, 500, 501, 499, 500, 9]

describe('append', () => {
  const made = (interval: '1m' | '5m' | '1h' = '1m') => {
    const market = new Market(['NVDA', 'MSFT'], interval)
    market.append(at('13:30'), BAR)
    return market
  }

  test.each([
    ['time that stands still', '1m', '13:30', 'time goes backwards'],
    ['time that goes back', '5m', '13:25', 'time goes backwards'],
    [
      'bars that overlap',
      '5m',
      '13:31',
      'bars overlap: NVDA and MSFT 2025-07-30T13:31:00Z begins before the end of 2025-07-30T13:30:00Z, which is 5 minutes long',
    ],
    ['bars after the close', '1m', '20:00', 'lies outside of the regular session'],
  ] as const)('refuses %s, and stays as it was', (_name, interval, time, words) => {
    const market = made(interval)
    expect(() => market.append(at(time), BAR)).toThrow(words)
    expect([market.length, market.sessions.length]).toEqual([1, 1])
    market.append(at('13:35'), BAR)
    expect(market.length).toBe(2)
  })

  test('takes a first bar that the clock cuts short', () => {
    const market = made('1h')
    market.append(at('14:00'), BAR)
    expect(() => market.append(at('14:30'), BAR)).toThrow('bars overlap')
  })

  test('a bar of a day is of the session of its date', () => {
    const market = new Market(['NVDA', 'MSFT'], '1d')
    market.append(Date.parse('2025-07-28T00:00:00Z'), BAR)
    market.append(Date.parse('2025-07-29T04:00:00Z'), BAR)
    expect(
      market.sessions.map(({ day, openMs }) => [day, new Date(openMs).toISOString().slice(0, 16)]),
    ).toEqual([
      [20_297, '2025-07-28T13:30'],
      [20_298, '2025-07-29T13:30'],
    ])
  })
})

test('the last bars come back from their text, unknown volumes too', () => {
  const market = new Market(['NVDA', 'MSFT'], '1m')
  for (let i = 0; i < 100; i++)
    market.append(at('13:30') + i * 60_000, [
      100 + i / 3,
      101 + i,
      99,
      100,
      i % 2 ? Number.NaN : i,
      ...BAR.slice(5),
    ])
  const back = Market.from(JSON.parse(JSON.stringify(market.save(64))))
  expect([back.length, back.time[0], back.close[0][63]]).toEqual([64, market.time[36], market.close[0][99]])
  expect([...back.open[0].subarray(0, 64)]).toEqual([...market.open[0].subarray(36, 100)])
  expect([...back.volume[0].subarray(0, 64)]).toEqual([...market.volume[0].subarray(36, 100)])
})

test('a view reads what has ended, and nothing else', () => {
  const market = new Market(['NVDA', 'MSFT'], '1m')
  for (let i = 0; i < 3; i++) market.append(at('13:30') + i * 60_000, BAR)
  const view = new MarketView(market, Int32Array.of(2))
  expect([
    view.time(1),
    view.open(0, 1),
    view.high(0, 0),
    view.low(1, 1),
    view.close(1, 0),
    view.volume(1, 1),
  ]).toEqual([at('13:31'), 100, 101, 499, 500, 9])
  for (const i of [2, -1, 3, 0.5, Number.NaN]) {
    for (const read of [view.open, view.high, view.low, view.close, view.volume])
      expect(() => read.call(view, 0, i), String(i)).toThrow(RangeError)
  }
})

/** Live bars, one batch each. */
function live() {
  const names = new Names()
  const aligner = new Aligner({ symbols: ['NVDA', 'MSFT'], name: 'live', maxMissing: 1 })
  const push = (symbol: string, time: string, price = 100) => {
    const batch: BarBatch = newBatch(1, names)
    batch.length = 1
    batch.symbol[0] = names.id(symbol)
    batch.interval[0] = INTERVALS.indexOf('1m')
    batch.time[0] = at(time)
    for (const name of ['open', 'high', 'low', 'close'] as const) batch[name][0] = price
    batch.volume[0] = 5
    batch.session[0] = 0
    aligner.push(batch)
  }
  return { aligner, push }
}

describe('a market that lives', () => {
  test('has a bar when it has ended, not when the next one comes', () => {
    const { aligner, push } = live()
    push('NVDA', '13:30')
    push('MSFT', '13:30')
    expect(aligner.closeThrough(at('13:31') - 1)).toBe(0)
    expect(aligner.closeThrough(at('13:31'))).toBe(1)
    expect(aligner.closeThrough(at('13:40'))).toBe(1)
    push('NVDA', '13:31')
    push('MSFT', '13:31', 101)
    expect(aligner.closeThrough(at('13:32'))).toBe(2)
    expect(aligner.market!.close[1][1]).toBe(101)
  })

  test('keeps the bars of a symbol whose partner is silent', () => {
    const { aligner, push } = live()
    push('NVDA', '13:30')
    push('MSFT', '13:30')
    push('NVDA', '13:31', 102)
    push('NVDA', '13:32', 103)
    aligner.closeThrough(at('13:33'))
    const { alone, length } = aligner.market!
    expect([length, alone[0].length, [...alone[0].close.subarray(0, 2)], alone[1].length]).toEqual([
      1,
      2,
      [102, 103],
      0,
    ])
    expect(aligner.droppedRows).toBe(2)
  })

  test('does not join what comes after its time was closed', () => {
    const { aligner, push } = live()
    push('NVDA', '13:30')
    aligner.closeThrough(at('13:31'))
    push('MSFT', '13:30')
    push('NVDA', '13:30')
    push('NVDA', '13:31')
    push('MSFT', '13:31')
    aligner.closeThrough(at('13:32'))
    const { alone, length, time } = aligner.market!
    expect([length, time[0], alone[0].length, alone[1].length, aligner.duplicates]).toEqual([
      1,
      at('13:31'),
      1,
      1,
      1,
    ])
  })

  test('a part of it has the bars that one symbol has alone in that time', () => {
    const { aligner, push } = live()
    // One stands before the first that both have.
    push('NVDA', '13:30')
    for (const minute of ['13:32', '13:34', '13:36']) {
      push('NVDA', minute)
      push('MSFT', minute)
      push(
        'NVDA',
        minute.replace(/.$/, (digit) => String(Number(digit) + 1)),
      )
    }
    aligner.closeThrough(at('14:00'))
    const all = aligner.market!.slice(0, aligner.market!.length)
    expect(all.alone[0].length).toBe(aligner.market!.alone[0].length)
    const part = aligner.market!.slice(1, 2)
    expect([part.length, [...part.alone[0].time.subarray(0, part.alone[0].length)]]).toEqual([
      1,
      [at('13:35')],
    ])
  })
})

describe('the end of a bar', () => {
  const ends = (market: Market) =>
    Array.from({ length: market.length }, (_, i) => new Date(market.endOf(i)).toISOString().slice(11, 16))

  test('of hours from the open: the last is cut by the close', () => {
    const market = new Market(['NVDA', 'MSFT'], '1h')
    for (const time of ['13:30', '14:30', '19:30']) market.append(at(time), BAR)
    expect([market.anchor, ends(market)]).toEqual(['open', ['14:30', '15:30', '20:00']])
  })

  test('of clock hours: the first is cut by the clock, in a part of the market too', () => {
    const market = new Market(['NVDA', 'MSFT'], '1h')
    for (const time of ['13:30', '14:00', '19:00']) market.append(at(time), BAR)
    expect([market.anchor, ends(market)]).toEqual(['clock', ['14:00', '15:00', '20:00']])
    expect(ends(market.slice(0, 1))).toEqual(['14:00'])
  })

  test('a part of a market is what its bars make when they are appended', () => {
    const days = ['2025-07-29', '2025-07-30', '2025-07-31']
    const times = days.flatMap((day) =>
      [0, 5, 10].map((minute) => Date.parse(`${day}T13:30:00Z`) + minute * 60_000),
    )
    const numbers = (i: number) => BAR.map((value) => value + i)
    const all = new Market(['NVDA', 'MSFT'], '5m')
    for (const [i, time] of times.entries()) all.append(time, numbers(i))
    const shown = (market: Market) => {
      const { length, sessions, anchor } = market
      const columns = [market.time, market.session, ...[...market.open, ...market.close, ...market.volume]]
      return { length, sessions, anchor, columns: columns.map((column) => [...column.subarray(0, length)]) }
    }
    for (let from = 0; from <= times.length; from++) {
      for (let to = from; to <= times.length; to++) {
        const part = all.slice(from, to)
        const anew = new Market(['NVDA', 'MSFT'], '5m')
        for (let i = from; i < to; i++) anew.append(times[i]!, numbers(i))
        expect(shown(part)).toEqual(shown(anew))
        if (to === times.length) continue
        // It goes on as any market does.
        part.append(times[to]!, numbers(to))
        anew.append(times[to]!, numbers(to))
        expect(shown(part)).toEqual(shown(anew))
      }
    }
  })

  test('no part of a market lies beyond it', () => {
    const market = new Market(['NVDA', 'MSFT'], '1m')
    market.append(at('13:30'), BAR)
    for (const [from, to] of [
      [-1, 1],
      [0, 2],
      [1, 0],
    ] as const)
      expect(() => market.slice(from, to)).toThrow(RangeError)
  })
})

describe('without some sessions', () => {
  const market = randomMarket({ sessions: 6, gaps: 0.02 })
  const days = market.sessions.map(({ day }) => day)

  test('the others stay as they were, and a cut stands before the first bar after each gap', () => {
    const part = market.without((day) => [days[0], days[2], days[3]].includes(day))
    expect(part.sessions.map(({ day }) => day)).toEqual([days[1], days[4], days[5]])
    // What is left out at the beginning leaves no gap.
    expect(part.cuts).toEqual([part.sessions[1]!.first])
    const from = market.sessions[4]!.first
    const [cut] = part.cuts
    expect(part.length - cut!).toBe(market.length - from)
    for (let i = cut!; i < part.length; i++) {
      const other = from + i - cut!
      expect([part.time[i], part.open[0][i], part.close[1][i], part.volume[1][i]]).toEqual([
        market.time[other],
        market.open[0][other],
        market.close[1][other],
        market.volume[1][other],
      ])
    }
  })

  test('a part of such a market has the cuts that lie within it', () => {
    const part = market.without((day) => day === days[1] || day === days[4])
    expect(part.cuts).toEqual([part.sessions[1]!.first, part.sessions[3]!.first])
    const [first, second] = part.cuts as [number, number]
    expect(part.slice(0, second).cuts).toEqual([first])
    expect(part.slice(first, part.length).cuts).toEqual([second - first])
  })

  test('nothing left out is the same market', () => {
    const whole = market.without(() => false)
    expect([whole.length, whole.cuts]).toEqual([market.length, []])
    expect(whole.sessions).toEqual(market.sessions)
  })
})
