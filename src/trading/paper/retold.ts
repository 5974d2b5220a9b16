/** What a journal stands for: the records of its run, and the bars that it saw, without the policy that decided. */
import { badData } from '../../base/errors.js'
import type { JournalEvent } from '../../broker/journal.js'
import { Market } from '../../market/market.js'
import type { Listener } from '../listener.js'
import { LiveRun } from '../live.js'
import type { Policy } from '../policy.js'
import { type Rules, rulesOfStored } from '../rules.js'
import { type Past, Replaying } from './replayed.js'
import type { PaperSettings } from './start.js'

/** Decides nothing: the journal has decided. */
const decided: Policy = {
  name: 'journal',
  isForeign: true,
  observes: false,
  act: () => {
    throw new Error('the journal holds every decision')
  },
}

/** A run as its journal has it. */
export interface Retold {
  readonly run: string
  readonly settings: PaperSettings
  readonly rules: Rules
  readonly market: Market
  readonly live: LiveRun
  readonly past: Past
}

/** Who is told of the past of a run. */
export type ListenerOf = (known: {
  readonly run: string
  readonly market: Market
  readonly rules: Rules
}) => Listener | null

/** Reads a journal; `listenerOf` gives who is told of the past. Throws 65 for one that does not begin with what it is of. */
export function retold(
  events: readonly JournalEvent[],
  name: string,
  listenerOf: ListenerOf,
  told?: (event: JournalEvent, live: LiveRun) => void,
): Retold {
  const retelling = new Retelling(events[0], name, listenerOf)
  for (const event of events) {
    retelling.take(event)
    told?.(event, retelling.live)
  }
  return { ...retelling.known, live: retelling.live, past: retelling.past() }
}

/** A journal that is read as it grows. */
export class Retelling {
  readonly known: Omit<Retold, 'live' | 'past'>
  readonly live: LiveRun
  readonly #replaying: Replaying

  /** `start` is the first event; it is to be taken as the others are. Throws 65 where it is none of a run. */
  constructor(start: JournalEvent | undefined, name: string, listenerOf: ListenerOf) {
    if (start?.event !== 'start') throw badData('is not the journal of a run', { where: name })
    const settings = start.settings as PaperSettings
    const market = new Market(settings.symbols, settings.interval)
    const rules = rulesOfStored(settings.rules)
    const { run } = start
    this.known = { run, settings, rules, market }
    this.live = new LiveRun({
      market,
      rules,
      features: null,
      policy: decided,
      longOnly: settings.longOnly,
      listener: listenerOf({ run, market, rules }),
    })
    this.#replaying = new Replaying(this.live, { name, verifies: false })
  }

  /** The next event. Throws 65 for one that does not follow. */
  take(event: JournalEvent): void {
    this.#replaying.take(event)
  }

  /** What the events so far say. */
  past(): Past {
    return this.#replaying.past()
  }
}
