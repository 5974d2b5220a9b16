/** What a report says of a run is what the run itself knows: its ledger is the oracle. */
import { describe, expect, test } from 'vitest'
import { changing } from '../../test/support/changing-policy.js'
import { randomMarket } from '../../test/support/random-market.js'
import { requirements } from '../evaluate/requirements.js'
import { roundTrips } from '../evaluate/round-trips.js'
import { summarise } from '../evaluate/summary.js'
import { isObject, type JsonObject } from '../stream/json.js'
import { Backtest } from '../trading/backtest.js'
import { RECORD_TYPES, RecordWriter } from '../trading/records.js'
import { DEFAULT_RULES } from '../trading/rules.js'
import { breakEvenWords } from './break-even.js'
import { worstFalls } from './courses.js'
import { csvOf } from './formats/csv.js'
import { htmlOf } from './formats/html.js'
import { jsonOf } from './formats/json.js'
import { markdownOf } from './formats/markdown.js'
import { textOf } from './formats/text.js'
import { Gathering } from './gathered.js'
import { reportOf } from './report.js'

const gate = { name: 'demo', required: requirements('pnl>=1000,maxdd<=0.02,uptime>0.99') }
const reported = (...gatherings: readonly Gathering[]) =>
  reportOf(
    gatherings.map((gathering) => ({
      place: gathering.place,
      gathering,
      manifest: [],
      seed: null,
      training: null,
      notes: [],
    })),
    gate,
  )

const gatheringOf = (lines: readonly (string | object)[]): Gathering => {
  const gathering = new Gathering('run.ndjson')
  const text = lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join('')
  gathering.block(Buffer.from(text), 1)
  return gathering
}

function ran() {
  const market = randomMarket({ sessions: 25, seed: 11, gaps: 0.02, bps: 20 })
  const rules = DEFAULT_RULES
  const lines: string[] = []
  const listener = new RecordWriter({
    ...{ run: 'r', market, rules, types: new Set(RECORD_TYPES) },
    write: (line) => lines.push(line),
  })
  const policy = changing(0.02)
  const longOnly = false
  const run = new Backtest({ market, features: null, rules, policy, longOnly, warmup: 50, listener })
  while (!run.advance(1000));
  const figures = summarise({
    ...{ market, ledger: run.ledger, rules, state: run.state, ending: run.ending!, longOnly, trials: null },
  })
  return { market, run, lines, figures }
}

describe('a run of 25 sessions', () => {
  const { market, run, lines, figures } = ran()
  const summary = { type: 'summary', run: 'r', command: 'backtest', ...figures }
  const [report] = reported(gatheringOf([...lines, summary])).runs
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

  test('has the trades of its ledger, which add up to what it earned', () => {
    const trips = roundTrips(market, run.ledger, 'open')
    expect(report!.trades.length).toBe(trips.length)
    for (const [i, trade] of report!.trades.entries()) {
      const { symbol, direction, shares, entry, exit, open, pnl, costs } = trips[i]!
      expect(trade).toMatchObject({
        symbol: market.symbols[symbol],
        side: direction > 0 ? 'long' : 'short',
        shares,
        entryMs: market.time[entry],
        exitMs: open ? null : market.time[exit],
      })
      expect(trade.pnl).toBeCloseTo(pnl, 8)
      expect(trade.costs).toBeCloseTo(costs, 8)
    }
    expect(total(report!.trades.map(({ pnl }) => pnl))).toBeCloseTo(figures.pnl, 6)
    expect(total(report!.bySymbol.map(({ pnl }) => pnl))).toBeCloseTo(figures.pnl, 6)
    expect(total(report!.bySymbol.map(({ fees }) => fees))).toBeCloseTo(figures.fees, 8)
    expect(total(report!.bySymbol.map(({ slippage }) => slippage))).toBeCloseTo(figures.slippage, 8)
    expect(total(report!.bySymbol.map(({ turnover }) => turnover))).toBeCloseTo(figures.turnover, 4)
  })

  test('has sessions, months and times of day that add up to the same', () => {
    for (const parts of [report!.sessions, report!.months])
      expect(total(parts.map(({ pnl }) => pnl))).toBeCloseTo(figures.pnl, 8)
    expect(total(report!.heat!.pnl.flat().map((pnl) => pnl ?? 0))).toBeCloseTo(figures.pnl, 8)
    expect(total(report!.actions!.map(({ part }) => part))).toBeCloseTo(1, 12)
    const flat = report!.actions!.find(({ words }) => words === 'NVDA flat, MSFT flat')!
    expect(1 - flat.part).toBeCloseTo(figures.exposure, 12)
  })

  test('falls as far as the summary says', () => {
    expect(report!.drawdowns[0]!.fraction).toBe(figures.max_drawdown)
    expect(Math.max(...report!.curve!.drawdown)).toBe(figures.max_drawdown)
    expect(Math.max(...report!.drawdowns.map(({ dollars }) => dollars))).toBe(figures.max_drawdown_dollars)
  })

  test('shows every figure of the summary as it stands there', () => {
    const shown = new Map(report!.figures.flatMap(({ figures: group }) => group.map((one) => [one.key, one])))
    for (const [key, { value, reason }] of shown) {
      const own = (figures as JsonObject)[key]
      if (own !== undefined) expect([key, value]).toEqual([key, own])
      if (value === null) expect(reason).toEqual(expect.stringMatching(/\w/))
    }
    expect([...shown.keys()]).toEqual(
      expect.arrayContaining(['pnl', 'sharpe', 't_sessions', 'psr', 'min_trl']),
    )
  })

  test('finds the same without a summary, where the records can tell', () => {
    const [bare] = reported(gatheringOf(lines)).runs
    const value = (key: string) =>
      bare!.figures.flatMap((group) => group.figures).find((one) => one.key === key)?.value
    for (const key of [
      'pnl',
      't_sessions',
      'hit_rate',
      'round_trips',
      'cost',
      'turnover',
      'max_drawdown_dollars',
      'max_drawdown_bars',
    ] as const)
      expect(value(key)).toBeCloseTo(figures[key]!, 6)
    expect(Math.abs(value('max_drawdown')!)).toBe(figures.max_drawdown)
    expect(bare!.money).toMatch(/not known/)
  })

  test('is read in blocks as it is line by line, and with carriage returns', () => {
    const whole = gatheringOf(lines)
    const single = new Gathering('run.ndjson')
    for (const [i, line] of lines.entries()) single.line(line.trimEnd(), i + 1)
    const windows = gatheringOf(lines.map((line) => line.replace('\n', '\r\n')))
    for (const other of [single, windows]) {
      const [a, b] = [whole.runs[0]!, other.runs[0]!]
      expect(b.equity.subarray(0, b.length)).toEqual(a.equity.subarray(0, a.length))
      expect(b.drawdown.subarray(0, b.length)).toEqual(a.drawdown.subarray(0, a.length))
      expect(b.positions.map((column) => [...column.subarray(0, b.length)])).toEqual(
        a.positions.map((column) => [...column.subarray(0, a.length)]),
      )
    }
  })
})

test('five falls, worst first, each from its peak to where it was made up', () => {
  const equity = Float64Array.from([100, 90, 110, 99, 110, 110, 88, 80, 120, 119, 118])
  const time = Float64Array.from(equity, (_, i) => i)
  expect(worstFalls({ capital: 100, time, equity, drawdown: equity, positions: [] }, 3)).toEqual([
    { peakMs: 5, troughMs: 7, recoveredMs: 8, fraction: 30 / 110, dollars: 30 },
    { peakMs: 0, troughMs: 1, recoveredMs: 2, fraction: 0.1, dollars: 10 },
    { peakMs: 2, troughMs: 3, recoveredMs: 4, fraction: 0.1, dollars: 11 },
  ])
  const [open] = worstFalls({
    capital: 100,
    time,
    equity: equity.subarray(8),
    drawdown: equity,
    positions: [],
  })
  expect(open).toMatchObject({ troughMs: 2, recoveredMs: null, dollars: 2 })
})

const equity = (time: string, value: number, more: object = {}) => ({
  ...{ type: 'equity', time, run: 'p', cash: value, positions: { NVDA: 0 }, marks: { NVDA: 100 } },
  ...{ equity: value, pnl_day: value - 5000, pnl_total: value - 5000, drawdown: 0 },
  ...more,
})
const fill = (exec: string, side: string, qty: number, price: number, more: object = {}) => ({
  ...{ type: 'fill', time: '2025-07-30T14:00:00Z', run: 'p', symbol: 'NVDA', side, qty, price },
  ...{ commission: 1, slippage: 0.5, ref: exec, exec },
  ...more,
})

test.each<[string, number[], number | null, string]>([
  ['that earned', [20, 10], 4.5, 'breaks even where costs are 4.50 basis points of what is traded'],
  ['that lost without costs too', [-5, -10], -2, 'loses without costs too'],
  ['that does not say where', [5, -10], null, 'at which costs it breaks even is not known'],
  ['without a trade', [0, 0], null, 'nothing was traded, so that no cost would change it'],
])('what costs mean for a run %s', (_, [free, paid], breakEvenBps, words) => {
  const points = [
    { multiple: 0, pnl: free! },
    { multiple: 1, pnl: paid! },
  ]
  expect(breakEvenWords({ points, breakEvenBps })).toBe(words)
})

describe('records', () => {
  test('a correction of the broker takes the place of what it corrects', () => {
    const lines = [
      fill('a', 'buy', 10, 100),
      fill('b', 'sell', 10, 101, { time: '2025-07-30T15:00:00Z' }),
      fill('a', 'buy', 10, 99),
      equity('2025-07-30T15:01:00Z', 5018),
    ]
    const [run] = reported(gatheringOf(lines)).runs
    expect(run!.trades).toHaveLength(1)
    expect(run!.trades[0]).toMatchObject({
      entryPrice: 99,
      exitPrice: 101,
      pnl: 18,
      costs: expect.closeTo(3, 9),
    })
  })

  test('of a trade that earned have no profit factor, and not that of their sessions', () => {
    const lines = [
      fill('a', 'buy', 10, 100),
      fill('b', 'sell', 10, 101, { time: '2025-07-30T15:00:00Z' }),
      equity('2025-07-30T15:01:00Z', 4900),
      equity('2025-07-31T15:01:00Z', 5008),
    ]
    const report = reported(gatheringOf(lines))
    const all = report.runs[0]!.figures.flatMap(({ figures }) => figures)
    expect(all.filter(({ key }) => /hit|factor/.test(key))).toMatchObject([
      { name: 'hit rate', value: 1, reason: null },
      { name: 'profit factor', value: null, reason: expect.stringMatching(/lost/) },
    ])
    expect(
      reported(gatheringOf(lines.slice(0, 1))).runs[0]!.figures.flatMap((group) => group.figures),
    ).toContainEqual({
      key: 'holding_minutes',
      name: 'holding, minutes',
      value: null,
      shown: '-',
      reason: 'no position was closed',
    })
  })

  test('of what was found are told whole in the narrowest text', () => {
    const observed = 'word '.repeat(40).trim()
    const found = { type: 'quality', date: '2025-07-30', check: 'spike', severity: 'error', observed }
    const same = (text: string) => text
    const paint = { red: same, green: same, yellow: same, bold: same, dim: same }
    const text = textOf(reported(gatheringOf([found])), { width: 80, unicode: false, paint, clean: same })
    expect(text.match(/word/g)).toHaveLength(40)
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)
  })

  test('of parts of a share are trades of these parts, flat where they cancel out', () => {
    const later = { time: '2025-07-30T15:00:00Z' }
    const lines = [
      fill('a', 'sell', 0.1, 100),
      fill('b', 'sell', 0.2, 100),
      // 0.1 + 0.2 - 0.3 is not 0.
      fill('c', 'buy', 0.3, 90, later),
      fill('d', 'buy', 1.25, 90, later),
      equity('2025-07-30T15:01:00Z', 5000),
    ]
    const report = reported(gatheringOf(lines))
    expect(report.runs[0]!.trades).toMatchObject([
      { side: 'short', shares: 0.3, exitPrice: 90, pnl: expect.closeTo(0, 9) },
      { side: 'long', shares: 1.25, exitMs: null },
    ])
    expect([...csvOf(report)].slice(1).map((line) => line.split(',')[4])).toEqual(['0.3', '1.25'])
    expect(htmlOf(report)).toContain('<td>short</td><td class="n">0.3</td>')
  })

  test('of two runs are two, whose dollars are never added', () => {
    const other = { run: 'q' }
    const lines = [
      equity('2025-07-30T15:00:00Z', 5100),
      equity('2025-07-30T15:00:00Z', 5300, other),
      { type: 'summary', run: 'p', command: 'paper', account: 'DU1', gateway: 'sim' },
      { type: 'summary', run: 'q', command: 'backtest' },
    ]
    const { runs } = reported(gatheringOf(lines))
    expect(runs.map(({ name, money }) => [name, money])).toEqual([
      ['p', 'simulated gateway, paper account DU1'],
      ['q', 'simulated on past bars'],
    ])
    expect(runs.map(({ figures }) => figures[0]!.figures[0])).toMatchObject([
      { key: 'pnl', value: 100 },
      { key: 'pnl', value: 300 },
    ])
  })

  test.each<[string, object[], RegExp]>([
    [
      'a run that goes back in time',
      [equity('2025-07-30T15:00:00Z', 1), equity('2025-07-30T14:00:00Z', 1)],
      /is before/,
    ],
    ['an equity that is none', [equity('2025-07-30T15:00:00Z', 1, { equity: null })], /needs a time/],
    ['a fill without a price', [fill('a', 'buy', 1, 1, { price: null })], /needs a time, a symbol/],
    ['a fill without a time', [fill('a', 'buy', 1, 1, { time: 'soon' })], /needs a time, a symbol/],
  ])('%s is refused with its line', (_, lines, words) => {
    expect(() => gatheringOf(lines)).toThrow(
      expect.objectContaining({
        code: 65,
        where: `run.ndjson:${lines.length}`,
        message: expect.stringMatching(words),
      }),
    )
  })

  test.each<[string, object | null, RegExp]>([
    ['no summary', null, /do not say where its prices come from/],
    ['a backtest that names no source', { command: 'backtest' }, /do not say where its prices come from/],
    ['a paper run that names no gateway', { command: 'paper' }, /do not say whether the gateway/],
  ])('of %s are not believed, whatever they earned', (_, more, words) => {
    const days = Array.from({ length: 40 }, (_, i) => {
      const date = new Date(Date.UTC(2025, 5, 1 + i, 15)).toISOString().replace('.000Z', 'Z')
      const pnl = 50 * i + (i % 2)
      return equity(date, 5000 + pnl, { pnl_day: i === 0 ? pnl : 50, pnl_total: pnl })
    })
    const held = [fill('a', 'buy', 10, 100), fill('b', 'sell', 10, 101)]
    const summary = more === null ? [] : [{ type: 'summary', run: 'p', uptime: 1, ...more }]
    const [run] = reported(gatheringOf([...held, ...days, ...summary])).runs
    expect(run!.verdict.go).toBe(false)
    expect(run!.verdict.reasons.at(-1)).toMatchObject({ met: false, words: expect.stringMatching(words) })
    const known = { sources: ['polygon'], gateway: '127.0.0.1:4002' }
    const told = [...held, ...days, { type: 'summary', run: 'p', uptime: 1, ...more, ...known }]
    expect(reported(gatheringOf(told)).runs[0]!.verdict.go).toBe(true)
  })

  test('that begin on a later session are those from there on, and say so', () => {
    const lines = [
      equity('2025-07-30T18:00:00Z', 8010, { pnl_day: 10, pnl_total: 3010, drawdown: 0.01 }),
      equity('2025-07-30T18:01:00Z', 8030, { pnl_day: 30, pnl_total: 3030 }),
    ]
    const [run] = reported(gatheringOf(lines)).runs
    expect(run!.months).toMatchObject([{ pnl: 30, part: 30 / 8000, sessions: 1 }])
    expect(run!.heat!.pnl.flat().filter((pnl) => pnl !== null && pnl > 30)).toEqual([])
    expect(run!.figures[0]!.figures[0]).toMatchObject({ key: 'pnl', value: 30 })
    // The peak that the first drawdown tells of is that of the falls too.
    expect(run!.drawdowns).toMatchObject([
      { fraction: expect.closeTo(0.01, 12), dollars: expect.closeTo(8010 / 0.99 - 8010, 6) },
    ])
    expect(run!.notes).toEqual([expect.stringMatching(/begin at 2025-07-30T18:00:00Z, in the middle/)])
  })

  test('that end before their run does are told from its summary', () => {
    const summary = { type: 'summary', run: 'p', command: 'backtest', equity: 8501.16, notes: ['own'] }
    const notes = (value: number) =>
      reported(gatheringOf([equity('2025-07-30T15:00:00Z', value), summary])).runs[0]!.notes
    expect(notes(5105.16)).toEqual([
      'its last equity record has $5,105.16, and its summary $8,501.16: the records are not all of the run',
      'own',
    ])
    expect(notes(8501.16)).toEqual(['own'])
  })

  test('what another gate said of the run is told, and a word about no run makes none', () => {
    const summary = { type: 'summary', run: 'p', command: 'paper', pnl: -3 }
    const verdict = { type: 'verdict', run: 'p', gate: 'pnl>=0', pass: false, reasons: ['missed: pnl -3'] }
    const { runs } = reported(gatheringOf([summary, verdict, { ...verdict, run: 'q' }]))
    expect(runs.map(({ name, notes }) => [name, notes])).toEqual([
      ['p', ['the gate pnl>=0 said at the end of the run: FAIL; missed: pnl -3']],
    ])
  })

  const said = (of: object) => ({ type: 'summary', run: 'p', command: 'paper', ...of })

  test('with a second summary of a paper run are as the last one has it, and every format says so', () => {
    const lines = [
      said({ pnl: 100, uptime: 1 }),
      said({ pnl: 100, uptime: 1 }),
      said({ pnl: 130, uptime: 0.5 }),
    ]
    const report = reported(gatheringOf(lines))
    expect(report.runs[0]!.figures[0]!.figures[0]).toMatchObject({ key: 'pnl', value: 130 })
    const note =
      'it has several summaries, and the last one counts; the one before has net result $100.00, uptime 100.00 %'
    expect(report.runs[0]!.notes).toEqual([note])
    for (const text of [htmlOf(report), markdownOf(report), jsonOf(report)]) expect(text).toContain(note)
  })

  test.each([
    ['two backtests', said({ command: 'backtest', pnl: 1 }), said({ command: 'backtest', pnl: 2 })],
    ['a backtest and a paper run', said({ pnl: 1 }), said({ command: 'backtest', pnl: 1 })],
    ['two runs that say not of what', { type: 'summary', equity: 1 }, { type: 'summary', equity: 2 }],
  ])('with two summaries of %s under one name are refused', (_, before, after) => {
    expect(() => gatheringOf([before, after])).toThrow(
      expect.objectContaining({ code: 65, where: 'run.ndjson:2', hint: expect.stringMatching(/one name/) }),
    )
    expect(() => gatheringOf([before, before])).not.toThrow()
  })

  test('whose last line has no end may still be written to, and none but it', () => {
    const failure = (text: string) => {
      try {
        new Gathering('run.ndjson').block(Buffer.from(text), 1)
      } catch (error) {
        return error
      }
      return null
    }
    expect(failure('{"type":"bar"}\n{"type":"eq')).toMatchObject({
      ...{ code: 65, where: 'run.ndjson:2', hint: expect.stringMatching(/still be written/) },
    })
    expect(failure('{"type":"eq\n{"type":"bar"}')).toMatchObject({ where: 'run.ndjson:1', hint: undefined })
    expect(failure('{"type":"bar"}')).toBeNull()
  })

  test('outside of the session are left out of the times of day, which say how much that is', () => {
    const lines = [
      // 09:29, 09:31, 16:00 and 16:01 of New York; and a minute later in which nothing changed.
      equity('2025-07-30T13:29:00Z', 5001),
      equity('2025-07-30T13:31:00Z', 5003),
      equity('2025-07-30T20:00:00Z', 5007),
      equity('2025-07-30T20:01:00Z', 5015),
      equity('2025-07-30T20:02:00Z', 5015),
    ]
    const report = reported(gatheringOf(lines))
    const { heat } = report.runs[0]!
    expect(heat!.outside).toEqual({ pnl: 9, bars: 2 })
    expect(heat!.pnl[2]!.filter((pnl) => pnl !== null)).toEqual([2, 4])
    const note = '$9.00 of 2 bars that ended outside of 09:30 to 16:00 are not in it'
    for (const text of [htmlOf(report), markdownOf(report)]) expect(text).toContain(note)
    const inside = reported(gatheringOf(lines.slice(1, 3)))
    expect(htmlOf(inside)).not.toContain('ended outside of')
  })

  test('have a hit rate of sessions where there are no round trips, and no rival in their own policy', () => {
    const lines = [
      equity('2025-07-30T15:00:00Z', 5010),
      equity('2025-07-31T15:00:00Z', 5005),
      said({ command: 'backtest', policy: 'sma-cross', baselines: { flat: 0, 'sma-cross': 5 } }),
    ]
    const [run] = reported(gatheringOf(lines)).runs
    const shown = (key: string) =>
      run!.figures.flatMap(({ figures }) => figures).find((one) => one.key === key)
    expect(shown('hit_rate')).toMatchObject({ name: 'hit rate, sessions', value: 0.5 })
    expect(run!.lights.at(-1)).toMatchObject({ state: 'good', words: 'flat earned less' })
    const reasons = { profit_factor: 'no trade lost' }
    const told = said({ round_trips: 2, hit_rate: 1, profit_factor: null, reasons })
    const [own] = reported(gatheringOf([...lines.slice(0, 2), told])).runs
    expect(
      own!.figures.flatMap(({ figures }) => figures).filter(({ key }) => /hit|factor/.test(key)),
    ).toMatchObject([
      { name: 'hit rate', value: 1 },
      { name: 'profit factor', value: null, reason: 'no trade lost' },
    ])
  })

  test('a simulated gateway is never believed, and the absent is never met', () => {
    const { runs } = reported(
      gatheringOf([{ type: 'summary', run: 'p', command: 'paper', gateway: 'sim', pnl: 5000, uptime: 1 }]),
    )
    expect(runs[0]!.verdict.go).toBe(false)
    const words = runs[0]!.verdict.reasons.map(({ met, words: one }) => `${met}: ${one}`)
    expect(words).toContain('true: met: pnl >= 1000: it is 5000')
    expect(words).toContain('false: not met: maxdd <= 0.02: paper has no such figure')
    expect(words.at(-1)).toMatch(/^false: the gateway is simulated/)
  })

  test('of the data are findings by date, and an unknown type is said', () => {
    const found = {
      type: 'quality',
      date: '2025-07-30',
      check: 'spike',
      severity: 'error',
      symbol: 'NVDA',
      count: 2,
    }
    const { quality, notes, runs } = reported(
      gatheringOf([found, { ...found, check: 'run' }, { ...found, severity: 'warn' }, { type: 'bar' }]),
    )
    expect(runs).toEqual([])
    expect(quality).toMatchObject({
      errors: 1,
      warnings: 1,
      days: [{ date: '2025-07-30', errors: 1, warnings: 1 }],
    })
    expect(notes).toEqual(['run.ndjson: 1 record of type bar says nothing here and was passed over'])
    expect(isObject(quality)).toBe(true)
  })
})

describe('a run whose executions are not there', () => {
  const { lines, figures } = ran()
  const summary = { type: 'summary', run: 'r', command: 'backtest', ...figures }
  const equity = lines.filter((line) => line.startsWith('{"type":"equity"'))
  const trip = { type: 'trip', run: 'r', symbol: 'NVDA' }

  test('says that trades are not known, and no zeros of symbols', () => {
    const [run] = reported(gatheringOf([...equity, summary])).runs
    expect([run!.bySymbol, run!.trades]).toEqual([[], []])
    expect(run!.notes.join()).toContain('its records have no executions')
  })

  test('is not said to have had no trades, and has the drawdown of the run with its sign', () => {
    const report = reported(gatheringOf(equity))
    const [run] = report.runs
    const page = htmlOf(report)
    expect(page).not.toContain('No position was opened')
    expect(page).not.toContain('no limit was reached')
    expect(JSON.stringify(run)).not.toContain('there were no trades')
    const { value } = run!.figures
      .flatMap(({ figures }) => figures)
      .find(({ key }) => key === 'max_drawdown')!
    expect(value).toBeCloseTo(figures.max_drawdown as number, 12)
    expect(value).toBeGreaterThan(0)
  })

  test('says of trips that nothing is made of them', () => {
    const words = '1 record of type trip says nothing here'
    expect(reported(gatheringOf([...equity, summary, trip])).notes.join()).toContain(words)
    expect(reported(gatheringOf([...lines, summary, trip])).notes).toEqual([])
  })
})
