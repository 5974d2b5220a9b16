/** How a server is reached: TLS as libpq has it, and words for all that goes wrong on the way. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { Socket } from 'node:net'
import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { Failure } from '../../src/base/errors.js'
import { exportBars } from '../../src/commands/export.js'
import type { Target } from '../../src/store/connect.js'
import { PostgresStore } from '../../src/store/postgres.js'
import { BARS, createSql } from '../../src/store/tables.js'
import { called } from '../support/called.js'
import { fakePostgres, tlsFile } from '../support/fake-postgres.js'
import { noTrace } from '../support/store.js'
import { targetOf } from '../support/target.js'
import { BIN, barLine, finished, freshDatabase, Workdir } from '../support/workdir.js'

/** A path as a value of a key=value string, blanks and all. */
const certificate = (name: string): string => `'${tlsFile(name)}'`
const CA = certificate('ca.crt')
const PASSWORD = { TIMESCALEDB_PASSWORD: 'right' }

/** How the store is not reached: the failure, with the hint beside it. */
async function unreached(dsn: string, more: Partial<Target> = {}): Promise<Failure> {
  const env = (name: string) => (name === 'TIMESCALEDB_PASSWORD' ? 'right' : undefined)
  const failure = await PostgresStore.open(targetOf(dsn, { env, ...more })).then(
    () => null,
    (error: unknown) => error,
  )
  if (failure instanceof Failure) return failure
  throw failure ?? new Error('it was reached')
}

describe('sslmode against a server', () => {
  type Server = Parameters<typeof fakePostgres>[0]
  const without: Server = { tls: 'no' }
  const within: Server = { tls: 'yes' }
  const self: Server = { tls: 'yes', identity: { cert: 'self.crt', key: 'self.key' } }
  const expired: Server = { tls: 'yes', identity: { cert: 'expired.crt', key: 'self.key' } }
  const password = /jules vault set/
  const cases: [words: string, server: Server, status: number, log: string[], words: RegExp, hint: RegExp][] =
    [
      ['sslmode=disable', within, 77, ['plain', 'password right'], /no$/, password],
      ['sslmode=disable', { tls: 'yes', refuses: 'plain' }, 77, ['plain'], /pg_hba/, /sslmode=require$/],
      ['sslmode=allow', within, 77, ['plain', 'password right'], /no$/, password],
      [
        'sslmode=allow',
        { tls: 'yes', refuses: 'plain' },
        77,
        ['plain', 'tls', 'password right'],
        /no$/,
        password,
      ],
      ['sslmode=prefer', without, 77, ['plain', 'password right'], /no$/, password],
      ['sslmode=prefer', { tls: 'hangs up' }, 69, [], /the database ended the connection/, /^$/],
      ['sslmode=prefer', { tls: 'no', refuses: 'plain' }, 77, ['plain'], /pg_hba/, /with TLS or without$/],
      ['', without, 77, ['plain', 'password right'], /no$/, password],
      ['', within, 77, ['tls', 'password right'], /no$/, password],
      [
        'sslmode=prefer',
        { tls: 'yes', refuses: 'tls' },
        77,
        ['tls', 'plain', 'password right'],
        /no$/,
        password,
      ],
      [
        `sslmode=prefer sslrootcert=${certificate('other-ca.crt')}`,
        within,
        77,
        ['plain', 'password right'],
        /no$/,
        password,
      ],
      ['sslmode=require', within, 77, ['tls', 'password right'], /no$/, password],
      ['sslmode=require', { tls: 'yes', refuses: 'tls' }, 77, ['tls'], /pg_hba/, /sslmode=prefer$/],
      ['sslmode=require', without, 69, [], /the server does not speak TLS/, /^sslmode=prefer/],
      ['sslmode=require', { tls: 'old' }, 69, [], /: tlsv1 alert protocol version$/, /no TLS of these days/],
      [
        'sslmode=require',
        { tls: 'strange' },
        69,
        [],
        /alert handshake failure$/,
        /sslcert=FILE.*TLS of these days$/,
      ],
      [
        'sslmode=require',
        { tls: 'clear text' },
        69,
        [],
        /: wrong version number$/,
        /^the port may be that of another/,
      ],
      ['sslmode=verify-ca', within, 78, [], /sslmode=verify-ca needs the certificate/, /sslrootcert=FILE/],
      [`sslmode=verify-ca sslrootcert=${CA}`, within, 77, ['tls', 'password right'], /no$/, password],
      [`sslmode=verify-ca sslrootcert=${CA}`, without, 69, [], /does not speak TLS/, /^sslmode=prefer/],
      [
        `sslmode=verify-ca sslrootcert=${certificate('other-ca.crt')}`,
        within,
        69,
        [],
        /no TLS with the server: unable to verify/,
        /^sslrootcert=FILE names the certificate of the authority/,
      ],
      [
        `sslmode=verify-ca sslrootcert=${CA}`,
        self,
        69,
        [],
        /self-signed/,
        /signed by itself.*sslrootcert=FILE$/,
      ],
      [
        `sslmode=verify-full sslrootcert=${certificate('self.crt')} host=localhost`,
        self,
        77,
        ['tls', 'password right'],
        /no$/,
        password,
      ],
      [
        `sslmode=verify-ca sslrootcert=${certificate('expired.crt')}`,
        expired,
        69,
        [],
        /certificate has expired/,
        /^the server needs a new certificate/,
      ],
      [
        `sslmode=verify-full sslrootcert=${CA} host=localhost`,
        within,
        77,
        ['tls', 'password right'],
        /no$/,
        password,
      ],
      [
        `sslmode=verify-full sslrootcert=${CA}`,
        within,
        69,
        [],
        /no TLS with the server: Hostname\/IP does not match/,
        /^the certificate is for localhost: .*sslmode=verify-ca$/,
      ],
      ['sslrootcert=system', within, 69, [], /no TLS with the server: unable to verify/, /sslrootcert=FILE/],
    ]
  test.each(cases)('%s with %j', async (words, behaviour, status, log, message, hint) => {
    const server = await fakePostgres(behaviour)
    const dsn = `user=u dbname=db port=${server.port} ${/host=/.test(words) ? '' : 'host=127.0.0.1 '}${words}`
    const failure = await unreached(dsn)
    expect([failure.code, failure.message, failure.hint ?? '']).toEqual([
      status,
      expect.stringMatching(message),
      expect.stringMatching(hint),
    ])
    expect(server.log).toEqual(log)
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

describe('a password in clear text', () => {
  /** An address of a network for documents, as what answers on this machine. */
  const ABROAD = `const { Socket } = require('net')
const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  Object.defineProperty(this, 'remoteAddress', { value: '192.0.2.7' })
  return connect.apply(this, args)
}`
  /** A connection that is told to lead to this address. */
  const leadTo = (address: string) => {
    const { connect } = Socket.prototype
    vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
      Object.defineProperty(this, 'remoteAddress', { value: address })
      return Reflect.apply(connect, this, args)
    })
  }

  test('goes to no server abroad that asks for it so, but with --allow-cleartext', async () => {
    const dir = new Workdir('jules-clear-')
    dir.write('abroad.cjs', ABROAD)
    const server = await fakePostgres()
    const run = (args: string[], env = {}) =>
      dir.jules(['export', '--dsn', `postgresql://u@127.0.0.1:${server.port}/db`, ...args], {
        env: { ...PASSWORD, NODE_OPTIONS: `--require ${dir.file('abroad.cjs')}`, ...env },
      })
    const refused = await run([])
    expect([refused.status, refused.stderr, server.log]).toEqual([
      77,
      `jules export: cannot connect to u@127.0.0.1:${server.port}/db: the server asks for the password in clear text, and the connection has no TLS
jules export: hint: sslmode=require in --dsn encrypts it; --allow-cleartext sends it all the same\n`,
      ['plain'],
    ])
    await run(['--allow-cleartext'])
    await run([], { JULES_ALLOW_CLEARTEXT: '1' })
    expect(server.log.slice(1)).toEqual(['plain', 'password right', 'plain', 'password right'])
  })

  test.each<[address: string, local: boolean]>([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['128.127.0.1', false],
    ['::2', false],
    ['::ffff:10.127.0.1', false],
    ['fe80::1', false],
  ])('%s is of this machine: %s', async (address, local) => {
    const server = await fakePostgres()
    leadTo(address)
    const failure = await unreached(`postgresql://u@127.0.0.1:${server.port}/db`)
    vi.restoreAllMocks()
    expect([failure.code, server.log.length]).toEqual([77, local ? 2 : 1])
    expect(failure.message.includes('in clear text')).toBe(!local)
  })

  test('goes through TLS wherever the server is', async () => {
    const server = await fakePostgres({ tls: 'yes' })
    leadTo('192.0.2.7')
    await unreached(`postgresql://u@127.0.0.1:${server.port}/db`)
    vi.restoreAllMocks()
    expect(server.log).toEqual(['tls', 'password right'])
  })
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
    const first = args[0] === 'load'
    for (const name of first ? ['TIMESCALEDB_PORT', 'PGPORT'] : ['PGPORT']) {
      const env = { TIMESCALEDB_HOST: '127.0.0.1', PGUSER: 'u', ...PASSWORD, [name]: '99999' }
      const { status, stderr } = await dir.jules([...args], { env, input: first ? barLine(0) : '' })
      expect([status, stderr]).toEqual([
        78,
        `jules ${args[0]}${args[0] === 'db' ? ` ${args[1]}` : ''}: ${name}: expected a port from 1 to 65535, got "99999"\n`,
      ])
    }
  })

  test.each(['99999', 'abc', '-1'])('%s in --dsn', async (port) => {
    const dsn = `postgresql://u@127.0.0.1/db?port=${port}`
    const { status, stderr } = await called(exportBars, 'export', ['--dsn', dsn])
    expect([status, stderr]).toEqual([
      64,
      expect.stringContaining('--dsn: port: expected a port from 1 to 65535'),
    ])
  })
})

describe('a signal while the store is reached or read is the status', () => {
  const both = OF_THE_STORE.flatMap((args, i): [signal: NodeJS.Signals, status: number, args: string[]][] => {
    const one = ['SIGINT', 130] as const
    const other = ['SIGTERM', 143] as const
    // Signals are the frame's: the first command meets both, the others one in turn.
    if (i === 0)
      return [
        [...one, args],
        [...other, args],
      ]
    return [i % 2 === 0 ? [...one, args] : [...other, args]]
  })
  test.each(both)('%s is %d: %j', async (signal, expected, args) => {
    const dir = new Workdir()
    const server = await fakePostgres({ silent: true })
    const child = dir.start(BIN, [...args, '--dsn', `postgresql://u@127.0.0.1:${server.port}/db`])
    const ended = finished(child, barLine(0))
    await server.spoken
    child.kill(signal)
    const { status, stderr } = await ended
    expect([status, signal], stderr).toEqual([expected, signal])
    noTrace(stderr)
  })
})

test('a signal while rows are waited for is told alone, not as a fault of the database', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  await query(createSql(BARS))
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
