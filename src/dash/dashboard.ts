/**
 * Everything that pages, events, gauges and the terminal show, kept in step with the files: one look at all of them every so often,
 * whatever the number of readers. What a page shows and which events are behind it is one moment: `published` is asked for first.
 */

import type { Clock } from '../base/time.js'
import { newYorkTime } from '../page/charts/axis.js'
import type { Happening } from './course.js'
import { EventLog } from './events.js'
import {
  type Fact,
  headFacts,
  limitWords,
  type Pulse,
  pulseOf,
  STALENESS,
  type Staleness,
  standingFacts,
  trainingFacts,
} from './facts.js'
import type { Source } from './source.js'
import { Sources, type SourcesOptions } from './sources.js'

export interface DashboardOptions extends SourcesOptions {
  /** Of the host. */
  readonly clock: Clock
  /** Calls after so many milliseconds, until what it gives is called. */
  readonly later: (call: () => void, ms: number) => () => void
  /** Tells the events of this process from those of another; letters and digits. */
  readonly boot: string
  readonly staleness?: Staleness
  /** What a look threw that is no file's fault; there are no looks after it. */
  readonly failed: (error: unknown) => void
}

/** Between two looks: a line is told within a quarter of a second. */
const LOOK_EVERY_MS = 100
/** Between two looks for new files; more where one takes long. */
const SCAN_EVERY_MS = 2000

/** What was last told of a source. */
interface Told {
  readonly texts: ReadonlyMap<string, string>
  readonly generation: string
  /** Open orders, as JSON. */
  readonly open: string
}

/** Reading only. */
export class Dashboard {
  readonly sources: Sources
  readonly events: EventLog
  readonly #options: DashboardOptions
  readonly #staleness: Staleness
  readonly #told = new Map<Source, Told>()
  #isReady = false
  #isClosed = false
  #cancel: () => void = () => {}
  #nextScanMs = 0
  #turn: Promise<void> = Promise.resolve()

  constructor(options: DashboardOptions) {
    this.#options = options
    this.#staleness = options.staleness ?? STALENESS
    this.sources = new Sources(options)
    this.events = new EventLog(options)
  }

  /** All that was there at the start was read. */
  get isReady(): boolean {
    return this.#isReady
  }

  get nowMs(): number {
    return this.#options.clock()
  }

  pulse(source: Source): Pulse {
    return pulseOf(source, this.nowMs, this.#staleness)
  }

  /** Finds the files; nothing of them is read yet. */
  async open(): Promise<void> {
    await this.sources.scan()
    this.#nextScanMs = this.nowMs + SCAN_EVERY_MS
  }

  /** Looks again and again, until it is closed. */
  begin(): void {
    const next = () => {
      this.#turn = this.look().then(() => {
        if (!this.#isClosed) this.#cancel = this.#options.later(next, LOOK_EVERY_MS)
      }, this.#options.failed)
    }
    next()
  }

  /** One look at all files, and at times one for new ones. */
  async look(): Promise<void> {
    if (this.nowMs >= this.#nextScanMs) {
      const beganMs = this.nowMs
      await this.sources.scan()
      const tookMs = this.nowMs - beganMs
      this.#nextScanMs = this.nowMs + Math.max(SCAN_EVERY_MS, 20 * tookMs)
    }
    await this.sources.look()
    if (!this.#isReady) this.sources.isChanged = true
    this.#isReady = true
    this.published()
  }

  /** What pages show has changed beside the files: they are had anew. */
  renew(): void {
    this.sources.isChanged = true
  }

  /** Gives back all files. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    await this.sources.close()
    await this.#turn
  }

  /** Makes events of all that has changed; returns the id of the last one. */
  published(): string {
    // What is there at the start, or in new files, is no event: pages begin with it.
    if (!this.#isReady) return this.events.id(this.events.last)
    let isAnew = this.sources.isChanged
    this.sources.isChanged = false
    const there = new Set(this.sources.list)
    for (const source of this.#told.keys()) if (!there.has(source)) this.#told.delete(source)
    for (const source of there) if (!this.#publish(source)) isAnew = true
    if (isAnew) this.events.add('page', 'anew')
    return this.events.id(this.events.last)
  }

  /** False where it cannot be told in steps. */
  #publish(source: Source): boolean {
    const pulse = this.pulse(source)
    const known = this.#told.get(source)
    const generation = `${source.generation} ${source.course.generation} ${source.learning.generation} ${source.content} ${source.tail.state} ${pulse === 'live'}`
    const points = source.course.fresh()
    const metrics = source.learning.fresh()
    const rows = {
      orders: source.course.orders.fresh(),
      fills: source.course.fills.fresh(),
      risks: source.course.risks.fresh(),
    }
    if (!source.isChanged && known?.generation === generation) return true
    source.isChanged = false
    const texts = textsOf(source, pulse)
    const open = JSON.stringify(source.course.standing.openOrders.map(rowOf))
    this.#told.set(source, { texts, generation, open })
    const isLost = [points, metrics, ...Object.values(rows)].includes(null)
    if (known === undefined || known.generation !== generation || isLost) return false
    if (known.texts.size !== texts.size) return false
    const { id } = source
    const changed = [...texts].filter(([key, text]) => known.texts.get(key) !== text)
    if (open !== known.open) this.events.add('open-orders', { id, rows: JSON.parse(open) })
    if (changed.length > 0) this.events.add('texts', { id, texts: Object.fromEntries(changed) })
    if (points!.length > 0) this.events.add('points', { id, points })
    if (metrics!.length > 0) this.events.add('metrics', { id, points: metrics })
    const fresh = Object.entries(rows).filter(([, some]) => some!.length > 0)
    if (fresh.length > 0)
      this.events.add('rows', {
        id,
        rows: Object.fromEntries(fresh.map(([name, some]) => [name, some!.map(rowOf)])),
      })
    return true
  }
}

/** An order, fill or word of the guard as the cells of a row; times are of New York. */
export const rowOf = ({
  time,
  symbol,
  what,
  detail,
}: Happening): readonly [string, string, string, string] => {
  const ms = Date.parse(time)
  return [Number.isFinite(ms) ? newYorkTime(ms) : time, symbol, what, detail]
}

/** Every text of a source that may change, by its key, `!` and the level behind it. */
function textsOf(source: Source, pulse: Pulse): Map<string, string> {
  const facts: Fact[] = [
    ...headFacts(source),
    ...standingFacts(source, pulse),
    ...trainingFacts(source, pulse).map((one) => ({ ...one, key: `t-${one.key}` })),
  ]
  const texts = new Map(facts.map(({ key, text, level }) => [key, `${level}!${text}`]))
  for (const limit of source.course.standing.limits) {
    const { used, part, level } = limitWords(limit)
    texts.set(`used-${limit.name}`, `${level}!${used}`)
    texts.set(`part-${limit.name}`, `${level}!${part}`)
  }
  for (const { symbol, shares, mark } of source.course.marked?.positions ?? []) {
    texts.set(`shares-${symbol}`, `none!${shares}`)
    texts.set(`mark-${symbol}`, `none!${mark ?? '–'}`)
  }
  return texts
}
