/** Bars as they end, from sources that can only be asked: after the end of each bar, for all that has ended since the last one. */
import { newYorkDay, newYorkMidnight, SECOND } from '../../base/time.js'
import { type Interval, intervalMs, type Session } from '../bar.js'
import { nextSession, sessionOn } from '../calendar.js'
import { endOfBar } from '../grid.js'
import { type FailoverFeed, type FailoverOptions, failover, gapWords } from './failover.js'
import type { Feed } from './feed.js'

/** How long after the end of a bar a vendor is given to have it. */
const LAG_MS = 5 * SECOND

export interface PollOptions extends Omit<FailoverOptions, 'spans'> {
  readonly symbols: readonly string[]
  readonly interval: Interval
  readonly session: Session | undefined
  /** Bars that begin then or later. */
  readonly fromMs: number
}

/** A feed without an end: it ends with the signal's reason. What a poll lacks is asked for again at the next one. */
export function polled(options: PollOptions): Feed {
  const { symbols, interval, session, fromMs, wait } = options
  /** Start of the last bar of each symbol. */
  const last = new Map(symbols.map((symbol) => [symbol, fromMs - 1]))
  let untilMs = fromMs
  const feed = failover({
    ...options,
    spans: () => symbols.map((symbol) => ({ symbol, fromMs: last.get(symbol)! + 1, toMs: untilMs })),
  })
  return {
    name: feed.name,
    bars: async function* (_, world) {
      for (;;) {
        untilMs = world.clock()
        const from = Math.min(...last.values()) + 1
        if (from <= untilMs) {
          const wanted = { symbols, interval, session, fromDay: newYorkDay(from), toDay: newYorkDay(untilMs) }
          for await (const block of feed.bars(wanted, world)) {
            if (block.kind === 'bars') {
              const { batch } = block
              for (let i = 0; i < batch.length; i++)
                last.set(batch.names.text(batch.symbol[i]!)!, batch.time[i]!)
            }
            yield block
          }
          const lost = passed(feed, last)
          if (lost.length > 0) world.warn(`bars are missing: ${gapWords(lost)}`)
        }
        world.signal.throwIfAborted()
        await wait(nextEnd(world.clock(), interval, session) + LAG_MS - world.clock())
      }
    },
  }
}

/** The gaps that later bars have passed, which will not be filled any more; the others may only be late. */
function passed({ outcome }: FailoverFeed, last: ReadonlyMap<string, number>) {
  return outcome.gaps.splice(0).filter(({ symbol, toMs }) => toMs < last.get(symbol)!)
}

/** When the next bar ends: in the session, else in the next one; at every interval where all hours are wanted. */
function nextEnd(nowMs: number, interval: Interval, session: Session | undefined): number {
  const length = intervalMs(interval)
  if (session === undefined) return Math.floor(nowMs / length) * length + length
  const day = newYorkDay(nowMs)
  const today = sessionOn(day)
  const open = today !== null && nowMs < today.closeMs ? today : nextSession(day)
  if (length >= intervalMs('1d')) return newYorkMidnight(open.day + 1)
  if (nowMs < open.openMs) return endOfBar(open.openMs, length)
  const start = open.openMs + Math.floor((nowMs - open.openMs) / length) * length
  return endOfBar(start, length)
}
