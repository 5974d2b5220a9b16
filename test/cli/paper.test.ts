/** Paper trading as a command: what it refuses, how it is stopped, and what it leaves behind. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { formatTime } from '../../src/base/time.js'
import { readJournal } from '../../src/broker/journal.js'
import { drift } from '../../src/commands/drift.js'
import { load } from '../../src/commands/load.js'
import type { Market } from '../../src/market/market.js'
import type { Speed } from '../../src/sim/clock.js'
import { DEFAULT_CASH, type Sim } from '../../src/sim/server.js'
import { identifier, RECORD_TABLES } from '../../src/store/tables.js'
import { smaCross } from '../../src/trading/policies.js'
import { called } from '../support/called.js'
import { heldAt, type Play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { BIN, BIN_WORD, finished, freshDatabase, Workdir } from '../support/workdir.js'

const day: Play = {
  market: randomMarket({ sessions: 1, seed: 11, bps: 20 }).slice(300, 390),
  policy: smaCross,
  warmup: 50,
}

/** The bars as a file. */
function bars(market: Market): string {
  const lines: string[] = []
  for (let i = 0; i < market.length; i++)
    for (const [k, symbol] of market.symbols.entries()) {
      const [open, high, low, close, volume] = [
        market.open,
        market.high,
        market.low,
        market.close,
        market.volume,
      ].map((column) => column[k]![i]!)
      const time = formatTime(market.time[i]!)
      lines.push(
        JSON.stringify({ type: 'bar', symbol, interval: '1m', time, open, high, low, close, volume }),
      )
    }
  return `${lines.join('\n')}\n`
}

async function simulated(
  faults: readonly unknown[] = [],
  speed: Speed = 'max',
): Promise<{ sim: Sim; log: string[]; until: (words: string) => Promise<void> }> {
  const log: string[] = []
  const waiting: (readonly [string, () => void])[] = []
  const sim = await simFor(
    day,
    faults,
    (line) => {
      log.push(line)
      for (const [words, found] of waiting) if (line.includes(words)) found()
    },
    speed,
  )
  onTestFinished(() => sim.close())
  /** Resolves when a client says this. */
  const until = (words: string) => new Promise<void>((found) => waiting.push([words, found]))
  return { sim, log, until }
}

const at = (sim: Sim, ...more: readonly string[]): string[] => [
  ...['paper', '--gateway', `${sim.host}:${sim.port}`, '--max-messages-per-sec', '1000000'],
  ...['--policy', 'sma-cross', ...more],
]
const orders = (log: readonly string[]) => log.filter((line) => line.includes('"placeOrder"'))
const parsed = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Loads the records of a run twice, all of them, with the same effect: what the tables hold, by type. */
async function loadedTwice(dir: Workdir, text: string): Promise<Map<string, Record<string, unknown>[]>> {
  const { dsn, query } = await freshDatabase()
  const args = ['--dsn', dsn, dir.write('records.ndjson', text)]
  const held = async () =>
    new Map(
      await Promise.all(
        Object.entries(RECORD_TABLES).map(
          async ([type, { name, key }]) =>
            [type, await query(`SELECT * FROM ${name} ORDER BY ${key.map(identifier).join()}`)] as const,
        ),
      ),
    )
  const tables = []
  for (let i = 0; i < 2; i++) {
    const { status, stderr } = await called(load, 'load', args)
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^jules load: \d+ rows read, [^\n]* 0 rejected\n$/),
    ])
    tables.push(await held())
  }
  expect(tables[1]).toEqual(tables[0])
  return tables[0]!
}

test('a replay writes the records of a backtest, a state a bar and a summary that agrees with the broker', async () => {
  const dir = new Workdir()
  const file = dir.write('day.ndjson', bars(day.market))
  const args = ['--policy', 'sma-cross', file]
  const backtest = await dir.called(['backtest', ...args, '--records', 'order,fill,risk,equity'])
  const paper = await dir.called([
    'paper',
    '--replay',
    file,
    '--policy',
    'sma-cross',
    '--journal',
    'j.ndjson',
  ])
  expect([paper.status, paper.stderr]).toEqual([0, expect.stringContaining('lack 300 of 390 bars')])
  const bare = (text: string) =>
    text
      .split('\n')
      .filter((line) => !/"type":"(state|summary)"/.test(line))
      .map((line) => line.replace(/"run":"[^"]*"|"exec":"[^"]*"/g, ''))
  expect(bare(paper.stdout)).toEqual(bare(backtest.stdout))
  const records = parsed(paper.stdout)
  expect(records.filter(({ type }) => type === 'state')).toHaveLength(day.market.length - day.warmup)
  expect(records.at(-1)).toMatchObject({
    ...{
      type: 'summary',
      command: 'paper',
      policy: 'sma-cross',
      account: 'DU1234567',
      ending: 'data',
      uptime: 1,
      back_offs: 0,
    },
    day: { date: '2025-08-01' },
  })
  expect(Math.abs(records.at(-1).day.difference)).toBeLessThan(0.0101)
  for (const [type, rows] of await loadedTwice(dir, paper.stdout))
    expect(rows, type).toHaveLength(records.filter((record) => record.type === type).length)
  // The journal stands for the same records, and its replay differs in nothing.
  const shown = await dir.called(['paper', '--show', 'j.ndjson', '-f', 'ndjson'])
  expect(bare(shown.stdout)).toEqual(bare(paper.stdout))
  const differences = await called(drift, 'drift', [dir.file('j.ndjson')])
  expect(parsed(differences.stdout)).toMatchObject([{ type: 'drift', kind: 'pnl', difference: 0, why: null }])
  // Gone on with after its end there is nothing left to do.
  const table = await dir.called(['paper', '--show', 'j.ndjson', '-f', 'table'])
  expect(table.stdout).toMatch(/order 1 \(1\) sent/)
})

test('an account that is no paper account: 77, and no order', async () => {
  const dir = new Workdir()
  const { sim, log } = await simulated([{ fault: 'live-account' }])
  const { status, stdout, stderr } = await dir.called(at(sim))
  expect([status, stdout]).toEqual([77, ''])
  expect(stderr).toContain('U7654321')
  // A hostile .env changes nothing.
  dir.write('.env', 'IB_HOST=127.0.0.1\nIB_PORT=1\nIB_TWS_HOST=192.0.2.1\nTRADING_LIVE=1\n')
  expect((await dir.called(at(sim))).status).toBe(77)
  expect(orders(log)).toEqual([])
})

test('nothing at the address: 69, and no simulation in its place', async () => {
  const { status, stdout, stderr } = await new Workdir().called(['paper', '--gateway', '127.0.0.1:1'])
  expect([status, stdout]).toEqual([69, ''])
  expect(stderr).toMatch(/does not answer/)
})

test('the clock of bars that are played is not held against that of the host', async () => {
  const dir = new Workdir()
  const file = dir.write('day.ndjson', bars(day.market.slice(0, 60)))
  const { status, stderr } = await dir.called(['paper', '--replay', file, '--speed', '60', '--flatten'])
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('clock')])
})

test('bars that are played do not go on with a journal: 65, and what to do', async () => {
  const dir = new Workdir()
  dir.write('few.ndjson', bars(day.market.slice(0, 54)))
  const args = [
    'paper',
    '--replay',
    'few.ndjson',
    '--journal',
    'j.ndjson',
    '--run',
    'r',
    '--records',
    'summary',
  ]
  expect((await dir.called(args)).status).toBe(0)
  const before = dir.read('j.ndjson')
  const { status, stderr } = await dir.called(args)
  expect(status).toBe(65)
  expect(stderr).toMatch(
    /hint: begin another one with --journal FILE, or .* jules paper --show .*j\.ndjson'?$/m,
  )
  expect(dir.read('j.ndjson')).toBe(before)
  expect((await dir.called([...args, '--run', '../r'])).status).toBe(64)
})

test('a disk that is full ends the run with 74, and leaves a journal that can be read', async () => {
  const dir = new Workdir()
  dir.write('day.ndjson', bars(day.market))
  const args = 'paper --replay day.ndjson --policy random --journal j.ndjson --records summary'
  const { status, stderr } = await dir.shell(`ulimit -f 24; ${BIN_WORD} ${args}`)
  expect([status, stderr]).toEqual([74, expect.stringContaining('file too large')])
  const { events } = await readJournal(dir.file('j.ndjson'))
  expect(events.length).toBeGreaterThan(20)
  // Nothing follows what is not there.
  expect(events.some(({ event }) => event === 'end')).toBe(false)
})

test('a dry run decides and sends nothing', async () => {
  const dir = new Workdir()
  const { sim, log } = await simulated()
  const { status, stdout } = await dir.called(at(sim, '--dry-run', '--records', 'order,fill'))
  expect(status).toBe(0)
  expect(parsed(stdout).every(({ type }) => type === 'order')).toBe(true)
  expect(parsed(stdout).length).toBeGreaterThan(0)
  expect(orders(log)).toEqual([])
})

test('SIGTERM keeps positions and says 143; --flatten then closes them; a second process waits for neither', async () => {
  const dir = new Workdir()
  const { sim } = await simulated()
  const child = dir.start(BIN, at(sim, '--policy', 'buy-hold', '--journal', 'j.ndjson'))
  let text = ''
  child.stdout!.on('data', (part) => {
    const isSent = text.includes('"fill"')
    text += part
    if (!isSent && text.includes('"fill"')) child.kill('SIGTERM')
  })
  const ended = await finished(child)
  expect(ended.status).toBe(143)
  expect(ended.stderr).toContain('terminated, stopping')
  expect(heldAt(sim, day).positions).not.toEqual([0, 0])
  expect((await readJournal(dir.file('j.ndjson'))).events.at(-1)).toMatchObject({
    event: 'end',
    ending: 'stop',
  })
  const flat = await dir.called(at(sim, '--policy', 'buy-hold', '--journal', 'j.ndjson', '--flatten'))
  expect([flat.status, heldAt(sim, day).positions]).toEqual([0, [0, 0]])
  // What both processes wrote is one run.
  const written = ended.stdout + flat.stdout
  const [first, last] = parsed(written).filter(({ type }) => type === 'summary')
  expect([first.run, first.ending, last.ending]).toEqual([last.run, 'stop', 'stop'])
  const tables = await loadedTwice(dir, written)
  expect(tables.get('fill')).toHaveLength(parsed(written).filter(({ type }) => type === 'fill').length)
  expect(tables.get('summary')).toEqual([{ run: last.run, summary: last }])
})

test('--flatten-on-stop closes at SIGTERM what is held, and says 143', async () => {
  const dir = new Workdir()
  const { sim } = await simulated()
  const args = ['--policy', 'buy-hold', '--journal', 'j.ndjson', '--records', 'fill', '--flatten-on-stop']
  const child = dir.start(BIN, at(sim, ...args))
  child.stdout!.once('data', () => child.kill('SIGTERM'))
  const ended = await finished(child)
  expect([ended.status, heldAt(sim, day).positions]).toEqual([143, [0, 0]])
  expect(parsed(ended.stdout).length).toBeGreaterThan(2)
})

test('a run without bars is seen alive, keeps its account to itself, and stops at --halt', async () => {
  const dir = new Workdir()
  let pinged = () => {}
  const ping = new Promise<void>((resolve) => {
    pinged = resolve
  })
  const server = createServer((_, answer) => {
    answer.end()
    pinged()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  // At the pace of the day no bar ends while this looks.
  const { sim, until } = await simulated([], 1)
  const first = finished(
    dir.start(BIN, at(sim, '--journal', 'j.ndjson', '--healthcheck', `http://127.0.0.1:${port}/`)),
  )
  await Promise.all([until('reqRealTimeBars'), ping])
  expect(JSON.parse(dir.read('j.ndjson.heartbeat'))).toMatchObject({ time: null, connection: 'ready' })
  const other = ['--journal', 'other.ndjson', '--client-id', '2']
  const local = at(sim, ...other).map((word) => word.replace('127.0.0.1', 'localhost'))
  const second = await dir.called(local)
  expect(second.status).toBe(75)
  expect(second.stderr).toMatch(
    /another run trades DU1234567 at localhost:\d+: its lock is held by process \d+/,
  )
  expect((await dir.called(['paper', '--halt'])).status).toBe(0)
  const { status, stderr } = await first
  expect([status, stderr]).toEqual([1, expect.stringContaining('jules paper --halt')])
  expect(existsSync(dir.file('.local/share/jules/paper/HALT'))).toBe(true)
  const ends = (await readJournal(dir.file('j.ndjson'))).events
  expect(ends.at(-1)).toMatchObject({ event: 'end', ending: 'halt' })
  expect(ends.some(({ event }) => event === 'halt')).toBe(true)
})

test('a reader that goes away ends the run in its order: 0, orders cancelled, positions kept', async () => {
  const dir = new Workdir()
  const stuck = Array.from({ length: 40 }, (_, i) => ({ fault: 'inert', on: { order: i + 2 } }))
  const { sim, log } = await simulated(stuck)
  const words = at(sim, '--journal', 'j.ndjson', '--policy', 'buy-hold').join(' ')
  const { stdout, stderr } = await dir.shell(`jules ${words} | head -1; echo "\${PIPESTATUS[0]}"`)
  expect(stdout).toMatch(/^\{"type":"order".*\}\n0\n$/)
  // The clock of a simulated gateway elsewhere is the broker's for all that is known.
  expect(stderr).toMatch(
    /^jules paper: warning: the clock of this host is [\d,.]+ s ahead of the broker's\n$/,
  )
  const end = { event: 'end', ending: 'stop' }
  expect((await readJournal(dir.file('j.ndjson'))).events.at(-1)).toMatchObject(end)
  const ids = (name: string) =>
    log.filter((line) => line.includes(`"${name}"`)).map((line) => JSON.parse(line).fields.orderId)
  const placed = ids('placeOrder').slice(1)
  expect(placed.length).toBeGreaterThan(0)
  expect([...new Set(ids('cancelOrder'))].sort()).toEqual(placed.sort())
  expect(heldAt(sim, day).positions).not.toEqual([0, 0])
})

test.each([
  ['dies', 'exit 3', [], /exec:.*ended with status 3/],
  ['is late', 'read line', ['--exec-timeout', '0.2'], /exec:.*gave no answer within 0.2 s/],
  ['dies', 'exit 3', ['--flatten-on-stop'], /exec:.*ended with status 3/],
])('a program that %s, %s, ends the run in its order: 69 (%j)', async (_, end, args, words) => {
  const dir = new Workdir()
  dir.write('p', `for i in 1 2 3; do read line; echo '{"action":8}'; done; read line; ${end}\n`)
  const file = dir.write('day.ndjson', bars(day.market.slice(0, 60)))
  const run = ['paper', '--replay', file, '--journal', 'j.ndjson', '--policy', 'exec:sh p', ...args]
  const { status, stdout, stderr } = await dir.jules(run)
  expect([status, stderr]).toEqual([69, expect.stringMatching(words)])
  const records = parsed(stdout)
  expect(records.filter(({ type }) => type === 'state')).toHaveLength(3)
  const { positions, events } = await told(dir.file('j.ndjson'))
  expect(events.filter(({ event }) => event === 'decide')).toHaveLength(3)
  expect(events.at(-1)).toMatchObject({ event: 'end', ending: 'stop' })
  expect(positions.every((shares) => (args.includes('--flatten-on-stop') ? shares === 0 : shares > 0))).toBe(
    true,
  )
})

test('actions of a file give the records of a backtest', async () => {
  const dir = new Workdir()
  const file = dir.write('day.ndjson', bars(day.market.slice(0, 70)))
  const actions = dir.write('actions', JSON.stringify(Array.from({ length: 19 }, (_, i) => (i * 5) % 9)))
  const args = ['--policy', `replay:${actions}`, '--records', 'order,fill,risk,equity']
  const backtest = await dir.called(['backtest', ...args, file])
  const paper = await dir.called(['paper', '--replay', file, ...args])
  const bare = (text: string) => text.replace(/"run":"[^"]*"|"exec":"[^"]*"/g, '')
  expect(bare(paper.stdout)).toBe(bare(backtest.stdout))
  expect([backtest.status, paper.status]).toEqual([0, 0])
})

test('the kill switch stops a run with 1, stays latched, and tells the webhook', async () => {
  const dir = new Workdir()
  const posted: string[] = []
  const server = createServer((request, answer) => {
    request.setEncoding('utf8').on('data', (text) => posted.push(text))
    answer.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/t0ken`
  const { sim } = await simulated()
  const args = at(sim, '--journal', 'j.ndjson', '--records', 'fill', '--webhook', hook)
  const child = dir.start(BIN, args)
  child.stdout!.once('data', () => child.kill('SIGUSR1'))
  const ended = await finished(child)
  expect(ended.status).toBe(1)
  expect(ended.stderr).not.toContain('t0ken')
  expect(posted.map((text) => JSON.parse(text).alarm)).toContain('halt')
  const refused = await dir.called(args)
  expect(refused.status).toBe(77)
  expect(refused.stderr).toContain('the kill switch is on')
  expect((await dir.called(['paper', '--reset-halt', '--journal', 'j.ndjson'])).status).toBe(0)
  expect((await dir.called(['paper', '--halt'])).status).toBe(0)
  expect((await dir.called(args)).status).toBe(77)
  expect((await dir.called(['paper', '--reset-halt'])).status).toBe(0)
  expect((await dir.called(args)).status).toBe(0)
})

test('a journal that is damaged, of other settings, or in use is refused', async () => {
  const dir = new Workdir()
  const { sim } = await simulated()
  const first = dir.start(BIN, at(sim, '--journal', 'j.ndjson', '--records', 'fill'))
  const busy = await new Promise<ReturnType<Workdir['jules']>>((resolve) =>
    first.stdout!.once('data', () =>
      resolve(dir.jules(at(sim, '--journal', 'j.ndjson', '--client-id', '2'))),
    ),
  )
  expect((await busy).status).toBe(75)
  await finished(first)
  const whole = readFileSync(dir.file('j.ndjson'))
  const other = await dir.called(at(sim, '--journal', 'j.ndjson', '--capital', '6000'))
  expect([other.status, other.stderr]).toEqual([65, expect.stringContaining('other settings')])
  const middle = whole.indexOf('\n', 2000) + 40
  const damaged = Buffer.from(whole)
  damaged[middle]! ^= 1
  writeFileSync(dir.file('d.ndjson'), damaged)
  const refused = await dir.called(['paper', '--show', 'd.ndjson'])
  expect(refused.status).toBe(65)
  expect(refused.stderr).toMatch(new RegExp(`byte ${whole.indexOf('\n', 2000) + 1}: line \\d+ is damaged`))
  // A torn end was promised to nobody.
  appendFileSync(dir.file('j.ndjson'), '{"n":99999,"event":"ba')
  expect((await dir.called(['paper', '--show', 'j.ndjson'])).stderr).toContain('counts for nothing')
})

test('shares that no execution explains are refused, or taken over', async () => {
  const dir = new Workdir()
  const { sim } = await simulated([{ fault: 'foreign-order' }])
  // Somebody buys a share before the run begins.
  const first = await dir.called(at(sim, '--journal', 'a.ndjson', '--policy', 'buy-hold'))
  expect([first.status, first.stderr]).toEqual([1, expect.stringContaining('the journal explains')])
  expect(heldAt(sim, day).cash).toBeLessThan(DEFAULT_CASH)
  const fresh = await dir.called(at(sim, '--journal', 'b.ndjson'))
  expect([fresh.status, fresh.stderr]).toEqual([65, expect.stringMatching(/the broker holds .* --adopt/s)])
  const closed = await dir.called(at(sim, '--journal', 'c.ndjson', '--adopt', '--records', 'summary'))
  expect(closed.status).toBe(0)
})

test('drift names the order that the broker rejected, and what followed', async () => {
  const dir = new Workdir()
  const { sim } = await simulated([{ fault: 'reject', on: { order: 2 } }])
  expect((await dir.called(at(sim, '--journal', 'j.ndjson'))).status).toBe(0)
  const held = async (format: string) => {
    const { status, stdout } = await called(drift, 'drift', [dir.file('j.ndjson'), '-f', format])
    expect(status).toBe(0)
    return stdout
  }
  const found = parsed(await held('ndjson'))
  const rejected = found.find(({ kind }) => kind === 'rejected')
  const why = expect.stringMatching(/^201: .*Order rejected - reason:/)
  expect(rejected).toMatchObject({ paper: 0, difference: -rejected.replay, why })
  expect(Object.keys(rejected).at(-1)).toBe('why')
  expect(await held('table')).toContain(`  ${rejected.why}\n`)
  expect(found.at(-1)).toMatchObject({ kind: 'pnl' })
  expect(found.at(-1).difference).not.toBe(0)
})

test('options that have no meaning together, or none for a gateway, are 64', async () => {
  const dir = new Workdir()
  dir.write('few.ndjson', bars(day.market.slice(0, 5)))
  for (const args of [
    ['--gateway', '127.0.0.1'],
    ['--gateway', '127.0.0.1:4002', '--replay', 'x'],
    ['--fill', 'close', '--replay', 'x'],
    ['--halt', '--reset-halt'],
    ['--webhook', 'ftp://x'],
    ['--flatten', '--dry-run'],
    ['--replay', 'few.ndjson', '--warmup', '2', '--now', '2099-01-02T15:00:00Z'],
  ])
    expect((await dir.called(['paper', ...args])).status, args.join(' ')).toBe(64)
})
