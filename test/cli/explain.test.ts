/** One decision whole, and round trips: both must be what the records of the run say. */
import { describe, expect, test } from 'vitest'
import { type Json, parse, train, withBars } from '../support/training.js'

const KEYS = 'type,time,run,policy,bars,inputs,model,action,targets,guard,orders,fills,risk,before,after'

describe('--explain', () => {
  test('what it says of a time is what the records of the run have at it', async () => {
    const dir = await withBars(2)
    const args = ['backtest', '--policy', 'random', '--half-spread-bps', '2', 'bars.parquet']
    const records = parse((await dir.called(args)).stdout)
    const equities = records.filter(({ type }) => type === 'equity')
    const orders = records.filter(({ type }) => type === 'order')
    const refusals = records.filter(({ type }) => type === 'risk')
    expect(refusals.length).toBeGreaterThan(0)
    for (const time of [orders[0].time, orders[40].time, refusals[0].time, equities[100].time]) {
      const { status, stdout, stderr } = await dir.called([...args, '--explain', time])
      expect([status, stderr.includes('no decision')]).toEqual([0, false])
      const [decision] = parse(stdout)
      expect(Object.keys(decision).join()).toBe(KEYS)
      const at = (type: string) => records.filter((one) => one.type === type && one.time === time)
      expect([decision.run, decision.orders, decision.risk]).toEqual([
        records[0].run,
        at('order'),
        at('risk'),
      ])
      const refs = decision.orders.map(({ ref }: Json) => ref)
      expect(decision.fills).toEqual(records.filter(({ type, ref }) => type === 'fill' && refs.includes(ref)))
      // Equity stands at the end of the bar after the decision.
      const next = equities.findIndex((one) => one.time > time)
      expect(decision.after).toMatchObject({
        equity: equities[next].equity,
        positions: equities[next].positions,
      })
      if (next > 0) expect(decision.before.equity).toBe(equities[next - 1].equity)
      expect(Object.keys(decision.inputs)).toHaveLength(26)
      expect(Object.keys(decision.inputs).slice(0, 2)).toEqual(['NVDA return_1', 'NVDA return_5'])
      for (const { symbol, wanted, allowed, rule, value, limit } of decision.guard) {
        const told = at('risk').find(({ detail }) => detail.symbol === symbol)
        if (told === undefined) continue
        expect({ rule, wanted, allowed, value, limit }).toEqual({
          rule: told.rule,
          wanted: told.detail.wanted,
          allowed: told.detail.allowed,
          value: told.detail.value,
          limit: told.detail.limit,
        })
      }
    }
  })

  test('of a model: logits, mask, probabilities and value; asking for the value changes no choice', async () => {
    const dir = await withBars()
    await train(dir, '-o', 'run', '--hold-prior', '0', '--long-only')
    const args = ['backtest', '--policy', 'model:run', '--long-only', '--from', '2025-08-01', 'bars.parquet']
    const orders = parse((await dir.called(args)).stdout).filter(({ type }) => type === 'order')
    const time = orders[0]?.time ?? '2025-08-01T18:00:00Z'
    const [{ model, action, orders: own }] = parse((await dir.called([...args, '--explain', time])).stdout)
    expect(own).toEqual(orders.filter((one) => one.time === time))
    expect(model.probabilities.reduce((sum: number, one: number) => sum + one, 0)).toBeCloseTo(1, 12)
    expect(model.probabilities.indexOf(Math.max(...model.probabilities))).toBe(action)
    expect(model.mask).toEqual([0, 0, 0, 0, 1, 1, 0, 1, 1])
    expect(model.probabilities.map((one: number) => (one > 0 ? 1 : 0))).toEqual(model.mask)
    expect([model.logits.length, Number.isFinite(model.value)]).toEqual([9, true])
    const { stdout } = await dir.called([...args, '--explain', time, '-f', 'table'])
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toMatch(/^model: value \S+, 0 added to the logit of \d$/m)
    expect(stdout).toMatch(/^ {2}0 NVDA short, MSFT short +masked$/m)
  })

  test('a time in New York is the same time; one without a decision names the nearest', async () => {
    const dir = await withBars(2)
    const args = ['backtest', '--policy', 'sma-cross', 'bars.parquet', '--explain']
    const [utc, local] = await Promise.all(
      ['2025-08-01T14:30:00Z', '2025-08-01 10:30'].map((time) => dir.called([...args, time])),
    )
    expect([utc!.status, local!.stdout]).toEqual([0, utc!.stdout])
    const wrong: [time: string, status: number, words: string][] = [
      ['2025-08-01T14:30:30Z', 65, 'the nearest are at 2025-08-01T14:30:00Z and 2025-08-01T14:31:00Z'],
      ['2020-01-01T00:00:00Z', 65, 'the nearest are at 2025-07-31T14:21:00Z\n'],
      ['2030-01-01T00:00:00Z', 65, 'the nearest are at 2025-08-01T19:58:00Z and 2025-08-01T19:59:00Z\n'],
      ['soon', 64, '--explain: expected a time such as'],
    ]
    for (const [time, status, words] of wrong) {
      const result = await dir.called([...args, time])
      expect([result.status, result.stdout, result.stderr]).toEqual([
        status,
        '',
        expect.stringContaining(words),
      ])
    }
    expect((await dir.called([...args, '2025-08-01 10:30', '--records', 'fill'])).status).toBe(64)
    const ended = await dir.called([
      ...args.slice(0, -1),
      '--max-loss',
      '1',
      '--explain',
      '2025-08-01T19:00:00Z',
    ])
    expect([ended.status, ended.stderr]).toEqual([
      65,
      expect.stringContaining('the run ended before, by max-loss'),
    ])
  })
})

describe('--records trip', () => {
  test.each([
    ['open', []],
    ['close', []],
    ['open', ['--participation', '0.00001', '--fractional']],
  ])('fills at the %s %j: the trips add up to the run', async (fill, more) => {
    const dir = await withBars(2)
    const args = ['backtest', '--policy', 'random', '--fill', fill, ...more]
    const all = parse((await dir.called([...args, '--records', 'trip,fill,summary', 'bars.parquet'])).stdout)
    const of = (name: string) => all.filter(({ type }) => type === name)
    const trips = of('trip')
    const [summary] = of('summary')
    expect(all.findIndex(({ type }) => type === 'trip')).toBeGreaterThan(
      all.findLastIndex(({ type }) => type === 'fill'),
    )
    expect(new Set(trips.map((trip) => Object.keys(trip).join()))).toEqual(
      new Set(['type,run,symbol,side,qty,entry_time,entry_price,exit_time,exit_price,pnl,costs,bars']),
    )
    const sum = (key: string) => trips.reduce((total, trip) => total + trip[key], 0)
    expect(sum('pnl')).toBeCloseTo(summary.pnl, 6)
    expect(sum('costs')).toBeCloseTo(summary.cost, 6)
    const times = new Set(of('fill').map(({ time }) => time))
    for (const { entry_time: entry, exit_time: exit } of trips) {
      expect(times.has(entry)).toBe(true)
      if (exit !== null) expect(times.has(exit)).toBe(true)
    }
    // Prices hold the slippage, so that fees alone, a part of the costs, lie between them and the result.
    for (const { side, qty, entry_price: entry, exit_price: exit, pnl, costs, bars } of trips) {
      expect([bars >= 0, costs > 0]).toEqual([true, true])
      // Of a position filled in parts, the most shares held are not all that were traded.
      if (exit === null || more.length > 0) continue
      const moved = (side === 'long' ? 1 : -1) * qty * (exit - entry)
      expect(pnl).toBeLessThanOrEqual(moved + 1e-6)
      expect(pnl).toBeGreaterThanOrEqual(moved - costs - 1e-6)
    }
  })

  test('what is held at the end has no exit; records that are not asked for are as before', async () => {
    const dir = await withBars(2)
    const args = ['backtest', '--policy', 'buy-hold', '--overnight', 'bars.parquet']
    const trips = parse((await dir.called([...args, '--records', 'trip'])).stdout)
    expect(
      trips.map(({ symbol, side, exit_time: at, exit_price: price }) => [symbol, side, at, price]),
    ).toEqual([
      ['NVDA', 'long', null, null],
      ['MSFT', 'long', null, null],
    ])
    const plain = parse((await dir.called(args)).stdout)
    expect(plain.some(({ type }) => type === 'trip')).toBe(false)
    const wrong = await dir.called([...args, '--records', 'trips'])
    expect([wrong.status, wrong.stderr]).toEqual([64, expect.stringContaining('summary, trip')])
  })
})
