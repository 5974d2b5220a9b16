/** How a command ends: 0 only after it has done its work, words for surroundings that do not work, a signal's status after a signal. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { describe, expect, inject, test } from 'vitest'
import { isGroup } from '../../src/cli/command.js'
import { commands } from '../../src/commands/index.js'
import { rounds, tried } from '../support/torture.js'
import { BIN, barLine, Workdir } from '../support/workdir.js'

/** Every command with what it needs to begin its work. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  fetch: ['--mock', '--days', '1'],
  train: ['--steps', '2048'],
  backtest: ['--policy', 'flat'],
  'eod-validate': ['--store', '--date', '2025-07-30'],
  'export-model': ['none', '-o', 'x.onnx'],
  bench: ['--help'],
  drift: ['none'],
  dash: ['none'],
  replay: ['a'],
  report: ['a'],
  paper: ['--halt'],
  sim: ['--bars', 'none'],
  'db purge': ['--source', 'mock'],
  'runs show': ['a'],
  'runs compare': ['a', 'b'],
  'runs prune': ['a'],
  'sweep plan': ['grid.json'],
  'sweep run': ['plan.ndjson'],
  'sweep status': ['plan.ndjson'],
  'sweep retry': ['plan.ndjson'],
  'sweep cancel': ['plan.ndjson'],
  'sweep collect': ['plan.ndjson'],
  'vault get': ['A'],
  'vault set': ['A'],
  'vault rm': ['A'],
  'vault exec': ['true'],
  'vault export': ['--yes-plaintext'],
  'vault import': ['--help'],
  generate: ['man', '--dir', 'pages'],
}
const paths: string[] = []
for (const { name, load } of commands) {
  const command = await load()
  paths.push(...(isGroup(command) ? command.commands.map((child) => `${name} ${child.name}`) : [name]))
}

describe('a command that stops without finishing says so and ends 70', () => {
  test.each(['', '--json'])('%s', async (json) => {
    const dir = new Workdir('jules-stuck-')
    // The read of the configuration never comes back and holds nothing open.
    dir.write(
      'stuck.mjs',
      `import fs from 'node:fs/promises'
      import { syncBuiltinESMExports } from 'node:module'
      const { open } = fs
      fs.open = (path, ...rest) =>
        /config.json$/.test(String(path)) ? new Promise(() => {}) : open(path, ...rest)
      syncBuiltinESMExports()`,
    )
    const env = { NODE_OPTIONS: `--import=${dir.file('stuck.mjs')}` }
    const { status, stdout, stderr } = await dir.jules(['fetch', '--mock', ...(json ? [json] : [])], { env })
    expect([status, stdout]).toEqual([70, ''])
    const words = 'bug: it stopped without finishing: it waits for something that cannot come'
    if (json)
      expect(JSON.parse(stderr)).toMatchObject({ type: 'error', code: 70, command: 'fetch', message: words })
    else expect(stderr).toBe(`jules fetch: ${words}\njules fetch: hint: please report this\n`)
  })

  test('a process that ends before its command has not ended well', async () => {
    const dir = new Workdir('jules-stuck-')
    // Once it listens to signals it is under way.
    const leave = "if (process.listenerCount('SIGTERM') > 0) process.exit()"
    dir.write('leave.mjs', `setInterval(() => { ${leave} }, 20)`)
    const env = { NODE_OPTIONS: `--import=${dir.file('leave.mjs')}` }
    const child = dir.start(BIN, ['load', '--dry-run'], { env })
    const closed = new Promise((done) => child.on('close', done))
    expect(await closed).toBe(70)
  })
})

describe('directories that cannot be used', () => {
  const root = process.getuid?.() === 0
  const USER = 65_534
  /** Whether an ordinary user may run this checkout. */
  const asUser =
    root && spawnSync(process.execPath, [BIN, '-V'], { uid: USER, gid: USER, cwd: '/' }).status === 0
  type Place = readonly [what: string, env: (dir: Workdir) => Record<string, string>, user: boolean]
  const at = (path: string) => ({ HOME: path })
  const places: Place[] = [
    ['HOME is a file', (dir) => at(dir.write('file', '')), false],
    ['HOME is in a file', (dir) => at(`${dir.write('file', '')}/x`), false],
    ['HOME is where nothing can be made', () => at('/proc/nonexistent'), false],
    ['the data directory is a file', (dir) => ({ XDG_DATA_HOME: dir.write('file', '') }), false],
    [
      'the place of the database is a file',
      (dir) => {
        mkdirSync(dir.file('.local/share/jules'), { recursive: true })
        dir.write('.local/share/jules/pg', '')
        dir.write('.local/share/jules/runs', '')
        return {}
      },
      false,
    ],
    [
      'state and configuration are files',
      (dir) => ({ XDG_STATE_HOME: dir.write('file', ''), XDG_CONFIG_HOME: dir.file('file') }),
      false,
    ],
    ['HOME does not exist', () => at('/nonexistent'), true],
    [
      'HOME is not writable',
      (dir) => {
        mkdirSync(dir.file('closed'), { mode: 0o555 })
        return at(dir.file('closed'))
      },
      true,
    ],
    [
      'HOME is closed',
      (dir) => {
        mkdirSync(dir.file('shut'), { mode: 0o700 })
        return at(dir.file('shut'))
      },
      true,
    ],
  ]
  const able = places.filter(([, , user]) => (user ? asUser || !root : true))
  // Each command meets two of the places in `npm test`, another two with another seed, and all of them in `npm run torture`.
  const met = rounds({ short: 2, full: able.length })
  const spread = Array.from({ length: met }, (_, i) => Math.floor((i * able.length) / met))
  const meets = (place: number, command: number): boolean =>
    spread.includes((place + command + inject('seed')) % able.length)
  const cases = able.flatMap(([what, env, user], place) =>
    paths.filter((_, command) => meets(place, command)).map((path) => ({ what, env, user, path })),
  )
  tried(`${cases.length} ends: ${paths.length} commands, each in ${met} of ${able.length} places`)
  test.each(cases)('$what: $path has words for it', async ({ env, user, path }) => {
    const dir = new Workdir('jules-ends-')
    chmodSync(dir.path, 0o755)
    if (user && root) chownSync(dir.path, 0, 0)
    const args = [...path.split(' '), ...(NEEDS[path] ?? [])]
    const surroundings = { ...dir.environment(), TRADING_VAULT_PASSWORD: 'x', ...env(dir) }
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
      cwd: dir.path,
      env: surroundings,
      // A reader of bars takes what is piped, so that it gets nothing and asks the store.
      input: path === 'load' || path.startsWith('vault') ? barLine(0) : '',
      encoding: 'utf8',
      timeout: 60_000,
      ...(user && root ? { uid: USER, gid: USER } : {}),
    })
    if (existsSync(dir.file('.local/share/jules/pg/data'))) await dir.jules(['-q', 'db', 'stop'])
    expect([signal, stderr]).toEqual([null, expect.not.stringMatching(/bug|\n\s+at /)])
    // Done, an answer, no such thing, cannot create, denied: never a bug and never silence about a failure.
    expect([0, 1, 66, 73, 77]).toContain(status)
    if (status !== 0) expect(stdout + stderr).not.toBe('')
  })

  test('a working directory that is gone has words', async () => {
    const dir = new Workdir()
    mkdirSync(dir.file('gone'))
    const { status, stderr } = await dir.shell(
      'cd gone; rmdir ../gone; jules fetch --mock --days 1 >/dev/null',
    )
    expect([status, stderr.split('\n').at(-2)]).toEqual([66, 'jules fetch: the working directory is gone'])
  })

  test.skipIf(!asUser)('a user without an account and without HOME has words', () => {
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'vault', 'list'], {
      cwd: '/',
      env: { PATH: process.env.PATH },
      uid: 54_321,
      gid: 54_321,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([
      78,
      'jules vault list: HOME is not set and this user has no home directory\njules vault list: hint: set HOME\n',
    ])
  })
})

describe('after a signal the status is that of the signal, whatever fails next', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('%s', async (signal, expected) => {
    const dir = new Workdir()
    // What is on standard input fails right after the signal.
    const child = dir.start(BIN, ['load', '--dry-run', '-v', '--input-format', 'ndjson'])
    child.stderr?.once('data', () => {
      child.stdin?.write(barLine(0))
      setTimeout(() => child.kill(signal), 300)
    })
    child.stderr?.on('data', (words) => {
      if (/stopping/.test(String(words))) child.stdin?.end('this is no record\n')
    })
    const ended = new Promise((done) => child.on('close', done))
    child.stdin?.on('error', () => {})
    expect(await ended).toBe(expected)
  })
})
