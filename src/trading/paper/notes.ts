/** Events on their way into the journal: one piece for all that a bar brings. */
import type { Journal, JournalEvent } from '../../broker/journal.js'

/** What a run notes of itself. */
export class Notes {
  readonly #journal: Journal
  /** Writes records that were made since. */
  readonly #flush: () => Promise<void>
  #noted: JournalEvent[] = []

  constructor(journal: Journal, flush: () => Promise<void>) {
    this.#journal = journal
    this.#flush = flush
  }

  /** Keeps events for the next write. */
  note(...events: JournalEvent[]): void {
    this.#noted.push(...events)
  }

  /** Everything noted is in the journal; with `sync` on the disk. Records of it follow. */
  async write({ sync = false }: { readonly sync?: boolean } = {}): Promise<void> {
    const events = this.#noted
    this.#noted = []
    if (events.length > 0) await this.#journal.append(events, { sync })
    await this.#flush()
  }
}
