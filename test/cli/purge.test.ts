/** What goes out of the store, and what does not without a word. */
import { describe, expect, inject, test } from 'vitest'
import { db } from '../../src/commands/db/db.js'
import { BARS, createSql } from '../../src/store/tables.js'
import { called } from '../support/called.js'
import { ownTables } from '../support/target.js'
import { Workdir } from '../support/workdir.js'

/** Rows by symbol, source and minute from 13:30 UTC; a day has 1440. */
const ROWS: [symbol: string, source: string | null, minute: number][] = [
  ['NVDA', 'mock', 0],
  ['MSFT', 'mock', 0],
  ['NVDA', 'ib', 1],
  ['MSFT', 'ib', 1441],
  ['NVDA', null, 2],
  ['AAPL', null, 1442],
]

const purgeCommand = db.commands.find(({ name }) => name === 'purge')!

const TABLE = `${createSql(BARS)} INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, source) VALUES ${ROWS.map(
  ([symbol, source, minute]) =>
    `('${symbol}', '1m', timestamptz '2025-07-30 13:30Z' + ${minute} * interval '1 minute', 1, 2, 1, 2, ${source === null ? 'NULL' : `'${source}'`})`,
).join(', ')};`

async function filled() {
  const { schema, query } = await ownTables(TABLE)
  const of = ['--dsn', inject('serverUrl'), '--schema', schema]
  const left = async () =>
    (await query('SELECT symbol, source FROM market_data ORDER BY "time", symbol')).map(
      ({ symbol, source }) => `${symbol} ${source}`,
    )
  const purge = (...args: string[]) => called(purgeCommand, 'db purge', [...of, ...args])
  return { left, purge, query, of }
}
const names = (rows: typeof ROWS) => rows.map(([symbol, source]) => `${symbol} ${source}`).sort()

describe('each condition, and several together', () => {
  test.each<[args: string[], goes: (row: (typeof ROWS)[number]) => boolean]>([
    [['--source', 'ib'], ([, source]) => source === 'ib'],
    [['--source', 'mock,ib'], ([, source]) => source !== null],
    [['--null-source'], ([, source]) => source === null],
    [['--null-source', '--source', 'ib'], ([, source]) => source !== 'mock'],
    [['--symbol', 'NVDA'], ([symbol]) => symbol === 'NVDA'],
    [['--symbol', 'nvda,AAPL', '--null-source'], ([, source]) => source === null],
    [['--from', '2025-07-31'], ([, , minute]) => minute >= 1440],
    [['--to', '2025-07-30'], ([, , minute]) => minute < 1440],
    [['--interval', '1m'], () => true],
    [['--span', 'NVDA:2025-07-30'], ([symbol]) => symbol === 'NVDA'],
    [['--span', 'nvda:2025-07-30T13:31:00Z'], ([symbol, , minute]) => symbol === 'NVDA' && minute === 1],
    [
      ['--span', 'NVDA:2025-07-30T13:30:00Z..2025-07-30T13:31:59Z'],
      ([symbol, , minute]) => symbol === 'NVDA' && minute < 2,
    ],
    [
      ['--to', '2025-07-30', '--source', 'ib', '--symbol', 'NVDA'],
      ([symbol, source]) => symbol === 'NVDA' && source === 'ib',
    ],
  ])('%j', async (args, goes) => {
    const { left, purge } = await filled()
    const count = ROWS.filter(goes).length
    const dry = await purge(...args, '--dry-run')
    expect([dry.status, dry.stderr]).toEqual([
      0,
      expect.stringMatching(
        new RegExp(`^jules db purge: ${count} rows: .*\njules db purge: nothing deleted \\(dry run\\)\n$`),
      ),
    ])
    expect((await left()).sort()).toEqual(names(ROWS))
    const done = await purge(...args, '--yes')
    expect([done.status, done.stdout, done.stderr]).toEqual([
      0,
      '',
      expect.stringContaining(`jules db purge: ${count} rows deleted\n`),
    ])
    expect((await left()).sort()).toEqual(names(ROWS.filter((row) => !goes(row))))
  })
})

test('real rows do not go without --yes, nor twice', async () => {
  const { left, purge, of } = await filled()
  expect((await new Workdir().jules(['db', 'purge', ...of, '--source', 'mock,ib'])).status).toBe(64)
  const refused = await purge('--source', 'mock,ib')
  expect([refused.status, refused.stderr]).toEqual([
    64,
    expect.stringContaining('needs --yes without a terminal'),
  ])
  expect((await left()).sort()).toEqual(names(ROWS))
  expect((await purge('--source', 'ib', '--yes')).status).toBe(0)
  expect((await purge('--source', 'ib', '--yes')).status).toBe(66)
})

test('generated rows go without a question', async () => {
  const { left, purge } = await filled()
  const { status, stderr } = await purge('--source', 'mock')
  expect([status, stderr.split('\n')[0]]).toEqual([
    0,
    'jules db purge: 2 rows: MSFT 1m mock: 1 rows 2025-07-30 to 2025-07-30; NVDA 1m mock: 1 rows 2025-07-30 to 2025-07-30',
  ])
  expect(await left()).toHaveLength(4)
})

test.each([[[]], [['--yes']], [['--dry-run']]])('without a condition nothing goes: %j', async (args) => {
  const { left, purge } = await filled()
  const { status, stderr } = await purge(...args)
  expect([status, stderr]).toEqual([
    64,
    'jules db purge: nothing says which rows go\njules db purge: hint: give --source, --null-source, --symbol, --interval, --from, --to or --span\n',
  ])
  expect(await left()).toHaveLength(ROWS.length)
})

test('nothing of a name quotes its way out', async () => {
  const { left, purge } = await filled()
  expect((await purge('--source', "x' OR true --", '--yes')).status).toBe(66)
  expect(await left()).toHaveLength(ROWS.length)
})

test('on a terminal it asks, and a no changes nothing', async () => {
  const { left, of } = await filled()
  const dir = new Workdir()
  const line = (answer: string) =>
    dir.shell(
      `script -qec "jules db purge ${of.map((word) => `'${word}'`).join(' ')} --source ib" /dev/null <<< ${answer}`,
    )
  const no = await line('no')
  expect([no.status, no.stdout]).toEqual([1, expect.stringContaining('Delete these 2 rows? yes or no:')])
  expect(await left()).toHaveLength(ROWS.length)
  expect((await line('yes')).stdout).toContain('2 rows deleted')
  expect(await left()).toHaveLength(ROWS.length - 2)
})

test('rows that a trigger of theirs keeps are not said to be gone', async () => {
  const { left, purge, query } = await filled()
  await query(`CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER keep BEFORE DELETE ON market_data FOR EACH ROW EXECUTE FUNCTION keep()`)
  const { status, stderr } = await purge('--source', 'ib', '--yes')
  expect([status, stderr]).toEqual([65, expect.stringContaining('the database deleted none of them')])
  expect(await left()).toHaveLength(ROWS.length)
})
