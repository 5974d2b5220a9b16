/** How a server is reached: TLS as libpq has it, and words for all that goes wrong on the way. */
import { copyFileSync, mkdirSync } from 'node:fs'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { fakePostgres, tlsFile } from '../support/fake-postgres.js'
import { noTrace } from '../support/store.js'
import { BIN, barLine, finished, freshDatabase, Workdir } from '../support/workdir.js'

/** A path as a value of a key=value string, blanks and all. */
const certificate = (name: string): string => `'${tlsFile(name)}'`
const CA = certificate('ca.crt')
const PASSWORD = { TIMESCALEDB_PASSWORD: 'right' }

describe('sslmode against a server', () => {
  type Server = Parameters<typeof fakePostgres>[0]
  const without: Server = { tls: 'no' }
  const within: Server = { tls: 'yes' }
  const cases: [words: string, server: Server, status: number, log: string[], words: RegExp][] = [
    ['sslmode=disable', within, 77, ['plain', 'password right'], /no$/m],
    ['sslmode=allow', within, 77, ['plain', 'password right'], /no$/m],
    ['sslmode=allow', { tls: 'yes', refuses: 'plain' }, 77, ['plain', 'tls', 'password right'], /no$/m],
    ['sslmode=prefer', without, 77, ['plain', 'password right'], /no$/m],
    ['sslmode=prefer', { tls: 'hangs up' }, 69, [], /the database ended the connection/],
    ['', without, 77, ['plain', 'password right'], /no$/m],
    ['', within, 77, ['tls', 'password right'], /no$/m],
    ['sslmode=prefer', { tls: 'yes', refuses: 'tls' }, 77, ['tls', 'plain', 'password right'], /no$/m],
    [
      `sslmode=prefer sslrootcert=${certificate('other-ca.crt')}`,
      within,
      77,
      ['plain', 'password right'],
      /no$/m,
    ],
    ['sslmode=require', within, 77, ['tls', 'password right'], /no$/m],
    ['sslmode=require', without, 69, [], /the server does not speak TLS/],
    ['sslmode=verify-ca', within, 78, [], /sslmode=verify-ca needs the certificate/],
    [`sslmode=verify-ca sslrootcert=${CA}`, within, 77, ['tls', 'password right'], /no$/m],
    [`sslmode=verify-ca sslrootcert=${CA}`, without, 69, [], /the server does not speak TLS/],
    [
      `sslmode=verify-ca sslrootcert=${certificate('other-ca.crt')}`,
      within,
      69,
      [],
      /no TLS with the server: unable to verify/,
    ],
    [`sslmode=verify-full sslrootcert=${CA} host=localhost`, within, 77, ['tls', 'password right'], /no$/m],
    [
      `sslmode=verify-full sslrootcert=${CA}`,
      within,
      69,
      [],
      /no TLS with the server: Hostname\/IP does not match/,
    ],
    ['sslrootcert=system', within, 69, [], /no TLS with the server: unable to verify/],
  ]
  test.each(cases)('%s with %j', async (words, behaviour, status, log, message) => {
    const dir = new Workdir()
    const server = await fakePostgres(behaviour)
    const dsn = `user=u dbname=db port=${server.port} ${/host=/.test(words) ? '' : 'host=127.0.0.1 '}${words}`
    const { status: ended, stderr } = await dir.jules(['--json', 'export', '--dsn', dsn], { env: PASSWORD })
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect([ended, lines.map(({ code }) => code), server.log]).toEqual([status, [status], log])
    expect(lines[0].message).toMatch(message)
    noTrace(stderr)
  })

  test('a certificate of the client is shown; a key that others may read is refused', async () => {
    const dir = new Workdir('jules-tls-')
    const server = await fakePostgres({ tls: 'yes' })
    mkdirSync(dir.file('.postgresql'))
    copyFileSync(tlsFile('client.crt'), dir.file('.postgresql/postgresql.crt'))
    copyFileSync(tlsFile('client.key'), dir.file('.postgresql/postgresql.key'))
    const dsn = `postgresql://u@127.0.0.1:${server.port}/db?sslmode=require`
    const run = (mode: string) =>
      dir.shell(`chmod ${mode} .postgresql/postgresql.key; jules export --dsn '${dsn}'`, { env: PASSWORD })
    const open = await run('644')
    expect([open.status, open.stderr]).toEqual([
      77,
      expect.stringContaining('postgresql.key: others may read it'),
    ])
    expect([(await run('600')).status, server.log]).toEqual([77, ['tls of desk', 'password right']])
  })
})

test('variables of the environment name the server, its TLS and its password', async () => {
  const dir = new Workdir()
  const server = await fakePostgres({ tls: 'yes' })
  const env = {
    PGHOST: 'localhost',
    PGPORT: '1',
    TIMESCALEDB_PORT: String(server.port),
    PGUSER: 'u',
    PGPASSWORD: 'other',
  }
  await dir.jules(['export'], {
    env: { ...env, ...PASSWORD, PGSSLMODE: 'verify-full', PGSSLROOTCERT: tlsFile('ca.crt') },
  })
  expect(server.log).toEqual(['tls', 'password right'])
})

/** The commands that open the store. */
const OF_THE_STORE = [
  ['load'],
  ['export'],
  ['db', 'init'],
  ['db', 'purge', '--source', 'mock'],
  ['backtest', '--policy', 'flat'],
  ['train', '--steps', '2048'],
  ['check-env'],
]

describe('a port that is none ends every command of the store with a sentence', () => {
  test.each(OF_THE_STORE)('%s %s', async (...args) => {
    const dir = new Workdir()
    // What is no port is told by one reader, whose tests have the table: here each command meets one, and the first all.
    for (const port of args[0] === 'load' ? ['99999', 'abc', '-1'] : ['99999']) {
      for (const name of ['TIMESCALEDB_PORT', 'PGPORT']) {
        const env = { TIMESCALEDB_HOST: '127.0.0.1', PGUSER: 'u', ...PASSWORD, [name]: port }
        const { status, stderr } = await dir.jules([...args], {
          env,
          input: args[0] === 'load' ? barLine(0) : '',
        })
        expect([status, stderr]).toEqual([
          78,
          `jules ${args[0]}${args[0] === 'db' ? ` ${args[1]}` : ''}: ${name}: expected a port from 1 to 65535, got "${port}"\n`,
        ])
      }
      const { status, stderr } = await dir.jules([
        ...args,
        '--dsn',
        `postgresql://u@127.0.0.1/db?port=${port}`,
      ])
      expect([status, stderr]).toEqual([
        64,
        expect.stringContaining('--dsn: port: expected a port from 1 to 65535'),
      ])
    }
  })
})

describe('a signal while the store is reached or read is the status', () => {
  test.each(OF_THE_STORE)('%s %s', async (...args) => {
    const dir = new Workdir()
    for (const [signal, expected] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const server = await fakePostgres({ silent: true })
      const child = dir.start(BIN, [...args, '--dsn', `postgresql://u@127.0.0.1:${server.port}/db`, '-v'])
      // The command is on its way once it has told its settings; sooner, the signal ends it in the shell's own way.
      child.stderr?.once('data', () => setTimeout(() => child.kill(signal), 500))
      const { status, stderr } = await finished(child, barLine(0))
      expect([status, signal], stderr).toEqual([expected, signal])
      noTrace(stderr)
    }
  })
})

test('a signal while rows are waited for is told alone, not as a fault of the database', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  await dir.jules(['load', '--dsn', dsn], { input: barLine(0) })
  const holder = new pg.Client({ connectionString: dsn, ssl: false })
  await holder.connect()
  try {
    await holder.query('BEGIN; LOCK TABLE market_data')
    const child = dir.start(BIN, ['export', '--dsn', dsn])
    const ended = finished(child)
    const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'market_data'::regclass"
    while ((await query(waiting)).length === 0);
    child.kill('SIGINT')
    const { status, stdout, stderr } = await ended
    expect([status, stdout, stderr]).toEqual([130, '', 'jules export: warning: interrupted, stopping\n'])
  } finally {
    await holder.end()
  }
})
