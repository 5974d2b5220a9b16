/** The store on the page of data, against a real PostgreSQL, and servers that refuse or say nothing. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { fakePostgres } from '../../../test/support/fake-postgres.js'
import { freshDatabase, once } from '../../../test/support/workdir.js'
import type { Context } from '../../cli/context.js'
import type { Options } from '../../cli/options.js'
import type { Dashboard } from '../../dash/dashboard.js'
import { qualityPage, type StoredQuality } from '../../dash/page-quality.js'
import { withStore } from '../wiring/store.js'
import { askStore, watchStore } from './stored.js'

const RULESET = 'test/1'

/** A run in an empty environment, but for a password. */
function surroundings(password?: string) {
  const stop = new AbortController()
  const ends: (() => Promise<void>)[] = []
  const context = {
    ...{ cwd: '/nonexistent', uid: process.getuid!(), hasAccount: true, pid: process.pid },
    ...{ platform: process.platform, arch: process.arch, clock: Date.now, kill: process.kill },
    paths: { home: '/nonexistent', data: '/nonexistent', state: '/nonexistent' },
    env: (name: string) => (name === 'TIMESCALEDB_PASSWORD' ? password : undefined),
    signal: stop.signal,
    settings: new Map(),
    settingsOf: async (_: string, options: Options) =>
      Object.fromEntries(Object.entries(options).map(([key, { fallback }]) => [key, fallback])),
    ui: { warn: () => {}, note: () => {} },
    onEnd: (end: () => Promise<void>) => ends.push(end),
  } as unknown as Context
  const end = async () => {
    stop.abort()
    for (const one of ends) await one()
  }
  onTestFinished(end)
  return { context, end }
}

const flags = (dsn: string | undefined, schema = 'public') => ({
  ...{ dsn, schema, 'lock-timeout': 5, 'allow-cleartext': true },
})

/** The page as people read it. */
const wordsOf = (stored: StoredQuality): string =>
  qualityPage({ sources: { list: [] } } as unknown as Dashboard, stored)
    .text.replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')

const shown = async (dsn: string | undefined, schema?: string, password?: string): Promise<string> =>
  wordsOf(await askStore(surroundings(password).context, flags(dsn, schema)))

const report = (date: string, check: string, severity: string, symbol = 'NVDA') => ({
  ...{ type: 'quality', date, ruleset: RULESET, symbol, check, severity, from: `${date}T14:00:00Z` },
  ...{ to: null, count: 3, observed: null, expected: null, samples: null, fix: `mend ${date}` },
})

/** Puts findings into the tables as eod-validate does. */
async function record(dsn: string, reports: readonly ReturnType<typeof report>[]): Promise<void> {
  const dates = [...new Set(reports.map(({ date }) => date))]
  const records = reports.map((object) => ({ line: 1, type: 'quality', object, text: '' }))
  await withStore(surroundings().context, flags(dsn), (store) =>
    store.replaceReports({ dates, rulesets: [RULESET] }, records),
  )
}

describe('what the store says of data', () => {
  test('a database without tables, with empty ones, with strange ones, with findings', async () => {
    const { dsn, query } = await freshDatabase()
    const none = 'The store has no findings No date has been checked there yet. jules eod-validate records'
    expect(await shown(dsn)).toContain(none)
    await query('CREATE SCHEMA s; CREATE TABLE s.data_quality_reports (a int)')
    expect(await shown(dsn, 's')).toMatch(
      /cannot be read .*data_quality_reports has no column date.*jules db init/,
    )
    // In another order than that of their dates, and more than are shown.
    const dates = Array.from({ length: 150 }, (_, n) =>
      new Date(Date.UTC(2025, 0, 1 + ((n * 7) % 150))).toISOString().slice(0, 10),
    )
    await record(dsn, [
      ...dates.flatMap((date) => [report(date, 'spike', 'warn'), report(date, 'stale', 'warn', 'MSFT')]),
      ...dates.map((date) => report(date, 'run', 'error', '')),
      report('2025-05-30', 'missing', 'error'),
      report('2025-05-31', 'run', 'info', ''),
    ])
    await query(
      `INSERT INTO data_quality_reports (date, ruleset, "check") VALUES ('infinity', 'x', 'y'), ('-infinity', 'x', 'y')`,
    )
    const words = await shown(dsn)
    expect(words).toContain('151 dates checked, 1 with errors, 149 with warnings')
    expect(words).toContain('30 E 31 \u00b7')
    // The newest findings are told, whatever the order they came in.
    expect(words).toContain(
      'What to do 2025-05-30 MSFT stale warn 3 mend 2025-05-30 2025-05-30 NVDA missing error',
    )
    expect(words).not.toContain('mend 2025-01-01')
    await query('DROP TABLE market_data')
    expect(await shown(dsn)).toContain('151 dates checked')
    await query('TRUNCATE data_quality_reports')
    expect(await shown(dsn)).toContain(none)
  })

  test('a server that is not there, refuses the password, or has none for it', async () => {
    const { port } = await fakePostgres()
    const dsn = `postgres://u@127.0.0.1:${port}/x`
    expect(await shown(dsn, 'public', 'wrong')).toMatch(
      /cannot be read cannot connect to u@127\.0\.0\.1:\d+\/x: .*password.* store 127\.0\.0\.1:\d+\/x public/,
    )
    expect(await shown(dsn)).toContain('TIMESCALEDB_PASSWORD is neither in the environment nor in the vault')
    expect(await shown('postgres://u@127.0.0.1:1/x', 'public', 'p')).toContain('connection refused')
    expect(await shown(undefined)).toContain('the embedded database is not running: jules db start')
  })

  test('one that says nothing is asked once, and left at once in the end', async () => {
    const { port, spoken } = await fakePostgres({ silent: true })
    const { context, end } = surroundings('p')
    const stored = watchStore(context, flags(`postgres://u@127.0.0.1:${port}/x`), {
      changed: () => {},
      failed: () => expect.unreachable(),
    })
    await spoken
    expect(wordsOf(stored())).toContain('It is being asked')
    const beganMs = performance.now()
    await end()
    expect(performance.now() - beganMs).toBeLessThan(2000)
  })

  test('that it goes, comes back or finds more is told, and nothing where it says the same', async () => {
    const { dsn } = await freshDatabase()
    const name = new URL(dsn.replace('@/', '@localhost/')).pathname.slice(1)
    const server = dsn.replace(`/${name}`, '/postgres')
    let wake = () => {}
    let changes = 0
    const stored = watchStore(surroundings().context, flags(dsn), {
      changed: () => {
        changes++
        wake()
      },
      failed: (error) => {
        throw error
      },
      everyMs: 5,
    })
    const until = async (words: string) => {
      while (!wordsOf(stored()).includes(words)) await new Promise<void>((done) => (wake = done))
    }
    await until('no findings')
    await record(dsn, [report('2025-07-30', 'spike', 'error')])
    await until('1 date checked, 1 with errors')
    await once(server, `DROP DATABASE ${name} WITH (FORCE)`)
    await until(`database &quot;${name}&quot; does not exist`)
    await once(server, `CREATE DATABASE ${name}`)
    await until('no findings')
    // That it ends a session under way may be words of their own.
    expect(changes).toBeGreaterThanOrEqual(4)
    expect(changes).toBeLessThan(10)
  })
})
