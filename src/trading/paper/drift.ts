/**
 * A day on paper against its replay: the bars that the run saw go through the backtest with the policy that decided, and every
 * difference gets the name of its cause.
 */
import { SECOND } from '../../base/time.js'
import { grouped } from '../../base/words.js'
import type { Distrust, JournalEvent } from '../../broker/journal.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { FeatureTable } from '../../env/features.js'
import { CANCEL, EXPIRE, REJECT } from '../../portfolio/orders.js'
import { Backtest } from '../backtest.js'
import type { Listener } from '../listener.js'
import type { Policy } from '../policy.js'
import { type Retold, retold } from './retold.js'

/**
 * `missed-bar`: it came too late for a decision. `decision`: another action, or another order. `rejected`, `cancelled`: what the
 * broker did with an order. `shares`, `price`, `slippage`, `commission`: of what was executed at a decision, the price being the
 * one that is measured against. `pnl`: of the whole run.
 */
export type DriftKind =
  | 'missed-bar'
  | 'decision'
  | 'rejected'
  | 'cancelled'
  | 'shares'
  | 'price'
  | 'slippage'
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
  /** The cause, as far as the journal has it. */
  readonly why: string | null
}

/** What became of one decision on one symbol. */
interface Deed {
  ordered: number
  filled: number
  value: number
  slippage: number
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
    const deed = { ordered: 0, filled: 0, value: 0, slippage: 0, fees: 0 }
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
    deed.slippage += change.slippage - change.oldSlippage
    deed.fees += change.fees - change.oldFees
  }

  settled(_t: number, { equity }: Parameters<Listener['settled']>[1]): void {
    this.equity = equity
  }

  marked(_timeMs: number, { equity }: Parameters<Listener['marked']>[1]): void {
    this.equity = equity
  }
}

const ENDS: readonly number[] = [REJECT, CANCEL, EXPIRE]

const TOO_LATE = 'the next bar had ended when it came'

const UNTRUSTED: Readonly<Record<Distrust, string>> = {
  halt: 'the exchange had halted the symbol',
  stopped: 'the broker took no orders for the symbol',
  data: 'its data deserved no trust',
  link: 'what the broker holds was not known',
}

interface End {
  readonly kind: number
  readonly why: string | null
}

/** What a journal did, and what the broker did with it. */
export class PaperDeeds extends Deeds {
  /** Ends of bars that were missed, and why. */
  readonly missed = new Map<number, string>()
  /** By the end of the bar: the age of the data by symbol, or why it was not trusted. */
  readonly ages = new Map<number, readonly (number | Distrust)[]>()
  /** By order of the book: how it ended where it was not filled. */
  readonly ends = new Map<number, End>()
  readonly #sent = new Set<number>()
  #barMs = 0
  /** What has kept bars away since the last decision. */
  #away: string | null = null
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
      case 'open':
        if (this.#barMs > 0) this.#away = 'the run did not work then'
        break
      case 'link':
        if (event.state === 'down') this.#away = `no connection: ${event.detail}`
        break
      case 'miss':
        this.missed.set(this.#barMs, this.#away ?? TOO_LATE)
        break
      case 'decide':
        this.#away = null
        this.actions.set(this.#barMs, event.action)
        this.ages.set(this.#barMs, event.ages)
        break
      case 'sent':
        this.#sent.add(event.order)
        break
      case 'report': {
        const { order, kind } = event.report
        const unsent = this.#sent.has(order) ? null : 'it was not sent'
        if (ENDS.includes(kind)) this.ends.set(order, { kind, why: event.why ?? unsent })
        break
      }
      default:
        break
    }
  }
}

/** A journal read back, and what was done in it. Throws as `retold` does. */
export function deedsOf(
  events: readonly JournalEvent[],
  name: string,
): { readonly run: Retold; readonly paper: PaperDeeds } {
  const paper = new PaperDeeds()
  let endOf = (): number => 0
  const run = retold(
    events,
    name,
    ({ market }) => {
      endOf = () => market.endOf(market.length - 1)
      return paper
    },
    (event) => paper.told(event, endOf),
  )
  return { run, paper }
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
  const ends = new Map<string, End>()
  for (const { order, symbol, decidedMs } of past.orders.values()) {
    const end = paper.ends.get(order)
    if (end !== undefined) ends.set(Deeds.key(decidedMs, symbol), end)
  }
  const found: Drift[] = []
  for (const timeMs of new Set([...paper.missed.keys(), ...paper.actions.keys(), ...replay.actions.keys()])) {
    const ours = paper.actions.get(timeMs) ?? null
    const theirs = replay.actions.get(timeMs) ?? null
    if (theirs === null && ours !== null) continue
    const why = paper.missed.get(timeMs) ?? null
    if (why !== null || ours !== theirs) {
      const kind = why === null ? 'decision' : 'missed-bar'
      found.push({ timeMs, symbol: null, kind, paper: ours, replay: theirs, why })
    }
  }
  const { maxAgeMs } = rules.limits
  for (const key of new Set([...paper.keys(), ...replay.keys()])) {
    const [timeMs = 0, k = 0] = key.split(' ').map(Number)
    const one = paper.of(timeMs, k)
    const other = replay.of(timeMs, k)
    const symbol = market.symbols[k]!
    const tell = (kind: DriftKind, ours: number, theirs: number, why: string | null = null) =>
      found.push({ timeMs, symbol, kind, paper: ours, replay: theirs, why })
    const end = ends.get(key)
    const age = paper.ages.get(timeMs)?.[k] ?? 0
    const untrusted =
      typeof age === 'string'
        ? UNTRUSTED[age]
        : age > maxAgeMs
          ? `its data was ${grouped(age / SECOND, 1)} s old`
          : null
    // What is not trusted keeps from entries alone: an order that went out all the same has another cause.
    const cause = paper.missed.get(timeMs) ?? (one.ordered === 0 ? untrusted : null)
    if (one.ordered !== other.ordered) tell('decision', one.ordered, other.ordered, cause)
    if (one.filled !== other.filled) {
      const kind = end === undefined ? 'shares' : end.kind === REJECT ? 'rejected' : 'cancelled'
      tell(kind, one.filled, other.filled, end === undefined ? cause : end.why)
    }
    if (one.filled === 0 || other.filled === 0) continue
    for (const [kind, of] of [
      ['price', reference],
      ['slippage', slippageOf],
    ] as const)
      if (isUnlike(of(one), of(other))) tell(kind, of(one), of(other))
    if (one.filled === other.filled && one.fees !== other.fees) tell('commission', one.fees, other.fees)
  }
  found.sort((a, b) => a.timeMs - b.timeMs)
  const ours = live.state.equity - rules.capital
  const theirs = replay.equity === 0 ? 0 : replay.equity - rules.capital
  found.push({ timeMs: paper.endMs, symbol: null, kind: 'pnl', paper: ours, replay: theirs, why: null })
  return found
}

/** The price that executions are measured against, dollars a share: their mean. */
const reference = ({ value, slippage, filled }: Deed): number => (value - slippage) / filled

/** What they have paid against it, dollars a share. */
const slippageOf = ({ slippage, filled }: Deed): number => slippage / Math.abs(filled)

/** Dollars a share further apart than the last digits of the sums that they come from. */
const isUnlike = (one: number, other: number): boolean =>
  Math.abs(one - other) > 1e-9 * Math.max(1, Math.abs(one))
