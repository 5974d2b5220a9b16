/** What an upgrade of the cluster writes to files: what these would lose is refused before anything is made. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { getLines, putLines, targetOf } from '../../test/support/target.js'
import { barLines, freshDatabase } from '../../test/support/workdir.js'
import { dumpTables, others, restoreTables } from './dump.js'
import { PostgresStore } from './postgres.js'

/** A database with tables and bars of jules, changed by this. */
async function made(sql = '') {
  const { dsn, query } = await freshDatabase()
  const store = await PostgresStore.open(targetOf(dsn))
  await putLines(store, barLines(3))
  await store.close()
  await query(sql)
  const directory = mkdtempSync(join(tmpdir(), 'jules-dump-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return { client: await clientOf(dsn), directory }
}

async function clientOf(dsn: string) {
  const client = new pg.Client({ connectionString: dsn, ssl: false })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

const OTHERS: readonly [what: string, sql: string, words: RegExp][] = [
  [
    'partitions',
    `ALTER TABLE market_data RENAME TO y; CREATE TABLE market_data (LIKE y INCLUDING ALL) PARTITION BY RANGE (time);
     CREATE TABLE rest PARTITION OF market_data DEFAULT`,
    /^schema "public": market_data is a table of partitions$/,
  ],
  [
    'a view',
    'ALTER TABLE fills RENAME TO y; CREATE VIEW fills AS TABLE y',
    /^schema "public": fills is a view, not a table$/,
  ],
  ['heirs', 'CREATE TABLE y () INHERITS (market_data)', /market_data has tables that inherit from it/],
  ['exact numbers', 'ALTER TABLE market_data ALTER open TYPE numeric(10,4)', /columns of exact numbers$/],
  ['a column more', 'ALTER TABLE market_data ADD desk text', /market_data has the column "desk"/],
  ['a column less', 'ALTER TABLE market_data DROP vwap', /market_data has no column vwap$/],
]

test('tables of somebody else are refused, whatever makes them so', async () => {
  const { client, directory } = await made()
  for (const [what, sql, words] of OTHERS) {
    await client.query(`BEGIN; ${sql}`)
    await expect(dumpTables(client, directory), what).rejects.toMatchObject({
      code: 65,
      message: expect.stringMatching(words),
      hint: expect.stringContaining('pg_dump'),
    })
    await client.query('ROLLBACK')
  }
  await expect(dumpTables(client, join(directory, 'none'))).rejects.toMatchObject({
    code: 66,
    message: expect.stringMatching(/none\/0001\.copy\.tmp: no such file or directory$/),
  })
})

test('what is not moved is named; what is comes out whole, over settings of any kind', async () => {
  const { client, directory } = await made(
    `CREATE MATERIALIZED VIEW mine AS SELECT 1; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER t BEFORE INSERT ON market_data FOR EACH ROW EXECUTE FUNCTION f()`,
  )
  await client.query(
    "SET DateStyle = 'SQL, DMY'; SET quote_all_identifiers = on; SET TIME ZONE 'Asia/Kolkata'",
  )
  const dumped = await dumpTables(client, directory)
  const left = await others(client)
  expect(left.filter((name) => !name.startsWith('database '))).toEqual([
    'public.mine',
    'trigger t of public.market_data',
  ])
  const { dsn } = await freshDatabase()
  await restoreTables(await clientOf(dsn), dumped, directory)
  const store = await PostgresStore.open(targetOf(dsn))
  expect(await getLines(store)).toBe(barLines(3))
  await store.close()
})
