/** What the store lacks of the sessions that are asked for, against the calendar. */
import { Failure } from '../../base/errors.js'
import { DAY, newYorkDay, newYorkMidnight } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { type Interval, intervalMs, SESSIONS } from '../../market/bar.js'
import { sessions } from '../../market/calendar.js'
import type { Span } from '../../market/feeds/failover.js'
import type { LastClose } from '../../market/feeds/split-guard.js'
import { anchorOf, endOfBar, missingRanges } from '../../market/grid.js'
import { type StoreFlags, withStore } from '../wiring/store.js'

interface Asked {
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly session: 'rth' | undefined
  readonly fromDay: number
  readonly toDay: number
  /** Else a symbol whose last bar is older is fetched from there on. */
  readonly isFromGiven: boolean
}

export interface Lacking {
  readonly spans: readonly Span[]
  /** The last bar of each symbol before the first of its spans. */
  readonly before: ReadonlyMap<string, LastClose>
  readonly fromDay: number
}

const REGULAR = SESSIONS.indexOf('rth')
/** How far back the bar before the first one is looked for. */
const BEFORE_MS = 10 * DAY

/** Asks the store; bars that have not ended are not lacking. Throws 66 for symbols that it has no bars of, unless --from is given. */
export async function missingFromStore(context: Context, flags: StoreFlags, asked: Asked): Promise<Lacking> {
  return withStore(context, flags, async (database) => {
    const spans: Span[] = []
    const before = new Map<string, LastClose>()
    let fromDay = asked.fromDay
    for (const symbol of asked.symbols) {
      let first = asked.fromDay
      let held = await heldOf(symbol, first)
      if (held.times.length === 0 && !asked.isFromGiven) {
        const own = (await database.holdings()).filter(
          (holding) => holding.symbol === symbol && holding.interval === asked.interval,
        )
        const last = Math.max(...own.map(({ lastMs }) => lastMs))
        if (own.length === 0 || !Number.isFinite(last)) {
          throw new Failure('noInput', `the store holds no bars ${symbol} ${asked.interval}`, {
            hint: 'say from which date on they are wanted with --from',
          })
        }
        first = newYorkDay(last)
        held = await heldOf(symbol, first)
      }
      fromDay = Math.min(fromDay, first)
      const lacking = lackingOf(held.times, first)
      for (const { fromMs, toMs, whole, day } of lacking) {
        // Of a session that is not there all hours are wanted, where they are asked for.
        spans.push(
          whole && asked.session === undefined
            ? { symbol, fromMs: newYorkMidnight(day), toMs: newYorkMidnight(day + 1) - 1 }
            : { symbol, fromMs, toMs },
        )
      }
      const start = lacking[0]?.fromMs ?? Number.NEGATIVE_INFINITY
      const at = held.all.findLastIndex(({ timeMs }) => timeMs < start)
      if (at >= 0) before.set(symbol, held.all[at]!)
    }
    return { spans, before, fromDay }

    async function heldOf(symbol: string, first: number) {
      const times: number[] = []
      const all: LastClose[] = []
      const selection = {
        symbols: [symbol],
        intervals: [asked.interval],
        fromMs: newYorkMidnight(first) - BEFORE_MS,
        toMs: newYorkMidnight(asked.toDay + 1),
      }
      for await (const batch of database.bars(selection, context.signal)) {
        for (let i = 0; i < batch.length; i++) {
          if (batch.session[i] !== REGULAR) continue
          const timeMs = batch.time[i]!
          all.push({ timeMs, close: batch.close[i]! })
          if (timeMs >= newYorkMidnight(first)) times.push(timeMs)
        }
      }
      return { times, all }
    }

    function lackingOf(times: readonly number[], first: number) {
      const now = context.clock()
      const { interval } = asked
      return missingRanges(times, times.length, {
        sessions: sessions(first, asked.toDay),
        interval,
        anchor: anchorOf(times, times.length, interval),
        wanted: (start) => endOfBar(start, intervalMs(interval)) <= now,
      })
    }
  })
}
