/**
 * How many calls a vendor takes, kept beside other state so that commands one after another, and two at once, stay within it
 * together. The server has the last word: what it refuses is used up until the limit begins anew, whatever was counted here.
 * Losing the counts costs a refused call, nothing else: no failure of the disk leaves here, and no clock locks anybody out.
 */
import { dirname } from 'node:path'
import { readText } from '../../base/disk.js'
import { messageOf, usage } from '../../base/errors.js'
import { type LockWorld, withLock } from '../../base/lock.js'
import { writeState } from '../../base/state-file.js'
import { DAY, formatTime, HOUR, MINUTE, newYorkDay, newYorkMidnight, SECOND } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { isObject } from '../../stream/json.js'
import { FeedFailure, type HistoryWorld } from './history.js'
import { HTTP_SOURCES, type HttpSource } from './keys.js'

const UNITS = { second: SECOND, minute: MINUTE, day: DAY } as const
type Unit = keyof typeof UNITS

/** At most so many calls in a second, a minute, or a date of New York. */
export interface Limit {
  readonly calls: number
  readonly unit: Unit
}

export type Limits = Readonly<Record<HttpSource, readonly Limit[]>>

/** What accounts have that cost nothing. */
export const FREE_LIMITS: Limits = {
  alpaca: [{ calls: 200, unit: 'minute' }],
  alphavantage: [
    { calls: 25, unit: 'day' },
    { calls: 1, unit: 'second' },
  ],
  polygon: [{ calls: 5, unit: 'minute' }],
}

/** The name of a source that is asked over HTTP; a second one of Polygon's counts as the first. Undefined for any other. */
export const httpSource = (name: string): HttpSource | undefined =>
  name === 'massive' ? 'polygon' : HTTP_SOURCES.find((known) => known === name)

/** Reads `alphavantage=75/minute` or `polygon=none`. Throws 64. */
export function parseLimit(word: string): { readonly source: HttpSource; readonly limit: Limit | null } {
  const [, name, rest] = /^([a-z]+)=(.*)$/.exec(word) ?? []
  const source = name === undefined ? undefined : httpSource(name)
  const [, calls, unit] = /^([1-9]\d{0,6})\/(second|minute|day)$/.exec(rest ?? '') ?? []
  if (source !== undefined && rest === 'none') return { source, limit: null }
  if (source !== undefined && unit !== undefined)
    return { source, limit: { calls: Number(calls), unit: unit as Unit } }
  throw usage(`expected SOURCE=N/second, N/minute, N/day or none, SOURCE one of ${HTTP_SOURCES.join(', ')}`, {
    got: quote(word),
  })
}

/** The limits of accounts that cost nothing; those of a source that is named are these instead, all of them. Throws 64. */
export function limitsOf(words: readonly string[]): Limits {
  const limits: Record<HttpSource, readonly Limit[]> = { ...FREE_LIMITS }
  const said = new Set<HttpSource>()
  for (const word of words) {
    const { source, limit } = parseLimit(word)
    limits[source] = [...(said.has(source) ? limits[source] : []), ...(limit === null ? [] : [limit])]
    said.add(source)
  }
  return limits
}

/** The calls of one key. */
interface Counts {
  /** Of the last minute, epoch milliseconds, in order. */
  readonly times: readonly number[]
  /** The New York date that `calls` are of, days since 1970-01-01. */
  readonly day: number
  readonly calls: number
  /** The word of the server: nothing before. */
  readonly untilMs: number
}

const NONE: Counts = { times: [], day: 0, calls: 0, untilMs: 0 }

/** A date of New York may have 25 hours. */
const LONGEST_MS = 25 * HOUR
/** A vendor may say any wait. */
const LONGEST_WORD_MS = DAY
/** Other processes hold the file for a moment. */
const LOCK_WAIT_MS = 10_000
/** Shorter waits are no news. */
const SHORT_MS = 2 * SECOND
/** How long a server that sets a limit of which nothing is known is left alone. */
const UNKNOWN_MS = MINUTE

export interface QuotaPlace {
  readonly source: HttpSource
  /** Of the key: stands in the file for it. */
  readonly account: string
  readonly limits: readonly Limit[]
  /** The longest wait for one call. */
  readonly patienceMs: number
}

/** The counts of one file. */
export class QuotaFile {
  readonly #world: LockWorld
  readonly #path: string
  /** Where the file cannot be used. */
  #own: Record<string, Counts> | null = null

  constructor(world: LockWorld, path: string) {
    this.#world = world
    this.#path = path
  }

  /** Counts one call, once it may be made. Throws 75 where that is further away than the patience; gives the calls left today. */
  async take(place: QuotaPlace, world: HistoryWorld): Promise<number | null> {
    const { source, limits, patienceMs } = place
    let waited = 0
    for (;;) {
      world.signal.throwIfAborted()
      const now = world.clock()
      const { untilMs, why, left } = await this.#change(place, world, (counts) => {
        const free = whenFree(counts, limits, now)
        const today = newYorkDay(now)
        const calls = counts.day === today ? counts.calls : 0
        const perDay = leftOf(limits, calls)
        if (free.untilMs > now) return [counts, { ...free, left: perDay }]
        const taken = { ...counts, times: [...counts.times, now], day: today, calls: calls + 1 }
        return [taken, { ...free, left: perDay === null ? null : perDay - 1 }]
      })
      if (untilMs <= now) return left
      const waitMs = untilMs - now
      if (waited + waitMs > patienceMs) {
        throw new FeedFailure('tryAgain', `${why}: asked again from ${formatTime(untilMs)} on`, {
          where: source,
          untilMs,
          hint: `run it again then: what came of settled days is kept; --quota ${source}=N/minute says what a key may do`,
        })
      }
      const say = waitMs < SHORT_MS ? world.detail : world.note
      const more = left === null ? '' : `, ${left} calls left today`
      say(`${source}: ${why}: waiting ${Math.ceil(waitMs / SECOND)} s${more}`)
      world.status?.(`${source}: waiting ${Math.ceil(waitMs / SECOND)} s`)
      await world.wait(waitMs)
      waited += waitMs
    }
  }

  /**
   * The server has refused a call for a limit, for the `time`th time in a row; `afterMs` is what it says of when. What it says in
   * words counts nothing: they name all limits there are. The counts say which one it is, until they are wrong twice.
   */
  async refused(
    place: QuotaPlace,
    world: HistoryWorld,
    { time, afterMs }: { readonly time: number; readonly afterMs: number | null },
  ): Promise<void> {
    const { limits } = place
    const now = world.clock()
    const reset = newYorkMidnight(newYorkDay(now) + 1)
    const shortest = limits.find(({ unit }) => unit === 'second') ?? limits.find(({ unit }) => unit !== 'day')
    await this.#change(place, world, (counts) => {
      const perDay = leftOf(limits, counts.day === newYorkDay(now) ? counts.calls : 0)
      const used = perDay !== null && (perDay <= 0 || time > 1)
      const wait = shortest === undefined ? UNKNOWN_MS : UNITS[shortest.unit]
      const untilMs =
        afterMs !== null
          ? now + Math.min(Math.max(afterMs, SECOND), LONGEST_WORD_MS)
          : used
            ? reset
            : now + wait
      return [{ ...counts, untilMs: Math.max(counts.untilMs, untilMs) }, undefined]
    })
  }

  /** When the next call may be made, as far as that is known. */
  async freeAt(place: QuotaPlace, world: HistoryWorld): Promise<number> {
    const now = world.clock()
    return this.#change(place, world, (counts) => [counts, whenFree(counts, place.limits, now).untilMs])
  }

  /** Reads, changes and writes the counts of a key with nobody in between. */
  async #change<T>(
    { source, account }: QuotaPlace,
    world: HistoryWorld,
    change: (counts: Counts) => readonly [Counts, T],
  ): Promise<T> {
    const key = `${source} ${account}`
    const changed = (all: Record<string, Counts>): T => {
      const [counts, result] = change(sensible(all[key] ?? NONE, world, source))
      all[key] = counts
      return result
    }
    if (this.#own !== null) return changed(this.#own)
    const lock = { ...this.#world, signal: world.signal }
    let all: Record<string, Counts> = {}
    let done: { readonly result: T } | null = null
    try {
      lock.disk.makeDirectory(dirname(this.#path), 0o700)
      return await withLock(lock, this.#path, { waitMs: LOCK_WAIT_MS }, async () => {
        all = this.#read(world)
        done = { result: changed(all) }
        writeState(lock, this.#path, all)
        return done.result
      })
    } catch (error) {
      world.signal.throwIfAborted()
      world.warn(`calls are counted for this command alone: ${this.#path}: ${messageOf(error)}`)
      this.#own = all
      return done === null ? changed(all) : (done as { readonly result: T }).result
    }
  }

  #read(world: HistoryWorld): Record<string, Counts> {
    const text = readText(this.#world.disk, this.#path)
    if (text === null) return {}
    const all = countsIn(text)
    if (all === null) world.warn(`${this.#path} is damaged: calls are counted anew`)
    return all ?? {}
  }
}

/** Null where the text is none of this module's. */
function countsIn(text: string): Record<string, Counts> | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(value) || !Object.values(value).every(isCounts)) return null
  return { ...value } as Record<string, Counts>
}

const isCounts = (value: unknown): value is Counts =>
  isObject(value) &&
  Array.isArray(value.times) &&
  [...value.times, value.day, value.calls, value.untilMs].every((n) => Number.isFinite(n))

/** Without what is over, and without what a clock has left behind that went back since. */
function sensible(counts: Counts, world: HistoryWorld, source: string): Counts {
  const now = world.clock()
  const today = newYorkDay(now)
  const ahead =
    counts.times.some((time) => time > now) || counts.day > today || counts.untilMs > now + LONGEST_MS
  if (ahead) world.note(`${source}: the clock has gone back: calls counted ahead of it are forgotten`)
  return {
    ...counts,
    times: counts.times.filter((time) => time > now - MINUTE && time <= now),
    untilMs: counts.untilMs > now + LONGEST_MS ? 0 : counts.untilMs,
  }
}

/** Null where there is no limit by day. */
function leftOf(limits: readonly Limit[], calls: number): number | null {
  const perDay = limits.filter(({ unit }) => unit === 'day').map((limit) => limit.calls)
  return perDay.length === 0 ? null : Math.min(...perDay) - calls
}

interface Free {
  /** Now or before: at once. */
  readonly untilMs: number
  readonly why: string
}

function whenFree({ times, day, calls, untilMs }: Counts, limits: readonly Limit[], now: number): Free {
  let free: Free = { untilMs, why: 'the server takes no more calls for now' }
  for (const { calls: most, unit } of limits) {
    const why = `${most} calls a ${unit} are used up`
    let until = 0
    if (unit === 'day') {
      if (day === newYorkDay(now) && calls >= most) until = newYorkMidnight(day + 1)
    } else {
      const within = times.filter((time) => time > now - UNITS[unit])
      if (within.length >= most) until = within[within.length - most]! + UNITS[unit]
    }
    if (until > free.untilMs)
      free = { untilMs: until, why: most === 1 ? `one call a ${unit} is allowed` : why }
  }
  return free
}
