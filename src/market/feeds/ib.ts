/**
 * History of the broker: a request a session, paced by whoever asks for it. Prices are adjusted for splits and not for dividends
 * (documentation of reqHistoricalData).
 */
import { DAY, formatTime, HOUR, MINUTE, newYorkMidnight } from '../../base/time.js'
import {
  ADJUSTMENTS,
  type BarBatch,
  INTERVALS,
  type Interval,
  intervalMs,
  MISSING_CODE,
  newBatch,
} from '../bar.js'
import { dayStart, sessions, type TradingSession } from '../calendar.js'
import { impossible, isPossible } from '../fields.js'
import { describe } from '../problem.js'
import { completeBars } from './file.js'
import type { HistorySource, HistoryWish, HistoryWorld } from './history.js'

const NAME = 'ib'
const ADJUSTED = 'splits'

/** A bar of the broker: dollars a share, shares; NaN for what is unknown. */
export interface BrokerBar {
  /** Epoch milliseconds. */
  readonly startMs: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  readonly vwap: number
  readonly trades: number
}

/** Who asks the broker: a gateway that is connected when it is first needed. */
export interface HistoryClient {
  /** Bars of one symbol that begin in the `lengthMs` before `endMs`, by time. Throws `FeedFailure`. */
  history(wish: {
    readonly symbol: string
    readonly interval: Interval
    readonly endMs: number
    readonly lengthMs: number
    readonly rth: boolean
  }): Promise<readonly BrokerBar[]>
}

/** The longest request by length of the bars; a day for all others (IB API, historical data limitations). */
const LONGEST: Partial<Record<Interval, number>> = { '1s': MINUTE * 30, '5s': HOUR }

/** Bars of the broker as a source of history. */
export function ibHistory(client: HistoryClient): HistorySource {
  return {
    name: NAME,
    adjusted: ADJUSTED,
    bars: async function* (wish, { names, signal, clock, onBad }) {
      const { symbol, interval, session } = wish
      for (const { fromMs, toMs } of requests(wish)) {
        if (fromMs >= clock()) return
        signal.throwIfAborted()
        const bars = await client.history({
          ...{ symbol, interval, endMs: toMs, lengthMs: toMs - fromMs, rth: session === 'rth' },
        })
        const batch = brokerBatch(bars, wish, { names, onBad })
        if (batch.length > 0) yield batch
      }
    },
  }
}

/** Bars of the broker as rows, those of other dates left out; `onBad` is told of what cannot be a bar. */
export function brokerBatch(
  bars: readonly BrokerBar[],
  { symbol, interval, fromDay, toDay }: Pick<HistoryWish, 'symbol' | 'interval' | 'fromDay' | 'toDay'>,
  { names, onBad }: Pick<HistoryWorld, 'names' | 'onBad'>,
): BarBatch {
  const batch = newBatch(bars.length, names)
  for (const bar of bars) {
    const time = interval === '1d' ? dayStart(bar.startMs) : bar.startMs
    if (time < newYorkMidnight(fromDay) || time >= newYorkMidnight(toDay + 1)) continue
    const i = batch.length++
    batch.symbol[i] = names.id(symbol)
    batch.source[i] = names.id(NAME)
    batch.interval[i] = INTERVALS.indexOf(interval)
    batch.adjusted[i] = ADJUSTMENTS.indexOf(ADJUSTED)
    batch.session[i] = MISSING_CODE
    batch.time[i] = time
    for (const column of VALUES) batch[column][i] = bar[column]
    if (isPossible(batch, i)) continue
    onBad(`${NAME}: ${symbol} ${formatTime(time)}: ${describe(impossible(batch, i))}`)
    batch.length = i
  }
  completeBars(batch)
  return batch
}

const VALUES = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'trades'] as const

/** Spans of time, each for one request. */
function* requests({
  interval,
  fromDay,
  toDay,
  session,
}: HistoryWish): Generator<{ fromMs: number; toMs: number }> {
  if (intervalMs(interval) >= DAY) {
    yield { fromMs: newYorkMidnight(fromDay), toMs: newYorkMidnight(toDay + 1) }
    return
  }
  const longest = LONGEST[interval] ?? DAY
  for (const day of sessions(fromDay, toDay)) {
    const { fromMs, toMs } = spanOf(day, session)
    for (let from = fromMs; from < toMs; from += longest)
      yield { fromMs: from, toMs: Math.min(toMs, from + longest) }
  }
}

/** The session, or all hours in which shares are traded around it: 04:00 to 20:00 in New York. */
function spanOf({ day, openMs, closeMs }: TradingSession, session: 'rth' | undefined) {
  if (session === 'rth') return { fromMs: openMs, toMs: closeMs }
  const midnight = newYorkMidnight(day)
  return { fromMs: midnight + 4 * HOUR, toMs: midnight + 20 * HOUR }
}
