/**
 * The journal of paper trading: all that a run has seen, decided and sent, an event a line, in the order in which it happened.
 * It is written ahead: an order is on the disk before it goes out. Whoever reads it from the beginning through the same code gets
 * the state to the bit, so it is the only thing that a restart needs.
 *
 * A line is `{"n":1,"event":"start",...,"crc":"9ae0daaf"}`: numbers run on from 1, and the CRC-32 is that of the line up to it.
 * A last line that a crash has torn is cut off: nothing was sent on it. Any other damage is refused.
 */
import { stat } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type AppendLog, openLog } from '../base/append-log.js'
import { badData, systemCode, systemFailure } from '../base/errors.js'
import { readAtMost } from '../base/read-file.js'
import { quote } from '../base/words.js'
import type { Report } from '../portfolio/orders.js'

/** The file beside a journal that its run renews while it lives, with bars or without. */
export const heartbeatOf = (journal: string): string => `${journal}.heartbeat`

/** Numbers of a bar, open to volume; an unknown volume is null. Of two symbols: ten numbers. */
export type BarNumbers = readonly (number | null)[]

/**
 * Why data deserves no entries: the symbol is halted at the exchange, the broker takes no orders for it, the data is not live, or
 * the broker is not there.
 */
export type Distrust = 'halt' | 'stopped' | 'data' | 'link'

/** Times are epoch milliseconds: of the session's clock, but for `at`, which is the host's. */
export type JournalEvent =
  /** The first line: what the run is. A later start must be the same. */
  | { readonly event: 'start'; readonly version: 1; readonly run: string; readonly settings: unknown }
  /** A process has begun to work on it. */
  | {
      readonly event: 'open'
      readonly at: number
      readonly account: string
      readonly floor: number
      /** `sim`, or the address; of a simulated one the sources of its bars. */
      readonly gateway?: string
      readonly sources?: readonly string[]
    }
  /** Bars before the first decision, or those that a gap has missed, as the broker's history has them; first their start. */
  | {
      readonly event: 'warm'
      readonly bars: readonly BarNumbers[]
      readonly alone: readonly (readonly [number, ...BarNumbers])[]
    }
  | { readonly event: 'bar'; readonly time: number; readonly numbers: BarNumbers }
  | { readonly event: 'alone'; readonly symbol: number; readonly time: number; readonly numbers: BarNumbers }
  /** A bar that came too late to decide on. */
  | { readonly event: 'miss'; readonly sha256: string; readonly action: number }
  /** A decision, with the age of the data by symbol, milliseconds, or why it was not trusted. */
  | {
      readonly event: 'decide'
      readonly ages: readonly (number | Distrust)[]
      readonly action: number
      readonly sha256: string
    }
  /** An order that is about to be sent: its id in the book, the broker's, and the reference that it keeps. */
  | {
      readonly event: 'intent'
      readonly order: number
      readonly id: number
      readonly ref: string
      readonly symbol: number
      readonly shares: number
      readonly time: number
    }
  | { readonly event: 'sent'; readonly order: number; readonly id: number }
  /**
   * What the account was told of an order; of an execution with its revision, the broker's lasting id of the order, and the
   * dollars that the cost model would have taken for slippage; of an end with the broker's words for it, where it has some.
   */
  | {
      readonly event: 'report'
      readonly report: Report
      readonly revision?: number
      readonly perm?: number
      readonly modelled?: number
      readonly why?: string
    }
  /** The broker's cash and ours when the session began, dollars: what the day has earned is held against both. */
  | { readonly event: 'base'; readonly day: number; readonly broker: number; readonly own: number }
  | { readonly event: 'adopt'; readonly symbol: number; readonly shares: number; readonly price: number }
  /** Everything that is held is to be closed, at this time. */
  | { readonly event: 'flatten'; readonly time: number }
  | { readonly event: 'halt'; readonly reason: string; readonly at: number }
  | { readonly event: 'reset'; readonly at: number }
  | { readonly event: 'link'; readonly state: string; readonly detail: string; readonly at: number }
  /** Dollars of cash that the day has brought, by our books and by the broker's. */
  | { readonly event: 'day'; readonly day: number; readonly own: number; readonly broker: number }
  | { readonly event: 'end'; readonly ending: string; readonly at: number }

/** Bytes of a journal: more than a year of minutes. */
const MOST_BYTES = 1 << 28

const sum = (text: string): string => crc32(text).toString(16).padStart(8, '0')

/** The line of an event, with its line feed. */
export function journalLine(n: number, event: JournalEvent): string {
  const body = `{"n":${n},${JSON.stringify(event).slice(1, -1)}`
  return `${body},"crc":"${sum(body)}"}\n`
}

/** The event of the `n`th line, without its line feed; or why there is none, in words that follow `line N`. */
export function eventOfLine(line: string, n: number): JournalEvent | string {
  const at = line.lastIndexOf(',"crc":"')
  if (at < 0 || line.slice(at) !== `,"crc":"${sum(line.slice(0, at))}"}`)
    return 'is damaged: its checksum is another one'
  const { n: number, crc: _, ...event } = JSON.parse(line) as JournalEvent & { n: number; crc: string }
  if (number !== n)
    return `has the number ${quote(number)}, and ${n} is next: lines are missing, or two journals were joined`
  return event as JournalEvent
}

export interface JournalContent {
  readonly events: readonly JournalEvent[]
  /** A last line was not written to its end. */
  readonly isTorn: boolean
}

/**
 * All events of a journal; none where there is no file. Throws 65, with the byte, where anything but the end is damaged; `writing`
 * says that it is to be written to.
 */
export async function readJournal(path: string, writing = false): Promise<JournalContent> {
  const bytes = await readAtMost(path, { most: MOST_BYTES, isRegular: true }).catch((error) => {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw systemFailure(error, path, writing)
  })
  const events: JournalEvent[] = []
  let from = 0
  for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
    const event = eventOfLine(bytes.toString('utf8', from, to), events.length + 1)
    if (typeof event === 'string')
      throw badData(`byte ${from}: line ${events.length + 1} ${event}`, {
        where: path,
        hint: 'a journal is never mended by hand: keep it, and begin another one with --journal FILE --adopt',
      })
    events.push(event)
    from = to + 1
  }
  return { events, isTorn: from < bytes.length }
}

/** One writer, which holds the lock of the file. */
export class Journal {
  readonly path: string
  readonly #log: AppendLog
  #n: number
  #failure: unknown = null

  private constructor(path: string, log: AppendLog, n: number) {
    this.path = path
    this.#log = log
    this.#n = n
  }

  /** Opens or makes a journal, and gives what it holds. Throws as `readJournal` and `openLog` do. */
  static async open(path: string): Promise<{ journal: Journal; events: readonly JournalEvent[] }> {
    const { events } = await readJournal(path, true)
    const log = await openLog(path, { torn: 'drop', mode: 0o600 })
    // The lock is that of one name.
    const { nlink } = await stat(path)
    if (nlink > 1) {
      await log.close()
      throw badData('has a second name, a hard link, by which another run could write to it', {
        where: path,
        hint: 'remove that link, or begin another journal with --journal FILE',
      })
    }
    return { journal: new Journal(path, log, events.length), events }
  }

  /**
   * Writes events in one piece; with `sync` they are on the disk when it resolves. After a write that failed it takes nothing more:
   * what came after a gap would not be what happened.
   */
  async append(events: readonly JournalEvent[], options: { readonly sync?: boolean } = {}): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    try {
      await this.#log.append(events.map((event) => journalLine(++this.#n, event)).join(''), options)
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
