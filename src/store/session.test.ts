/** What a session is to jules, whatever role, database or options say; and who is in the way where a lock does not come. */
import pg from 'pg'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { getLines, ownTables, putLines, targetOf } from '../../test/support/target.js'
import { barLine, barLines, once } from '../../test/support/workdir.js'
import { openSession } from './connect.js'
import { PostgresStore } from './postgres.js'
import { BARS, createSql } from './tables.js'

const TIMEOUTS = [
  'statement_timeout',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'transaction_timeout',
]

describe('times of a session', () => {
  async function role(): Promise<string> {
    const name = `hasty_${process.pid}`
    const url = inject('serverUrl')
    await once(
      url,
      `CREATE ROLE ${name} LOGIN; ${[...TIMEOUTS, 'lock_timeout'].map((name_) => `ALTER ROLE ${name} SET ${name_} = '9s'`).join(';')};
       ALTER ROLE ${name} SET client_min_messages = debug1`,
    )
    onTestFinished(() => once(url, `DROP ROLE ${name}`).then(() => {}))
    return url.replace(/\/\/\w+@/, `//${name}@`)
  }

  test.each([
    ['', 30, '30s'],
    ['&options=-c%20lock_timeout%3D1%20-c%20statement_timeout%3D5', 0.25, '250ms'],
    ['', 0, '0'],
  ])('with %j and --lock-timeout %d are those of jules', async (options, lockTimeoutS, expected) => {
    const { target } = await ownTables()
    const { client } = await openSession({ ...target(), dsn: (await role()) + options, lockTimeoutS })
    onTestFinished(() => client.end())
    const { rows } = await client.query(
      'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1)',
      [[...TIMEOUTS, 'lock_timeout', 'client_min_messages']],
    )
    expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
      ...Object.fromEntries(TIMEOUTS.map((name) => [name, '0'])),
      lock_timeout: expected,
      client_min_messages: 'error',
    })
  })

  test("tables of the session's own never stand for those of the schema", async () => {
    const { target } = await ownTables(createSql(BARS))
    const { client } = await openSession(target())
    onTestFinished(() => client.end())
    await client.query(
      'CREATE TEMPORARY TABLE market_data (a int); CREATE TEMPORARY TABLE pg_settings (name text)',
    )
    const { rows } = await client.query(
      "SELECT 'market_data'::regclass::oid = to_regclass(current_schema() || '.market_data') AS own",
    )
    expect(rows).toEqual([{ own: true }])
  })
})

describe('what a role has by default', () => {
  const OTHERS = [
    'quote_all_identifiers = on',
    "IntervalStyle = 'iso_8601'",
    'client_encoding = LATIN1',
    "TimeZone = 'Asia/Kolkata'",
    'array_nulls = off',
    'transform_null_equals = on',
    "default_transaction_isolation = 'serializable'",
    'extra_float_digits = -15',
    "search_path = ''",
    'row_security = off',
    "bytea_output = 'escape'",
  ]

  test.each(['SQL, DMY', 'German', 'Postgres'])(
    'changes nothing, DateStyle %s and much else',
    async (style) => {
      const name = `strange_${process.pid}`
      const url = inject('serverUrl')
      await once(
        url,
        `CREATE ROLE ${name} LOGIN SUPERUSER; ${[`DateStyle = '${style}'`, ...OTHERS].map((one) => `ALTER ROLE ${name} SET ${one}`).join(';')}`,
      )
      onTestFinished(() => once(url, `DROP OWNED BY ${name} CASCADE; DROP ROLE ${name}`).then(() => {}))
      const { open } = await ownTables()
      const store = await open({ dsn: url.replace(/\/\/\w+@/, `//${name}@`) })
      expect(await putLines(store, barLines(3))).toMatchObject({ written: 3 })
      expect(await putLines(store, barLines(3), { verify: true })).toMatchObject({
        unchanged: 3,
        verified: 3,
      })
      // Beside bars that stand there alone, and among them.
      for (const time of ['2025-07-30T13:32:30Z', '2025-07-30T13:31:30Z']) {
        await expect(putLines(store, barLine(0, { time }))).rejects.toMatchObject({
          code: 65,
          message: expect.stringContaining('in the store already'),
        })
      }
      expect(await getLines(store)).toBe(barLines(3))
      expect(await store.differences()).toEqual([])
    },
  )
})

test('a database without an encoding holds bars, and what is no text in it is named', async () => {
  const name = `bytes_${process.pid}`
  const url = inject('serverUrl')
  await once(
    url,
    `CREATE DATABASE ${name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
  )
  const dsn = url.replace('/trading_data', `/${name}`)
  const store = await PostgresStore.open(targetOf(dsn))
  onTestFinished(() => once(url, `DROP DATABASE ${name} WITH (FORCE)`).then(() => {}))
  await putLines(store, barLines(2))
  expect(await getLines(store)).toBe(barLines(2))
  await once(dsn, "UPDATE market_data SET source = E'\\xe9' WHERE volume = 1001")
  await expect(getLines(store)).rejects.toMatchObject({
    code: 65,
    message:
      'market_data.source of NVDA 1m 2025-07-30T13:31:00Z: expected a short name without blanks, got "\ufffd"',
  })
  expect(await store.holdings()).toHaveLength(2)
  await store.close()
})

describe('a lock that another session holds', () => {
  /** A session that has done this and stays. */
  async function holder(schema: string, sql: string, application: string) {
    const client = new pg.Client({
      connectionString: `${inject('serverUrl')}&options=-csearch_path%3D${schema}`,
      application_name: application,
      ssl: false,
    })
    await client.connect()
    onTestFinished(() => client.end())
    await client.query(`BEGIN; ${sql}`)
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    return Number(rows[0].pid)
  }

  test.each<[what: string, held: string, work: 'load' | 'read' | 'rows' | 'purge']>([
    ['a table that is being changed', 'LOCK TABLE market_data IN ACCESS EXCLUSIVE MODE', 'read'],
    [
      'a table that is being changed, for its rows',
      'LOCK TABLE market_data IN ACCESS EXCLUSIVE MODE',
      'rows',
    ],
    ['a table that is being copied', 'LOCK TABLE market_data IN SHARE MODE', 'load'],
    [
      'a row that is being changed',
      'UPDATE market_data SET volume = 7 WHERE "time" = \'2025-07-30 13:30Z\'',
      'load',
    ],
    ['rows that are being changed', 'SELECT * FROM market_data FOR UPDATE', 'purge'],
  ])('%s: 75, and who it is', async (_what, held, work) => {
    const { schema, open, query } = await ownTables()
    // Tables of other tests may be in the making: for those it waits.
    await putLines(await open(), barLines(2))
    const store = await open({ lockTimeoutS: 0.05 })
    await query('UPDATE market_data SET volume = volume + 1')
    const pid = await holder(schema, held, 'night job\u001b[31m')
    const waiting =
      work === 'load'
        ? putLines(store, barLines(2))
        : work === 'purge'
          ? store.purge({ symbols: ['NVDA'] })
          : work === 'rows'
            ? getLines(store)
            : store.holdings()
    await expect(waiting).rejects.toMatchObject({
      code: 75,
      message: expect.stringMatching(
        new RegExp(
          `: process ${pid} of the database holds market_data \\(of "night job[^\u001b]*", as jules, idle in transaction for \\d+ s\\)$`,
        ),
      ),
      hint: expect.stringContaining(`SELECT pg_terminate_backend(${pid})`),
    })
    // The session is as good as before.
    expect(await query('SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted')).toEqual([{ n: 0 }])
  })

  test('the making of the tables by another', async () => {
    const { schema, open } = await ownTables()
    const pid = await holder(schema, 'SELECT pg_advisory_xact_lock(7531902468)', '')
    const store = await open({ lockTimeoutS: 0.05 })
    await expect(store.init()).rejects.toMatchObject({
      code: 75,
      message: expect.stringContaining(
        `process ${pid} of the database holds the making of the tables (as jules, idle`,
      ),
    })
  })

  test('that is gone by the time it is asked about is another session', async () => {
    const { open } = await ownTables()
    const store = await open({ lockTimeoutS: 0.05 })
    const { failureOf } = await import('./blocking.js')
    const session = await openSession((await ownTables()).target())
    onTestFinished(() => session.client.end())
    const gone = Object.assign(new Error('canceling'), { code: '55P03', severity: 'ERROR' })
    expect(await failureOf(gone, store.name, session)).toMatchObject({
      code: 75,
      hint: 'try again, or wait longer with --lock-timeout',
    })
  })
})
