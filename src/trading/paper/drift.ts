/**
 * A day on paper against its replay: the bars that the run saw go through the backtest with the policy that decided, and every
 * difference gets the name of its cause.
 */
import type { JournalEvent } from '../../broker/journal.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { FeatureTable } from '../../env/features.js'
import { CANCEL, EXPIRE, FILL, REJECT } from '../../portfolio/orders.js'
import { Backtest } from '../backtest.js'
import type { Listener } from '../listener.js'
import type { Policy } from '../policy.js'
import type { Retold } from './retold.js'

/**
 * `missed-bar`: it came too late for a decision. `decision`: another action, or another order. `rejected`, `cancelled`: what the
 * broker did with an order. `shares`, `price`, `commission`: of what was executed at a decision. `pnl`: of the whole run.
 */
export type DriftKind =
  | 'missed-bar'
  | 'decision'
  | 'rejected'
  | 'cancelled'
  | 'shares'
  | 'price'
  | 'commission'
  | 'pnl'

export interface Drift {
  /** Of the decision, epoch milliseconds; of `pnl` the end of the run. */
  readonly timeMs: number
  /** Null where it is about none. */
  readonly symbol: string | null
  readonly kind: DriftKind
  /** Actions, signed shares, dollars a share, or dollars; null for none. */
  readonly paper: number | null
  readonly replay: number | null
}

/** What became of one decision on one symbol. */
interface Deed {
  ordered: number
  filled: number
  value: number
  fees: number
}

/** What a run did, by decision. */
class Deeds implements Listener {
  readonly actions = new Map<number, number>()
  readonly #deeds = new Map<string, Deed>()
  equity = 0
  endMs = 0

  static key(timeMs: number, symbol: number): string {
    return `${timeMs} ${symbol}`
  }

  of(timeMs: number, symbol: number): Deed {
    const key = Deeds.key(timeMs, symbol)
    const known = this.#deeds.get(key)
    if (known !== undefined) return known
    const deed = { ordered: 0, filled: 0, value: 0, fees: 0 }
    this.#deeds.set(key, deed)
    return deed
  }

  keys(): string[] {
    return [...this.#deeds.keys()]
  }

  refused(): void {}

  ordered(timeMs: number, symbol: number, { ordered }: Parameters<Listener['ordered']>[2]): void {
    this.of(timeMs, symbol).ordered += ordered[symbol]!
  }

  reported(change: Parameters<Listener['reported']>[0]): void {
    if (!change.isExecution) return
    const deed = this.of(change.decidedMs, change.symbol)
    deed.filled += change.shares - change.oldShares
    deed.value += change.shares * change.price - change.oldShares * change.oldPrice
    deed.fees += change.fees - change.oldFees
  }

  settled(_t: number, { equity }: Parameters<Listener['settled']>[1]): void {
    this.equity = equity
  }

  marked(_timeMs: number, { equity }: Parameters<Listener['marked']>[1]): void {
    this.equity = equity
  }
}

/** What a journal did, and what the broker did with it. */
export class PaperDeeds extends Deeds {
  readonly missed = new Set<number>()
  /** By order of the book: how it ended where it was not filled. */
  readonly ends = new Map<number, number>()
  #barMs = 0
  /** Bars of both symbols before the first one that could be decided on. */
  warm = 0

  /** Takes the events of the journal in their order, after they have had their effect; `endOf` gives the end of the newest bar. */
  told(event: JournalEvent, endOf: () => number): void {
    switch (event.event) {
      case 'warm':
        this.warm += event.bars.length
        break
      case 'bar':
        this.#barMs = endOf()
        this.endMs = this.#barMs
        break
      case 'miss':
        this.missed.add(this.#barMs)
        break
      case 'decide':
        this.actions.set(this.#barMs, event.action)
        break
      case 'report':
        if (event.report.kind !== FILL) this.ends.set(event.report.order, event.report.kind)
        break
      default:
        break
    }
  }
}

/** Every difference between a run and its replay, in the order of time; that of the P&L comes last. */
export function driftOf(
  { rules, settings, market, past, live }: Retold,
  paper: PaperDeeds,
  { policy, features }: { readonly policy: Policy; readonly features: FeatureSet },
): Drift[] {
  const replay = new Deeds()
  const watched: Policy = {
    ...policy,
    act: (decision) => {
      const action = policy.act(decision)
      replay.actions.set(market.endOf(decision.t), action)
      return action
    },
  }
  const warmup = Math.min(paper.warm, market.length - 2)
  const run = new Backtest({
    market,
    features: policy.observes ? new FeatureTable(market, features) : null,
    rules,
    policy: watched,
    longOnly: settings.longOnly,
    warmup,
    listener: replay,
  })
  while (!run.advance(10_000));
  const ends = new Map<string, number>()
  for (const { order, symbol, decidedMs } of past.orders.values()) {
    const end = paper.ends.get(order)
    if (end !== undefined) ends.set(Deeds.key(decidedMs, symbol), end)
  }
  const found: Drift[] = []
  for (const timeMs of new Set([...paper.missed, ...paper.actions.keys(), ...replay.actions.keys()])) {
    const ours = paper.actions.get(timeMs) ?? null
    const theirs = replay.actions.get(timeMs) ?? null
    if (theirs === null && ours !== null) continue
    if (paper.missed.has(timeMs))
      found.push({ timeMs, symbol: null, kind: 'missed-bar', paper: null, replay: theirs })
    else if (ours !== theirs)
      found.push({ timeMs, symbol: null, kind: 'decision', paper: ours, replay: theirs })
  }
  for (const key of new Set([...paper.keys(), ...replay.keys()])) {
    const [timeMs = 0, k = 0] = key.split(' ').map(Number)
    const one = paper.of(timeMs, k)
    const other = replay.of(timeMs, k)
    const symbol = market.symbols[k]!
    const tell = (kind: DriftKind, ours: number | null, theirs: number | null) =>
      found.push({ timeMs, symbol, kind, paper: ours, replay: theirs })
    const end = ends.get(key)
    if (one.ordered !== other.ordered) tell('decision', one.ordered, other.ordered)
    if (one.filled !== other.filled) {
      const kind = end === REJECT ? 'rejected' : end === CANCEL || end === EXPIRE ? 'cancelled' : 'shares'
      tell(kind, one.filled, other.filled)
    }
    if (one.filled === 0 || other.filled === 0) continue
    if (one.value / one.filled !== other.value / other.filled)
      tell('price', one.value / one.filled, other.value / other.filled)
    if (one.filled === other.filled && one.fees !== other.fees) tell('commission', one.fees, other.fees)
  }
  found.sort((a, b) => a.timeMs - b.timeMs)
  const ours = live.state.equity - rules.capital
  const theirs = replay.equity === 0 ? 0 : replay.equity - rules.capital
  found.push({ timeMs: paper.endMs, symbol: null, kind: 'pnl', paper: ours, replay: theirs })
  return found
}
