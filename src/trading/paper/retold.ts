/** What a journal stands for: the records of its run, and the bars that it saw, without the policy that decided. */
import { badData } from '../../base/errors.js'
import type { JournalEvent } from '../../broker/journal.js'
import { Market } from '../../market/market.js'
import type { Listener } from '../listener.js'
import { LiveRun } from '../live.js'
import type { Policy } from '../policy.js'
import { type Rules, rulesOfStored } from '../rules.js'
import { type Past, replayed } from './replayed.js'
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

/** Reads a journal; `listenerOf` gives who is told of the past. Throws 65 for one that does not begin with what it is of. */
export function retold(
  events: readonly JournalEvent[],
  name: string,
  listenerOf: (known: {
    readonly run: string
    readonly market: Market
    readonly rules: Rules
  }) => Listener | null,
  told?: (event: JournalEvent, live: LiveRun) => void,
): Retold {
  const [start] = events
  if (start?.event !== 'start') throw badData('is not the journal of a run', { where: name })
  const settings = start.settings as PaperSettings
  const market = new Market(settings.symbols, settings.interval)
  const rules = rulesOfStored(settings.rules)
  const { run } = start
  const live = new LiveRun({
    market,
    rules,
    features: null,
    policy: decided,
    longOnly: settings.longOnly,
    listener: listenerOf({ run, market, rules }),
  })
  const past = replayed(events, live, { name, verifies: false, told: (event) => told?.(event, live) })
  return { run, settings, rules, market, live, past }
}
