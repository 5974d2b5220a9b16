/** JSON documents of vendors, whole. */
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/support/memory-source.js'
import { barAt } from '../bar.js'
import type { ReadOptions } from '../reading.js'
import { readRecords } from '../records.js'
import type { VendorName } from '../vendors.js'

async function read(text: string, options: ReadOptions) {
  const found: string[] = []
  for await (const block of readRecords(memorySource('ndjson', Buffer.from(text)), options)) {
    if (block.kind !== 'bars') continue
    for (let i = 0; i < block.batch.length; i++) {
      const { symbol, time, open, high, low, close, volume, trades } = barAt(block.batch, i)
      found.push([symbol, time, open, high, low, close, volume, trades].join(' '))
    }
  }
  return found.sort()
}

const POLYGON = (ticker: string) => ({
  ticker,
  status: 'OK',
  results: [
    { v: 1200, vw: 180.3, o: 180.1, c: 180.4, h: 180.6, l: 179.9, t: 1753882200000, n: 31 },
    { v: 900, vw: 180.7, o: 180.4, c: 180.8, h: 180.95, l: 180.35, t: 1753882260000, n: 25 },
  ],
})
const ALPACA = POLYGON('').results.map((bar) => ({ ...bar, t: new Date(bar.t).toISOString() }))
const SERIES = {
  '2025-07-30 09:31:00': {
    '1. open': '180.4',
    '2. high': '180.95',
    '3. low': '180.35',
    '4. close': '180.8',
    '5. volume': '900',
  },
  '2025-07-30 09:30:00': {
    '1. open': '180.1',
    '2. high': '180.6',
    '3. low': '179.9',
    '4. close': '180.4',
    '5. volume': '1200',
  },
}
const chart = (series: Record<string, (number | null)[]>, timestamp: number[]) => ({
  chart: { result: [{ meta: { symbol: 'NVDA' }, timestamp, indicators: { quote: [series] } }], error: null },
})

const counted = [
  'NVDA 2025-07-30T13:30:00Z 180.1 180.6 179.9 180.4 1200 31',
  'NVDA 2025-07-30T13:31:00Z 180.4 180.95 180.35 180.8 900 25',
]
const uncounted = counted.map((line) => line.replace(/ \d+$/, ' '))

const DOCUMENTS: [vendor: VendorName, document: unknown, expected: string[]][] = [
  ['polygon', POLYGON('NVDA'), counted],
  ['alpaca', { bars: ALPACA, symbol: 'NVDA', next_page_token: null }, counted],
  ['alpaca', { bars: { NVDA: ALPACA }, next_page_token: null }, counted],
  [
    'alphavantage',
    {
      'Meta Data': { '2. Symbol': 'NVDA', '6. Time Zone': 'US/Eastern' },
      'Time Series (1min)': SERIES,
    },
    uncounted,
  ],
  [
    'yahoo',
    chart(
      {
        open: [180.1, null, 180.4],
        high: [180.6, null, 180.95],
        low: [179.9, null, 180.35],
        close: [180.4, null, 180.8],
        volume: [1200, null, 900],
      },
      [1753882200, 1753882230, 1753882260],
    ),
    uncounted,
  ],
  [
    'binance',
    [
      [1753882200000, '180.1', '180.6', '179.9', '180.4', '1200', 1753882259999, '1', 31, '1', '1', '0'],
      [1753882260000, '180.4', '180.95', '180.35', '180.8', '900', 1753882319999, '1', 25, '1', '1', '0'],
    ],
    counted,
  ],
]

describe('a document of a vendor', () => {
  test.each(DOCUMENTS)('%s', async (vendor, document, expected) => {
    const options: ReadOptions = { vendor, symbol: vendor === 'binance' ? 'NVDA' : undefined, interval: '1m' }
    expect(await read(JSON.stringify(document), options)).toEqual(expected)
    expect(await read(JSON.stringify(document, null, 2), options)).toEqual(expected)
  })

  test('pages, one on a line', async () => {
    const pages = ['NVDA', 'MSFT'].map((ticker) => JSON.stringify(POLYGON(ticker))).join('\n')
    const found = await read(`${pages}\n`, { vendor: 'polygon', interval: '1m' })
    expect(found.map((line) => line.split(' ')[0])).toEqual(['MSFT', 'MSFT', 'NVDA', 'NVDA'])
  })

  test.each(DOCUMENTS.slice(0, 5))('%s is named where the vendor is not given', async (vendor, document) => {
    await expect(read(JSON.stringify(document), {})).rejects.toMatchObject({
      message: `expected one JSON object a line, got a document; --vendor ${vendor} reads it`,
    })
  })

  test.each([
    { values: [{ datetime: '2025-07-30 09:30:00', open: '1' }], status: 'ok' },
    { candles: [{ t: 1 }], symbol: 'NVDA', empty: false },
    { t: [1753882200], o: [1], h: [1], l: [1], c: [1], v: [1], s: 'ok' },
    { open: { 1753882200000: 1 }, close: { 1753882200000: 1 }, volume: { 1753882200000: 1 } },
    { columns: ['open'], index: [1], data: [[1]] },
  ])('that no vendor here has is called one: %j', async (document) => {
    await expect(read(JSON.stringify(document), {})).rejects.toMatchObject({
      message: 'expected one JSON object a line, got a document',
      hint: expect.stringContaining('one object a line'),
    })
  })

  test.each([
    ['[\n[1]\n]', 'got an array'],
    ['{\n  "a": 1\n}', 'got the beginning of a document'],
  ])('%j without a vendor', async (text, message) => {
    await expect(read(text, {})).rejects.toMatchObject({
      message: `expected one JSON object a line, ${message}`,
      hint: expect.stringContaining('--vendor'),
    })
  })

  test('of another vendor, and what is no document', async () => {
    await expect(read('{"bars":[]}', { vendor: 'polygon' })).rejects.toThrow('is no document of polygon')
    await expect(read('{"ticker":\n', { vendor: 'polygon' })).rejects.toMatchObject({
      message: expect.stringContaining('is no JSON document'),
      where: 'test:1',
    })
    await expect(
      read(JSON.stringify({ ticker: 'NVDA', results: [{ t: 1753882200000 }] }), { vendor: 'polygon' }),
    ).rejects.toThrow('open: is missing')
  })
})
