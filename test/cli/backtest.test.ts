import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { GOLDEN_BARS, goldenPair, goldenTime } from '../support/golden-market.js'
import { barLine as bar, freshDatabase, Workdir } from '../support/workdir.js'

const barLine = (i: number, more?: Record<string, unknown>) => `${bar(i, more)}\n`

type Json = ReturnType<typeof JSON.parse>
const parse = (text: string): Json[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const ofType = (records: readonly Json[], type: string): Json[] =>
  records.filter((record) => record.type === type)

function goldenBars(falling: boolean): string {
  const pair = goldenPair(falling)
  let text = ''
  for (let i = 0; i < GOLDEN_BARS; i++) {
    for (const [k, symbol] of ['NVDA', 'MSFT'].entries()) {
      const [open, high, low, close, volume] = pair[k]![i]!
      const time = new Date(goldenTime(i)).toISOString()
      text += `${JSON.stringify({ symbol, time, open, high, low, close, volume })}\n`
    }
  }
  return text
}

describe('golden trajectories', () => {
  test.each(['causal_1_nocost', 'causal_2_cost', 'causal_4_drawdown_eval'])('%s', async (name) => {
    const golden = JSON.parse(readFileSync(`test/fixtures/env/${name}.json`, 'utf8'))
    const { env_kwargs: kwargs, columns } = golden
    const dir = new Workdir()
    dir.write('actions.json', JSON.stringify(columns.action))
    const pinned =
      '--shares 1 --fill close --features classic --half-spread-bps 0 --commission none --overnight --no-limits --warmup 0'
    const limit = kwargs.is_training === false ? 0.02 : 0.07
    const { status, stdout, stderr } = await dir.called(
      [
        'backtest',
        '--policy',
        'replay:actions.json',
        ...pinned.split(' '),
        ...['--capital', String(kwargs.initial_capital ?? 100_000)],
        ...['--cost-bps', String(kwargs.tc_bp), '--trade-penalty-bps', String(kwargs.trade_penalty_bp)],
        ...['--max-drawdown', String(limit), '-'],
      ],
      { input: goldenBars(golden.market === 'market_b_falling.json') },
    )
    // Its sessions end at noon.
    expect([status, stderr]).toEqual([0, expect.stringContaining('NVDA and MSFT lack 480 of 780 bars')])
    const records = parse(stdout)
    const equity = ofType(records, 'equity')
    expect(equity.length).toBe(golden.n_steps)
    for (const [i, record] of equity.entries()) {
      const off = (value: number, expected: number) =>
        expect(Math.abs(value - expected), `step ${i}`).toBeLessThanOrEqual(1e-9)
      off(record.equity, columns.portfolio_value[i])
      off(record.drawdown, columns.drawdown[i])
      expect(record.positions).toEqual({ NVDA: columns.nvda_position[i], MSFT: columns.msft_position[i] })
    }
    const [summary] = ofType(records, 'summary')
    expect(summary!.trades).toBe(columns.total_trades.at(-1))
    expect(summary!.ended).toBe(kwargs.is_training === false ? 'max-drawdown' : 'data')
    expect(summary!.notes).toContain('fills at the close of the decision bar: not executable')
  })
})

describe('records', () => {
  test('fills explain the cash, cash and positions the equity, and times follow the bars', async () => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.line(
      'jules fetch --mock --days 3 | jules backtest --policy sma-cross --run mine -',
    )
    expect([status, stderr]).toEqual([0, ''])
    const records = parse(stdout)
    expect(new Set(records.map(({ type }) => type))).toEqual(
      new Set(['order', 'fill', 'risk', 'equity', 'summary']),
    )
    expect(new Set(records.map(({ run }) => run))).toEqual(new Set(['mine']))
    let cash = 5000
    const held: Record<string, number> = { NVDA: 0, MSFT: 0 }
    const orders = new Map<string, Json>()
    for (const record of records) {
      if (record.type === 'order') orders.set(record.ref, record)
      if (record.type === 'fill') {
        const sign = record.side === 'buy' ? 1 : -1
        cash -= sign * record.qty * record.price + record.commission
        held[record.symbol]! += sign * record.qty
        const order = orders.get(record.ref)!
        expect([order.symbol, order.side, order.qty]).toEqual([record.symbol, record.side, record.qty])
        // The decision stands at the end of a bar: the fill at the start of the next, which is the same moment.
        expect(record.time).toBe(order.time)
      }
      if (record.type === 'equity') {
        const { positions, marks } = record
        expect(Math.abs(record.cash - cash)).toBeLessThan(1e-9)
        expect(positions).toEqual(held)
        const value = cash + held.NVDA! * marks.NVDA + held.MSFT! * marks.MSFT
        expect(Math.abs(record.equity - value)).toBeLessThan(1e-9)
      }
    }
    const times = records.filter(({ type }) => type !== 'summary').map(({ time }) => time as string)
    expect(times).toEqual([...times].sort())
    // 3 sessions of 390 bars, 50 of warm-up, and no decision on the last.
    expect(ofType(records, 'equity').length).toBe(3 * 390 - 51)
    expect(ofType(records, 'equity')[0]!.time).toBe('2025-07-30T14:22:00Z')
  })

  test('--records chooses, -o writes a file, and the same input gives the same bytes', async () => {
    const dir = new Workdir()
    const line = 'jules fetch --mock --days 2 | jules backtest --policy random --seed 4'
    const whole = await dir.line(`${line} -`)
    await dir.line(`${line} --records fill,summary -o part.ndjson -`)
    expect(dir.read('part.ndjson').split('\n')).toEqual(
      whole.stdout.split('\n').filter((text) => !/"type":"(order|risk|equity)"/.test(text)),
    )
    expect((await dir.shell(`TZ=Asia/Tokyo ${line} -`)).stdout).toBe(whole.stdout)
    expect((await dir.line(`${line.replace('4', '5')} -`)).stdout).not.toBe(whole.stdout)
    // Where chance has no part the seed has none, in the name of the run either.
    const flat = 'jules fetch --mock --days 1 | jules backtest --policy flat --records summary --seed'
    expect((await dir.line(`${flat} 4 -`)).stdout).toBe((await dir.line(`${flat} 5 -`)).stdout)
  })

  test('a reader that leaves is no failure', async () => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.shell(
      'set -o pipefail; jules fetch --mock | jules backtest --policy sma-cross - | head -1',
    )
    expect([status, stderr, stdout.trim().split('\n').length]).toEqual([0, '', 1])
  })

  test('the store gives what the file gives', async () => {
    const dir = new Workdir()
    const env = { JULES_DSN: (await freshDatabase()).dsn }
    await dir.line('jules fetch --mock --days 3 -o bars.ndjson')
    await dir.line('jules load -q bars.ndjson', { env })
    const store = await dir.line('jules backtest --policy sma-cross --from 2025-07-31', { env })
    const file = await dir.line('jules backtest --policy sma-cross --from 2025-07-31 bars.ndjson')
    expect([store.status, store.stderr]).toEqual([0, ''])
    expect(store.stdout.replace('"input":"store"', '"input":"bars.ndjson"')).toBe(file.stdout)
    const none = await dir.line('jules backtest --symbols AMD,INTC', { env })
    expect([none.status, none.stdout]).toEqual([66, ''])
    expect(none.stderr).toMatch(/no bars match\n.*hint: the store holds .*NVDA 1m mock: 1170 rows/)
  })
})

describe('a table for people', () => {
  test('fits 80 columns and gives the reasons', async () => {
    const dir = new Workdir()
    const { status, stdout } = await dir.line('jules fetch --mock --days 2 | jules backtest -f table -')
    expect(status).toBe(0)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    const traded = await dir.line(
      'jules fetch --mock --days 30 | jules backtest --policy sma-cross --capital 5e6 --max-position 1e6 --no-limits -f table -',
    )
    expect(traded.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(traded.stdout).toMatch(/turnover +\$\d{1,3}(,\d{3}){2}\.\d\d\n/)
    expect(stdout).toContain('note: no trades: the policy never asked for a position')
    expect(stdout.replace(/\n {2}/g, ' ').match(/^not given: .*$/gm)).toEqual([
      expect.stringMatching(/CVaR 95, a session \(2 returns, fewer than 20\)/),
    ])
    expect(stdout).not.toMatch(/ -$| - /m)
  })
})

test.each(['T00:00', 'T04:00'])('days that are written %sZ are chosen by their dates', async (clock) => {
  const bars = ['2025-07-28', '2025-07-29', '2025-07-30', '2025-07-31', '2025-08-01'].flatMap((day, i) =>
    ['NVDA', 'MSFT'].map((symbol) => barLine(i, { time: `${day}${clock}:00Z`, symbol, interval: '1d' })),
  )
  const args = [
    '--overnight',
    '--warmup',
    '0',
    '--from',
    '2025-07-29',
    '--to',
    '2025-07-31',
    '--records',
    'summary',
    '-',
  ]
  const { stdout, status } = await new Workdir().called(['backtest', ...args], { input: bars.join('') })
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ from: '2025-07-29', to: '2025-07-31', bars: 3 })
})

describe('bad input', () => {
  const minute = (i: number) => `2025-07-30T14:${String(i).padStart(2, '0')}:00Z`
  const pair = (i: number, more: Record<string, unknown> = {}) =>
    barLine(i, { time: minute(i), symbol: 'NVDA', ...more }) +
    barLine(i, { time: minute(i), symbol: 'MSFT', ...more })
  const pairs = (count: number) => Array.from({ length: count }, (_, i) => pair(i)).join('')

  const cases: [string, string, string[], number, string | RegExp][] = [
    ['a missing symbol', barLine(0), [], 65, /no bars of MSFT: the input holds NVDA|no bars of MSFT/],
    [
      'other symbols',
      pairs(3).replaceAll('NVDA', 'AMD').replaceAll('MSFT', 'INTC'),
      [],
      66,
      'no bars of NVDA or MSFT: the input holds AMD, INTC',
    ],
    ['time going backwards', pair(3) + pair(1), [], 65, /stdin:3: time goes backwards/],
    [
      'minutes that are called 5 minutes',
      pairs(3).replaceAll('"1m"', '"5m"'),
      [],
      65,
      /stdin:3: bars overlap: NVDA .* begins before the end of .*, which is 5 minutes long\n.*hint: say how long/,
    ],
    ['mixed intervals', pair(1) + pair(6, { interval: '5m' }), [], 65, /mixed intervals: 1m before, 5m here/],
    [
      'invented bars beside real ones',
      pair(1, { source: 'mock' }) + pair(2, { source: 'real' }),
      [],
      65,
      /invented bars mixed with real ones: mock, real\n.*hint: choose one with --source/,
    ],
    [
      'too many bars without a partner',
      pairs(9) + barLine(9, { time: minute(9), symbol: 'NVDA' }),
      [],
      65,
      /10\.00 % of the times lack a bar of one symbol, more than 5\.00 %: MSFT lacks 2025-07-30T14:09:00Z \(1\)\n.*hint: .*--max-missing/,
    ],
    [
      'too few bars',
      pairs(10),
      [],
      65,
      /10 bars of NVDA and MSFT: too few for a warm-up of 50 and one decision/,
    ],
    ['nothing', '', [], 66, 'stdin: is empty'],
    ['an output that cannot hold records', pairs(3), ['-o', 'x.csv'], 64, 'make no csv file'],
    ['a table as Parquet', pairs(3), ['-f', 'table', '-o', 'x.parquet'], 64, 'a table makes no parquet file'],
    [
      'Parquet of several types',
      pairs(3),
      ['-o', 'x.parquet'],
      64,
      /a Parquet file has the records of one type.*\n.*hint: --records equity,summary$/m,
    ],
    [
      'three symbols',
      pairs(3),
      ['--symbols', 'NVDA,MSFT,AMD'],
      64,
      '--symbols: expected two symbols, such as NVDA,MSFT, or one',
    ],
    ['the same symbol twice', pairs(3), ['--symbols', 'NVDA,NVDA'], 64, 'NVDA stands twice'],
    [
      'an unknown policy',
      pairs(3),
      ['--policy', 'magic'],
      64,
      'expected one of flat, buy-hold, random, sma-cross',
    ],
    [
      'daily bars without --overnight',
      ['28', '29', '30']
        .map((day) =>
          pair(0)
            .replaceAll(/2025-..-..T..:../g, `2025-07-${day}T04:00`)
            .replaceAll('"1m"', '"1d"'),
        )
        .join(''),
      ['--warmup', '0'],
      64,
      'bars of a day leave no time to be flat by the close',
    ],
    [
      'dates the wrong way round',
      pairs(3),
      ['--from', '2025-07-30', '--to', '2025-07-29'],
      64,
      '--from is after --to',
    ],
  ]
  test.each(cases)('%s', async (_title, input, args, status, message) => {
    const result = await new Workdir().called(['backtest', ...args, '-'], { input })
    expect([result.status, result.stdout]).toEqual([status, ''])
    expect(result.stderr).toMatch(
      typeof message === 'string' ? new RegExp(message.replace(/[.()]/g, '\\$&')) : message,
    )
  })

  const replays: [string, string, string[], number, string][] = [
    ['too few actions', '[4,4]', [], 65, 'a.json: holds 2 actions, and the run asks for more'],
    [
      'too many actions',
      JSON.stringify(Array(20).fill(4)),
      [],
      65,
      'a.json: holds 20 actions, and the run has 9 decisions',
    ],
    ['an action of 9', '[4,9]', [], 65, 'a.json: element 1: expected an action from 0 to 8, got 9'],
    ['a word', '4\nbuy\n', [], 65, 'a.json:2: expected an action id, got "buy"'],
    [
      'a short under --long-only',
      '[4,0]',
      ['--long-only'],
      65,
      'a.json:2: action 0 is a short, and --long-only is given',
    ],
    ['an empty file', ' \n', [], 66, 'a.json: is empty'],
    ['half an array', '[4,', [], 65, 'a.json: is not a JSON array'],
  ]
  test.each(replays)('replay of %s', async (_title, actions, args, status, message) => {
    const dir = new Workdir()
    dir.write('a.json', actions)
    const result = await dir.called(
      ['backtest', '--policy', 'replay:a.json', '--warmup', '0', ...args, '-'],
      {
        input: pairs(10),
      },
    )
    expect([result.status, result.stdout]).toEqual([status, ''])
    expect(result.stderr).toContain(message)
  })

  test('NDJSON of numbers or objects is replayed like an array', async () => {
    const dir = new Workdir()
    const actions = [4, 8, 8, 0, 4, 4, 7, 5, 4]
    dir.write('a.json', JSON.stringify(actions))
    dir.write('a.ndjson', actions.map((action) => `${JSON.stringify({ action })}\n`).join(''))
    dir.write('plain', actions.join('\n'))
    const runs = await Promise.all(
      ['a.json', 'a.ndjson', 'plain'].map((name) =>
        dir.called(
          [
            'backtest',
            '--policy',
            `replay:${name}`,
            '--warmup',
            '0',
            '--run',
            'x',
            '--records',
            'fill,equity',
            '-',
          ],
          {
            input: pairs(10),
          },
        ),
      ),
    )
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0])
    expect(runs[0]!.stdout).toContain('"type":"fill"')
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1)
  })

  test('a missing replay file', async () => {
    const result = await new Workdir().called(['backtest', '--policy', 'replay:none', '--warmup', '0', '-'], {
      input: pairs(10),
    })
    expect([result.status, result.stderr]).toEqual([66, 'jules backtest: none: no such file or directory\n'])
  })

  test('--source takes the real ones of a mixed input', async () => {
    const input = pair(1, { source: 'mock' }) + pair(2, { source: 'real' }) + pair(3, { source: 'real' })
    const args = ['backtest', '--source', 'real', '--warmup', '0', '--records', 'summary', '-']
    const { status, stdout, stderr } = await new Workdir().called(args, { input })
    expect(status).toBe(0)
    expect(stderr).toContain('NVDA and MSFT lack 388 of 390 bars')
    expect(parse(stdout)[0]).toMatchObject({ sources: ['real'], bars: 2, missing: 388 / 390 })
  })

  test('a repeated bar is told, and the last one counts', async () => {
    const input = pairs(3) + barLine(2, { time: minute(2), symbol: 'NVDA', high: 900, close: 800 })
    const args = ['backtest', '--warmup', '0', '--records', 'equity', '-']
    const { status, stdout, stderr } = await new Workdir().called(args, { input })
    expect(status).toBe(0)
    expect(stderr).toContain('jules backtest: 1 bars repeat a symbol and time: the last one counts\n')
    expect(parse(stdout).at(-1)!.marks.NVDA).toBe(800)
  })

  test('bars without a partner are named and counted', async () => {
    const result = await new Workdir().called(
      ['backtest', '--warmup', '0', '--max-missing', '0.1', '--records', 'summary', '-'],
      { input: pairs(9) + barLine(9, { time: minute(9), symbol: 'NVDA' }) },
    )
    expect(result.status).toBe(0)
    expect(result.stderr).toContain(
      'jules backtest: 1 of 19 bars have no partner: MSFT lacks 2025-07-30T14:09:00Z (1)\n',
    )
    expect(parse(result.stdout)[0]!.dropped).toBe(1)
  })
})

describe('check-env', () => {
  test('says ok for each check, and 0', async () => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.line('jules fetch --mock --days 2 | jules check-env -')
    expect([status, stderr]).toEqual([0, ''])
    expect(parse(stdout).every(({ ok }) => ok)).toBe(true)
    // Of the environment, and of the records of a run of random actions.
    expect(parse(stdout).length).toBe(11 + 6)
  })
})
