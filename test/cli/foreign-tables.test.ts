/** Tables that are there already, made by somebody else: each is used exactly, or named and left alone. */
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/base/errors.js'
import { db } from '../../src/commands/db/db.js'
import { exportBars } from '../../src/commands/export.js'
import { PostgresStore } from '../../src/store/postgres.js'
import { called } from '../support/called.js'
import { noTrace } from '../support/store.js'
import { getLines, ownTables, putLines, targetOf } from '../support/target.js'
import { barLine, barLines, type Database, freshDatabase, type Result, Workdir } from '../support/workdir.js'

const init = db.commands.find(({ name }) => name === 'init')!

const COLUMNS: readonly [name: string, type: string][] = [
  ['symbol', 'text NOT NULL'],
  ['interval', 'text NOT NULL'],
  ['time', 'timestamptz NOT NULL'],
  ['open', 'float8 NOT NULL'],
  ['high', 'float8 NOT NULL'],
  ['low', 'float8 NOT NULL'],
  ['close', 'float8 NOT NULL'],
  ['volume', 'float8'],
  ['vwap', 'float8'],
  ['trades', 'float8'],
  ['adjusted', 'text'],
  ['session', 'text'],
  ['source', 'text'],
  ['updated_at', 'timestamptz NOT NULL DEFAULT now()'],
]
const KEY = ', PRIMARY KEY (symbol, "interval", "time")'

/** market_data with some columns otherwise; null leaves one out. */
function table(changed: Record<string, string | null> = {}, rest = KEY): string {
  const columns = COLUMNS.map(([name, type]): [string, string | null] => [
    name,
    name in changed ? changed[name]! : type,
  ])
  const more = Object.entries(changed).filter(([name]) => !COLUMNS.some(([own]) => own === name))
  const all = [...columns, ...more].filter(([, type]) => type !== null)
  return `CREATE TABLE market_data (${all.map(([name, type]) => `"${name}" ${type}`).join(', ')}${rest})`
}

const ORIGINAL = `CREATE TABLE market_data (timestamp timestamptz NOT NULL, symbol varchar(10) NOT NULL,
  open decimal(10,4) NOT NULL, high decimal(10,4) NOT NULL, low decimal(10,4) NOT NULL, close decimal(10,4) NOT NULL,
  volume bigint NOT NULL, source varchar(50) DEFAULT 'unknown', created_at timestamptz DEFAULT now())`

/** How the work was refused. */
async function refused(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Failure) return error
  throw error ?? new Error('it was not refused')
}

/** Plain words, no bug, no promise that is none. */
function plain({ status, stderr, stdout }: Result): void {
  noTrace(stderr)
  expect([0, 70, null]).not.toContain(status)
  expect(stdout).toBe('')
  expect(stderr).not.toMatch(/running it again completes|start the database/)
}

describe('a table that differs stops what it must, by name, and the printed statements mend it', () => {
  const stopping: [what: string, sql: string, named: RegExp, stops: 'all' | 'load', mends: boolean][] = [
    [
      'the table of the original system',
      ORIGINAL,
      /market_data has no column time but timestamp/,
      'all',
      true,
    ],
    ['a column less', table({ vwap: null }), /market_data has no column vwap/, 'all', true],
    [
      'text where a number is',
      table({ open: 'text NOT NULL' }),
      /market_data open is text, not double precision/,
      'all',
      true,
    ],
    [
      'floats of 32 bits',
      table({ close: 'real NOT NULL' }),
      /market_data close is real, not double precision/,
      'all',
      true,
    ],
    [
      'wall times',
      table({ time: 'timestamp NOT NULL' }),
      /market_data time is timestamp without time zone/,
      'all',
      true,
    ],
    [
      'seconds alone',
      table({ time: 'timestamptz(0) NOT NULL' }),
      /market_data time is timestamp\(0\) with time zone/,
      'all',
      true,
    ],
    [
      'padded text',
      table({ source: 'char(8)' }),
      /market_data source is character\(8\), not text/,
      'all',
      true,
    ],
    [
      'one more column that must be filled',
      table({ desk: 'text NOT NULL' }),
      /market_data desk is NOT NULL without a default/,
      'load',
      true,
    ],
    [
      'no default',
      table({ updated_at: 'timestamptz NOT NULL' }),
      /market_data updated_at has no default/,
      'load',
      true,
    ],
    ['no key', table({}, ''), /market_data has no unique key \(symbol, interval, time\)/, 'load', true],
    [
      'another key',
      table({ id: 'bigserial PRIMARY KEY' }, ''),
      /market_data has no unique key/,
      'load',
      true,
    ],
    [
      'a key without the interval',
      table({}, ', PRIMARY KEY (symbol, "time")'),
      /market_data has no unique key/,
      'load',
      true,
    ],
    [
      'a key of some rows',
      `${table({}, '')}; CREATE UNIQUE INDEX ON market_data (symbol, "interval", "time") WHERE volume > 0`,
      /market_data has no unique key/,
      'load',
      true,
    ],
    [
      'a generated column',
      table({ trades: 'float8 GENERATED ALWAYS AS (volume) STORED' }),
      /market_data trades is generated/,
      'load',
      false,
    ],
    [
      'a view',
      `${table().replace('market_data', 'theirs')}; CREATE VIEW market_data AS SELECT * FROM theirs`,
      /market_data is a view, not a table/,
      'load',
      false,
    ],
    [
      'fills of another system',
      'CREATE TABLE fills (id bigserial PRIMARY KEY, order_id bigint NOT NULL, price numeric)',
      /fills has no column run/,
      'load',
      true,
    ],
    [
      'equity of another system',
      'CREATE TABLE equity (run text NOT NULL, ticker text)',
      /equity has no column time/,
      'load',
      true,
    ],
    [
      'runs of another system',
      'CREATE TABLE runs (run_uuid varchar(32) PRIMARY KEY)',
      /runs has no column run/,
      'load',
      false,
    ],
    [
      'imports of another system',
      'CREATE TABLE imports (id integer PRIMARY KEY, path text)',
      /imports id is integer, not text/,
      'load',
      true,
    ],
    [
      'reports of another system',
      'CREATE TABLE data_quality_reports (report_date date, score real)',
      /data_quality_reports has no column date/,
      'load',
      true,
    ],
  ]
  test.each(stopping)('%s', async (_what, sql, named, stops, mends) => {
    const { open, query } = await ownTables(sql)
    const store = await open()
    expect((await refused(store.init({ convert: true }))).code).toBe(78)
    expect(await refused(putLines(store, barLine(0)))).toMatchObject({
      code: 78,
      message: expect.stringMatching(named),
    })
    if (stops === 'all') expect((await refused(getLines(store))).code).toBe(78)
    else expect(await getLines(store)).toBe('')
    // Nothing was made beside the tables of somebody else.
    expect(await query("SELECT to_regclass('jules_migrations') AS made")).toEqual([{ made: null }])
    if (mends) {
      const remedies = (await store.differences()).map(({ remedy }) => remedy).filter((one) => one !== null)
      // A column that must be filled needs an empty table, which these are.
      await query(remedies.join('\n'))
      expect((await store.init({ convert: true })).migrations).toEqual([1, 2])
      expect(await putLines(store, barLine(0))).toMatchObject({ written: 1 })
    }
  })

  test('the commands say so: the words, the statements, and no promise', async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    await query(ORIGINAL)
    const made = await called(init, 'db init', ['--dsn', dsn])
    const load = await dir.called(['load', '--dsn', dsn], { input: barLine(0) })
    const read = await called(exportBars, 'export', ['--dsn', dsn])
    for (const result of [made, load, read]) {
      plain(result)
      expect([result.status, result.stderr]).toEqual([
        78,
        expect.stringContaining('market_data has no column time but timestamp'),
      ])
    }
    const statements = made.stderr.match(/(?<=^jules db init: )(ALTER|CREATE) .*;$/gm)?.join('\n') ?? ''
    await query(statements)
    const mended = await called(init, 'db init', ['--dsn', dsn])
    expect([mended.status, mended.stderr]).toEqual([0, expect.stringContaining('applied migration 1, 2;')])
    expect((await dir.called(['load', '--dsn', dsn], { input: barLine(0) })).status).toBe(0)
  })

  test("a schema of one's own goes beside any of them", async () => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    for (const [, sql] of stopping.filter(([what]) => /^(the table of|fills|runs|imports) /.test(what)))
      await query(sql)
    const apart = ['--dsn', dsn, '--schema', 'mine']
    expect((await dir.called(['load', ...apart], { input: barLines(3) })).status).toBe(0)
    expect((await called(exportBars, 'export', apart)).stdout).toBe(barLines(3))
    expect(await query('SELECT count(*)::int AS n FROM mine.market_data')).toEqual([{ n: 3 }])
  })
})

describe('columns that hold bars exactly are used as they are', () => {
  const exact: [what: string, changed: Record<string, string | null>][] = [
    [
      'numeric and bigint',
      {
        open: 'numeric(10,4)',
        high: 'numeric(10,4)',
        low: 'numeric(10,4)',
        close: 'numeric(10,4)',
        volume: 'bigint',
        vwap: 'numeric(10,4)',
        trades: 'integer',
      },
    ],
    [
      'numeric without end',
      { open: 'numeric', close: 'numeric NOT NULL', volume: 'numeric(20,2)', trades: 'smallint' },
    ],
    [
      'varchar',
      {
        symbol: 'varchar(10)',
        interval: 'varchar(4)',
        source: 'varchar(50)',
        adjusted: 'varchar',
        session: 'varchar(3)',
      },
    ],
    ['milliseconds', { time: 'timestamptz(3) NOT NULL' }],
    [
      'more columns that fill themselves',
      { id: 'bigserial', created_at: 'timestamptz NOT NULL DEFAULT now()', note: 'text' },
    ],
  ]
  test.each(exact)('%s', async (_what, changed) => {
    const { open } = await ownTables(table(changed))
    const store = await open()
    const lines = `${barLines(5)}${barLine(9, { vwap: null, trades: null, adjusted: null })}\n`
    expect(await putLines(store, lines)).toMatchObject({ written: 6, unchanged: 0 })
    expect(await putLines(store, lines)).toMatchObject({ written: 0, unchanged: 6 })
    const changedLine = barLine(2, { close: 179.25 })
    expect(await putLines(store, changedLine)).toMatchObject({ written: 1 })
    expect(await getLines(store)).toBe(lines.replace(barLine(2), changedLine))
    expect((await store.init({ convert: true })).migrations).toEqual([])
  })

  const inexact: [type: Record<string, string>, fields: Record<string, unknown>, words: RegExp][] = [
    [
      { open: 'numeric(10,4)' },
      { open: 179.20001 },
      /market_data.open is numeric\(10,4\), which cannot hold 179.20001: NVDA 2025-07-30T13:31:00Z/,
    ],
    [
      { close: 'numeric(5,4)' },
      { close: 179.4 },
      /market_data.close is numeric\(5,4\), which cannot hold 179.4/,
    ],
    [{ volume: 'bigint' }, { volume: 1000.5 }, /market_data.volume is bigint, which cannot hold 1000.5/],
    [{ volume: 'integer' }, { volume: 3e9 }, /market_data.volume is integer, which cannot hold 3000000000/],
    [{ trades: 'smallint' }, { trades: 40_000 }, /market_data.trades is smallint, which cannot hold 40000/],
    [{ source: 'varchar(3)' }, { source: 'vendor' }, /too long for type character varying\(3\)/],
  ]
  test.each(inexact)('%j does not round or cut %j', async (changed, fields, words) => {
    const { open, query } = await ownTables(table(changed))
    const small = { open: 1, high: 200, low: 1, close: 2, trades: 1, volume: 1, source: 'abc' }
    const lines = `${barLine(0, small)}\n${barLine(1, { ...small, ...fields })}`
    expect(await refused(putLines(await open(), lines))).toMatchObject({
      code: 65,
      message: expect.stringMatching(words),
    })
    expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 0 }])
  })

  const foreign: [changed: Record<string, string>, values: string, words: string][] = [
    [{ open: 'numeric' }, "179.123456789012345678, 200, 1, 2, 5, '1m', 'rth'", 'market_data.open of NVDA 1m'],
    [{ volume: 'bigint' }, "1, 200, 1, 2, 9007199254740993, '1m', 'rth'", 'market_data.volume of NVDA 1m'],
    [{ close: 'float8' }, "1, 200, 1, NULL, 5, '1m', 'rth'", 'market_data.close of NVDA 1m'],
    [{}, "1, 200, 1, 2, 5, '1min', 'rth'", 'market_data.interval of NVDA 1min 2025-07-30T'],
    [{}, "1, 200, 1, 2, 5, '1m', 'regular'", 'market_data.session of NVDA 1m 2025-07-30T'],
  ]
  test.each(foreign)('%j with a value that no bar can have is named: %s', async (changed, values, words) => {
    const { open } = await ownTables(`${table(changed)};
      INSERT INTO market_data (symbol, "time", open, high, low, close, volume, "interval", session)
      VALUES ('NVDA', '2025-07-30', ${values})`)
    expect(await refused(getLines(await open()))).toMatchObject({
      code: 65,
      message: expect.stringContaining(words),
    })
  })
})

describe('what the rows decide', () => {
  const refusing: [what: string, sql: string, words: RegExp][] = [
    [
      'a check',
      'ALTER TABLE market_data ADD CONSTRAINT small CHECK (volume < 10)',
      /"market_data" violates check constraint "small"/,
    ],
    [
      'a trigger that raises',
      `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not on a sunday'; END $$; CREATE TRIGGER no BEFORE INSERT ON market_data FOR EACH ROW EXECUTE FUNCTION no()`,
      /not on a sunday/,
    ],
    [
      'a trigger with a state of its own',
      `CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'desk closed' USING ERRCODE = 'JD001'; END $$; CREATE TRIGGER no BEFORE INSERT ON market_data FOR EACH ROW EXECUTE FUNCTION no()`,
      /desk closed/,
    ],
    [
      'a unique column of its own',
      'ALTER TABLE market_data ADD UNIQUE (symbol, trades)',
      /duplicate key value violates unique constraint "market_data_symbol_trades_key"/,
    ],
    [
      'no null where jules has one',
      'ALTER TABLE market_data ALTER COLUMN vwap SET NOT NULL',
      /null value in column "vwap" of relation "market_data"/,
    ],
  ]
  test.each(refusing)('%s refuses the load with 65', async (_what, sql, words) => {
    const { open } = await ownTables(`${table()}; ${sql}`)
    const lines = `${barLine(0, { vwap: null })}\n${barLine(1)}`
    expect(await refused(putLines(await open(), lines))).toMatchObject({
      code: 65,
      message: expect.stringMatching(words),
    })
  })

  test('a partition that is missing is 65, and one that is there takes its rows', async () => {
    const { open } = await ownTables(`${table()} PARTITION BY RANGE ("time");
      CREATE TABLE y2025 PARTITION OF market_data FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`)
    const store = await open()
    expect(await putLines(store, barLines(3))).toMatchObject({ written: 3 })
    expect(await refused(putLines(store, barLine(0, { time: '2024-07-30T13:30:00Z' })))).toMatchObject({
      code: 65,
      message: expect.stringContaining('no partition of relation "market_data"'),
    })
  })

  test('a view is read', async () => {
    const { open } = await ownTables(`${table().replace('market_data', 'theirs')};
      CREATE VIEW market_data AS SELECT * FROM theirs WHERE volume > 1000;
      INSERT INTO theirs (symbol, "interval", "time", open, high, low, close, volume)
      SELECT 'NVDA', '1m', timestamptz '2025-07-30 13:30Z' + i * interval '1 minute', 1, 2, 1, 2, 1000 + i FROM generate_series(0, 2) AS i`)
    expect((await getLines(await open())).split('\n')).toHaveLength(3)
  })
})

test('the search path of a role or a database changes nothing', async () => {
  const { dsn, query }: Database = await freshDatabase()
  await query(`CREATE SCHEMA other; SET search_path TO other; ${ORIGINAL}`)
  await query(`ALTER DATABASE ${/t_\d+_\d+/.exec(dsn)?.[0]} SET search_path TO other, nowhere`)
  const store = await PostgresStore.open(targetOf(dsn))
  expect(await putLines(store, barLines(2))).toMatchObject({ written: 2 })
  await store.close()
  expect(await query('SELECT count(*)::int AS n FROM public.market_data')).toEqual([{ n: 2 }])
  const { status, stderr } = await new Workdir().called(['load', '--dsn', dsn], {
    input: barLine(0),
    env: { JULES_SCHEMA: 'other' },
  })
  expect([status, stderr]).toEqual([78, expect.stringContaining('market_data has no column time')])
})

test.each(['', 'pg_mine', 'x'.repeat(64)])('--schema %j is refused', async (name) => {
  const { status, stderr } = await called(exportBars, 'export', ['--schema', name])
  expect([status, stderr]).toEqual([64, expect.stringContaining('--schema: expected the name of a schema')])
})

test('a schema with any name will do', async () => {
  const { dsn } = await freshDatabase()
  const apart = ['--dsn', dsn, '--schema', 'Desk "A"; DROP']
  expect((await new Workdir().called(['load', ...apart], { input: barLines(2) })).status).toBe(0)
  expect((await called(exportBars, 'export', apart)).stdout).toBe(barLines(2))
})

test('a read-only database is 77, without a promise', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  await called(init, 'db init', ['--dsn', dsn])
  await query(`ALTER DATABASE ${/t_\d+_\d+/.exec(dsn)?.[0]} SET default_transaction_read_only = on`)
  const load = await dir.called(['load', '--dsn', dsn], { input: barLine(0) })
  plain(load)
  expect([load.status, load.stderr]).toEqual([77, expect.stringContaining('read-only')])
})
