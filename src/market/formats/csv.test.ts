/** CSV in the layouts of vendors, spreadsheets and libraries: the same two bars from each. */
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/support/memory-source.js'
import { newYork, zoneNamed } from '../../base/time.js'
import { type Bar, barAt } from '../bar.js'
import { columnMap } from '../columns.js'
import type { ReadOptions } from '../reading.js'
import { readRecords } from '../records.js'

const tz = (name: string): ReadOptions => ({ zone: zoneNamed(name) })
const NVDA: ReadOptions = { symbol: 'NVDA' }
const NEW_YORK: ReadOptions = { symbol: 'NVDA', zone: newYork }

async function bars(
  text: string | Buffer,
  options: ReadOptions,
  cuts: readonly number[] = [],
): Promise<Bar[]> {
  const found: Bar[] = []
  const source = memorySource('csv', Buffer.from(text as string), { cuts })
  for await (const block of readRecords(source, options)) {
    if (block.kind !== 'bars') continue
    for (let i = 0; i < block.batch.length; i++) found.push(barAt(block.batch, i))
  }
  return found
}

const short = ({ symbol, interval, time, open, high, low, close, volume }: Bar) =>
  [symbol, interval, time, open, high, low, close, volume].join(' ')

const TWO = [
  'NVDA 1m 2025-07-30T13:30:00Z 180.1 180.6 179.9 180.4 1200',
  'NVDA 1m 2025-07-30T13:31:00Z 180.4 180.95 180.35 180.8 900',
]
const A = '180.1,180.6,179.9,180.4,1200'
const B = '180.4,180.95,180.35,180.8,900'
const UTC_ROWS = `2025-07-30T13:30:00Z,${A}\n2025-07-30T13:31:00Z,${B}\n`
const HEADER = 'time,open,high,low,close,volume\n'
const german = (text: string) => text.replaceAll(',', ';').replaceAll('.', ',')

type Layout = [title: string, text: string, options?: ReadOptions]

const DIALECTS: Layout[] = [
  ['a byte order mark and CRLF', `\ufeff${(HEADER + UTC_ROWS).replaceAll('\n', '\r\n')}`],
  [
    'a date beside whole stamps',
    `Date,Time,Open,High,Low,Close,Volume\n2025-07-30,2025-07-30 13:30:00Z,${A}\n2025-07-30,1753882260,${B}\n`,
  ],
  ['a header that says UTC', `Time (UTC)${HEADER.slice(4)}${UTC_ROWS.replaceAll('Z', '')}`],
  [
    'a header that says a zone',
    `Time (EET)${HEADER.slice(4)}2025.07.30 16:30:00,${A}\n2025.07.30 16:31:00,${B}\n`,
  ],
  ['no line end at the end', (HEADER + UTC_ROWS).trimEnd()],
  ['semicolons', (HEADER + UTC_ROWS).replaceAll(',', ';')],
  ['tabs', (HEADER + UTC_ROWS).replaceAll(',', '\t')],
  ['pipes', (HEADER + UTC_ROWS).replaceAll(',', '|')],
  ['a sep line', `sep=;\n${(HEADER + UTC_ROWS).replaceAll(',', ';')}`],
  ['a quoted sep line', `"sep=;"\r\n${(HEADER + UTC_ROWS).replaceAll(',', ';')}`],
  [
    'comments above and between',
    `# it's "free\n\n${HEADER}${UTC_ROWS.replace('\n', '\n# halted, "briefly\n')}`,
  ],
  ['a header in a comment', `# time,open,high,low,close,volume\n${UTC_ROWS}`],
  ['lines of blanks and of empty cells', `\n${HEADER}\n   \n,,,,,\n${UTC_ROWS}\n\n`],
  ['a trailing comma in rows', HEADER + UTC_ROWS.replaceAll('\n', ',\n')],
  ['a trailing comma everywhere', (HEADER + UTC_ROWS).replaceAll('\n', ',\n')],
  ['blanks around cells', (HEADER + UTC_ROWS).replaceAll(',', ' , ')],
  ['everything quoted', (HEADER + UTC_ROWS).replace(/[^,\n]+/g, '"$&"')],
  ['decimal commas', german(HEADER + UTC_ROWS)],
  ['decimal commas, quoted between commas', HEADER + UTC_ROWS.replace(/(\d+)\.(\d+)/g, '"$1,$2"')],
  ['decimal commas in cells with tabs', german(HEADER + UTC_ROWS).replaceAll(';', '\t')],
  ['a decimal mark that is named', german(HEADER + UTC_ROWS), { decimal: ',' }],
  [
    'thousands between dots',
    `${HEADER.replaceAll(',', ';')}2025-07-30T13:30:00Z;180,1;180,6;179,9;180,4;1.200\n2025-07-30T13:31:00Z;180,4;180,95;180,35;180,8;900\n`,
  ],
  ['thousands between commas', HEADER + UTC_ROWS.replace('1200', '"1,200"')],
  ['thousands between blanks', HEADER + UTC_ROWS.replace('1200', '1 200')],
  ['thousands between apostrophes', HEADER + UTC_ROWS.replace('1200', "1'200")],
  ['dollar signs', HEADER + UTC_ROWS.replace(/,(\d+\.)/g, ',$$$1')],
  ['euros behind', HEADER + UTC_ROWS.replace(/(\d+\.\d+)/g, '$1 \u20ac')],
  ['numbers with a plus and an exponent', HEADER + UTC_ROWS.replace('1200', '+1.2e3')],
  [
    'a delimiter in a quoted cell',
    `name,${HEADER}"Nvidia, Corp",${UTC_ROWS.replace('\n', '\n"Nvidia, Corp",')}`,
  ],
  [
    'a quote and a line end in a quoted cell',
    `note,${HEADER}"a ""b""\nc",${UTC_ROWS.replace('\n', '\n"d\n\ne",')}`,
  ],
]

const HEADERS: Layout[] = [
  [
    'names in capitals and in another order',
    `VOLUME,Close,Low,High,Open,DateTime\n1200,180.4,179.9,180.6,180.1,2025-07-30T13:30:00Z\n900,180.8,180.35,180.95,180.4,2025-07-30T13:31:00Z\n`,
  ],
  ['names between angle brackets', `<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>\n${UTC_ROWS}`],
  ['units behind names', `Time (UTC),Open ($),High ($),Low ($),Close ($),Volume (shares)\n${UTC_ROWS}`],
  ['single letters', `t,o,h,l,c,v\n${UTC_ROWS}`],
  ['an index of pandas', `,open,high,low,close,volume\n${UTC_ROWS}`],
  ['a row number of pandas', `,${HEADER}0,${UTC_ROWS.replace('\n', '\n1,')}`],
  [
    'a name given by hand',
    `when,open,high,low,close,volume\n${UTC_ROWS}`,
    { columns: columnMap('time=when') },
  ],
  [
    'a name given by hand before another',
    `date,when,open,high,low,close,volume\nx,${UTC_ROWS.replace('\n', '\nx,')}`,
    { columns: columnMap('time=WHEN') },
  ],
  [
    'all names given by hand',
    `a,b,c,d,e,f\n${UTC_ROWS}`,
    { columns: columnMap('time,open,high,low,close,volume') },
  ],
  [
    "a field's own name before others",
    `time,open,high,low,close,last,volume\n${UTC_ROWS.replace(/(.*),(\d+)\n/g, '$1,1,$2\n')}`,
  ],
  [
    'date and time apart',
    `Date,Time,Open,High,Low,Close,Volume\n2025-07-30,09:30,${A}\n2025-07-30,09:31,${B}\n`,
    { zone: newYork },
  ],
  [
    'date and time apart, as numbers without leading zeros',
    `Date,Time,Open,High,Low,Close,Volume\n20250730,93000,${A}\n20250730,93100,${B}\n`,
    { zone: newYork },
  ],
]

const VENDORS: Layout[] = [
  [
    'Polygon flat files',
    `ticker,volume,open,close,high,low,window_start,transactions\nNVDA,1200,180.1,180.4,180.6,179.9,1753882200000000000,31\nNVDA,900,180.4,180.8,180.95,180.35,1753882260000000000,25\n`,
    { symbol: undefined },
  ],
  [
    'Databento, decimal prices',
    `ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n2025-07-30T13:30:00.000000000Z,33,2,11667,180.100000000,180.600000000,179.900000000,180.400000000,1200,NVDA\n2025-07-30T13:31:00.000000000Z,33,2,11667,180.400000000,180.950000000,180.350000000,180.800000000,900,NVDA\n`,
    { symbol: undefined },
  ],
  [
    'Databento, fixed-point prices and stamps',
    `ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n1753882200000000000,33,2,11667,180100000000,180600000000,179900000000,180400000000,1200,NVDA\n1753882260000000000,33,2,11667,180400000000,180950000000,180350000000,180800000000,900,NVDA\n`,
    { symbol: undefined },
  ],
  [
    'Alpaca',
    `symbol,timestamp,open,high,low,close,volume,trade_count,vwap\nNVDA,2025-07-30 13:30:00+00:00,${A},31,180.3\nNVDA,2025-07-30 13:31:00+00:00,${B},25,180.7\n`,
    { symbol: undefined },
  ],
  [
    'Alpha Vantage',
    `timestamp,open,high,low,close,volume\n2025-07-30 09:30:00,${A}\n2025-07-30 09:31:00,${B}\n`,
    { vendor: 'alphavantage' },
  ],
  [
    'yfinance, three lines of header',
    `Price,Close,High,Low,Open,Volume\nTicker,NVDA,NVDA,NVDA,NVDA,NVDA\nDatetime,,,,,\n2025-07-30 13:30:00+00:00,180.4,180.6,179.9,180.1,1200\n2025-07-30 13:31:00+00:00,180.8,180.95,180.35,180.4,900\n`,
    { symbol: undefined },
  ],
  [
    'yfinance, grouped by ticker',
    `Ticker,NVDA,NVDA,NVDA,NVDA,NVDA\nPrice,Close,High,Low,Open,Volume\nDatetime,,,,,\n2025-07-30 13:30:00+00:00,180.4,180.6,179.9,180.1,1200\n2025-07-30 13:31:00+00:00,180.8,180.95,180.35,180.4,900\n`,
    { symbol: undefined },
  ],
  [
    'yfinance of old',
    `Datetime,Open,High,Low,Close,Adj Close,Volume\n2025-07-30 09:30:00-04:00,180.1,180.6,179.9,180.4,180.4,1200\n2025-07-30 09:31:00-04:00,180.4,180.95,180.35,180.8,180.8,900\n`,
  ],
  [
    'Stooq',
    `<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\nNVDA,1,20250730,153000,${A},0\nNVDA,1,20250730,153100,${B},0\n`,
    tz('Europe/Warsaw'),
  ],
  [
    'MetaTrader 5',
    `<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n2025.07.30\t16:30:00\t180.1\t180.6\t179.9\t180.4\t7\t1200\t1\n2025.07.30\t16:31:00\t180.4\t180.95\t180.35\t180.8\t7\t900\t1\n`,
    { ...NVDA, ...tz('Europe/Athens') },
  ],
  [
    'MetaTrader 4',
    `2025.07.30,16:30,${A}\n2025.07.30,16:31,${B}\n`,
    { ...NVDA, ...tz('Europe/Athens'), vendor: 'metatrader' },
  ],
  ['Kibot', `07/30/2025,09:30,${A}\n07/30/2025,09:31,${B}\n`, { vendor: 'kibot' }],
  ['FirstRate', `2025-07-30 09:30:00,${A}\n2025-07-30 09:31:00,${B}\n`, { vendor: 'firstrate' }],
  [
    'NinjaTrader, stamped at the end',
    `20250730 093100;180.1;180.6;179.9;180.4;1200\n20250730 093200;180.4;180.95;180.35;180.8;900\n`,
    { ...NEW_YORK, vendor: 'ninjatrader' },
  ],
  [
    'Binance klines',
    `1753882200000000,${A},1753882259999999,216360,31,600,108180,0\n1753882260000000,${B},1753882319999999,162540,25,450,81270,0\n`,
    { vendor: 'binance' },
  ],
  [
    'Binance klines with a header',
    `open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n1753882200000,${A},1753882259999,216360,31,600,108180,0\n1753882260000,${B},1753882319999,162540,25,450,81270,0\n`,
  ],
  [
    'TradingView',
    `time,open,high,low,close,Volume,EMA,Volume MA\n1753882200,${A},NaN,\n1753882260,${B},180.5,1\n`,
  ],
  [
    'Interactive Brokers',
    `date,open,high,low,close,volume,average,barCount\n20250730 09:30:00 US/Eastern,${A},180.3,31\n20250730 09:31:00 US/Eastern,${B},180.7,25\n`,
  ],
  [
    'Interactive Brokers, UTC',
    `date,open,high,low,close,volume,wap,count\n20250730-13:30:00,${A},180.3,31\n20250730-13:31:00,${B},180.7,25\n`,
  ],
  [
    'Dukascopy',
    `Gmt time,Open,High,Low,Close,Volume\n30.07.2025 13:30:00.000,${A}\n30.07.2025 13:31:00.000,${B}\n`,
    tz('UTC'),
  ],
  [
    'a spreadsheet',
    `Date Time,Open,High,Low,Close,Volume\n7/30/2025 9:30,${A}\n7/30/2025 9:31,${B}\n`,
    { zone: newYork },
  ],
  [
    'columns without a header, named by hand',
    `NVDA,30/07/2025,09:30,x,${A}\nNVDA,30/07/2025,09:31,x,${B}\n`,
    {
      symbol: undefined,
      zone: newYork,
      header: false,
      columns: columnMap('symbol,date,time,-,open,high,low,close,volume'),
    },
  ],
]

const LAYOUTS = [...DIALECTS, ...HEADERS, ...VENDORS]

describe('the same two bars', () => {
  test.each(LAYOUTS)('%s', async (_title, text, options = {}) => {
    expect((await bars(text, { ...NVDA, ...options })).map(short)).toEqual(TWO)
  })

  test.each(LAYOUTS)('%s, cut anywhere', async (_title, text, options = {}) => {
    const bytes = Buffer.from(text)
    for (let cut = 1; cut < bytes.length; cut += 7) {
      const found = await bars(bytes, { ...NVDA, ...options }, [cut, 3])
      expect([cut, ...found.map(short)]).toEqual([cut, ...TWO])
    }
  })
})

test('yfinance of two tickers is as wide as both; empty cells are no bar', async () => {
  const text = `Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume
Ticker,MSFT,NVDA,MSFT,NVDA,MSFT,NVDA,MSFT,NVDA,MSFT,NVDA
Datetime,,,,,,,,,,
2025-07-30 13:30:00+00:00,510,180.4,511,180.6,509,179.9,510,180.1,700,1200
2025-07-30 13:31:00+00:00,,180.8,,180.95,,180.35,,180.4,,900
`
  expect((await bars(text, {})).map(short)).toEqual([
    'MSFT 1m 2025-07-30T13:30:00Z 510 511 509 510 700',
    ...TWO,
  ])
})

test('daily prices with dollar signs, the month first', async () => {
  const text = `Date,Close/Last,Volume,Open,High,Low
07/02/2025,$180.80,"1,000,900",$180.40,$180.95,$180.35
07/01/2025,$180.40,1200,$180.10,$180.60,$179.90
`
  expect((await bars(text, NVDA)).map(short)).toEqual([
    'NVDA 1d 2025-07-02T04:00:00Z 180.4 180.95 180.35 180.8 1000900',
    'NVDA 1d 2025-07-01T04:00:00Z 180.1 180.6 179.9 180.4 1200',
  ])
})

describe('the order of month and day', () => {
  const rows = (...dates: string[]) => HEADER + dates.map((date, i) => `${date} 09:3${i}:00,${A}\n`).join('')

  test('is that which one date of the first rows shows', async () => {
    expect((await bars(rows('01/02/2025', '01/02/2025', '01/13/2025'), NEW_YORK))[0]?.time).toBe(
      '2025-01-02T14:30:00Z',
    )
    expect((await bars(rows('01/02/2025', '01/02/2025', '13/02/2025'), NEW_YORK))[0]?.time).toBe(
      '2025-02-01T14:30:00Z',
    )
  })

  test('is asked for where none does, or they disagree', async () => {
    await expect(bars(rows('01/02/2025', '01/02/2025'), NEW_YORK)).rejects.toMatchObject({
      problem: { rule: 'ambiguous-date' },
      hint: expect.stringContaining('--time-format'),
    })
    await expect(bars(rows('01/13/2025', '13/01/2025', '01/02/2025'), NEW_YORK)).rejects.toThrow(
      'says two dates',
    )
  })
})

describe('what is refused', () => {
  const REFUSED: [title: string, text: string, message: string, hint: RegExp, options?: ReadOptions][] = [
    [
      'a cell too few',
      `${HEADER.replaceAll(',', ';').trim()};vwap\n2025-07-30T13:30:00Z;180;181;179;180;1200,5\n`,
      'expected 7 columns, got 6',
      /^$/,
    ],
    [
      'old line ends',
      (HEADER + UTC_ROWS).replaceAll('\n', '\r'),
      'its lines end in a carriage return alone',
      /tr/,
    ],
    [
      'a zone beside another',
      `Gmt time,open,high,low,close,volume\n30.07.2025 13:30:00.000,${A}\n`,
      'the header says UTC, and --tz says America/New_York',
      /leave --tz out/,
      NEW_YORK,
    ],
    [
      'more symbols than a batch has rows',
      `Price${',Open,High,Low,Close,Volume'.repeat(9000)}\nTicker${Array.from({ length: 9000 }, (_, i) => `,S${i}`.repeat(5)).join('')}\nDate${','.repeat(45_000)}\n`,
      'more than 8192 symbols side by side',
      /^$/,
    ],
    ['a cell too many', `${HEADER}2025-07-30T13:30:00Z,${A},7\n`, 'expected 6 columns, got 7', /^$/],
    [
      'no header, of Kibot',
      `07/30/2025,09:30,${A}\n`,
      'the first line is no header',
      /--vendor kibot or --no-header --columns date,time,open/,
    ],
    [
      'no header, of FirstRate',
      `2025-07-30 09:30:00,${A}\n`,
      'the first line is no header',
      /--vendor firstrate or /,
    ],
    [
      'no header, of NinjaTrader',
      `20250730 093100;${A.replaceAll(',', ';')}\n`,
      'the first line is no header',
      /--vendor ninjatrader or /,
    ],
    [
      'no header, of Binance',
      `1753882200000,${A},1753882259999,216360,31,600,108180,0\n`,
      'the first line is no header',
      /--vendor binance or /,
    ],
    [
      'no header, of MetaTrader',
      `2025.07.30,16:30,${A}\n`,
      'the first line is no header',
      /--vendor metatrader or /,
    ],
    [
      'no header, of nobody',
      `NVDA,${A},1753882200\n`,
      'the first line is no header',
      /: --no-header --columns /,
    ],
    [
      'names by hand over a first line of data',
      UTC_ROWS,
      'the first line is no header',
      /--no-header/,
      { columns: columnMap('time,open,high,low,close,volume') },
    ],
    [
      'more names by hand than columns',
      `${HEADER}${UTC_ROWS}`,
      '--columns names 7 columns, the file has 6',
      /^$/,
      { columns: columnMap('time,open,high,low,close,volume,vwap') },
    ],
    ['a missing column', 'time,open,high,low,close\n', 'the header lacks volume', /--columns volume=NAME/],
    [
      'two names for one field',
      `date,timestamp,open,high,low,close,volume\n`,
      'columns "date" and "timestamp" are both time',
      /--columns time=date/,
    ],
    [
      'a comma that may be either',
      `${HEADER.replaceAll(',', ';')}2025-07-30T13:30:00Z;180;180;180;180;1,200\n`,
      'says two numbers',
      /--decimal/,
    ],
    [
      'a wrong grouping',
      `${HEADER}2025-07-30T13:30:00Z,180.1,180.6,179.9,180.4,"12,00"\n`,
      'expected a number, got "12,00"',
      /^$/,
    ],
    ['an open quote', `${HEADER}"2025-07-30T13:30:00Z,${A}\n`, 'not CSV: Quote Not Closed', /^$/],
    [
      'a quote within',
      `${HEADER}2025-07-30T13:30:00Z,18"0,181,179,180,1\n`,
      'not CSV: Invalid Opening Quote',
      /^$/,
    ],
    [
      'a fixed-point price that there is none of',
      `ts_event,rtype,publisher_id,open,high,low,close,volume\n1753882200000000000,33,2,9223372036854775807,1,1,1,1\n`,
      'open: expected a number, got null',
      /^$/,
    ],
    [
      'a stamp of a form nobody knows',
      `${HEADER}30th of July,${A}\n`,
      'expected a time such as',
      /--time-format/,
    ],
  ]
  test.each(REFUSED)('%s', async (_title, text, message, hint, options = {}) => {
    const failure = await bars(text, { ...NVDA, interval: '1m', ...options }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: expect.stringContaining(message), kind: 'data' })
    expect((failure as { hint?: string }).hint ?? '').toMatch(hint)
  })

  test('lines keep their numbers through comments, blank lines and cells of several lines', async () => {
    const rejected: number[] = []
    const text = `# one\n\nnote,${HEADER}"x\ny",${UTC_ROWS.split('\n')[0]}\n\nbad\n# c\nalso bad\n`
    await bars(text, { ...NVDA, interval: '1m', onReject: ({ line }) => void rejected.push(line) })
    expect(rejected).toEqual([7, 9])
  })
})

test('every way of cutting and quoting a table gives the same rows', async () => {
  const random = (() => {
    let seed = 7
    return (n: number) => {
      seed = (seed * 48271) % 2147483647
      return seed % n
    }
  })()
  for (let round = 0; round < 60; round++) {
    const rows = Array.from({ length: 1 + random(40) }, (_, i) => {
      const price = 100 + random(90_000) / 1000
      const time = new Date(1753882200000 + i * 60_000).toISOString().replace('.000', '')
      return [
        time,
        random(2) ? 'NVDA' : 'MSFT',
        price,
        price + random(9),
        price - random(9) / 8,
        price,
        random(9_999),
        random(3) ? random(500) : '',
        'a,b',
      ]
    })
    const names = ['time', 'symbol', 'open', 'high', 'low', 'close', 'volume', 'trades', 'note']
    const table = (cell: (value: unknown, column: number) => string) =>
      Buffer.from(`${names.join(',')}\n${rows.map((row) => row.map(cell).join(',')).join('\n')}\n`)
    const quoted = (value: unknown) => `"${value}"`
    const spellings = [
      table((value, column) => (column === 8 ? quoted(value) : String(value))),
      table(quoted),
      // A doubled quote is for csv-parse.
      table((value, column) => (column === 8 ? '"a ""b"""' : String(value))),
      table((value, column) => (column === 8 && random(2) ? '"a ""b\n"""' : quoted(value))),
      table((value, column) =>
        column === 8 ? quoted(value) : typeof value === 'number' ? `$${value}` : String(value),
      ),
    ]
    const options: ReadOptions = { interval: '1m' }
    const [expected, ...others] = await Promise.all(
      spellings.map((bytes) => bars(bytes, options, [random(bytes.length), random(50)])),
    )
    expect(expected).toHaveLength(rows.length)
    for (const other of others) expect(other).toEqual(expected)
  }
})
