/** What a bar is, at every door: overlap, interval, sessions, days, splits; and what a run is called. */
import { describe, expect, test } from 'vitest'
import { sessionsEndingAt } from '../../src/market/calendar.js'
import { parse, train, withBars } from '../support/training.js'
import { freshDatabase, Workdir } from '../support/workdir.js'

const CSV = 'symbol,time,interval,open,high,low,close,volume\n'
const row = (time: string, interval: string, price = 100, symbol = 'NVDA') =>
  `${symbol},${time},${interval},${price},${price},${price},${price},10\n`

/** Two sessions of five-minute bars of both symbols; on the second NVDA stands at `second`. */
function twoSessions(second: number): string {
  let text = ''
  for (const [day, { openMs, closeMs }] of sessionsEndingAt(20_301, 2).entries()) {
    for (let ms = openMs; ms < closeMs; ms += 300_000) {
      const time = new Date(ms).toISOString()
      text += row(time, '5m', day === 0 ? 100 : second) + row(time, '5m', 400, 'MSFT')
    }
  }
  return CSV + text
}

describe('bars that overlap', () => {
  const minutes = `${CSV}${['30', '31', '35'].map((minute) => row(`2025-07-30T13:${minute}:00Z`, '5m')).join('')}`
  const words =
    'bars overlap: NVDA 2025-07-30T13:31:00Z begins before the end of 2025-07-30T13:30:00Z, which is 5 minutes long'

  test.each(['fetch', 'load', 'backtest', 'train', 'check-env'])('are refused by %s', async (command) => {
    const dir = new Workdir()
    dir.write('bars.csv', minutes)
    const more = command === 'load' ? ['--dry-run'] : command === 'train' ? ['-o', 'run'] : []
    const { status, stderr } = await dir.called([command, ...more, 'bars.csv'])
    expect([status, stderr.split('\n')[0]]).toEqual([65, `jules ${command}: bars.csv:3: ${words}`])
    expect(stderr).toContain('--interval')
  })

  test('are rows to be passed over under --max-rejects, whatever the order and the file', async () => {
    const dir = new Workdir()
    dir.write('a.csv', minutes)
    dir.write('b.csv', `${CSV}${row('2025-07-30T13:39:00Z', '5m')}${row('2025-07-30T13:45:00Z', '5m')}`)
    const { dsn, query } = await freshDatabase()
    const args = ['--max-rejects', '2', '--rejects', 'bad.ndjson', '--dsn', dsn]
    const { status, stderr } = await dir.called(['load', ...args, 'a.csv', 'b.csv'])
    expect([status, stderr]).toEqual([0, 'jules load: 3 rows read, 3 written, 0 unchanged, 2 rejected\n'])
    const rejects = parse(dir.read('bad.ndjson'))
    expect(rejects.map(({ line, code, message }) => [line, code, message.slice(0, 50)])).toEqual([
      [3, 65, words.slice(0, 50)],
      [2, 65, 'bars overlap: NVDA 2025-07-30T13:39:00Z begins bef'],
    ])
    expect(await query('SELECT count(*)::int FROM market_data')).toEqual([{ count: 3 }])
  })
})

test('the bar of a day is that of its date: in the store, in a selection, in a folder', async () => {
  const dir = new Workdir()
  const days = ['2025-07-29', '2025-07-30', '2025-07-31']
  dir.write('days.csv', CSV + days.map((day, i) => row(`${day}T00:00:00Z`, '1d', 100 + i)).join(''))
  const env = { JULES_DSN: (await freshDatabase()).dsn }
  await dir.called(['load', '-q', 'days.csv'], { env })
  const chosen = ['--interval', '1d', '--from', '2025-07-30', '--to', '2025-07-30']
  const { stdout } = await dir.called(['export', ...chosen], { env })
  expect(parse(stdout).map(({ time, close }) => [time, close])).toEqual([['2025-07-30T04:00:00Z', 101]])
  await dir.called(['export', '--partition-by', 'date', '-o', 'hive'], { env })
  expect((await dir.shell('ls hive')).stdout.trim().split('\n')).toEqual(days.map((day) => `date=${day}`))
})

describe('a suspected split', () => {
  const words =
    'NVDA opens on 2025-08-01 at 10, 1/10 of its close of 100 on 2025-07-31, and its bars do not say that they are adjusted: a 10-for-1 split?'

  test.each(['fetch', 'load', 'backtest', 'train'])('is a warning of %s', async (command) => {
    const dir = new Workdir()
    dir.write('bars.csv', twoSessions(10))
    const more = command === 'load' ? ['--dry-run'] : command === 'train' ? ['-o', 'run'] : []
    const { stderr } = await dir.called([command, '-q', ...more, 'bars.csv'])
    expect(stderr.split('\n').filter((line) => line.includes('split'))).toEqual([
      expect.stringContaining(words),
    ])
    expect(stderr).toContain('warning: ')
    expect(stderr).toContain('--from 2025-08-01')
  })

  test('is none where a price only falls, or the bars are adjusted', async () => {
    const dir = new Workdir()
    const fallen = await dir.called(['backtest', '-'], { input: twoSessions(70) })
    const adjusted = twoSessions(10)
      .replaceAll(/(\d)\n/g, '$1,splits\n')
      .replace('volume\n', 'volume,adjusted\n')
    const told = await dir.called(['backtest', '-'], { input: adjusted })
    expect([fallen.status, fallen.stderr, told.status, told.stderr]).toEqual([0, '', 0, ''])
  })
})

test('what is missing against the calendar is told, and its share stands in the summary', async () => {
  const dir = new Workdir()
  // Both lack 15:00 to 15:55 in New York of the first day.
  const input = twoSessions(100)
    .split('\n')
    .filter((line) => !line.includes('2025-07-31T19:'))
    .join('\n')
  const { status, stdout, stderr } = await dir.called(['backtest', '--records', 'summary', '-'], { input })
  expect(status).toBe(0)
  expect(stderr).toBe(
    'jules backtest: missing against the calendar: NVDA and MSFT lack 12 of 156 bars: 2025-07-31T19:00:00Z to 2025-07-31T19:55:00Z (12)\n',
  )
  const [summary] = parse(stdout)
  expect([summary.missing, summary.dropped]).toEqual([12 / 156, 0])
})

describe('borrowed money', () => {
  const given = [
    '--policy',
    'buy-hold',
    '--capital',
    '1000',
    '--commission',
    'none',
    '--half-spread-bps',
    '0',
    '--records',
    'risk,summary',
  ]

  test('is a note, and --max-leverage refuses it', async () => {
    const dir = new Workdir()
    dir.write('bars.csv', twoSessions(100))
    const free = parse((await dir.called(['backtest', ...given, 'bars.csv'])).stdout).at(-1)
    // 10 shares of 100 and 2 of 400.
    expect(free.notes.join()).toMatch(/borrowed money: positions of up to 1\.8\d times the equity, at 2025-/)
    const records = parse(
      (await dir.called(['backtest', ...given, '--max-leverage', '1', 'bars.csv'])).stdout,
    )
    expect(records.at(-1).notes.join()).not.toContain('borrowed')
    expect(records.find(({ rule }) => rule === 'max-leverage')).toMatchObject({
      action: 'deny',
      detail: { limit: 1 },
    })
  })
})

describe('the name of a run', () => {
  const run = async (dir: Workdir, policy: string) => {
    const args = ['backtest', '--policy', policy, '--warmup', '0', '--records', 'summary', 'bars.csv']
    const { status, stdout, stderr } = await dir.called(args)
    expect([status, stderr]).toEqual([0, ''])
    return parse(stdout)[0].run
  }

  test('is that of the actions, not of the file they lie in', async () => {
    const dir = new Workdir()
    dir.write('bars.csv', twoSessions(100))
    const actions = Array(155).fill(4)
    dir.write('a.json', JSON.stringify(actions))
    dir.write('b.ndjson', actions.map((action) => `${JSON.stringify({ action })}\n`).join(''))
    const [first, moved] = [await run(dir, 'replay:a.json'), await run(dir, 'replay:b.ndjson')]
    dir.write('a.json', JSON.stringify([8, ...actions.slice(1)]))
    expect([moved === first, (await run(dir, 'replay:a.json')) === first]).toEqual([true, false])
  })

  test('is that of the bytes of a model', async () => {
    const dir = await withBars()
    const named = async (path: string) =>
      parse(
        (await dir.called(['backtest', '--policy', `model:${path}`, '--records', 'summary', 'bars.parquet']))
          .stdout,
      )[0].run
    for (const seed of ['1', '2']) await train(dir, '-o', `run${seed}`, '--seed', seed)
    await dir.shell('cp run1/policy.safetensors here; cp run1/policy.safetensors there')
    const [here, there] = [await named('here'), await named('there')]
    await dir.shell('cp run2/policy.safetensors here')
    expect([there === here, (await named('here')) === here]).toEqual([true, false])
  })

  test('keeps the records of another run in the store', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const equity = (value: number) =>
      `${JSON.stringify({ type: 'equity', time: '2025-07-31T13:31:00Z', run: 'mine', equity: value, cash: 1 })}\n`
    const load = (value: number) => dir.called(['load', '--dsn', dsn], { input: equity(value) })
    expect([(await load(5000)).status, (await load(5000)).status]).toEqual([0, 0])
    const other = await load(4000)
    expect(other.status).toBe(65)
    expect(other.stderr).toMatch(
      /the store has another run "mine": its equity record of 2025-07-31T13:31:00Z differs\n.*hint: give this run a name of its own/,
    )
    expect(await query('SELECT equity FROM equity')).toEqual([{ equity: 5000 }])
  })
})

test('check-env runs a policy too, and a model', async () => {
  const dir = await withBars()
  await train(dir, '-o', 'run', '--steps', '512')
  const { status, stdout } = await dir.called(['check-env', '--policy', 'model:run', 'bars.parquet'])
  const checks = parse(stdout)
  expect([status, checks.every(({ ok }) => ok)]).toEqual([0, true])
  expect(checks.map(({ name }) => name).filter((name) => name.startsWith('model:run/'))).toHaveLength(6)
})
