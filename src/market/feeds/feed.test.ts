import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { formatTime, HOUR, MINUTE, newYorkDay, parseDate } from '../../base/time.js'
import { openSource, type Source } from '../../stream/source.js'
import { type Bar, barAt, INTERVALS } from '../bar.js'
import { sessions } from '../calendar.js'
import type { OtherRecord } from '../reading.js'
import type { Feed, FeedWorld, Wanted } from './feed.js'
import { fileFeed, type InputFile } from './file.js'
import { mockFeed } from './mock.js'

const day = (date: string): number => parseDate(date)!

interface Subject {
  readonly feed: Feed
  /** Files and connections that are open. */
  readonly held: () => number
}

const mock = (): Subject => ({ feed: mockFeed({ seed: 1, regime: 'noise' }), held: () => 0 })

/** A day more on either side of those that are asked for; more than is asked for in every respect. */
function rowsOf(symbols: readonly string[]): string[] {
  const bar = (symbol: string, time: number, more: Partial<Bar> = {}) =>
    JSON.stringify({
      ...{ type: 'bar', symbol, interval: '1m', time: formatTime(time) },
      ...{ open: 10, high: 12, low: 9, close: 11, volume: 100, ...more },
    })
  return sessions(day('2025-07-29'), day('2025-08-04')).flatMap(({ openMs, closeMs }) => {
    const rows: string[] = []
    for (let time = openMs; time < closeMs; time += MINUTE) {
      rows.push(...[...symbols, 'AAPL'].map((symbol) => bar(symbol, time)))
      if (time % (5 * MINUTE) === 0) rows.push(bar(symbols[0]!, time, { interval: '5m' }))
    }
    // Half past eight in the evening in New York is the next day in UTC.
    return [...rows, ...symbols.map((symbol) => bar(symbol, closeMs + 4.5 * HOUR))]
  })
}

function fileOf(name: string, content: string): InputFile & { held: () => number } {
  const dir = mkdtempSync(join(tmpdir(), 'jules-feed-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, name)
  writeFileSync(path, content)
  let held = 0
  return {
    name,
    held: () => held,
    open: async () => {
      const source: Source = await openSource(path, {
        signal: new AbortController().signal,
        temporaryDirectory: dir,
      })
      held++
      let open = true
      return {
        ...source,
        close: async () => {
          if (open) held--
          open = false
          await source.close()
        },
      }
    },
  }
}

function file(symbols: readonly string[]): Subject {
  const input = fileOf('bars.ndjson', `${rowsOf(symbols).join('\n')}\n`)
  return { feed: fileFeed([input]), held: input.held }
}

const FEEDS: readonly [name: string, make: (symbols: readonly string[]) => Subject][] = [
  ['mock', mock],
  ['file', file],
]

const WANTED = {
  symbols: ['NVDA', 'MSFT'],
  interval: '1m',
  fromDay: day('2025-07-30'),
  toDay: day('2025-08-01'),
  session: 'rth',
} as const satisfies Wanted

function world(signal: AbortSignal = new AbortController().signal): FeedWorld & { said: string[] } {
  const said: string[] = []
  const say = (words: string) => void said.push(words)
  return { signal, clock: () => 0, note: say, warn: say, detail: say, said }
}

async function all(
  feed: Feed,
  wanted: Wanted,
  within = world(),
): Promise<{ bars: Bar[]; others: OtherRecord[] }> {
  const bars: Bar[] = []
  const others: OtherRecord[] = []
  for await (const block of feed.bars(wanted, within)) {
    if (block.kind === 'other') others.push(...block.records)
    else for (let i = 0; i < block.batch.length; i++) bars.push(barAt(block.batch, i))
  }
  return { bars, others }
}

describe.each(FEEDS)('the feed %s', (name, make) => {
  test.each([[['NVDA', 'MSFT']], [['MSFT', 'NVDA']], [['MSFT']]])(
    'gives bars by time, then in the order of %j, and no other symbols',
    async (symbols) => {
      const { bars } = await all(make(symbols).feed, { ...WANTED, symbols })
      const times = sessions(WANTED.fromDay, WANTED.toDay).flatMap(({ openMs, closeMs }) =>
        Array.from({ length: (closeMs - openMs) / MINUTE }, (_, i) => formatTime(openMs + i * MINUTE)),
      )
      expect(bars.map(({ time, symbol }) => `${time} ${symbol}`)).toEqual(
        times.flatMap((time) => symbols.map((symbol) => `${time} ${symbol}`)),
      )
    },
  )

  test('gives the days that are wanted, both ends included, and no others', async () => {
    for (const [fromDay, toDay] of [
      [WANTED.fromDay, WANTED.toDay],
      [day('2025-07-31'), day('2025-07-31')],
    ] as const) {
      const { bars } = await all(make(WANTED.symbols).feed, { ...WANTED, fromDay, toDay })
      const days = [...new Set(bars.map(({ time }) => newYorkDay(Date.parse(time))))]
      expect(days).toEqual(sessions(fromDay, toDay).map((session) => session.day))
    }
  })

  test('gives nothing where no session lies', async () => {
    const weekend = { fromDay: day('2025-08-02'), toDay: day('2025-08-03') }
    expect((await all(make(WANTED.symbols).feed, { ...WANTED, ...weekend })).bars).toEqual([])
  })

  test('gives the session that is wanted', async () => {
    const one = { fromDay: day('2025-07-30'), toDay: day('2025-07-30') }
    for (const session of ['rth', 'eth'] as const) {
      const { bars } = await all(make(WANTED.symbols).feed, { ...WANTED, ...one, session })
      expect(bars.every((bar) => bar.session === session)).toBe(true)
    }
    const { bars } = await all(make(WANTED.symbols).feed, { ...WANTED, ...one, session: undefined })
    expect(bars.filter(({ session }) => session === 'rth')).toHaveLength(780)
  })

  test('gives bars of the length that is wanted, and fills in its name', async () => {
    for (const interval of ['1m', '5m'] as const) {
      const { bars } = await all(make(WANTED.symbols).feed, { ...WANTED, interval })
      expect(bars.length).toBeGreaterThan(0)
      expect(bars.every((bar) => bar.interval === interval && bar.source === name)).toBe(true)
    }
  })

  test('gives the same twice', async () => {
    const { feed } = make(WANTED.symbols)
    expect(await all(feed, WANTED)).toEqual(await all(feed, WANTED))
  })

  test('ends with the reason of an aborted signal, and holds nothing', async () => {
    const { feed, held } = make(WANTED.symbols)
    const stop = new AbortController()
    const early = feed.bars(WANTED, world(stop.signal))
    const late = feed.bars(WANTED, world(stop.signal))
    expect((await late.next()).done).toBe(false)
    stop.abort(new Error('enough'))
    await expect(early.next()).rejects.toThrow('enough')
    await expect(late.next()).rejects.toThrow('enough')
    expect(held()).toBe(0)
  })

  test('holds nothing after an early return, nor after the end', async () => {
    const { feed, held } = make(WANTED.symbols)
    const blocks = feed.bars(WANTED, world())
    expect((await blocks.next()).done).toBe(false)
    await blocks.return(undefined)
    expect(held()).toBe(0)
    expect((await blocks.next()).done).toBe(true)
    await all(feed, WANTED)
    expect(held()).toBe(0)
  })
})

test('a feed without end wants to know what is asked for', async () => {
  for (const lacking of ['symbols', 'interval', 'fromDay', 'toDay']) {
    await expect(all(mock().feed, { ...WANTED, [lacking]: undefined })).rejects.toMatchObject({
      kind: 'usage',
    })
  }
})

describe('files', () => {
  const row = (more: object) =>
    `${JSON.stringify({ type: 'bar', symbol: 'A', interval: '1m', time: '2025-07-30T13:30:00Z', open: 1, high: 1, low: 1, close: 1, volume: 1, ...more })}\n`

  test('are read in their order with all that is in them, one open at a time', async () => {
    const files = [
      fileOf('a.ndjson', `${row({ symbol: 'B', source: 'x' })}{"type":"note"}\n${row({ interval: '5m' })}`),
      fileOf('b.ndjson', row({ time: '2020-01-02T09:30:00Z', colour: 'red' })),
    ]
    const inside = world()
    const { bars, others } = await all(fileFeed(files), {}, inside)
    expect(bars.map(({ symbol, interval, session, source }) => [symbol, interval, session, source])).toEqual([
      ['B', '1m', 'rth', 'x'],
      ['A', '5m', 'rth', 'file'],
      ['A', '1m', 'eth', 'file'],
    ])
    expect(others.map(({ type }) => type)).toEqual(['note'])
    expect(inside.said).toEqual(['b.ndjson: "colour" is not a field of a bar, ignored'])
    for (const file of files) expect(file.held()).toBe(0)
  })

  test('without a record are no input (66), but bars that are not wanted are', async () => {
    const blank = fileOf('a.ndjson', '\n\n')
    await expect(all(fileFeed([blank]), {})).rejects.toMatchObject({ kind: 'noInput' })
    expect(blank.held()).toBe(0)
    expect((await all(fileFeed([fileOf('b.ndjson', row({}))]), { symbols: ['B'] })).bars).toEqual([])
  })

  test('are closed where a line is bad', async () => {
    const bad = fileOf('a.ndjson', `${row({})}${row({ close: 'n/a' })}`)
    await expect(all(fileFeed([bad]), {})).rejects.toMatchObject({ kind: 'data' })
    expect(bad.held()).toBe(0)
  })
})

test('every length of a bar can be asked of the generator', async () => {
  for (const interval of INTERVALS) {
    const one = { ...WANTED, interval, fromDay: WANTED.toDay }
    expect((await all(mock().feed, one)).bars.length).toBeGreaterThan(0)
  }
})
