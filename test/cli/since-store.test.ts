/** `jules fetch --since-store`: what the store lacks against the calendar, and no more. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { fetch } from '../../src/commands/fetch/fetch.js'
import { BARS, createSql } from '../../src/store/tables.js'
import { called } from '../support/called.js'
import { startFeedServer } from '../support/feed-server.js'
import { ownTables } from '../support/target.js'

/** Whole sessions of both symbols, but for what a test leaves out. */
const rows = (dates: readonly string[], left = 'true') =>
  `INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, session, source)
   SELECT symbol, '1m', "time", 100, 101, 99, 100, 'rth', 'alpaca'
   FROM unnest(ARRAY['NVDA', 'MSFT']) AS symbol,
     unnest(ARRAY[${dates.map((date) => `timestamptz '${date} 13:30Z'`).join(', ')}]) AS open_at,
     generate_series(open_at, open_at + interval '389 minutes', interval '1 minute') AS "time"
   WHERE ${left};`

async function world(sql: string, now = '2025-07-31T21:00:00Z') {
  const { schema } = await ownTables(`${createSql(BARS)} ${sql}`)
  const server = await startFeedServer()
  const home = mkdtempSync(join(tmpdir(), 'jules-since-'))
  onTestFinished(async () => {
    await server.close()
    rmSync(home, { recursive: true })
  })
  const env = { ALPACA_API_KEY_ID: 'id', ALPACA_API_SECRET_KEY: 'secret' }
  const args = ['--source', 'alpaca', '--alpaca-url', server.url, '--since-store']
  const store = ['--dsn', inject('serverUrl'), '--schema', schema]
  return async (...more: string[]) => {
    const result = await called(fetch, 'fetch', [...args, ...store, ...more], {
      ...{ env, home, clock: () => Date.parse(now) },
    })
    const lines = result.stdout.split('\n').filter((line) => line !== '')
    return { ...result, bars: lines.map((line) => JSON.parse(line)), calls: server.calls.length }
  }
}

test('a hole in a session and the sessions since are fetched, and nothing else', async () => {
  const lacks = `NOT (symbol = 'NVDA' AND "time" BETWEEN '2025-07-28 14:00Z' AND '2025-07-28 14:04Z')`
  const run = await world(rows(['2025-07-28', '2025-07-29', '2025-07-30'], lacks))
  const { status, bars } = await run('--from', '2025-07-28')
  expect(status).toBe(0)
  expect(bars.filter(({ time }) => time < '2025-07-31')).toHaveLength(5)
  expect(bars.filter(({ time }) => time > '2025-07-31')).toHaveLength(780)
})

test('a store that lacks nothing asks nobody and says so', async () => {
  const run = await world(rows(['2025-07-30', '2025-07-31']))
  const { status, stderr, bars, calls } = await run('--from', '2025-07-30')
  // So that load, at the other end of the pipe, is not told of nothing.
  const said = [{ type: 'note', message: 'the store lacks nothing of these sessions' }]
  expect({ status, bars, calls }).toEqual({ status: 0, bars: said, calls: 0 })
  expect(stderr).toBe('jules fetch: the store lacks nothing of these sessions\n')
})

test('bars that have not ended are not lacking', async () => {
  const run = await world(rows(['2025-07-30']), '2025-07-31T14:00:30Z')
  const { status, bars } = await run('--from', '2025-07-30', '--symbols', 'MSFT')
  expect({ status, last: bars.at(-1)?.time }).toEqual({ status: 0, last: '2025-07-31T13:59:00Z' })
})

test('a symbol that was left off long ago goes on from its last bar', async () => {
  const run = await world(rows(['2025-05-01']))
  const { status, bars } = await run('--symbols', 'NVDA', '--to', '2025-06-30')
  expect({ status, first: bars[0]?.time }).toEqual({ status: 0, first: '2025-05-02T13:30:00Z' })
})

test('a store without the symbol needs a beginning', async () => {
  const run = await world(rows(['2025-07-30'], `symbol = 'NVDA'`))
  const { status, stderr } = await run()
  expect({ status, stderr }).toEqual({
    status: 66,
    stderr:
      'jules fetch: the store holds no bars MSFT 1m\njules fetch: hint: say from which date on they are wanted with --from\n',
  })
})

test('a price that does not follow on that of the store is kept out', async () => {
  const run = await world(rows(['2025-07-30']).replace('100, 101, 99, 100', '1000, 1010, 990, 1000'))
  const { status, stderr } = await run('--from', '2025-07-30', '--symbols', 'NVDA')
  expect(status).toBe(1)
  expect(stderr).toMatch(/NVDA opens on 2025-07-31 .* split/)
})
