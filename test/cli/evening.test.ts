/** The evening: a day that was damaged in the store is repaired by the commands that its findings print, until it is green. */
import { expect, inject, onTestFinished, test } from 'vitest'
import { parseDate } from '../../src/base/time.js'
import { eodValidate } from '../../src/commands/eod-validate/eod-validate.js'
import { sessionsEndingAt } from '../../src/market/calendar.js'
import { called } from '../support/called.js'
import { marketOfBars, startFeedServer } from '../support/feed-server.js'
import { bars as generated } from '../support/mock-feed.js'
import { ownTables, putLines } from '../support/target.js'
import { Workdir } from '../support/workdir.js'

const KEYS = { ALPACA_API_KEY_ID: 'PKTEST123456', ALPACA_API_SECRET_KEY: 'a-secret-of-alpaca' }
const CLOCK = () => Date.parse('2025-08-02T01:00:00Z')

/** What breaks in stores, as SQL on the last day; each finding of it has a command. */
const DAMAGE = {
  'a range is missing': `DELETE FROM market_data WHERE symbol = 'NVDA' AND "time" BETWEEN '2025-08-01 14:00Z' AND '2025-08-01 14:14Z'`,
  'one bar is missing': `DELETE FROM market_data WHERE symbol = 'MSFT' AND "time" = '2025-08-01 15:30Z'`,
  'the first bars are missing': `DELETE FROM market_data WHERE symbol = 'MSFT' AND "time" BETWEEN '2025-08-01 13:30Z' AND '2025-08-01 13:31Z'`,
  'the last bar is missing': `DELETE FROM market_data WHERE symbol = 'NVDA' AND "time" = '2025-08-01 19:59Z'`,
  'a bar is off the grid': `UPDATE market_data SET "time" = "time" + interval '17 seconds' WHERE symbol = 'NVDA' AND "time" = '2025-08-01 16:00Z'`,
  'bars are off the grid': `UPDATE market_data SET "time" = "time" + interval '17 seconds' WHERE symbol = 'MSFT' AND "time" IN ('2025-08-01 16:10Z', '2025-08-01 16:20Z')`,
  'a close is a spike': `UPDATE market_data SET close = close * 1.5, high = high * 1.5 WHERE symbol = 'NVDA' AND "time" = '2025-08-01 17:00Z'`,
  'high is below low': `UPDATE market_data SET high = low / 2 WHERE symbol = 'MSFT' AND "time" = '2025-08-01 17:05Z'`,
  'a price is zero': `UPDATE market_data SET low = 0 WHERE symbol = 'MSFT' AND "time" = '2025-08-01 17:10Z'`,
  'a volume is negative': `UPDATE market_data SET volume = -5 WHERE symbol = 'NVDA' AND "time" = '2025-08-01 17:15Z'`,
  'a volume is zero': `UPDATE market_data SET volume = 0 WHERE symbol = 'NVDA' AND "time" = '2025-08-01 17:20Z'`,
  'prices stand still': `UPDATE market_data SET open = 587, high = 587, low = 587, close = 587, volume = 7 WHERE symbol = 'MSFT' AND "time" BETWEEN '2025-08-01 18:00Z' AND '2025-08-01 18:20Z'`,
  'a row is said to be of the session and lies after it': `INSERT INTO market_data (symbol, "interval", "time", open, high, low, close, volume, session, source) VALUES ('NVDA', '1m', '2025-08-01 20:30Z', 170, 171, 169, 170, 5, 'rth', 'alpaca')`,
  'a row of the session says that it is not': `UPDATE market_data SET session = 'eth' WHERE symbol = 'NVDA' AND "time" = '2025-08-01 18:30Z'`,
} as const

async function world() {
  const days = sessionsEndingAt(parseDate('2025-08-01')!, 8)
  const truth = generated({ sessions: days })
  const { schema, query, open } = await ownTables()
  const store = await open()
  await store.init()
  await putLines(store, truth.map((bar) => JSON.stringify({ ...bar, source: 'alpaca' })).join('\n'))
  const server = await startFeedServer({ market: marketOfBars(truth) })
  onTestFinished(() => server.close())
  const dir = new Workdir()
  const env = {
    ...KEYS,
    JULES_DSN: inject('serverUrl'),
    JULES_SCHEMA: schema,
    JULES_FETCH_ALPACA_URL: server.url,
  }
  const check = async () => {
    const args = [
      '--date',
      '2025-08-01',
      '-f',
      'ndjson',
      '--no-record',
      // The clock of the database is that of the machine.
      '--threshold',
      'arrival=1000000',
      '--dsn',
      env.JULES_DSN,
      '--schema',
      schema,
    ]
    const { status, stdout, stderr } = await called(eodValidate, 'eod-validate', args, {
      home: dir.path,
      clock: CLOCK,
    })
    const findings = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
    return { status, findings, stderr }
  }
  const run = async (line: string) => dir.shell(`set -o pipefail; ${line}`, { env })
  return { check, run, query, dir }
}

test('a day in the store that has all of it is repaired by what its findings print', async () => {
  const { check, run, query } = await world()
  expect(await check()).toEqual({ status: 0, findings: [], stderr: '' })
  for (const sql of Object.values(DAMAGE)) await query(sql)
  let { status, findings } = await check()
  expect(status).toBe(1)
  expect(new Set(findings.map(({ check: id }) => id))).toEqual(
    new Set([
      ...['missing', 'first-bar', 'last-bar', 'off-grid', 'spike', 'ohlc', 'price', 'negative-volume'],
      ...['zero-volume', 'stale', 'outside-session', 'label'],
    ]),
  )
  expect(findings.filter(({ fix }) => fix === null)).toEqual([])
  for (let round = 0; round < 3 && findings.length > 0; round++) {
    for (const fix of new Set<string>(findings.map(({ fix }) => fix))) {
      const { status: code, stderr } = await run(fix)
      expect([fix, code, code === 0 ? '' : stderr]).toEqual([fix, 0, ''])
    }
    ;({ status, findings } = await check())
  }
  expect([status, findings]).toEqual([0, []])
})
