/** `load --verify` and what the tables make of rows: nothing that came out otherwise passes for loaded. */
import { describe, expect, test } from 'vitest'
import { ownTables, putLines } from '../../test/support/target.js'
import { barLine, barLines } from '../../test/support/workdir.js'
import type { OtherRecord } from '../market/reading.js'
import { BARS, createSql, RECORD_TABLES, TABLES } from './tables.js'

/** A function of a trigger on `table`, with when it fires. */
const trigger = (table: string, when: string, body: string): string =>
  `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$;
   CREATE ${when.includes('DEFERRED') ? 'CONSTRAINT ' : ''}TRIGGER t ${when.replace('ON', `ON ${table}`)} EXECUTE FUNCTION f()`

const ALTERS = 'UPDATE market_data SET close = 179.3 WHERE volume = 1001 AND close <> 179.3;'
const DROPS = 'DELETE FROM market_data WHERE volume = 1001;'
const AT_COMMIT = 'AFTER INSERT OR UPDATE ON DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'
const OWN = createSql(BARS)

describe('bars', () => {
  test.each<[what: string, sql: string, verify: boolean, words: string | null]>([
    ['nothing of the kind', '', true, null],
    ['a change at the commit, unverified', trigger('market_data', AT_COMMIT, ALTERS), false, null],
    [
      'a change at the commit',
      trigger('market_data', AT_COMMIT, ALTERS),
      true,
      'the database changes the row NVDA 2025-07-30T13:31:00Z: close: 179.3 for 179.4',
    ],
    [
      'a loss at the commit',
      trigger('market_data', AT_COMMIT, DROPS),
      true,
      'the database leaves out the row NVDA 2025-07-30T13:31:00Z',
    ],
    [
      'a change after the statement',
      trigger('market_data', 'AFTER INSERT ON FOR EACH STATEMENT', ALTERS),
      false,
      'a trigger of market_data changes the row NVDA 2025-07-30T13:31:00Z: close: 179.3 for 179.4',
    ],
  ])('%s', async (_what, sql, verify, words) => {
    const { open } = await ownTables(`${OWN} ${sql}`)
    const store = await open()
    // One row stands twice: the later one counts.
    const lines = `${barLine(1, { volume: 7 })}\n${barLines(3)}`
    const load = putLines(store, lines, { verify })
    if (words === null) {
      expect(await load).toEqual({ written: 3, unchanged: 0, superseded: 1, verified: verify ? 3 : 0 })
      if (sql === '')
        expect(await putLines(store, lines, { verify })).toMatchObject({ unchanged: 3, verified: 3 })
    } else await expect(load).rejects.toMatchObject({ code: 65, message: words })
  })

  test('a row that --on-conflict nothing leaves as it was need only be there', async () => {
    const { open } = await ownTables()
    const store = await open()
    await putLines(store, barLines(2))
    const changed = barLine(1, { close: 179.2 })
    const counts = await putLines(store, changed, { verify: true, onConflict: 'nothing' })
    expect(counts).toMatchObject({ written: 0, verified: 1 })
  })
})

describe('records of runs', () => {
  const record = (object: Record<string, unknown>): OtherRecord => ({
    type: 'equity',
    object: object as OtherRecord['object'],
    text: JSON.stringify(object),
    line: 1,
  })
  const EQUITY = {
    type: 'equity',
    run: 'r',
    time: '2025-07-30T13:30:00Z',
    equity: 100.5,
    positions: { NVDA: 1 },
  }

  test.each<[what: string, when: string, verify: boolean, words: string | null]>([
    ['as they are', '', true, null],
    [
      'changed before',
      'BEFORE INSERT ON FOR EACH ROW',
      false,
      'a trigger of equity changes the equity record "r 2025-07-30',
    ],
    ['changed at the commit', AT_COMMIT, true, 'the database changes the equity record "r 2025-07-30'],
  ])('%s', async (_what, when, verify, words) => {
    const body = when.startsWith('BEFORE')
      ? 'NEW.equity = 1;'
      : 'UPDATE equity SET equity = 1 WHERE equity <> 1;'
    const { open } = await ownTables(
      `${TABLES.map(createSql).join('\n')} ${when === '' ? '' : trigger('equity', when, body)}`,
    )
    const store = await open()
    const load = await store.load({ onConflict: 'update', allowMock: false, verify })
    const loading = load.others([record(EQUITY), record({ ...EQUITY, time: '2025-07-30T13:31:00Z' })])
    if (words === null) {
      await loading
      expect(load.counts).toMatchObject({ written: 2, verified: 2 })
    } else await expect(loading).rejects.toMatchObject({ code: 65, message: expect.stringContaining(words) })
  })
})

describe('a record of a run that is there, and differs', () => {
  const [run, time] = ['r', '2025-07-30T13:30:00Z']
  const symbol = 'NVDA'
  const fill = {
    run,
    time,
    symbol,
    side: 'buy',
    qty: 5,
    price: 100,
    commission: 0.35,
    slippage: 0.01,
    ref: 'N',
  }
  const state = { run, time, connection: 'ready', data_age_ms: 0, latency_ms: 2, positions: { NVDA: 5 } }
  const risk = { run, time, rule: 'max-loss', action: 'halt', detail: { value: 1 } }

  /** What is there, what comes, and the rows of the table then; null where it is of another run. */
  const cases: [what: string, type: string, there: object, change: object, rows: number | null][] = [
    ['another order', 'order', { run, time, symbol, side: 'buy', qty: 5, ref: 'N' }, { qty: 6 }, null],
    ['an order at once after it', 'order', { run, time, symbol, side: 'buy', qty: 5 }, { reason: 'x' }, 2],
    ['another fill of the simulated broker', 'fill', { ...fill, exec: 'N.1' }, { commission: 1 }, null],
    ['another fill without an id', 'fill', fill, { price: 101 }, null],
    ["a correction of the broker's", 'fill', { ...fill, exec: '0001.1' }, { commission: 1 }, 1],
    ['another equity', 'equity', { run, time, equity: 5000 }, { equity: 5001 }, null],
    ['another value of a limit', 'risk', risk, { detail: { value: 2 } }, null],
    ['a limit of one symbol', 'risk', risk, { detail: { symbol, value: 2 } }, 2],
    ['other positions', 'state', state, { positions: { NVDA: 6 } }, null],
    ['another latency', 'state', state, { latency_ms: 3, connection: 'down', data_age_ms: 9 }, 1],
    ['a later summary', 'summary', { run, ending: 'stop' }, { ending: 'data' }, 1],
  ]

  test('is refused, but for what is measured anew or corrected', async () => {
    const { open, query } = await ownTables()
    const load = await (await open()).load({ onConflict: 'update', allowMock: false, verify: true })
    for (const [what, type, there, change, rows] of cases) {
      // Each case is a run of its own.
      const record = (more: object) => {
        const object = { type, ...there, ...more, run: what }
        return [{ type, object, text: '', line: 1 }]
      }
      await load.others(record({}))
      const second = load.others(record(change))
      if (rows === null) {
        const message = `the store has another run "${what}": its ${type} record of ${time} differs`
        await expect(second, what).rejects.toMatchObject({ code: 65, message })
      } else await second
      const { name } = RECORD_TABLES[type]!
      const found = await query(
        `SELECT count(*)::int AS n FROM ${name} WHERE run = '${what.replaceAll("'", "''")}'`,
      )
      expect(found, what).toEqual([{ n: rows ?? 1 }])
    }
    expect(await query("SELECT latency_ms FROM run_states WHERE run = 'another latency'")).toEqual([
      { latency_ms: 3 },
    ])
    expect(await query('SELECT summary FROM run_summaries')).toEqual([
      { summary: { type: 'summary', ending: 'data', run: 'a later summary' } },
    ])
  })
})

test('a run that a trigger leaves out is told', async () => {
  const { open } = await ownTables(
    `${TABLES.map(createSql).join('\n')} ${trigger('runs', 'BEFORE INSERT ON FOR EACH ROW', 'RETURN NULL;')}`,
  )
  const load = await (await open()).load({ onConflict: 'update', allowMock: false })
  const object = { type: 'equity', run: 'r', time: '2025-07-30T13:30:00Z', equity: 1 }
  await expect(load.others([{ type: 'equity', object, text: '', line: 1 }])).rejects.toMatchObject({
    code: 65,
    message: 'a trigger of runs leaves out the run "r"',
  })
})

test('who owns a table with triggers is named, and a role without rights is told before a row is read', async () => {
  const role = `clerk_${process.pid}`
  const { open, query, schema, target } = await ownTables(
    `${OWN} CREATE ROLE ${role} LOGIN; ${trigger('market_data', 'BEFORE INSERT ON FOR EACH ROW', '')}`,
  )
  await query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT ON market_data TO ${role}`)
  const dsn = target().dsn!.replace(/\/\/\w+@/, `//${role}@`)
  const clerk = await open({ dsn })
  expect((await clerk.differences()).map(({ words }) => words)).toContain(
    `market_data belongs to the role jules, whose triggers run with the rights of ${role}`,
  )
  await expect(clerk.load({ onConflict: 'update', allowMock: false })).rejects.toMatchObject({
    code: 77,
    message: `the role ${role} has no right to INSERT, UPDATE on market_data`,
    hint: `as its owner: GRANT INSERT, UPDATE ON ${schema}.market_data TO "${role}"`,
  })
  expect((await (await open()).differences()).map(({ words }) => words).join()).not.toContain('belongs')
  await clerk.close()
  await query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
})
