/** How vendors write bars: a table of data. What a vendor's own documentation says stands here; nothing else is assumed. */
import type { DateOrder } from '../base/stamp.js'
import { newYork, type Zone } from '../base/time.js'
import { isObject } from '../stream/json.js'
import type { LooseFields } from './fields.js'

export const VENDORS = [
  'alpaca',
  'alphavantage',
  'binance',
  'databento',
  'firstrate',
  'ib',
  'kibot',
  'metatrader',
  'nasdaq',
  'ninjatrader',
  'polygon',
  'stooq',
  'tradingview',
  'yahoo',
] as const
export type VendorName = (typeof VENDORS)[number]

export interface Vendor {
  /** Column names, in lower case, that no other header has together: such a file is read as this vendor's unasked. */
  readonly signature?: readonly string[]
  /** The columns of files without a header, by how many there are; an empty name is of no use. */
  readonly headerless?: readonly (readonly string[])[]
  /** How the first line of a file without a header begins. */
  readonly begins?: RegExp
  /** Of stamps without an offset. */
  readonly zone?: Zone
  /** Of dates that end with the year. */
  readonly dateOrder?: DateOrder
  /** Prices are integers, so many times the price. */
  readonly priceScale?: number
  /** Stamps are the end of the bar. */
  readonly endStamped?: boolean
  /** The bars in one JSON document, or null where it is none of this vendor's. */
  readonly rows?: (document: unknown) => DocumentRows | null
}

/** Bars as a document has them, with what it says once for all. */
export interface DocumentRows {
  readonly rows: Iterable<LooseFields>
  readonly zone?: string
}

const OHLCV = ['open', 'high', 'low', 'close', 'volume']

export const vendors: Readonly<Record<VendorName, Vendor>> = {
  alpaca: { rows: alpacaRows },
  // Intraday stamps are US/Eastern (documentation of TIME_SERIES_INTRADAY).
  alphavantage: { zone: newYork, rows: alphaVantageRows },
  // Klines of data.binance.vision: open time, OHLCV, close time, quote volume, count, two more volumes, one unused.
  binance: {
    headerless: [['time', ...OHLCV, '', '', 'trades', '', '', '']],
    begins: /^\d{13,16},/,
    rows: (document) => {
      if (!Array.isArray(document) || !document.every((row) => Array.isArray(row) && row.length >= 9))
        return null
      return {
        rows: mapped(document, ([time, open, high, low, close, volume, , , trades]) => ({
          time,
          open,
          high,
          low,
          close,
          volume,
          trades,
        })),
      }
    },
  },
  // DBN as CSV: fixed-point prices of 1e-9 unless they are asked for as decimals.
  databento: { signature: ['ts_event', 'rtype', 'publisher_id'], priceScale: 1e9 },
  // Eastern time, by the start of the bar.
  firstrate: {
    headerless: [['time', ...OHLCV]],
    begins: /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?,/,
    zone: newYork,
  },
  // A stamp of the API names its zone, or has a dash and means UTC.
  ib: {},
  // Eastern time, by the start of the bar; no clock in daily files.
  kibot: {
    headerless: [
      ['date', 'time', ...OHLCV],
      ['date', ...OHLCV],
    ],
    begins: /^\d\d\/\d\d\/\d{4},/,
    zone: newYork,
    dateOrder: 'mdy',
  },
  // Version 4 has no header; stamps are of the server.
  metatrader: { headerless: [['date', 'time', ...OHLCV]], begins: /^\d{4}\.\d\d\.\d\d,\d\d:\d\d,/ },
  // Historical quotes of nasdaq.com: dates with the month first, `$` before prices.
  nasdaq: { signature: ['date', 'close/last'], zone: newYork, dateOrder: 'mdy' },
  // Stamps are the end of the bar, in the zone of the machine that exported.
  ninjatrader: { headerless: [['time', ...OHLCV]], begins: /^\d{8}( \d{6})?;/, endStamped: true },
  // Flat files: `window_start` in nanoseconds.
  polygon: { signature: ['ticker', 'window_start', 'transactions'], rows: polygonRows },
  stooq: {},
  tradingview: {},
  yahoo: { rows: yahooRows },
}

/** The vendor whose header this is, beyond doubt. */
export function vendorOfHeader(names: readonly string[]): VendorName | undefined {
  const there = new Set(names.map((name) => name.trim().toLowerCase()))
  return VENDORS.find((name) => vendors[name].signature?.every((word) => there.has(word)))
}

/** The vendors whose files without a header begin like this line and have as many cells. */
export const vendorsOfLine = (line: string, cells: number): VendorName[] =>
  VENDORS.filter(
    (name) =>
      vendors[name].begins?.test(line) === true &&
      vendors[name].headerless?.some((columns) => columns.length === cells) === true,
  )

/** The vendor whose document this is. */
export const vendorOfDocument = (document: unknown): VendorName | undefined =>
  VENDORS.find((name) => (vendors[name].rows?.(document) ?? null) !== null)

/** Rows one at a time: all of a page at once would take several times its size. */
function* mapped<T>(list: readonly T[], row: (one: T) => LooseFields): Generator<LooseFields> {
  for (const one of list) yield row(one)
}

interface ShortBar {
  readonly t?: unknown
  readonly o?: unknown
  readonly h?: unknown
  readonly l?: unknown
  readonly c?: unknown
  readonly v?: unknown
  readonly vw?: unknown
  readonly n?: unknown
}

const short = (symbol: unknown, bar: unknown): LooseFields => {
  const { t, o, h, l, c, v, vw, n } = (isObject(bar) ? bar : {}) as ShortBar
  return { symbol, time: t, open: o, high: h, low: l, close: c, volume: v, vwap: vw, trades: n }
}

/** Aggregates of Polygon: `{ticker, results: [{t, o, h, l, c, v, vw, n}]}`. */
function polygonRows(document: unknown): DocumentRows | null {
  if (!isObject(document) || !Array.isArray(document.results) || document.ticker === undefined) return null
  return { rows: mapped(document.results, (bar) => short(document.ticker, bar)) }
}

/** Bars of Alpaca: an array under `bars` with `symbol` beside it, or arrays by symbol. */
function alpacaRows(document: unknown): DocumentRows | null {
  if (!isObject(document)) return null
  const { bars } = document
  if (Array.isArray(bars)) return { rows: mapped(bars, (bar) => short(document.symbol, bar)) }
  if (!isObject(bars) || !Object.values(bars).every(Array.isArray)) return null
  return { rows: shortBySymbol(bars as Record<string, unknown[]>) }
}

function* shortBySymbol(bars: Record<string, unknown[]>): Generator<LooseFields> {
  for (const [symbol, list] of Object.entries(bars)) for (const bar of list) yield short(symbol, bar)
}

/** Time series of Alpha Vantage: objects by stamp, keys `1. open` to `5. volume`, the zone among the meta data. */
function alphaVantageRows(document: unknown): DocumentRows | null {
  if (!isObject(document) || !isObject(document['Meta Data'])) return null
  const meta = Object.entries(document['Meta Data'])
  const said = (name: string) => meta.find(([key]) => key.endsWith(`. ${name}`))?.[1]
  const series = Object.entries(document).find(([key]) => /time series/i.test(key))?.[1]
  if (!isObject(series)) return null
  const zone = said('Time Zone')
  return {
    rows: mapped(Object.entries(series), ([time, bar]) => {
      const row = isObject(bar) ? bar : {}
      const value = (name: string) => Object.entries(row).find(([key]) => key.endsWith(`. ${name}`))?.[1]
      return {
        symbol: said('Symbol'),
        time,
        open: value('open'),
        high: value('high'),
        low: value('low'),
        close: value('close'),
        volume: value('volume'),
      }
    }),
    ...(typeof zone === 'string' ? { zone } : {}),
  }
}

/** The chart document of Yahoo: stamps in epoch seconds and an array a field; null where nothing traded. */
function yahooRows(document: unknown): DocumentRows | null {
  const chart = isObject(document) && isObject(document.chart) ? document.chart.result : undefined
  if (!Array.isArray(chart)) return null
  return { rows: yahooCharts(chart) }
}

function* yahooCharts(chart: readonly unknown[]): Generator<LooseFields> {
  for (const result of chart) yield* yahooSeries(result)
}

function* yahooSeries(result: unknown): Generator<LooseFields> {
  if (!isObject(result) || !isObject(result.meta) || !isObject(result.indicators)) return
  const { meta, timestamp, indicators } = result
  const quote = Array.isArray(indicators.quote) ? indicators.quote[0] : undefined
  if (!Array.isArray(timestamp) || !isObject(quote)) return
  const at = (field: string, i: number) => (Array.isArray(quote[field]) ? quote[field][i] : undefined)
  for (const [i, time] of timestamp.entries()) {
    const bar = { open: at('open', i), high: at('high', i), low: at('low', i), close: at('close', i) }
    // A minute in which nothing traded has nulls throughout.
    if (Object.values(bar).every((value) => value === null)) continue
    yield { symbol: meta.symbol, time, ...bar, volume: at('volume', i) }
  }
}
