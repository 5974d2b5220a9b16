/** A load commits whole batches, and knows which. */
import { expect, test } from 'vitest'
import { lines, ROWS } from '../support/store.js'
import { barLine, freshDatabase, Workdir } from '../support/workdir.js'

test('an import that was killed goes on where it stopped', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  const input = dir.write('bars.ndjson', `${lines}not a bar\n`)
  const first = await dir.called(['load', '--dsn', dsn, '--import-id', 'nightly', input])
  expect(first.status).toBe(65)
  const [{ rows } = { rows: 0 }] = await query("SELECT rows::int AS rows FROM imports WHERE id = 'nightly'")
  expect(rows).toBe(ROWS)
  dir.write('bars.ndjson', `${lines}${barLine(ROWS)}\n`)
  const second = await dir.called(['load', '--dsn', dsn, '--import-id', 'nightly', input])
  expect(second.stderr).toBe(
    `jules load: ${ROWS + 1} rows read, 1 written, 0 unchanged, 0 rejected, ${ROWS} loaded before\n`,
  )
  dir.write('bars.ndjson', `${barLine(7, { volume: 1 })}\n${lines}`)
  const other = await dir.called(['load', '--dsn', dsn, '--import-id', 'nightly', input])
  expect(other.status).toBe(65)
  expect(other.stderr).toMatch(/^jules load: this is not the input that import "nightly" began with: /)
})

test.each([[[]], [['--import-id', 'nightly']]])(
  'what fails at the end of a batch takes the whole batch back: load %j',
  async (more) => {
    const dir = new Workdir()
    const { dsn, query } = await freshDatabase()
    const input = dir.write('bars.ndjson', lines)
    await dir.called(['db', 'init', '--dsn', dsn])
    // The second batch is refused when its progress is written; without an import, when the transaction is committed.
    const table = more.length > 0 ? 'imports' : 'market_data'
    await query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF (SELECT count(*) FROM market_data) > 60000 THEN RAISE 'not now' USING ERRCODE = '57014'; END IF;
      RETURN NULL; END $$`)
    await query(
      `CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON ${table} ${more.length > 0 ? '' : 'DEFERRABLE INITIALLY DEFERRED'}
       FOR EACH ROW ${more.length > 0 ? '' : 'WHEN (NEW.volume = 51000)'} EXECUTE FUNCTION refuse()`,
    )
    const { status, stderr } = await dir.called(['load', '--dsn', dsn, ...more, input])
    expect([status, stderr.split('\n')[1]], stderr).toEqual([
      69,
      'jules load: hint: it comes from PL/pgSQL function refuse() line 2 at RAISE, which is not of jules; 50000 rows are committed; running it again completes the load',
    ])
    expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: 50_000 }])
    if (more.length > 0) expect(await query('SELECT rows::int AS n FROM imports')).toEqual([{ n: 50_000 }])
    await query(`DROP TRIGGER refuse ON ${table}`)
    expect((await dir.called(['load', '--dsn', dsn, ...more, input])).status).toBe(0)
    expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
  },
)

test('two loads of the same rows at once both succeed', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  const input = dir.write('bars.ndjson', lines)
  const results = await Promise.all([1, 2, 3].map(() => dir.jules(['load', '--dsn', dsn, input])))
  expect(results.map(({ status }) => status)).toEqual([0, 0, 0])
  const written = results.map(({ stderr }) => Number(/(\d+) written/.exec(stderr)?.[1]))
  expect(written.reduce((a, b) => a + b)).toBe(ROWS)
  expect(await query('SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
})
