/** CSV and JSON as vendors write them. */
import { describe, expect, test } from 'vitest'
import { Workdir } from '../support/workdir.js'

describe('files of vendors', () => {
  const fields = {
    symbol: 'NVDA',
    interval: '5m',
    open: 179.2,
    high: 179.5,
    low: 179.1,
    close: 179.4,
    volume: 1000,
  }
  const expected = ['2025-07-31T13:30:00Z', '2025-07-31T13:35:00Z'].map((time) => ({ ...fields, time }))
  const V = '179.2,179.5,179.1,179.4,1000'
  const files: [title: string, text: string, args: string[]][] = [
    [
      'naive New York stamps',
      `datetime,open,high,low,close,volume\n2025-07-31 09:30:00,${V}\n2025-07-31 09:35:00,${V}\n`,
      ['--symbol', 'NVDA', '--tz', 'America/New_York'],
    ],
    [
      'capitalised headers in another order',
      `Close,Open,High,Low,Volume,Timestamp\n179.4,179.2,179.5,179.1,1000,2025-07-31T09:30:00-04:00\n179.4,179.2,179.5,179.1,1000,2025-07-31T09:35:00-04:00\n`,
      ['--symbol', 'nvda'],
    ],
    [
      'a UTC offset and long decimals',
      `time,open,high,low,close,volume,vwap\n2025-07-31 13:30:00+00:00,179.2000000000,179.5000000000,179.1000000000,179.4000000000,1000.0,\n2025-07-31 13:35:00+00:00,${V},\n`,
      ['--symbol', 'NVDA'],
    ],
    [
      'date and time apart',
      `Date,Time,Open,High,Low,Close,Volume\n2025-07-31,09:30,${V}\n2025-07-31,09:35,${V}\n`,
      ['--symbol', 'NVDA', '--tz', 'America/New_York'],
    ],
    [
      'semicolons',
      `time;ticker;open;high;low;close;volume\n2025-07-31T13:30:00Z;NVDA;${V.replaceAll(',', ';')}\n2025-07-31T13:35:00Z;NVDA;${V.replaceAll(',', ';')}\n`,
      [],
    ],
    [
      'tabs',
      `time\tsymbol\topen\thigh\tlow\tclose\tvolume\n2025-07-31T13:30:00Z\tNVDA\t${V.replaceAll(',', '\t')}\n2025-07-31T13:35:00Z\tNVDA\t${V.replaceAll(',', '\t')}\n`,
      [],
    ],
    [
      'epoch seconds',
      `timestamp,symbol,open,high,low,close,volume\n1753968600,NVDA,${V}\n1753968900,NVDA,${V}\n`,
      [],
    ],
    [
      'epoch milliseconds',
      `timestamp,symbol,open,high,low,close,volume\n1753968600000,NVDA,${V}\n1753968900000,NVDA,${V}\n`,
      [],
    ],
    [
      'a column nobody knows',
      `time,symbol,open,high,low,close,volume,colour\n2025-07-31T13:30:00Z,NVDA,${V},red\n2025-07-31T13:35:00Z,NVDA,${V},red\n`,
      [],
    ],
    [
      'quoted fields',
      `"time","symbol","open","high","low","close","volume"\n"2025-07-31T13:30:00Z","NVDA","179.2","179.5","179.1","179.4","1000"\n"2025-07-31T13:35:00Z","NVDA",${V}\n`,
      [],
    ],
    [
      'JSON with other keys',
      `{"t":1753968600000,"ticker":"NVDA","Open":179.2,"HIGH":179.5,"low":179.1,"close":179.4,"volume":1000}\n{"ts":"2025-07-31T13:35:00Z","Symbol":"NVDA","open":179.2,"high":179.5,"low":179.1,"close":179.4,"volume":1000}\n`,
      [],
    ],
  ]
  test.each(files)('%s', async (_title, text, args) => {
    const dir = new Workdir()
    const { stdout, stderr } = await dir.jules(['fetch', '-', ...args], { input: text })
    expect(stderr).toBe('')
    const bars = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(bars).toEqual(
      expected.map((bar) => ({
        type: 'bar',
        ...bar,
        vwap: null,
        trades: null,
        adjusted: null,
        session: 'rth',
        source: 'file',
      })),
    )
    expect(Object.keys(bars[0])).toEqual([
      'type',
      'symbol',
      'interval',
      'time',
      'open',
      'high',
      'low',
      'close',
      'volume',
      'vwap',
      'trades',
      'adjusted',
      'session',
      'source',
    ])
  })

  const broken: [title: string, text: string, message: string][] = [
    ['no header', `2025-07-31T13:30:00Z,NVDA,${V}\n`, 'stdin:1: the first line is no header'],
    ['a missing column', 'time,open,high,low,close\n', 'stdin:1: the header lacks volume'],
    [
      'two closes',
      `time,symbol,open,high,low,close,Close,volume\n`,
      'stdin:1: columns "close" and "Close" are both close',
    ],
    [
      'a short row',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,1,2\n`,
      'stdin:2: expected 7 columns, got 4',
    ],
    [
      'text for a number',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,${V.replace('179.4', 'n/a')}\n`,
      'stdin:2: close: expected a number, got "n/a"',
    ],
    [
      'a naive stamp',
      `time,symbol,open,high,low,close,volume\n2025-07-31 13:30:00,NVDA,${V}\n`,
      'stdin:2: time: "2025-07-31 13:30:00" has no UTC offset; name its zone with --tz',
    ],
    [
      'an open quote',
      `time,symbol,open,high,low,close,volume\n"2025-07-31T13:30:00Z,NVDA,${V}\n`,
      'stdin:2: not CSV: ',
    ],
    [
      'one row, no interval',
      `time,symbol,open,high,low,close,volume\n2025-07-31T13:30:00Z,NVDA,${V}\n`,
      'stdin:2: the interval is missing and cannot be told from a single row a symbol',
    ],
  ]
  test.each(broken)('%s is named', async (_title, text, message) => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.jules(['fetch', '-', '-q'], { input: text })
    expect(stderr.startsWith(`jules fetch: ${message}`), stderr).toBe(true)
    expect([status, stdout]).toEqual([65, ''])
  })

  test('the session of a date beyond the calendar is not known', async () => {
    const rows = ['2025-07-31', '1999-12-31'].map((day) => `${day}T14:30:00Z,NVDA,1m,rth,${V}\n`).join('')
    const input = `time,symbol,interval,session,open,high,low,close,volume\n${rows}`
    const { status, stdout, stderr } = await new Workdir().jules(['fetch', '-'], { input })
    const sessions = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).session)
    expect([status, sessions]).toEqual([0, ['rth', null]])
    expect(stderr).toBe(
      'jules fetch: stdin: 1 rows lie beyond the calendar, 2000 to 2028: their session is not known\n',
    )
  })

  test('a wall time that daylight saving skips is refused', async () => {
    const dir = new Workdir()
    const input = `time,symbol,open,high,low,close,volume\n2025-03-09 02:30:00,NVDA,${V}\n`
    const { stderr } = await dir.jules(['fetch', '-', '--tz', 'America/New_York', '--interval', '5m'], {
      input,
    })
    expect(stderr).toContain('America/New_York skips or repeats the wall time "2025-03-09 02:30:00"')
  })
})
