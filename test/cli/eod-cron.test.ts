/** What surrounds the checks of a day: what the store keeps, one run at a time, who is told, and an environment with nothing in it. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { newYork, zoneNamed } from '../../src/base/time.js'
import { eodValidate } from '../../src/commands/eod-validate/eod-validate.js'
import { cronLines, systemdUnits } from '../../src/commands/eod-validate/schedule.js'
import { fetch as fetchCommand } from '../../src/commands/fetch/fetch.js'
import { called, type Surroundings } from '../support/called.js'
import { type OwnTables, ownTables, putLines } from '../support/target.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

const run = (args: readonly string[], around?: Surroundings) =>
  called(eodValidate, 'eod-validate', args, around)
const bars = async (...args: string[]) => (await called(fetchCommand, 'fetch', ['--mock', ...args])).stdout
/** A clean day, and one of whose bars the last is missing. */
const CLEAN = await bars('--from', '2025-07-30', '--to', '2025-07-30')
const FLAWED = CLEAN.trim().split('\n').slice(0, -1).join('\n')

/** An address, and what was asked of it. */
async function served(answer: RequestListener = (_, response) => response.end()) {
  const asked: { method: string; path: string; rid: string | null; body: string }[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const one = { method: request.method!, path: url.pathname, rid: url.searchParams.get('rid'), body: '' }
    asked.push(one)
    request.on('data', (data) => {
      one.body += data
    })
    request.on('end', () => answer(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/t0ken/?key=t0ken`, asked }
}

/** A server that takes connections and says nothing, in the place of a database. */
async function silentServer() {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => sockets.push(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, sockets, dsn: `host=127.0.0.1 port=${(server.address() as AddressInfo).port} user=u` }
}

async function stored(lines: string): Promise<OwnTables & { args: string[] }> {
  const tables = await ownTables()
  const store = await tables.open()
  await putLines(store, lines)
  const args = ['--dsn', inject('serverUrl'), '--schema', tables.schema, '--date', '2025-07-30']
  return { ...tables, args }
}

describe('what the store keeps', () => {
  const KEPT = `SELECT date::text, ruleset, symbol, "check", severity, "from"::text, count, observed, fix, updated_at
    FROM data_quality_reports ORDER BY "check", symbol`

  test('findings and a run, the same when run again; a day that was mended has the run alone', async () => {
    const { args, query, open } = await stored(FLAWED)
    const home = new Workdir().path
    expect((await run([...args, '--no-record'], { home })).status).toBe(1)
    expect(await query('SELECT * FROM data_quality_reports')).toEqual([])
    expect((await run(args, { home })).status).toBe(1)
    const first = await query(KEPT)
    expect(first.map(({ check, symbol, severity, date }) => [check, symbol, severity, date])).toEqual([
      ['last-bar', 'MSFT', 'error', '2025-07-30'],
      ['run', '', 'error', '2025-07-30'],
    ])
    expect(first[1]!.observed).toMatchObject({
      rows: { NVDA: 390, MSFT: 389 },
      errors: 1,
      warnings: 0,
      status: 1,
    })
    await query(
      "INSERT INTO data_quality_reports (date, ruleset, \"check\") VALUES ('2025-07-30', 'other/1', 'mine')",
    )
    expect((await run(args, { home })).status).toBe(1)
    const others = (await query(KEPT)).filter(({ ruleset }) => ruleset !== 'other/1')
    expect(others).toEqual(first)
    await putLines(await open(), CLEAN)
    expect(await run(args, { home })).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const left = await query(KEPT)
    expect(left.map(({ check, severity }) => [check, severity])).toEqual([
      ['mine', null],
      ['run', 'info'],
    ])
  })

  test('of files nothing but with --record; a role that may not write ends with 77, and what was found is told', async () => {
    const { args, query, schema } = await stored(FLAWED)
    const dir = new Workdir()
    const file = dir.write('day.ndjson', FLAWED)
    const at = args.slice(0, 4)
    const count = async () => (await query('SELECT count(*)::int AS n FROM data_quality_reports'))[0]!.n
    expect([(await run([...at, file])).status, await count()]).toEqual([1, 0])
    expect([(await run([...at, '--record', file])).status, await count()]).toEqual([1, 2])
    expect((await run(['--record', '--no-record', file])).status).toBe(64)
    const role = `reader_${process.pid}`
    await query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`)
    onTestFinished(() => query(`DROP OWNED BY ${role}; DROP ROLE ${role}`).then(() => {}))
    const reader = [...args]
    reader[1] = inject('serverUrl').replace(/\/\/\w+@/, `//${role}@`)
    const json = dir.file('out.json')
    const refused = await run([...reader, '-o', json], { home: dir.path })
    expect([refused.status, refused.stderr]).toEqual([77, expect.stringContaining('has no right to')])
    const document = JSON.parse(readFileSync(json, 'utf8'))
    expect([document.status, document.errors, document.error]).toEqual([77, 1, expect.any(String)])
    expect((await run([...reader, '--no-record'], { home: dir.path })).status).toBe(1)
  })

  test('a check that fires on five sessions running, four of them told by the store, is called miscalibrated', async () => {
    const { args, query } = await stored(FLAWED)
    const home = new Workdir().path
    await run(args, { home })
    await query(`INSERT INTO data_quality_reports (date, ruleset, symbol, "check") SELECT d::date, 'eod/1 1m', 'MSFT', 'last-bar'
      FROM unnest(ARRAY['2025-07-24', '2025-07-25', '2025-07-28', '2025-07-29']) AS d`)
    const html = join(home, 'day.html')
    const told = await run([...args, '-o', html], { home })
    const words =
      'miscalibrated: last-bar of MSFT fires on 5 sessions running, 2025-07-24 to 2025-07-30; mend'
    expect([told.status, told.stderr]).toEqual([1, expect.stringContaining(`warning: ${words}`)])
    expect(readFileSync(html, 'utf8')).toContain(words)
  })
})

test('a baseline silences what it names; what has expired is told; what is none is 78 with its place', async () => {
  const dir = new Workdir()
  const file = dir.write('day.ndjson', FLAWED)
  const known = (more: object) =>
    dir.write(
      'known.json',
      JSON.stringify({ check: 'last-bar', expires: '2025-08-10', reason: 'r', ...more }),
    )
  const args = ['--baseline', known({}), file]
  const clock = () => Date.parse('2025-08-10T12:00:00Z')
  const note = 'jules eod-validate: 1 finding silenced\n'
  expect(await run(args, { clock })).toMatchObject({ status: 0, stdout: '', stderr: note })
  expect(await run(['-q', ...args], { clock })).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect((await run(['-f', 'table', ...args], { clock })).stdout).toBe(
    'NVDA, MSFT 2025-07-30: 779 rows, clean, 1 silenced\n',
  )
  const later = await run(args, { clock: () => Date.parse('2025-08-11T12:00:00Z') })
  expect([later.status, later.stderr]).toEqual([
    1,
    expect.stringMatching(/known\.json:1: .*expired on 2025-08-10/),
  ])
  known({ chek: 'x' })
  const refused = await run(args, { clock })
  expect([refused.status, refused.stderr]).toEqual([
    78,
    expect.stringContaining('known.json:1: expected some of'),
  ])
  expect((await run(['--baseline', dir.file('none'), file])).status).toBe(66)
})

test('-o writes by the extension, whole, when the status is 1 too; --prom beside it, for other users to read', async () => {
  const dir = new Workdir()
  const [good, bad] = [dir.write('good.ndjson', CLEAN), dir.write('bad.ndjson', FLAWED)]
  const [page, metrics] = [dir.file('day.html'), dir.file('jules.prom')]
  const before = process.umask(0o077)
  onTestFinished(() => void process.umask(before))
  const clock = (day: string) => () => Date.parse(`${day}T21:30:00Z`)
  expect((await run([good, '-o', page, '--prom', metrics], { clock: clock('2025-07-30') })).status).toBe(0)
  expect([statSync(metrics).mode & 0o777, dir.list()]).toEqual([
    0o644,
    ['bad.ndjson', 'day.html', 'good.ndjson', 'jules.prom'],
  ])
  expect(dir.read('day.html')).toContain('Clean: ')
  const success = `last_success_timestamp_seconds ${Date.parse('2025-07-30T21:30:00Z') / 1000}\n`
  const again = await run([bad, '-o', page, '--prom', metrics], { clock: clock('2025-07-31') })
  expect([again.status, again.stdout]).toEqual([1, ''])
  expect(dir.read('day.html')).toContain('1 bar missing up to the close')
  expect(dir.read('jules.prom')).toContain('exit_status 1\n')
  // A run that came to nothing leaves the page alone, and says in the metrics how it ended.
  const none = await run([dir.file('none'), '-o', page, '--prom', metrics])
  expect([none.status, dir.read('day.html').includes('1 bar missing')]).toEqual([66, true])
  expect(dir.read('jules.prom')).toContain('exit_status 66\n')
  expect(dir.read('jules.prom')).toContain(success)
  expect((await run([good, '--prom', dir.file('no/where.prom')])).status).toBe(73)
  expect((await run([bad, '-o', dir.file('x.pdf')])).status).toBe(64)
  expect((await run([bad, '-o', bad])).status).toBe(64)
  expect((await run([bad, '-f', 'json', '-o', page])).status).toBe(64)
})

describe('pings', () => {
  const states: [string, args: (dir: Workdir) => string[], status: number, body: string][] = [
    ['a clean day', (dir) => [dir.write('day', CLEAN)], 0, 'NVDA, MSFT 2025-07-30: 780 rows, clean'],
    [
      'a day with findings',
      (dir) => [dir.write('day', FLAWED)],
      1,
      'last-bar: 1 bar missing up to the close',
    ],
    ['a closed day', () => ['--store', '--date', '2025-11-27'], 0, 'market closed (Thanksgiving)'],
    ['no file', (dir) => [dir.file('none')], 66, 'no such file or directory'],
    [
      'no database',
      () => ['--dsn', 'host=127.0.0.1 port=1 user=u', '--date', '2025-07-30'],
      69,
      'connection refused',
    ],
    [
      'a session that goes on',
      () => ['--store', '--as-of', '2025-07-30T18:00:00Z'],
      75,
      'session ends at 16:00',
    ],
  ]
  test.each(states)(
    '%s: the start, then the status, with one rid and what was found',
    async (_, args, status, body) => {
      const { url, asked } = await served()
      const dir = new Workdir()
      const result = await run(['--healthcheck', url, ...args(dir)], { home: dir.path })
      expect(result.status).toBe(status)
      expect(asked.map(({ method, path }) => [method, path])).toEqual([
        ['GET', '/t0ken/start'],
        ['POST', `/t0ken/${status}`],
      ])
      expect(asked[0]!.rid).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/)
      expect(asked[1]!.rid).toBe(asked[0]!.rid)
      expect(asked[1]!.body).toContain(body)
      expect(result.stdout + result.stderr).not.toContain('t0ken')
    },
  )

  test('of many findings no more than 10 kB; of a bug 70', async () => {
    const { url, asked } = await served()
    const dir = new Workdir()
    const many = dir.write(
      'day',
      CLEAN.split('\n')
        .filter((__, i) => i % 8 > 1)
        .join('\n'),
    )
    expect((await run(['--healthcheck', url, many])).status).toBe(1)
    expect(asked[1]!.body.length).toBe(10_000)
    const clock = () => {
      throw new Error('a bug')
    }
    await expect(run(['--healthcheck', url, many], { clock })).rejects.toThrow('a bug')
    expect(asked[3]!.path).toBe('/t0ken/70')
  })

  test('an address in trouble is tried three times, one that refuses once: a warning with its host, the status as it is', async () => {
    const file = new Workdir().write('day', CLEAN)
    for (const [code, times] of [
      [503, 6],
      [404, 2],
    ] as const) {
      const { url, asked } = await served((_, response) => response.writeHead(code).end())
      const result = await run(['--healthcheck', url, file])
      const warning = `jules eod-validate: warning: 127.0.0.1 answered ${code}\n`
      expect([result.status, result.stderr, asked.length]).toEqual([0, warning.repeat(2), times])
    }
  })
})

test('a webhook is told of what changes: findings, an end of them, a failure; what did not arrive is told again', async () => {
  let code = 500
  const { url, asked } = await served((_, response) => response.writeHead(code).end())
  const dir = new Workdir()
  const told = async (lines: string | null) => {
    const from = asked.length
    if (lines !== null) dir.write('day', lines)
    const path = lines === null ? ['--baseline', dir.file('none')] : []
    await run(['--webhook', url, ...path, dir.file('day')], { home: dir.path })
    return asked.slice(from).map(({ body }) => JSON.parse(body))
  }
  expect(await told(CLEAN)).toEqual([])
  expect(await told(FLAWED)).toHaveLength(3)
  code = 200
  expect(await told(FLAWED)).toMatchObject([
    {
      type: 'alarm',
      alarm: 'findings',
      was: 'clean',
      status: 1,
      errors: 1,
      symbols: ['NVDA', 'MSFT'],
      dates: '2025-07-30',
    },
  ])
  expect(await told(FLAWED)).toEqual([])
  expect(await told(CLEAN)).toMatchObject([
    { alarm: 'clean', was: 'findings', message: expect.stringContaining('clean') },
  ])
  expect(await told(CLEAN)).toEqual([])
  expect(readdirSync(join(dir.path, 'eod-validate'))).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.json$/)])
})

describe('alone', () => {
  test('of six at once one works and five end with 75, unheard; one that was killed is in nobody’s way', async () => {
    const { args, schema } = await stored(CLEAN)
    const { url, asked } = await served()
    const dir = new Workdir()
    const blocker = new pg.Client({ connectionString: inject('serverUrl'), ssl: false })
    await blocker.connect()
    onTestFinished(() => blocker.end())
    await blocker.query(`BEGIN; LOCK TABLE ${schema}.market_data IN ACCESS EXCLUSIVE MODE`)
    const start = () => {
      const child = dir.start(BIN, ['eod-validate', ...args, '--healthcheck', url])
      return { child, result: finished(child) }
    }
    const six = Array.from({ length: 6 }, start)
    const ended: number[] = []
    const five = new Promise<void>((resolve) => {
      for (const [i, { result }] of six.entries()) void result.then(() => ended.push(i) === 5 && resolve())
    })
    await five
    const at = six.findIndex((_, i) => !ended.includes(i))
    for (const i of ended) {
      const { status, stderr } = await six[i]!.result
      expect([status, stderr]).toEqual([
        75,
        expect.stringContaining(`held by process ${six[at]!.child.pid} on`),
      ])
    }
    await vi.waitFor(() => expect(asked.map(({ path }) => path)).toEqual(['/t0ken/start']))
    // Files are nobody's.
    expect((await run([dir.write('day', CLEAN)], { home: dir.file('.local/state/jules') })).status).toBe(0)
    six[at]!.child.kill('SIGKILL')
    await six[at]!.result
    await blocker.query('ROLLBACK')
    expect(await start().result).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(asked.map(({ path }) => path).slice(1)).toEqual(['/t0ken/start', '/t0ken/0'])
    expect(
      readdirSync(dir.file('.local/state/jules/eod-validate')).filter((name) => name.includes('lock')),
    ).toEqual([])
  })

  test('--timeout ends a run whose database says nothing, with 75 and its connection closed', async () => {
    const { sockets, dsn } = await silentServer()
    const { url, asked } = await served()
    const args = ['--dsn', dsn, '--date', '2025-07-30', '--timeout', '1', '--healthcheck', url]
    const result = await run(args, { home: new Workdir().path })
    expect([result.status, result.stderr]).toEqual([75, expect.stringContaining('not done within 1 s\n')])
    expect(asked.map(({ path }) => path)).toEqual(['/t0ken/start', '/t0ken/75'])
    await Promise.all(sockets.map((socket) => socket.destroyed || once(socket.resume(), 'close')))
  })

  test('a signal is told as its status', async () => {
    const { server, dsn } = await silentServer()
    const { url, asked } = await served()
    const dir = new Workdir()
    const child = dir.start(BIN, ['eod-validate', '--dsn', dsn, '--date', '2025-07-30', '--healthcheck', url])
    const result = finished(child)
    await once(server, 'connection')
    child.kill('SIGTERM')
    expect((await result).status).toBe(143)
    expect(asked.map(({ path }) => path)).toEqual(['/t0ken/start', '/t0ken/143'])
  })
})

test('with nothing in the environment and no HOME: a clean day says nothing under -q', async () => {
  const dir = new Workdir()
  dir.write('day.ndjson', CLEAN)
  const path = `PATH=${process.env.PATH}`
  const child = spawn(
    'env',
    ['-i', path, BIN, 'eod-validate', '-q', 'day.ndjson', '--webhook', 'http://127.0.0.1:1/'],
    {
      cwd: dir.path,
    },
  )
  expect(await finished(child)).toMatchObject({ status: 0, stdout: '', stderr: '' })
})

describe('lines that start it', () => {
  const scheduled = {
    program: "/opt/it's 100%/jules",
    path: '/opt/n$ode/bin:/bin',
    words: ['--symbols', 'A,B'],
    zone: newYork,
  }

  test.each([
    ['America/New_York', '30 17 * * 1-5'],
    ['UTC', '30 22 * * 1-5'],
    ['Europe/Berlin', '30 23 * * 1-5'],
    ['Asia/Tokyo', '30 7 * * 2-6'],
    ['Pacific/Honolulu', '30 12 * * 1-5'],
    ['Australia/Sydney', '30 9 * * 2-6'],
  ])('a cron of %s that knows no time zones starts it at %s', (name, times) => {
    const lines = cronLines({ ...scheduled, zone: zoneNamed(name)! })
    const words = "'/opt/it'\\''s 100\\%/jules' eod-validate -q --symbols A,B --timeout 900"
    expect(lines).toContain(`30 17 * * 1-5 ${words}`)
    expect(lines.indexOf('CRON_TZ=America/New_York')).toBe(lines.indexOf(`30 17 * * 1-5 ${words}`) - 1)
    expect(lines.at(-1)).toBe(`#${times} ${words} --date last-session`)
  })

  test('they have the options of the line that prints them, and no address', async () => {
    const line = [
      '--webhook',
      'http://127.0.0.1/t0ken',
      '--strict',
      '--threshold',
      'spike=15',
      '--timeout',
      '60',
    ]
    for (const kind of ['--install-cron', '--systemd']) {
      const { status, stdout, stderr } = await run([kind, ...line])
      expect([status, stderr, stdout.includes('t0ken')]).toEqual([0, '', false])
      expect(stdout).toMatch(/eod-validate -q .*--strict --threshold spike=15 --timeout 60/)
    }
  })

  const has = spawnSync('systemd-analyze', ['--version']).status === 0
  test.skipIf(!has)('units pass systemd-analyze verify', () => {
    const dir = new Workdir()
    const program = dir.write('its 100% $x.sh', '#!/bin/sh\n')
    chmodSync(program, 0o755)
    const text = systemdUnits({ ...scheduled, program }).join('\n')
    const files = text
      .split(/^# ~\/\.config\/systemd\/user\//m)
      .slice(1)
      .map((part) => part.split(/\n/))
    expect(files.map(([name]) => name)).toEqual([
      ...['jules-eod-validate.service', 'jules-eod-validate.timer', 'jules-eod-validate-failed.service'],
    ])
    const paths = files.map(([name, ...lines]) => dir.write(name!, lines.join('\n')))
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...paths], {
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })
})
