/** examples/docker: its commands are ones of jules, its clock keeps New York's time, and where Docker is its database is a real one. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { isGroup } from '../../src/cli/command.js'
import { commands } from '../../src/commands/index.js'
import { Workdir } from '../support/workdir.js'

const compose = readFileSync('examples/docker/compose.yaml', 'utf8')
const IMAGE = /image: (timescale\/\S+)/.exec(compose)![1]!
const hasDocker = spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 5000 }).status === 0

test('every command of the services is one of jules, with its options', async () => {
  // Lists as [jules, db, init, --timescale, create], and lines of a shell.
  const lines = [
    ...[...compose.matchAll(/^ +command: \[(.*)\]$/gm)].map(([, list]) => list!.replaceAll(/[",]/g, '')),
    ...[...compose.matchAll(/exec (jules .*)'$/gm)].map(([, line]) => line!),
  ].flatMap((line) => /\bjules .*$/.exec(line)?.[0] ?? [])
  expect(lines.length).toBe(3)
  for (const line of lines) {
    const [, name, ...words] = line.split(' ')
    const declared = await commands.find((entry) => entry.name === name)!.load()
    const leaf = isGroup(declared) ? declared.commands.find((one) => one.name === words[0])! : declared
    const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2))
    expect([line, options.filter((option) => !(option in leaf.options))]).toEqual([line, []])
  }
  for (const [, variable] of compose.matchAll(/^ +JULES_PAPER_([A-Z_]+):/gm)) {
    const paper = await commands.find(({ name }) => name === 'paper')!.load()
    expect(Object.keys((paper as { options: object }).options)).toContain(variable!.toLowerCase())
  }
  expect(compose).not.toMatch(/PASSWORD: (?!\$\{)|TOKEN: (?!\$\{)/)
})

describe('each-day.mjs', () => {
  const script = resolve('examples/docker/each-day.mjs')
  /** It at a time of its own, which stands still. */
  const started = (time: string, ...args: string[]) =>
    spawn(process.execPath, [
      '--import',
      `data:text/javascript,Date.now=()=>${Date.parse(time)}`,
      script,
      ...args,
    ])

  test('runs its command in that minute once, hands a signal on, and ends as it does', async () => {
    // A Friday in summer: 17:30 in New York is 21:30 UTC.
    const day = started('2025-08-01T21:30:10Z', '17:30', 'sh', '-c', 'echo ran; exec sleep 60')
    const [said] = await once(day.stdout, 'data')
    expect(String(said)).toBe('ran\n')
    day.kill('SIGTERM')
    expect(await once(day, 'exit')).toEqual([143, null])
  })

  test('rests at other times, and at weekends', async () => {
    const times = ['2025-08-01T21:29:59Z', '2025-08-02T21:30:10Z']
    const days = times.map((time) => started(time, '17:30', 'echo', 'ran'))
    let said = ''
    for (const day of days) day.stdout.on('data', (text) => (said += text))
    await later(1300)
    for (const day of days) day.kill('SIGTERM')
    await Promise.all(days.map((day) => once(day, 'exit')))
    expect(said).toBe('')
  })

  test.each([['25:00', 'true'], ['17:30']])('refuses %s %s', (...args) => {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([64, expect.stringContaining('usage: ')])
  })
})

const NEEDS_DOCKER = hasDocker ? '' : ' (skipped: no Docker runs here)'

test.skipIf(!hasDocker)(
  `bars go into a compressed hypertable of TimescaleDB itself${NEEDS_DOCKER}`,
  async () => {
    const dir = new Workdir()
    const docker = (...args: string[]) => spawnSync('docker', args, { encoding: 'utf8' })
    const password = 'for this test alone'
    const env = ['POSTGRES_DB=trading_data', 'POSTGRES_USER=jules', `POSTGRES_PASSWORD=${password}`]
    const container = docker(
      'run',
      '-d',
      '--rm',
      '-p',
      '127.0.0.1::5432',
      ...env.flatMap((one) => ['-e', one]),
      IMAGE,
    )
    expect([container.status, container.stderr]).toEqual([0, expect.anything()])
    const id = container.stdout.trim()
    try {
      const port = /:(\d+)\s*$/m.exec(docker('port', id, '5432').stdout)![1]!
      const place = { TIMESCALEDB_HOST: '127.0.0.1', TIMESCALEDB_PORT: port, TIMESCALEDB_USER: 'jules' }
      const store = { ...place, TIMESCALEDB_PASSWORD: password }
      for (let tries = 0; tries < 120; tries++) {
        const ready = docker('exec', id, 'pg_isready', '-h', '127.0.0.1', '-U', 'jules', '-d', 'trading_data')
        if (ready.status === 0) break
        await later(500)
      }
      const made = await dir.jules(['db', 'init', '--timescale', 'create'], { env: store })
      expect([made.status, made.stderr]).toEqual([0, expect.not.stringContaining('error')])
      const loaded = await dir.shell('jules fetch --mock --days 60 | jules load', { env: store })
      expect(loaded.stderr).toContain('46800 written')
      const client = new pg.Client({
        host: '127.0.0.1',
        port: Number(port),
        user: 'jules',
        password,
        database: 'trading_data',
      })
      await client.connect()
      const { rows } = await client.query(
        "SELECT compression_enabled AS packed FROM timescaledb_information.hypertables WHERE hypertable_name = 'market_data'",
      )
      await client.end()
      expect(rows).toEqual([{ packed: true }])
    } finally {
      docker('rm', '-f', id)
    }
  },
  300_000,
)
