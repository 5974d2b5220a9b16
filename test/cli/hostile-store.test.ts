/** What another system has put into the tables: every reader names it or reads it right, and nothing of it leaves its place. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/base/errors.js'
import type { AnyLeaf } from '../../src/cli/command.js'
import { db } from '../../src/commands/db/db.js'
import { exportBars } from '../../src/commands/export.js'
import type { PostgresStore } from '../../src/store/postgres.js'
import type { BadRows } from '../../src/store/store.js'
import { BARS, createSql } from '../../src/store/tables.js'
import { called } from '../support/called.js'
import { noTrace } from '../support/store.js'
import { getLines, ownTables, putLines } from '../support/target.js'
import { barLines, freshDatabase, Workdir } from '../support/workdir.js'

/** A key holds no long texts. */
const TABLE = createSql(BARS).replace(/,\s*PRIMARY KEY \([^)]*\)/, '')

const insert = (row: Record<string, string>): string => {
  const all = {
    symbol: "'NVDA'",
    interval: "'1m'",
    time: "'2025-07-30 13:30Z'",
    ...{ open: '1', high: '2', low: '1', close: '2', volume: '3' },
    ...row,
  }
  const names = Object.keys(all).map((name) => `"${name}"`)
  return `INSERT INTO market_data (${names.join(', ')}) VALUES (${Object.values(all).join(', ')})`
}

type Bad = readonly [row: Record<string, string>, field: string, words: RegExp]
const BAD: readonly Bad[] = [
  [
    { symbol: "'../../x'" },
    'symbol',
    /^of "\.\.\/\.\.\/x" 1m 2025-07-30T13:30:00Z: expected capital letters/,
  ],
  [{ symbol: "'A/B'" }, 'symbol', /got "A\/B"$/],
  [{ symbol: "''" }, 'symbol', /got ""$/],
  [{ symbol: "'..'" }, 'symbol', /got "\.\."$/],
  [{ symbol: "'.'" }, 'symbol', /got "\."$/],
  [{ symbol: "E'A\\nB'" }, 'symbol', /got "A\\nB"$/],
  [{ symbol: "E'\\x1b]0;x\\x07'" }, 'symbol', /got "\\u001b\]0;x\\u0007"$/],
  [{ symbol: "U&'A\\202EB'" }, 'symbol', /got "A\\u202eB"$/],
  [{ symbol: "repeat('A', 17)" }, 'symbol', /got "A{17}"$/],
  [{ symbol: "repeat('AB', 1000000)" }, 'symbol', /got "(AB){28}\.\.\.$/],
  [{ interval: "'2m'" }, 'interval', /^of NVDA 2m .*expected one of 1s, /],
  [{ interval: "'../1m'" }, 'interval', /got "\.\.\/1m"$/],
  [{ interval: "repeat('1', 1000000)" }, 'interval', /got "1{56}\.\.\.$/],
  [{ time: "'-infinity'" }, 'time', /^of NVDA 1m -infinity: expected 1970/],
  [{ time: "'infinity'" }, 'time', /^of NVDA 1m infinity: expected 1970/],
  [{ time: "'4713-01-01 BC'" }, 'time', /expected 1970/],
  [{ time: "'294276-12-31'" }, 'time', /^of NVDA 1m 9\d+ ms: expected 1970/],
  [{ time: "'2100-01-01'" }, 'time', /expected 1970/],
  [{ time: "'2025-07-30 13:30:00.0001Z'" }, 'time', /expected whole milliseconds/],
  [{ open: "'NaN'" }, 'open', /expected a number, got NaN$/],
  [{ high: "'Infinity'" }, 'high', /expected a price above 0, got Infinity$/],
  [{ low: "'-Infinity'" }, 'low', /got -Infinity$/],
  [{ close: '0' }, 'close', /expected a price above 0, got 0$/],
  [{ volume: "'NaN'" }, 'volume', /got NaN$/],
  [{ volume: "'Infinity'" }, 'volume', /got Infinity$/],
  [{ vwap: '-1' }, 'vwap', /expected 0 or more, got -1$/],
  [{ trades: "'NaN'" }, 'trades', /got NaN$/],
  [{ adjusted: "'Splits'" }, 'adjusted', /expected one of .*got "Splits"$/],
  [{ session: "'regular'" }, 'session', /expected one of .*got "regular"$/],
  [{ source: "'two words'" }, 'source', /expected a short name without blanks, got "two words"$/],
  [{ source: "repeat('s', 5000000)" }, 'source', /got "s{56}\.\.\.$/],
]

describe('a row that is no bar', () => {
  const refusal = (store: PostgresStore) =>
    getLines(store).then(
      () => null,
      (error: unknown) => error,
    )

  test('ends a reading with its place and its column, whichever it is', async () => {
    const { open, query } = await ownTables(`${TABLE} ${insert({ time: "'2024-01-02'" })}`)
    const store = await open()
    for (const [row, field, words] of BAD) {
      await query(insert(row))
      const error = await refusal(store)
      expect(error, JSON.stringify(row).slice(0, 100)).toBeInstanceOf(Failure)
      const { code, message } = error as Failure
      expect([code, message.slice(0, `market_data.${field}`.length)]).toEqual([65, `market_data.${field}`])
      expect(message.slice(`market_data.${field} `.length)).toMatch(words)
      expect(message.length).toBeLessThan(400)
      await query(`DELETE FROM market_data WHERE "time" <> '2024-01-02'`)
    }
  })

  test('is counted and named for whoever asks for all of them, and the bars beside it are read', async () => {
    const { open, query } = await ownTables(`${TABLE} ${insert({ time: "'2024-01-02'" })}`)
    for (const [i, [row]] of BAD.entries()) {
      const time = `timestamptz '2025-07-30 13:30Z' + ${i} * interval '1 minute'`
      await query(insert({ time, ...row }))
    }
    const store = await open()
    const bad: BadRows[] = []
    let bars = 0
    const reading = store.bars({}, new AbortController().signal, { onBad: (rows) => bad.push(rows) })
    for await (const batch of reading) bars += batch.length
    expect([bars, bad.length]).toEqual([1, BAD.length])
    expect(bad.map(({ problem }) => problem.field).sort()).toEqual(BAD.map(([, field]) => field).sort())
    for (const { where } of bad) expect(where).toMatch(/^market_data of \S.{0,200}$/)
  })

  test.each([
    ['close double precision', 'NULL', 'is null'],
    ['close numeric', '1e400', 'is 1000'],
    ['close numeric', '1e-400', 'is 0.000'],
    ['close numeric', "'NaN'", 'is NaN'],
    ['close numeric', '1.23456789012345678901', 'is 1.23456789012345678901'],
    ['volume bigint', '9007199254740993', 'is 9007199254740993'],
  ])('in a column %s with %s is counted too', async (column, value, words) => {
    const [name = '', type = ''] = column.split(/ (.*)/)
    const own = createSql(BARS).replace(
      new RegExp(`"${name}" double precision( NOT NULL)?`),
      `"${name}" ${type}`,
    )
    const { open } = await ownTables(
      `${own} ${insert({ [name]: value })}; ${insert({ time: "'2025-07-30'" })}`,
    )
    const bad: BadRows[] = []
    let bars = 0
    const store = await open()
    const reading = store.bars({}, new AbortController().signal, { onBad: (rows) => bad.push(rows) })
    for await (const batch of reading) bars += batch.length
    expect([bars, bad]).toEqual([
      1,
      [
        {
          count: 1,
          where: expect.stringMatching(/^market_data of NVDA 1m 2025-07-30 13:30:00\+00$/),
          problem: expect.objectContaining({ field: name, words: expect.stringMatching(`^${words}`) }),
        },
      ],
    ])
    await expect(getLines(store)).rejects.toMatchObject({ code: 65 })
  })
})

test('the commands that read the store: 65 or a right answer, JSON that is JSON, no file elsewhere, no control characters', async () => {
  const dir = new Workdir('jules-hostile-')
  const { dsn, query } = await freshDatabase()
  await query(`${TABLE}; CREATE DOMAIN "d\u001b[31m" AS text; CREATE TABLE fills (run "d\u001b[31m")`)
  for (const row of ["'../../x'", "E'A\\x1b[31mB'", "repeat('Z', 3000000)"])
    await query(insert({ symbol: row, source: "E'\\x1b[2J'" }))
  await query(insert({ volume: "'NaN'" }))
  const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/
  const CALLED: Record<string, AnyLeaf> = {
    export: exportBars,
    ...Object.fromEntries(db.commands.map((command) => [`db ${command.name}`, command])),
  }
  const run = async (args: string[], statuses: number[]) => {
    const words = args[0] === 'db' ? 2 : 1
    const name = args.slice(0, words).join(' ')
    const command = CALLED[name]
    const { status, stdout, stderr } =
      command === undefined
        ? await dir.jules([...args, '--dsn', dsn])
        : await called(command, name, [...args.slice(words), '--dsn', dsn])
    noTrace(stderr)
    expect([args, statuses.includes(status!), stderr.slice(0, 300)]).toEqual([args, true, expect.anything()])
    expect(`${stdout}${stderr}`).not.toMatch(CONTROL)
    expect(stderr.length).toBeLessThan(5000)
    return { stdout, stderr }
  }
  const read = [
    run(['export'], [65]),
    run(['export', '-f', 'csv', '--symbols', 'NVDA'], [65]),
    run(['export', '--partition-by', 'symbol,date', '-o', dir.file('out/deep')], [65]),
    run(['--json', 'export', '-f', 'parquet', '-o', 'all.parquet'], [65]),
    run(['backtest', '--policy', 'flat'], [65, 66]),
    run(['train', '--steps', '2048'], [65, 66]),
    run(['check-env', '--symbols', 'NVDA,MSFT'], [65, 66]),
    run(['doctor', '-f', 'table'], [1]),
    run(['doctor', '-f', 'ndjson'], [1]),
    run(['db', 'status', '-f', 'table'], [0]),
    run(['db', 'init'], [78]),
    run(['inspect', '-f', 'table'], [0]),
  ]
  await Promise.all(read)
  const { stdout } = await run(['inspect'], [0])
  const records = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(records.map(({ check, count }) => [check, count])).toEqual([
    ['not-finite', 1],
    ['bad-symbol', 3],
  ])
  const { stderr } = await run(['db', 'purge', '--source', 'x,\u001b[2J', '--dry-run'], [0])
  expect(stderr).toContain('3 rows: ')
  expect(readdirSync(dir.path).filter((name) => !name.startsWith('.'))).toEqual([])
})

test('what an import remembers is looked at too', async () => {
  const { open, query } = await ownTables()
  const store = await open()
  await putLines(store, barLines(2), { importId: 'x' })
  for (const [change, words] of [
    ['rows = -5', /^imports\.rows is -5, expected a count: import "x"$/],
    ['rows = 9007199254740993', /^imports\.rows is 9007199254740993, expected a count/],
    [`rows = 1, digest = E'\\x1b[31m'`, /^imports\.digest is "\\u001b\[31m", expected a sha256/],
  ] as const) {
    await query(`UPDATE imports SET ${change}`)
    await expect(putLines(store, barLines(2), { importId: 'x' })).rejects.toMatchObject({
      code: 65,
      message: expect.stringMatching(words),
    })
  }
})
