/** `load --verify` and what the tables make of rows: nothing that came out otherwise passes for loaded. */
import { describe, expect, test } from 'vitest'
import { ownTables, putLines } from '../../test/support/target.js'
import { barLine, barLines } from '../../test/support/workdir.js'
import type { OtherRecord } from '../market/reading.js'
import { BARS, createSql, TABLES } from './tables.js'

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
