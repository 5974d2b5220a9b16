import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endpointOf } from './endpoint.js'
import { tlsTries } from './tls.js'

/** A home with files, and the environment of one call. */
function world(env: Record<string, string>, files: Record<string, string> = {}) {
  const home = mkdtempSync(join(tmpdir(), 'jules-endpoint-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.postgresql'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text, { mode: 0o600 })
  const warnings: string[] = []
  const all: Record<string, string> = { USER: 'me', ...env }
  return {
    home,
    warnings,
    of: (dsn?: string) =>
      endpointOf({
        dsn,
        home,
        env: (name) => all[name]?.replace('HOME', home),
        warn: (words) => warnings.push(words),
        secret: async (name) => `vault ${name}`,
      }),
  }
}

describe('part by part: --dsn, TIMESCALEDB_*, PG*', () => {
  const PARTS = ['HOST', 'PORT', 'DATABASE', 'USER', 'SSLMODE'] as const
  const shown = { HOST: 'host', PORT: 'port', DATABASE: 'dbname', USER: 'user', SSLMODE: 'sslmode' } as const
  const values = {
    HOST: ['a', 'b'],
    PORT: ['1', '2'],
    DATABASE: ['x', 'y'],
    USER: ['u', 'v'],
    SSLMODE: ['allow', 'require'],
  } as const
  test.each(PARTS)('TIMESCALEDB_%s goes before PG%s', async (part) => {
    const [own, pg] = values[part]
    const host = part === 'HOST' ? {} : { PGHOST: 'h' }
    const both = await world({ ...host, [`TIMESCALEDB_${part}`]: own, [`PG${part}`]: pg }).of()
    expect({ ...both?.given, user: both?.user }[shown[part]]).toBe(own)
    const empty = await world({ ...host, [`TIMESCALEDB_${part}`]: '', [`PG${part}`]: pg }).of()
    expect({ ...empty?.given, user: empty?.user }[shown[part]]).toBe(pg)
    const dsn = await world({ [`TIMESCALEDB_${part}`]: own }).of(
      `host=d port=9 dbname=d user=d sslmode=disable`,
    )
    expect({ ...dsn?.given }[shown[part]]).toBe(
      { port: '9', sslmode: 'disable' }[shown[part] as string] ?? 'd',
    )
  })

  test('no host anywhere is the embedded server; what is not named has its default', async () => {
    expect(await world({ PGPORT: '5433', PGDATABASE: 'x' }).of()).toBeNull()
    expect(await world({ PGHOST: 'h' }).of()).toMatchObject({
      host: 'h',
      port: 5432,
      dbname: 'trading_data',
      user: 'me',
    })
    expect(await world({}).of('postgresql://')).toMatchObject({ host: 'localhost' })
    await expect(world({ USER: '', PGHOST: 'h' }).of()).rejects.toMatchObject({
      code: 78,
      message: 'no user of the database is named',
    })
  })

  test.each([
    ['TIMESCALEDB_PORT', '99999', 'TIMESCALEDB_PORT: expected a port from 1 to 65535, got "99999"'],
    ['TIMESCALEDB_PORT', 'abc', 'TIMESCALEDB_PORT: expected a port from 1 to 65535, got "abc"'],
    ['TIMESCALEDB_PORT', '-1', 'TIMESCALEDB_PORT: expected a port from 1 to 65535, got "-1"'],
    ['PGPORT', '99999', 'PGPORT: expected a port from 1 to 65535, got "99999"'],
    ['PGPORT', 'abc', 'PGPORT: expected a port from 1 to 65535, got "abc"'],
    ['PGPORT', '-1', 'PGPORT: expected a port from 1 to 65535, got "-1"'],
    ['PGPORT', '5432,5433', 'PGPORT: expected a port from 1 to 65535, got "5432,5433"'],
    [
      'PGSSLMODE',
      'yes',
      'PGSSLMODE: expected one of disable, allow, prefer, require, verify-ca, verify-full, got "yes"',
    ],
    ['PGHOST', 'a,b', 'PGHOST: expected one host, not a list, got "a,b"'],
    ['TIMESCALEDB_HOST', 'a,b', 'TIMESCALEDB_HOST: expected one host, not a list, got "a,b"'],
    ['PGHOSTADDR', '127.0.0.1', 'PGHOSTADDR: is no parameter of jules'],
    [
      'PGTARGETSESSIONATTRS',
      'read-write',
      'PGTARGETSESSIONATTRS: is no parameter of jules, which does as for any',
    ],
    [
      'TIMESCALEDB_CHANNELBINDING',
      'require',
      'TIMESCALEDB_CHANNELBINDING: is no parameter of jules, which does as for disable or prefer',
    ],
    ['PGREQUIREAUTH', 'scram-sha-256', 'PGREQUIREAUTH: is no parameter of jules'],
    ['PGSSLCRL', '/x', 'PGSSLCRL: is no parameter of jules'],
    [
      'PGSSLMINPROTOCOLVERSION',
      'TLSv1.3',
      'PGSSLMINPROTOCOLVERSION: is no parameter of jules, which does as for TLSv1 or TLSv1.1 or TLSv1.2',
    ],
    ['PGCONNECT_TIMEOUT', '1s', 'PGCONNECT_TIMEOUT: expected a number of seconds, got "1s"'],
  ])('%s=%s is 78 and named', async (name, value, message) => {
    await expect(world({ PGHOST: 'h', [name]: value }).of()).rejects.toMatchObject({ code: 78, message })
  })

  test('what libpq has and jules does anyway may be asked for; what it cannot do is said of a service too', async () => {
    const asked = { PGTARGETSESSIONATTRS: 'any', PGCHANNELBINDING: 'prefer', PGGSSENCMODE: 'disable' }
    expect(await world({ PGHOST: 'h', ...asked }).of()).toMatchObject({ host: 'h' })
    // An address asks for a server, though no host is named; the rest says nothing to the embedded one.
    expect(await world({ PGTARGETSESSIONATTRS: 'read-write' }).of()).toBeNull()
    await expect(world({ PGHOSTADDR: '127.0.0.1' }).of()).rejects.toMatchObject({
      code: 78,
      hint: 'name the address in PGHOST',
    })
    const service = (line: string) =>
      world({ PGSERVICE: 'desk' }, { '.pg_service.conf': `[desk]\nhost=h\n${line}\n` }).of()
    expect(await service('target_session_attrs=any')).toMatchObject({ host: 'h' })
    for (const [line, message] of [
      ['target_session_attrs=primary', 'service desk: target_session_attrs: is no parameter of jules'],
      ['hostaddr=127.0.0.1', 'service desk: hostaddr: is no parameter of jules'],
      ['host=a,b', 'service desk: host: expected one host, not a list'],
      ['service=other', 'service desk: unknown parameter "service"'],
    ] as const) {
      await expect(service(line)).rejects.toMatchObject({
        code: 78,
        message: expect.stringContaining(message),
      })
    }
  })
})

describe('the password', () => {
  const PGPASS =
    '# mine\nother:*:*:*:no\nh:5432:trading_data:someone:no\nh:5432:trading_data:me:from \\:file\n*:*:*:*:any\n'
  test.each([
    ['TIMESCALEDB_PASSWORD before PGPASSWORD', { TIMESCALEDB_PASSWORD: 'own', PGPASSWORD: 'pg' }, 'own'],
    ['PGPASSWORD before files', { PGPASSWORD: 'pg', PGSERVICE: 'desk' }, 'pg'],
    ['the service before ~/.pgpass', { PGSERVICE: 'desk' }, 'of service'],
    ['~/.pgpass before the vault', {}, 'from :file'],
    ['its first line that fits', { PGUSER: 'you' }, 'any'],
    ['PGPASSFILE in its place', { PGPASSFILE: 'HOME/mine' }, 'mine'],
    ['the vault last', { PGPASSFILE: '/nonexistent' }, 'vault TIMESCALEDB_PASSWORD'],
  ])('%s', async (_what, env, expected) => {
    const { of } = world(
      { PGHOST: 'h', ...env },
      {
        '.pgpass': PGPASS,
        '.pg_service.conf': '[desk]\nhost=h\npassword=of service\n',
        mine: 'h:*:*:*:mine',
      },
    )
    const endpoint = await of()
    expect(await endpoint?.password()).toBe(expected)
  })

  test('a socket stands under its directory or as localhost', async () => {
    for (const host of ['/run/pg', 'localhost']) {
      const { of } = world({ PGHOST: '/run/pg' }, { '.pgpass': `${host}:*:*:*:x` })
      expect(await (await of())?.password()).toBe('x')
    }
  })

  test('a file that others may read is passed over with a warning', async () => {
    const { of, home, warnings } = world({ PGHOST: 'h' }, { '.pgpass': PGPASS })
    chmodSync(join(home, '.pgpass'), 0o644)
    expect(await (await of())?.password()).toBe('vault TIMESCALEDB_PASSWORD')
    expect(warnings).toEqual([expect.stringContaining('.pgpass: others may read it')])
  })
})

describe('services', () => {
  const FILE =
    '# all\n[other]\nhost=no\n\n[desk]\nhost=db.example\nport=6000\ndbname=ticks\nuser=trader\nsslmode=require\n[last]\nhost=no\n'
  test('PGSERVICE and service= name a section; own variables go before PGSERVICE, the command line before both', async () => {
    const files = { '.pg_service.conf': FILE, mine: FILE.replace('db.example', 'mine.example') }
    const desk = { host: 'db.example', port: 6000, dbname: 'ticks', user: 'trader' }
    expect(await world({ PGSERVICE: 'desk', PGHOST: 'no' }, files).of()).toMatchObject(desk)
    expect(await world({}, files).of('service=desk')).toMatchObject(desk)
    expect(await world({ TIMESCALEDB_PORT: '7' }, files).of('service=desk')).toMatchObject(desk)
    expect(await world({ TIMESCALEDB_PORT: '7', PGSERVICE: 'desk' }, files).of()).toMatchObject({
      ...desk,
      port: 7,
    })
    expect(await world({}, files).of('service=desk dbname=x')).toMatchObject({ ...desk, dbname: 'x' })
    expect(await world({ PGSERVICE: 'desk', PGSERVICEFILE: 'HOME/mine' }, files).of()).toMatchObject({
      ...desk,
      host: 'mine.example',
    })
    expect(
      await world(
        { PGSERVICE: 'desk', PGSERVICEFILE: '/nonexistent', PGSYSCONFDIR: 'HOME' },
        { 'pg_service.conf': FILE },
      ).of(),
    ).toMatchObject(desk)
  })

  test.each([
    ['[x]\nhost=h', /there is no service "desk" in .*\.pg_service\.conf/],
    ['[desk]\nhost', /\.pg_service\.conf:2: expected name=value/],
    ['[desk]\nhost=h\nport=abc', /service desk: port: expected a port/],
    ['[desk]\nhots=h', /service desk: unknown parameter "hots"/],
  ])('%j is 78', async (text, message) => {
    await expect(world({ PGSERVICE: 'desk' }, { '.pg_service.conf': text }).of()).rejects.toMatchObject({
      code: 78,
      message: expect.stringMatching(message),
    })
  })
})

describe('sslmode, as the table of libpq has it', () => {
  const tries = async (words: string, files: Record<string, string> = {}) => {
    const { of, home } = world({}, files)
    const found = await tlsTries((await of(`host=h ${words.replaceAll('HOME', home)}`))!, home)
    return found.map((one) => (one === false ? 'plain' : one.rejectUnauthorized ? 'verified' : 'tls'))
  }
  const PEM = '-----BEGIN CERTIFICATE-----\n'
  const ROOT = { '.postgresql/root.crt': PEM }
  test.each([
    ['', {}, ['tls', 'plain']],
    ['sslmode=disable', {}, ['plain']],
    ['sslmode=allow', {}, ['plain', 'tls']],
    ['sslmode=prefer', {}, ['tls', 'plain']],
    ['sslmode=require', {}, ['tls']],
    ['sslmode=require', ROOT, ['verified']],
    ['sslmode=verify-ca', ROOT, ['verified']],
    ['sslmode=verify-full sslrootcert=HOME/mine', { mine: PEM }, ['verified']],
    ['sslrootcert=system', {}, ['verified']],
    ['host=/tmp sslmode=verify-full', {}, ['plain']],
  ])('%s', async (words, files, expected) => {
    expect(await tries(words, files)).toEqual(expected)
  })

  test.each([
    ['sslmode=verify-ca', 78, /needs the certificate/],
    ['sslmode=require sslrootcert=system', 78, /sslrootcert=system needs sslmode=verify-full/],
    ['sslmode=require sslrootcert=HOME/none', 66, /sslrootcert: .*none: no such file/],
    ['sslcert=HOME/none', 66, /sslcert: .*none: no such file/],
    // In any mode: without it prefer would go on unverified, or in the clear.
    ['sslmode=prefer sslrootcert=/dev/null', 78, /sslrootcert: \/dev\/null: holds no certificate/],
    ['sslmode=require sslcert=HOME/key', 78, /sslcert: .*key: holds no certificate/],
    ['sslcert=HOME/mine sslkey=HOME/mine', 78, /sslkey: .*mine: holds no private key/],
  ])('%s is %i', async (words, code, message) => {
    const files = { mine: PEM, key: '-----BEGIN RSA PRIVATE KEY-----\n' }
    await expect(tries(words, files)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })
})
