/** Tables that somebody else made, looked at without a process for each: what differs, what is read, what is written. */
import { describe, expect, inject, test } from 'vitest'
import { getLines, ownTables, putLines } from '../../test/support/target.js'
import { barLines } from '../../test/support/workdir.js'
import type { PostgresStore } from './postgres.js'
import { BARS, createSql, RUN_TABLES } from './tables.js'

const OWN = createSql(BARS)
const ASIDE = OWN.replace('market_data', 'theirs')

/** A trigger before each row, with this body. */
const trigger = (body: string, when = 'INSERT OR UPDATE'): string =>
  `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
   CREATE TRIGGER t BEFORE ${when} ON market_data FOR EACH ROW EXECUTE FUNCTION f()`

const row = (values: string): string =>
  `INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, volume, source) VALUES (${values})`

/** Tables in a schema of their own, opened as their owner or as another role. */
async function tables(sql: string) {
  const own = await ownTables(sql)
  const url = inject('serverUrl')
  const open = (user?: string) =>
    own.open(user === undefined ? {} : { dsn: url.replace(/\/\/\w+@/, `//${user}@`) })
  return { ...own, open, differences: async () => (await open()).differences() }
}

/** A role that owns nothing. */
const GUEST = 'DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;'

const loaded = (store: PostgresStore) => putLines(store, barLines(3))

async function read(store: PostgresStore): Promise<number> {
  return (await getLines(store)).split('\n').length - 1
}

describe('what differs is named, and what is printed runs', () => {
  const others: [what: string, sql: string, words: string[], stops: 'all' | 'writing' | 'nothing'][] = [
    ['a sequence', 'CREATE SEQUENCE market_data', ['is a sequence, not a table'], 'all'],
    [
      'an index',
      'CREATE TABLE x (a int); CREATE INDEX market_data ON x (a)',
      ['is an index, not a table'],
      'all',
    ],
    ['a composite type', 'CREATE TYPE market_data AS (a int)', ['is a type, not a table'], 'all'],
    ['an enum', "CREATE TYPE market_data AS ENUM ('a')", ['is a type, not a table'], 'all'],
    ['a domain', 'CREATE DOMAIN market_data AS int', ['is a type, not a table'], 'all'],
    ['a view', `${ASIDE} CREATE VIEW market_data AS TABLE theirs`, ['is a view, not a table'], 'writing'],
    [
      'a materialized view',
      `${ASIDE} CREATE MATERIALIZED VIEW market_data AS TABLE theirs`,
      ['is a materialized view, not a table'],
      'writing',
    ],
    [
      'a rule',
      `${OWN} CREATE RULE r AS ON INSERT TO market_data DO INSTEAD NOTHING`,
      ['has rules, which change what is written'],
      'writing',
    ],
    [
      'a table that inherits',
      `${OWN} CREATE TABLE y2025 () INHERITS (market_data)`,
      ['has tables that inherit from it, of whose rows its key knows nothing'],
      'writing',
    ],
    [
      'a key that is checked late',
      OWN.replace('"time")', '"time") DEFERRABLE'),
      ['has no unique key (symbol, interval, time)'],
      'writing',
    ],
    ['unlogged', OWN.replace('CREATE TABLE', 'CREATE UNLOGGED TABLE'), ['is unlogged: a crash'], 'nothing'],
    [
      'names in other letters',
      OWN.replace('"symbol" text', '"Symbol" text').replace('("symbol"', '("Symbol"'),
      ['has no column symbol but Symbol'],
      'all',
    ],
    ['money', OWN.replace('"open" double precision', '"open" money'), ['open is money'], 'all'],
    [
      'dates',
      OWN.replace('"time" timestamp with time zone', '"time" date'),
      [
        'time is date, not timestamp with time zone (the statement takes it for the time of America/New_York)',
      ],
      'all',
    ],
    [
      'wall times',
      OWN.replace('"time" timestamp with time zone', '"time" timestamp'),
      [
        'time is timestamp without time zone, not timestamp with time zone (the statement takes it for the time of UTC)',
      ],
      'all',
    ],
    ['a list', OWN.replace('"source" text', '"source" text[]'), ['source is text[], not text'], 'all'],
    [
      'a clock of another kind, which nobody reads',
      OWN.replace('"updated_at" timestamp with time zone', '"updated_at" date'),
      ['updated_at is date'],
      'writing',
    ],
    [
      'migrations of another system',
      'CREATE TABLE jules_migrations (a int)',
      ['jules_migrations has no column version'],
      'all',
    ],
  ]
  test.each(others)('%s', async (_what, sql, words, stops) => {
    const { differences, query } = await tables(sql)
    const found = await differences()
    for (const expected of words) {
      const one = found.find((difference) => difference.words.includes(expected))
      expect(one, JSON.stringify(found)).toMatchObject({ stops })
    }
    // A view, a rule or a list is mended by its owner alone; each statement that is printed runs.
    for (const { remedy } of found) if (remedy !== null) await query(remedy)
    const left = (await differences()).filter(({ remedy }) => remedy !== null)
    expect(left).toEqual([])
  })

  test('a money of 1.25 is 1.25 after its statement, a date the midnight of New York', async () => {
    const { differences, query } = await tables(
      `${OWN.replace('"open" double precision', '"open" money').replace('"time" timestamp with time zone', '"time" date')}
       ${row("'NVDA', '1d', '2025-07-30', 1.25, 2, 1, 2, 3, 'x'")}`,
    )
    for (const { remedy } of await differences()) await query(remedy!)
    expect(await query('SELECT open, "time"::text FROM market_data')).toEqual([
      { open: 1.25, time: expect.stringMatching(/^2025-07-30 0[04]:00:00/) },
    ])
  })

  test('a schema that the role may not use is 77, not a missing table', async () => {
    const { schema, open } = await tables(`${OWN} ${GUEST}`)
    await expect(open('guest').then((store) => store.holdings())).rejects.toMatchObject({
      code: 77,
      message: expect.stringContaining(`the role guest may not use the schema ${schema}`),
      hint: `as its owner: GRANT USAGE ON SCHEMA "${schema}" TO "guest"`,
    })
  })

  test('tables that were dropped after they were made are made again', async () => {
    const { open, query } = await tables('')
    const store = await open()
    await store.init()
    await query('DROP TABLE market_data')
    expect((await store.init()).migrations).toEqual([1, 2])
    expect(await loaded(store)).toMatchObject({ written: 3 })
    expect((await store.init()).migrations).toEqual([])
  })

  test('tables of an older version get the later ones beside them, and keep what they hold', async () => {
    const { open, query } = await tables('')
    const store = await open()
    await loaded(store)
    await query(
      `DELETE FROM jules_migrations WHERE version > 1; DROP TABLE ${RUN_TABLES.map(({ name }) => name).join()}`,
    )
    expect((await store.facts()).tables).toBe('missing')
    await store.init()
    expect([(await store.facts()).tables, (await store.init()).migrations]).toEqual(['there', []])
    expect(await loaded(store)).toMatchObject({ unchanged: 3 })
  })
})

describe('values that no bar can have are named, whoever put them there', () => {
  const values: [what: string, values: string, words: string][] = [
    [
      'NaN',
      "'NVDA', '1m', '2025-07-30 13:30Z', 1, 2, 1, 'NaN', 3, 'x'",
      'close of NVDA 1m 2025-07-30T13:30:00Z: expected a number, got NaN',
    ],
    [
      'NaN for a volume',
      "'NVDA', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 'NaN', 'x'",
      'volume of NVDA 1m 2025-07-30T13:30:00Z: expected a number, got NaN',
    ],
    [
      'a price below 0',
      "'NVDA', '1m', '2025-07-30 13:30Z', -1, 2, 1, 2, 3, 'x'",
      'open of NVDA 1m 2025-07-30T13:30:00Z: expected a price above 0, got -1',
    ],
    [
      'high below low',
      "'NVDA', '1m', '2025-07-30 13:30Z', 2, 1, 2, 2, 3, 'x'",
      'high of NVDA 1m 2025-07-30T13:30:00Z: 1 is below low 2',
    ],
    ['a volume below 0', "'NVDA', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, -3, 'x'", 'volume of NVDA 1m'],
    [
      'an endless time',
      "'NVDA', '1m', 'infinity', 1, 2, 1, 2, 3, 'x'",
      'time of NVDA 1m infinity: expected 1970 to 2099',
    ],
    [
      'a year of old',
      "'NVDA', '1m', '0044-03-15 BC', 1, 2, 1, 2, 3, 'x'",
      'time of NVDA 1m -000043-03-15T00:00:00Z: expected 1970 to',
    ],
    [
      'microseconds',
      "'NVDA', '1m', '2025-07-30 13:30:00.000123Z', 1, 2, 1, 2, 3, 'x'",
      'time of NVDA 1m 2025-07-30T13:30:00Z: expected whole milliseconds',
    ],
    [
      'a symbol with a quote',
      `'a"b', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 3, 'x'`,
      'symbol of "a\\"b" 1m 2025-07-30T13:30:00Z: expected capital letters, digits, dots and dashes, got "a\\"b"',
    ],
    [
      'a small symbol',
      "'nvda', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 3, 'x'",
      'symbol of nvda 1m 2025-07-30T13:30:00Z: expected capital letters',
    ],
    [
      'a source with an escape code',
      "'NVDA', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 3, E'x\\x1b[31m'",
      'source of NVDA 1m 2025-07-30T13:30:00Z: expected a short name without blanks, got "x\\u001b[31m"',
    ],
    [
      'a source with an accent',
      "'NVDA', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 3, 'é'",
      'source of NVDA 1m 2025-07-30T13:30:00Z: expected a short name without blanks, got "é"',
    ],
  ]
  test.each(values)('%s', async (_what, given, words) => {
    const { open } = await tables(`${OWN} ${row(given)}`)
    await expect(open().then(read)).rejects.toMatchObject({
      code: 65,
      message: expect.stringContaining(`market_data.${words}`),
    })
  })
})

test('rows come together by symbol where a collation takes two of them for one', async () => {
  const { open } =
    await tables(`CREATE COLLATION loose (provider = icu, locale = 'und-u-ka-shifted', deterministic = false);
    ${OWN.replace('"symbol" text', '"symbol" text COLLATE loose')}
    INSERT INTO market_data (symbol, "interval", "time", open, high, low, close)
    SELECT s, '1m', timestamptz '2025-02-01Z' + i * interval '1 minute', 1, 2, 1, 2 FROM unnest(ARRAY['A-B', 'AB']) WITH ORDINALITY AS x (s, k),
    LATERAL generate_series(k, 6, 2) AS i`)
  const store = await open()
  const symbols: (string | null)[] = []
  for await (const batch of store.bars({}, new AbortController().signal, { groups: ['symbol'] }))
    for (let i = 0; i < batch.length; i++) symbols.push(batch.names.text(batch.symbol[i]!))
  expect(symbols).toEqual(['A-B', 'A-B', 'A-B', 'AB', 'AB', 'AB'])
})

test('one bad row among more than a batch of good ones is found', async () => {
  const { open } = await tables(`${OWN} ${row("'NVDA', '1m', '2025-01-01', 1, 2, 1, 3, 5, 'x'")};
    INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, volume)
    SELECT 'NVDA', '1m', timestamptz '2025-02-01Z' + i * interval '1 minute', 1, 2, 1, 2, 5 FROM generate_series(1, 9000) i`)
  await expect(open().then(read)).rejects.toMatchObject({
    message: 'market_data.high of NVDA 1m 2025-01-01T00:00:00Z: 2 is below close 3',
  })
})

describe('what is written is what was given', () => {
  const triggers: [what: string, body: string, words: string | null][] = [
    ['leaves each row out', 'RETURN NULL;', 'leaves out the row NVDA 2025-07-30T13:30:00Z'],
    [
      'leaves one row out',
      'IF NEW.volume = 1001 THEN RETURN NULL; END IF; RETURN NEW;',
      'leaves out the row NVDA 2025-07-30T13:31:00Z',
    ],
    ['rounds', 'NEW.close = round(NEW.close); RETURN NEW;', 'changes the row NVDA 2025-07-30T13:30:00Z'],
    ['keeps the time of the change', 'NEW.updated_at = now(); RETURN NEW;', null],
  ]
  test.each(triggers)('a trigger that %s', async (_what, body, words) => {
    const { open, query } = await tables(`${OWN} ${trigger(body)}`)
    const store = await open()
    if (words === null) {
      expect(await loaded(store)).toMatchObject({ written: 3, unchanged: 0 })
      expect(await loaded(store)).toMatchObject({ written: 0, unchanged: 3 })
    } else {
      await expect(loaded(store)).rejects.toMatchObject({
        code: 65,
        message: expect.stringContaining(`a trigger of market_data ${words}`),
      })
      expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 0 }])
    }
  })

  test('a trigger of one partition is seen', async () => {
    const { open } = await tables(
      `${OWN.replace(/;$/, '')} PARTITION BY RANGE ("time");
       CREATE TABLE y2025 PARTITION OF market_data FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
       ${trigger('RETURN NULL;').replace('ON market_data', 'ON y2025')}`,
    )
    await expect(open().then((store) => loaded(store))).rejects.toMatchObject({ code: 65 })
  })

  test('policies for rows are kept: what they let through is written', async () => {
    const { schema, open, query } = await tables(
      `${OWN} ALTER TABLE market_data ENABLE ROW LEVEL SECURITY;
       CREATE POLICY p ON market_data USING (symbol = 'NVDA');
       GRANT ALL ON market_data TO public;
       ${row("'MSFT', '1m', '2025-07-30 13:30Z', 1, 2, 1, 2, 3, 'x'")}`,
    )
    await query(`${GUEST} GRANT ALL ON SCHEMA ${schema} TO guest`)
    const store = await open('guest')
    expect(await loaded(store)).toMatchObject({ written: 3 })
    expect(await loaded(store)).toMatchObject({ written: 0, unchanged: 3 })
    expect(await read(store)).toBe(3)
  })

  test.each([
    "EXECUTE 'SELEC 1';",
    ...['03000', '08006', '25000', '26000', '28P01', '34000', '42601'].map(
      (state) => `RAISE 'no' USING ERRCODE = '${state}';`,
    ),
  ])('a function of theirs that fails refuses the row, whatever the state it gives: %s', async (body) => {
    const { open } = await tables(`${OWN} ${trigger(body)}`)
    await expect(open().then((store) => loaded(store))).rejects.toMatchObject({
      code: 65,
      hint: expect.stringMatching(
        /^it comes from PL\/pgSQL function f\(\) line 1 at (EXECUTE|RAISE), which is not of jules$/,
      ),
    })
  })

  test('words of the server stay on one line', async () => {
    const { open } = await tables(`${OWN} ${trigger("RAISE E'one\\n  jules load: hint: two';")}`)
    await expect(open().then((store) => loaded(store))).rejects.toMatchObject({
      code: 65,
      message: expect.stringMatching(
        /: one jules load: hint: two \(table market_data\)$|: one jules load: hint: two$/,
      ),
    })
  })
})
