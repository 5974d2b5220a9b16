import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { play, simFor, told } from '../../test/support/paper.js'
import { randomMarket } from '../../test/support/random-market.js'
import { Workdir } from '../../test/support/workdir.js'
import { DEFAULT_LIMITS } from '../risk/limits.js'
import { smaCross } from '../trading/policies.js'
import { limitWords } from './facts.js'
import { Source } from './source.js'

function sourceOf(lines = '') {
  const dir = new Workdir('jules-source-')
  const path = dir.write('f.ndjson', lines)
  const source = new Source({ path, name: 'f', place: 'file', isNamed: true })
  return { path, source }
}

const minute = (n: number): string =>
  new Date(Date.UTC(2025, 6, 30, 13, 31 + n)).toISOString().replace('.000', '')

const equity = (n: number, value: number, run = 'r'): string =>
  `{"type":"equity","time":"${minute(n)}","run":"${run}","cash":${value / 2},"positions":{"NVDA":5,"MSFT":-2},"marks":{"NVDA":180.5,"MSFT":500.25},"equity":${value},"pnl_day":${value - 5000},"pnl_total":${value - 5000},"drawdown":${Math.max(0, (5010 - value) / 5010)}}\n`

describe('records of a run', () => {
  test('are its curve, its account and its last deeds', async () => {
    const { source } = sourceOf(
      [
        equity(0, 5000.123456789012),
        equity(1, 5010),
        '{"type":"order","time":"2025-07-30T13:33:00Z","run":"r","symbol":"NVDA","side":"buy","qty":5,"kind":"market","limit":null,"ref":"x","reason":"target"}\n',
        '{"type":"fill","time":"2025-07-30T13:33:00Z","run":"r","symbol":"NVDA","side":"buy","qty":5,"price":180.5,"commission":0.35,"slippage":0.1,"ref":"x","exec":"x.1"}\n',
        '{"type":"risk","time":"2025-07-30T13:33:00Z","run":"r","rule":"max-loss","action":"halt","detail":{"value":101,"limit":100}}\n',
        '{"type":"state","time":"2025-07-30T13:33:00Z","run":"r","connection":"ready","data_age_ms":1500,"clock_offset_ms":0,"latency_ms":1,"positions":{},"limits_used":{"day_loss":12.5,"loss":13,"trades":7}}\n',
        equity(2, 4950.5),
      ].join(''),
    )
    await source.tail.look()
    const { course } = source
    expect(course.equity.points().value.map((one) => one.toFixed(9))).toEqual([
      '5000.123456789',
      '5010.000000000',
      '4950.500000000',
    ])
    expect(course.marked).toEqual({
      timeMs: Date.UTC(2025, 6, 30, 13, 33),
      cash: 2475.25,
      equity: 4950.5,
      pnlDay: -49.5,
      pnlTotal: -49.5,
      drawdown: (5010 - 4950.5) / 5010,
      positions: [
        { symbol: 'NVDA', shares: 5, mark: 180.5 },
        { symbol: 'MSFT', shares: -2, mark: 500.25 },
      ],
    })
    expect(course.fills.items[0]).toEqual({
      time: '2025-07-30T13:33:00Z',
      symbol: 'NVDA',
      what: 'buy 5',
      detail: 'at 180.5, commission 0.35',
    })
    expect(course.standing).toMatchObject({ connection: 'ready', dataAge: 1500, halted: 'max-loss' })
    expect(course.standing.limits[0]).toEqual({
      name: 'max-day-loss',
      used: 12.5,
      limit: null,
      unit: 'dollars',
    })
    expect([source.name, source.lines, source.damaged]).toEqual(['r', 7, 0])
    await source.tail.close()
  })

  test('written in another form they say the same', async () => {
    const plain = sourceOf(equity(0, 5001.25) + equity(1, 4999.75)).source
    const spaced = sourceOf(
      [equity(0, 5001.25), equity(1, 4999.75)]
        .map((line) =>
          line
            .replaceAll(':', ' : ')
            .replace('13 : 3', '13:3')
            .replace(/(\d\d) : (00Z)/, '$1:$2'),
        )
        .join(''),
    ).source
    for (const source of [plain, spaced]) await source.tail.look()
    expect(spaced.damaged).toBe(0)
    expect(spaced.course.equity.points()).toEqual(plain.course.equity.points())
    expect(spaced.course.marked).toEqual(plain.course.marked)
    for (const source of [plain, spaced]) await source.tail.close()
  })

  test('of another run, or of an earlier time, they begin anew', async () => {
    const { path, source } = sourceOf(equity(0, 5000) + equity(1, 5001) + equity(0, 7000, 'other'))
    await source.tail.look()
    expect([source.course.run, source.course.equity.count, source.course.generation]).toEqual(['other', 1, 1])
    appendFileSync(path, equity(1, 7001, 'other') + equity(0, 7000, 'other'))
    await source.tail.look()
    expect([source.course.equity.count, source.course.generation]).toEqual([1, 2])
    await source.tail.close()
  })

  test('lines that are none are counted, and nothing else comes of them', async () => {
    const bad = [
      '{',
      'null',
      '[1]',
      '{"a":1,"a":2}',
      '{"__proto__":{}}',
      '{"type":"equity"}',
      '{"type":7}',
      '"x"',
    ]
    const { path, source } = sourceOf(equity(0, 5000))
    for (const line of bad) appendFileSync(path, `${line}\n`)
    appendFileSync(path, Buffer.from([0xff, 0xfe, 10]))
    appendFileSync(path, equity(1, 5001))
    await source.tail.look()
    expect([source.damaged, source.damage]).toEqual([7, 'line 2: expected a JSON object, got "{"'])
    expect(source.course.equity.count).toBe(2)
    await source.tail.close()
  })
})

describe('metrics of a training', () => {
  const metric = (step: number, reward: number | null, run = 't'): string =>
    `${JSON.stringify({ type: 'metric', run, step, phase: null, 'eval/mean_reward': reward, 'time/fps': 1000, 'train/loss_mean': 1 / step })}\n`

  test('are its step, its best and its curves; one that was taken up goes on from there', async () => {
    const { path, source } = sourceOf(metric(100, 3) + metric(200, 9) + metric(300, 5) + metric(400, null))
    await source.tail.look()
    const { learning } = source
    expect([learning.step, learning.best, learning.figures.get('time/fps')]).toEqual([
      400,
      { reward: 9, step: 200 },
      1000,
    ])
    expect(learning.curves.get('eval/mean_reward')!.points()).toEqual({
      at: [100, 200, 300],
      value: [3, 9, 5],
    })
    expect(learning.fresh()!.length).toBe(11)
    // Taken up from a checkpoint, the file is written anew without the steps after it.
    writeFileSync(path, metric(100, 3) + metric(200, 9))
    await source.tail.look()
    expect([learning.step, learning.count]).toEqual([200, 2])
    await source.tail.close()
  })
})

test('findings about data are counted by date', async () => {
  const quality = (date: string, severity: string, check = 'missing') =>
    `${JSON.stringify({ type: 'quality', date, ruleset: 'x', symbol: 'NVDA', check, severity, count: 2, fix: null })}\n`
  const { source } = sourceOf(
    quality('2025-07-30', 'error') +
      quality('2025-07-30', 'warn') +
      quality('2025-07-30', 'error', 'run') +
      quality('2025-07-31', 'info', 'run') +
      quality('30 July', 'error'),
  )
  await source.tail.look()
  expect(Object.fromEntries(source.quality.days)).toEqual({
    '2025-07-30': { errors: 1, warnings: 1, infos: 0 },
    '2025-07-31': { errors: 0, warnings: 0, infos: 0 },
  })
  await source.tail.close()
})

describe('the journal of a run on paper', () => {
  const parts = { market: randomMarket({ sessions: 1, seed: 3, bps: 30 }), policy: smaCross, warmup: 50 }

  test('read as it grows, in pieces of any size, it is the records that the run wrote', async () => {
    const dir = new Workdir('jules-source-')
    const whole = dir.file('whole.ndjson')
    const sim = await simFor(parts)
    await play(parts, sim, whole)
    await sim.close()
    const { lines, positions } = await told(whole)
    const bytes = readFileSync(whole)
    const path = dir.write('growing.ndjson', '')
    const source = new Source({ path, name: 'growing', place: 'file', isNamed: true })
    const equities: number[] = []
    for (let at = 0; at < bytes.length; at += 10_007) {
      appendFileSync(path, bytes.subarray(at, at + 10_007))
      await source.tail.look()
      equities.push(...source.course.fresh()!.map(([, value]) => value))
    }
    const records = lines.map((line) => JSON.parse(line))
    expect(equities).toEqual(records.filter(({ type }) => type === 'equity').map(({ equity }) => equity))
    expect(equities.length).toBeGreaterThan(300)
    const fills = records.filter(({ type }) => type === 'fill')
    expect([source.course.fills.count, source.damaged]).toEqual([fills.length, 0])
    expect(fills.length).toBeGreaterThan(2)
    const { standing, marked } = source.course
    expect(marked!.positions.map(({ shares }) => shares)).toEqual(positions)
    expect(standing).toMatchObject({ connection: 'ready', halted: null, uptime: 1, openOrders: [] })
    expect(standing.ended).not.toBeNull()
    const trades = standing.limits.find(({ name }) => name === 'trades-per-day')!
    expect([trades.limit, trades.used > 0]).toEqual([DEFAULT_LIMITS.tradesPerDay, true])
    expect(limitWords(trades).part).toBe(`${((100 * trades.used) / 50).toFixed(0)} %`)
    // Damage in the middle: what stands before it stays, and nothing after it counts.
    const cut = bytes.indexOf('"event":"bar"', bytes.length >> 1)
    const damaged = Buffer.from(bytes)
    damaged[cut + 30] = damaged[cut + 30]! ^ 1
    rmSync(path)
    writeFileSync(path, damaged)
    await source.tail.look()
    expect(source.damage).toMatch(/^line \d+ is damaged: its checksum is another one$/)
    expect(source.course.equity.count).toBeLessThan(equities.length)
    expect(source.course.equity.count).toBeGreaterThan(100)
    await source.tail.close()
  })
})
