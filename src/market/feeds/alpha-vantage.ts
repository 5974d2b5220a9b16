/**
 * History from Alpha Vantage (alphavantage.co/documentation, TIME_SERIES_INTRADAY): a month of one symbol a call, newest first,
 * stamps of New York without an offset. Failures come with status 200 and are told by a key of the object. Prices are adjusted
 * for splits and dividends. Days come from another function, and are not asked for here.
 */
import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  HOUR,
  newYorkDay,
  newYorkMidnight,
} from '../../base/time.js'
import { quote } from '../../base/words.js'
import { isObject, type JsonObject } from '../../stream/json.js'
import { type BarBatch, intervalMs } from '../bar.js'
import { isCovered, sessionOn } from '../calendar.js'
import { type ClientWorld, feedClient, keyRefused, LIMITED } from './client.js'
import { FeedFailure, type HistorySource } from './history.js'
import { otherSymbol } from './paging.js'
import { type Piece, piecewise } from './pieces.js'
import type { Limit } from './quota.js'

const NAME = 'alphavantage'

const lengths = { '1m': '1min', '5m': '5min', '15m': '15min', '30m': '30min', '1h': '60min' }

/** The history of Alpha Vantage. */
export function alphaVantage(world: ClientWorld, base: URL, limits: readonly Limit[]): HistorySource {
  const client = feedClient(world, {
    name: NAME,
    limits,
    sign: (url, [key]) => {
      url.searchParams.set('apikey', key!)
      return {}
    },
  })
  return piecewise({
    name: NAME,
    adjusted: 'splits+dividends',
    lengths,
    cut: false,
    ask: async ({ symbol, length, fromDay, session }, feed, pages) => {
      const { year, month } = civilFromDays(fromDay)
      const url = new URL('query', base)
      url.search = String(
        new URLSearchParams({
          ...{ function: 'TIME_SERIES_INTRADAY', symbol, interval: length, adjusted: 'true' },
          ...{
            extended_hours: String(session !== 'rth'),
            month: `${year}-${String(month).padStart(2, '0')}`,
          },
          ...{ outputsize: 'full', datatype: 'json' },
        }),
      )
      const lastDay = daysFromCivil(year, month, daysInMonth(year, month))
      const read = (body: JsonObject) => readSeries(body, symbol, length)
      pages.add(await client.ask({ url, lastDay, read }, feed))
    },
    restamp: (batch, piece, feed) => {
      if (!isEndStamped(batch, piece)) return
      feed.detail(`${NAME}: ${piece.symbol}: stamps are the end of the bar: put at its start`)
      for (let i = 0; i < batch.length; i++) batch.time[i]! -= intervalMs(piece.interval)
    },
  })
}

/** The words of a limit praise the plans without one, and name every limit there is. */
const LIMIT =
  /rate limit|requests? per (day|minute|second)|calls? per (day|minute|second)|call (frequency|volume)/i
const PREMIUM = /premium (endpoint|feature|function)|(real-?time|delayed).*(entitle|premium)/i
const KEY = /apikey|api key/i

function readSeries(body: JsonObject, symbol: string, length: string): JsonObject | typeof LIMITED {
  const { 'Error Message': wrong, Information: information, Note: note, 'Meta Data': meta } = body
  if (typeof wrong === 'string') {
    if (KEY.test(wrong) && !/invalid api call/i.test(wrong))
      throw keyRefused(NAME, `refuses the key: ${quote(wrong)}`)
    throw odd(`refuses the request: ${quote(wrong)}`)
  }
  const said = [information, note].find((words) => typeof words === 'string')
  if (typeof said === 'string' && !isObject(meta)) {
    if (PREMIUM.test(said)) throw keyRefused(NAME, `this is not part of the plan of the key: ${quote(said)}`)
    if (LIMIT.test(said)) return LIMITED
    throw KEY.test(said)
      ? keyRefused(NAME, `refuses the key: ${quote(said)}`)
      : odd(`gives no bars: ${quote(said)}`)
  }
  if (!isObject(meta)) throw odd('an answer without bars and without a reason')
  const entry = (name: string) => Object.entries(meta).find(([key]) => key.endsWith(`. ${name}`))?.[1]
  if (entry('Symbol') !== symbol) throw otherSymbol(NAME, symbol, entry('Symbol'))
  if (entry('Interval') !== length) throw odd(`asked for bars of ${length}, got ${quote(entry('Interval'))}`)
  if (!isObject(body[`Time Series (${length})`]))
    throw odd(`expected "Time Series (${length})" beside "Meta Data"`)
  return body
}

/**
 * Whether the bars are stamped with their end, as those of some months before 2023 are: only then is there one at the hour at
 * which trading ends and none at which it begins.
 */
function isEndStamped(batch: BarBatch, { session, interval }: Piece): boolean {
  const length = intervalMs(interval)
  let ends = false
  for (let i = 0; i < batch.length; i++) {
    const time = batch.time[i]!
    if (!isCovered(time)) continue
    const day = newYorkDay(time)
    const regular = sessionOn(day)
    if (regular === null) continue
    const begin = session === 'rth' ? regular.openMs : newYorkMidnight(day) + 4 * HOUR
    const end = session === 'rth' ? regular.closeMs : newYorkMidnight(day) + 20 * HOUR
    // Bars of an hour may begin before the session does.
    if (time > begin - length && time <= begin) return false
    if (time === end) ends = true
  }
  return ends
}

const odd = (words: string) => new FeedFailure('data', words, { where: NAME })
