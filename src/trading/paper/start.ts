/** A run at a connected gateway, from its journal to the moment at which bars come in. */
import { badData, Failure } from '../../base/errors.js'
import { DAY, formatTime, newYorkDay } from '../../base/time.js'
import { SyncedClock, ToldClock } from '../../broker/clock.js'
import type { Gateway } from '../../broker/gateway.js'
import { hourDifferences } from '../../broker/hours.js'
import type { Journal, JournalEvent } from '../../broker/journal.js'
import type { Interval } from '../../market/bar.js'
import { nextSession, sessionAt, sessionsEndingAt } from '../../market/calendar.js'
import type { Market, Pair } from '../../market/market.js'
import type { Listener } from '../listener.js'
import { LiveRun } from '../live.js'
import type { StoredRules } from '../rules.js'
import type { RunOptions } from '../run.js'
import type { PaperOptions, Venue } from './options.js'
import { Paper } from './paper.js'
import { type Past, replayed } from './replayed.js'

/** Bars that a simulated gateway plays: where they end is known. */
export interface Played {
  readonly firstMs: number
  /** Starts of the last bar, and of the last one of both symbols. */
  readonly lastBarMs: number
  readonly lastJointMs: number
}

export interface StartOptions
  extends Pick<
      PaperOptions,
      'host' | 'timeWaits' | 'later' | 'dryRun' | 'adopt' | 'flattens' | 'flush' | 'tell'
    >,
    Omit<RunOptions, 'listener'> {
  readonly gateway: Gateway
  readonly venue: Venue
  /** Told of what happens from now on, not of what the journal holds. */
  readonly listener: Listener
  readonly journal: Journal
  /** What the journal held when it was opened. */
  readonly events: readonly JournalEvent[]
  /** What the run is; a journal goes on with the settings that it began with alone. */
  readonly settings: PaperSettings
  /** Name of the run, for a journal that is new. */
  readonly run: string
  /** Bars before the first decision. */
  readonly warmup: number
  /** Null for the gateway of a broker. */
  readonly played: Played | null
}

/** A run that has begun, or begun again. */
export interface Started {
  readonly paper: Paper
  readonly live: LiveRun
  readonly past: Past
  readonly run: string
}

/** Sessions of history before the first decision, where the bars of a broker decide. */
const HISTORY_SESSIONS = 5

/** What a run is, as its journal says it: a later start has the same. */
export interface PaperSettings {
  /** What decides: `sma-cross`, `model`, `random 1`, ... */
  readonly policy: string
  /** SHA-256 of the model's file. */
  readonly model: string | null
  readonly symbols: Pair<string>
  readonly interval: Interval
  readonly rules: StoredRules
  readonly longOnly: boolean
  readonly warmup: number
  readonly features: string
}

/** What makes a run of a journal. */
export type RunOfJournal = Pick<
  StartOptions,
  'events' | 'settings' | 'listener' | keyof Omit<RunOptions, 'listener'>
> & {
  readonly journal: Pick<Journal, 'path'>
}

/**
 * Reads the journal back and makes the run that it is of; nothing is asked of the gateway. The listener is told of the past as well
 * where `tellsPast`. Throws 65 for a journal of another run.
 */
export function liveOf(
  options: RunOfJournal,
  tellsPast: boolean,
): { readonly live: LiveRun; readonly past: Past } {
  const { events, settings, journal, listener } = options
  const [first] = events
  const isSame =
    first === undefined ||
    (first.event === 'start' && JSON.stringify(first.settings) === JSON.stringify(settings))
  if (!isSame)
    throw badData('it is the journal of a run with other settings', {
      where: journal.path,
      hint: 'begin another one with --journal FILE',
    })
  let isTold = tellsPast
  const told =
    <A extends unknown[]>(tell: (...args: A) => void) =>
    (...args: A) => {
      if (isTold) tell(...args)
    }
  const live = new LiveRun({
    ...options,
    listener: {
      refused: told((...args) => listener.refused(...args)),
      ordered: told((...args) => listener.ordered(...args)),
      reported: told((...args) => listener.reported(...args)),
      settled: told((...args) => listener.settled(...args)),
      marked: told((...args) => listener.marked(...args)),
    },
  })
  const past = replayed(events, live, { name: journal.path, verifies: true })
  isTold = true
  return { live, past }
}

/**
 * Brings a run to where it waits for bars: journal, broker's orders and positions, bars before the first decision, streams. The
 * gateway is connected; its events go to the listener of the run, which `attach` is given.
 */
export async function startPaper(
  options: StartOptions,
  attach: (listener: Paper['listener']) => void,
): Promise<Started> {
  const { gateway, venue, journal, settings, market, played, timeWaits, warmup, host } = options
  const { live, past } = liveOf(options, false)
  if (past.halt !== null)
    throw new Failure('denied', `the kill switch is on: ${past.halt}`, {
      hint: 'when its cause is dealt with, jules paper --reset-halt releases it',
    })
  const run = past.start?.run ?? options.run
  const floor = past.lastId + 1
  const opened: JournalEvent = {
    event: 'open',
    at: host(),
    account: gateway.account,
    floor,
    gateway: venue.gateway,
    ...(venue.sources === null ? {} : { sources: venue.sources }),
  }
  const begun: JournalEvent[] = past.start === null ? [{ event: 'start', version: 1, run, settings }] : []
  await journal.append([...begun, opened], { sync: true })
  gateway.raiseIds(floor)
  const toldMs = await gateway.time()
  const closeMs = played === null ? closeOf(toldMs) : Number.POSITIVE_INFINITY
  const clock = timeWaits ? new ToldClock(toldMs) : new SyncedClock(toldMs, host)
  const contracts = [await gateway.contract(market.symbols[0]), await gateway.contract(market.symbols[1])]
  const today = newYorkDay(toldMs)
  for (const { symbol, days } of contracts) {
    const ofToday = (days ?? []).filter(({ day }) => day === today)
    if (ofToday.length === 0)
      options.tell.warn(
        `${symbol}: the broker does not say when it trades today; the calendar of jules counts`,
      )
    const differences = hourDifferences(ofToday)
    if (differences.length > 0)
      throw new Failure(
        'config',
        `${symbol} trades at other hours than the calendar of jules has: ${differences.join('; ')}`,
        {
          hint: 'a calendar that knows of the holiday comes with a newer version; until then nothing is traded',
        },
      )
  }
  const paper = new Paper({
    ...options,
    live,
    past,
    run,
    broker: gateway,
    clock,
    contracts,
    closeMs,
    isPlayed: played !== null,
    lastBarMs: played?.lastBarMs ?? Number.POSITIVE_INFINITY,
    lastJointMs: played?.lastJointMs ?? Number.POSITIVE_INFINITY,
  })
  attach(paper.listener)
  if (live.t < 0) await paper.warmUp(played?.firstMs ?? historyFrom(toldMs), warmup)
  await paper.resume()
  await paper.openDay(today)
  for (const symbol of market.symbols) await gateway.subscribeBars(symbol)
  paper.began()
  return { paper, live, past, run }
}

/** The end of the session that is open, or opens next on this day. Throws 75 where there is none. */
function closeOf(nowMs: number): number {
  const session = sessionAt(nowMs)
  if (session !== null && nowMs < session.closeMs) return session.closeMs
  const next = nextSession(newYorkDay(nowMs))
  throw new Failure('tryAgain', 'no session is open, or opens later today', {
    hint: `the next one opens at ${formatTime(next.openMs)}`,
  })
}

const historyFrom = (nowMs: number): number =>
  sessionsEndingAt(newYorkDay(nowMs), HISTORY_SESSIONS)[0]?.openMs ?? nowMs - HISTORY_SESSIONS * DAY

/** Where the bars of a market that is played end. */
export function playedOf({ time, length, alone }: Market): Played {
  const lone = alone.map((series) => (series.length > 0 ? series.time[series.length - 1]! : 0))
  const lastJointMs = time[length - 1]!
  return { firstMs: time[0]!, lastJointMs, lastBarMs: Math.max(lastJointMs, ...lone) }
}
