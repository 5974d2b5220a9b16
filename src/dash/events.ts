/**
 * What has changed, in order, for any number of readers: each event has a number, the newest are kept, and a reader says the last
 * one that it has. One who was away for too long, or comes from another process, is told to begin anew.
 */
import { quote } from '../base/words.js'

/** An event as it goes over the wire. */
export interface Sent {
  readonly number: number
  readonly text: string
}

export interface EventLogOptions {
  /** Tells this process from others; letters and digits. */
  readonly boot: string
  /** Characters of events that are kept. */
  readonly most?: number
}

const MOST = 1 << 20

/** Where a reader goes on; `isLost` where what it lacks is no longer known. */
export interface Place {
  readonly after: number
  readonly isLost: boolean
}

/** The newest events. */
export class EventLog {
  readonly #boot: string
  readonly #most: number
  readonly #kept: Sent[] = []
  #first = 1
  #next = 1
  #length = 0
  readonly #readers = new Set<() => void>()

  constructor({ boot, most = MOST }: EventLogOptions) {
    this.#boot = boot
    this.#most = most
  }

  /** Number of the newest event; 0 before the first. */
  get last(): number {
    return this.#next - 1
  }

  /** The id of an event, as readers give it back. */
  id(number: number): string {
    return `${this.#boot}-${number}`
  }

  /** Data is JSON, in which no line feed stands. */
  add(event: string, data: unknown): void {
    const number = this.#next++
    const text = `id: ${this.id(number)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    this.#kept.push({ number, text })
    this.#length += text.length
    while (this.#length > this.#most && this.#kept.length > 1) {
      this.#length -= this.#kept.shift()!.text.length
      this.#first++
    }
    for (const reader of this.#readers) reader()
  }

  /** Where a reader whose last event was `id` goes on; one without an id at the end. */
  place(id: string | null): Place {
    if (id === null) return { after: this.last, isLost: false }
    const [boot, number] = id.split('-')
    const after = /^\d{1,15}$/.test(number ?? '') ? Number(number) : Number.NaN
    const isKnown = boot === this.#boot && after >= this.#first - 1 && after <= this.last
    return isKnown ? { after, isLost: false } : { after: this.last, isLost: true }
  }

  /** The event after number `after`; null at the end, `lost` where it is no longer kept. */
  after(after: number): Sent | null | 'lost' {
    if (after >= this.last) return null
    if (after < this.#first - 1) return 'lost'
    return this.#kept[after + 1 - this.#first] ?? null
  }

  /** Calls whenever there is a new event, until what it gives is called. */
  onEvent(reader: () => void): () => void {
    this.#readers.add(reader)
    return () => this.#readers.delete(reader)
  }

  /** What a reader that has lost its place is told: its state is that of now once it has read the page again. */
  lostText(): string {
    return `id: ${this.id(this.last)}\nevent: page\ndata: ${quote('begin anew')}\n\n`
  }
}
