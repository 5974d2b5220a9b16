/** Whichever way a file takes into the store, the rows are the same. */
import { expect, test } from 'vitest'
import { barLine, freshDatabase, Workdir } from '../support/workdir.js'

const FILES: [name: string, text: string, options: string[]][] = [
  [
    'plain.csv',
    'symbol,interval,time,open,high,low,close,volume\nNVDA,1m,2025-07-30T13:30:00Z,180.1,180.6,179.9,180.4,1200\nNVDA,1m,2025-07-30T13:31:00Z,180.4,180.95,180.35,180.8,900\n',
    [],
  ],
  [
    'naive.csv',
    'datetime,open,high,low,close,volume\n2025-07-30 09:30:00,1,2,1,2,5.5\n2025-07-30 16:30:00,1,2,1,2,5\n',
    ['--symbol', 'MSFT', '--interval', '30m', '--tz', 'America/New_York'],
  ],
  [
    'full.csv',
    'symbol,interval,time,open,high,low,close,volume,vwap,trades,adjusted,session,source\nNVDA,1m,2025-07-30T13:30:00Z,180.1,180.6,179.9,180.4,1200,180.31,17,splits,rth,vendor\nNVDA,1m,2025-07-30T12:30:00Z,180.1,180.6,179.9,180.4,,,,,,\n',
    [],
  ],
  [
    'some.ndjson',
    [
      barLine(0),
      barLine(1, { source: null, session: null, adjusted: null, vwap: null }),
      barLine(2, { source: 'ib', session: 'rth', trades: null }),
      '',
    ].join('\n'),
    [],
  ],
]
const files = FILES.map(([name, text, options]) => ({ name, text, options }))
test.each(files)('load $name and fetch $name | load', async ({ name, text, options }) => {
  const dir = new Workdir()
  dir.write(name, text)
  const words = options.join(' ')
  const { dsn, query } = await freshDatabase()
  const rows = async (line: string, input = '') => {
    const { status, stderr } = await dir.line(line.replaceAll('LOAD', `jules load --dsn '${dsn}'`), { input })
    expect(status, stderr).toBe(0)
    // Each way begins with an empty table.
    return query(
      'WITH all_rows AS (DELETE FROM market_data RETURNING *) SELECT symbol, "interval", "time", open, high, low, close, volume, vwap, trades, adjusted, session, source FROM all_rows ORDER BY 1, 2, 3',
    )
  }
  const loaded = await rows(`LOAD ${name} ${words}`)
  expect(loaded.length).toBe(text.trim().split('\n').length - (name.endsWith('.csv') ? 1 : 0))
  for (const format of ['ndjson', 'csv', 'parquet']) {
    expect(await rows(`jules fetch ${name} ${words} -f ${format} | LOAD`)).toEqual(loaded)
  }
  expect(await rows(`LOAD ${words}`, text)).toEqual(loaded)
})
