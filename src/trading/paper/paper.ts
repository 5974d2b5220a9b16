/**
 * Paper trading: bars in, decisions, orders out, reports back, and a journal of it all. What happens comes into one queue and is
 * dealt with one after the other, so that a run depends on what happened and not on when the process had time for it.
 */
import { Failure } from '../../base/errors.js'
import { formatTime, MINUTE, SECOND } from '../../base/time.js'
import { dollars, grouped } from '../../base/words.js'
import { BarBuilder, type Slot } from '../../broker/bars.js'
import type { ContractInfo } from '../../broker/contracts.js'
import type { Gateway } from '../../broker/gateway.js'
import type { Journal, JournalEvent } from '../../broker/journal.js'
import type {
  CommissionReport,
  ExecutionReport,
  GatewayBar,
  GatewayListener,
  OrderReport,
  Problem,
  Ready,
} from '../../broker/listener.js'
import { PART_MS } from '../../market/bar.js'
import { endOfBar, sessionOfStart } from '../../market/grid.js'
import { SYMBOL_COUNT } from '../../market/market.js'
import { ACK, CANCEL, isOpen, newReport, REJECT, type Report, SENT, UNKNOWN } from '../../portfolio/orders.js'
import type { LiveRun, Orders } from '../live.js'
import { Executions } from './executions.js'
import { type Past, type SentOrder, storedNumbers, warm } from './replayed.js'

/** The part of the gateway that paper trading uses. */
export type Broker = Pick<
  Gateway,
  | 'state'
  | 'account'
  | 'nextId'
  | 'place'
  | 'cancel'
  | 'time'
  | 'openOrders'
  | 'completedOrders'
  | 'executions'
  | 'positions'
  | 'history'
  | 'summary'
>

/** What time it is for a run. */
export interface SessionClock {
  /** Epoch milliseconds of the session. */
  now(): number
  /** The broker has told the time. */
  told(timeMs: number): void
}

export interface PaperOptions {
  readonly live: LiveRun
  readonly broker: Broker
  /** Of both symbols. */
  readonly contracts: readonly ContractInfo[]
  readonly journal: Journal
  readonly past: Past
  readonly clock: SessionClock
  /** Of the host, for what is told of the host: epoch milliseconds. */
  readonly host: () => number
  /** The gateway's time is not the host's: it waits for its readers. */
  readonly timeWaits: boolean
  /** Calls later, host time; gives what takes it back. */
  readonly later: (call: () => void, ms: number) => () => void
  readonly run: string
  /** Nothing is sent. */
  readonly dryRun: boolean
  /** Starts of the last bar that will come, and of the last of both symbols, on which nothing is decided; infinity where nobody knows. */
  readonly lastBarMs: number
  readonly lastJointMs: number
  /** When the session closes with which the run ends; infinity where the bars decide. */
  readonly closeMs: number
  /** Shares that no execution explains are taken over. */
  readonly adopt: boolean
  /** What is held is closed at the end, whatever ended it. */
  readonly flattens: boolean
  /** Writes records that were made since. */
  readonly flush: () => Promise<void>
  readonly tell: Told
}

/** What people are told of. */
export interface Told {
  /** A bar was dealt with. */
  bar(state: BarState, live: LiveRun): void
  note(words: string): void
  warn(words: string): void
  /** To be told at once, wherever somebody listens. */
  alarm(kind: Alarm, words: string): void
}

export type Alarm = 'halt' | 'limit' | 'disconnect' | 'reconcile'

/** For `state` records. */
export interface BarState {
  readonly timeMs: number
  readonly connection: Broker['state']
  readonly ageMs: number
  /** From the arrival of the last part of the bar to the order, or to where none was. */
  readonly latencyMs: number
  /** The broker's clock minus the host's, as far as it was told. */
  readonly offsetMs: number | null
}

/** `data`: no more bars; `session`: it has closed; `limit`: a loss limit; `halt`: the kill switch; `stop`: a signal. */
export type Ending = 'data' | 'session' | 'limit' | 'halt' | 'stop'

/** Dollars of cash that a day has brought, by our books and by the broker's. */
export interface Reckoning {
  /** Days since 1970-01-01. */
  readonly day: number
  readonly own: number
  readonly broker: number
}

export interface Finish {
  /** Nothing of ours is open, and what was to be closed is. */
  readonly isDone: boolean
  /** Null where it could not be asked. */
  readonly reckoning: Reckoning | null
}

type Inbox =
  | { readonly kind: 'part'; readonly symbol: string; readonly bar: GatewayBar; readonly atMs: number }
  | { readonly kind: 'order'; readonly report: OrderReport }
  | { readonly kind: 'execution'; readonly report: ExecutionReport }
  | { readonly kind: 'commission'; readonly report: CommissionReport }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'ready'; readonly ready: Ready }
  | { readonly kind: 'down'; readonly reason: string }
  | { readonly kind: 'time'; readonly timeMs: number; readonly endMs: number }
  | { readonly kind: 'unsent'; readonly id: number }
  | {
      readonly kind: 'guard'
      readonly symbol: string
      readonly what: 'type' | 'halt'
      readonly value: number
    }
  | { readonly kind: 'gap'; readonly symbol: string }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'ending'; readonly ending: Ending; readonly words: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'over' }

/** What time brings: while reports are waited for, it waits. */
const BAR_KINDS: ReadonlySet<Inbox['kind']> = new Set(['part', 'time', 'tick', 'over'])

/** An age at which nobody trades: the guard takes its word for a stream that does not deserve trust. */
const UNTRUSTED_MS = 1e12

/** History is asked for by its length, up to now. */
const HISTORY_MARGIN_MS = MINUTE

/** How often positions are held against the broker's while all is well. */
const EXPLAIN_EVERY_BARS = 15

/** Between two looks at the broker. */
const LATE_MS = SECOND / 4
const LOOKS = 3

/** What of a bar has not come this long after its last part, host time, will not come. */
const GRACE_MS = 3 * SECOND

/** A clock that is further off than this is worth a word. */
const SKEW_MS = 2 * SECOND

/** The broker says whole cents, at the beginning and at the end. */
const CENT = 0.01 + 1e-6

/** How long an order that is to be cancelled, and positions that are to be closed, are waited for, host time. */
const CANCEL_PATIENCE_MS = 3 * SECOND
const FLATTEN_PATIENCE_MS = MINUTE

/** One run at one gateway. */
export class Paper {
  readonly #options: PaperOptions
  readonly #builder: BarBuilder
  readonly #executions: Executions
  readonly #orders: Map<number, SentOrder>
  readonly #byId = new Map<number, SentOrder>()
  readonly #inbox: Inbox[] = []
  #wake: (() => void) | null = null
  /** Events on their way into the journal. */
  #noted: JournalEvent[] = []
  /** Host time at which the part came that is dealt with, and of the last order. */
  #cameMs = 0
  #placedMs = 0
  /** Before this nothing is closed without bars again. */
  #blindMs = Number.NEGATIVE_INFINITY
  #ending: Ending | null = null
  /** End of the newest part, after which the broker was asked the time, and when it came, host time. */
  #askedMs = Number.NEGATIVE_INFINITY
  #askedAtMs = 0
  /** The same, once it was answered. */
  #answeredMs = Number.NEGATIVE_INFINITY
  /** Of what had ended by then nothing comes any more: by the stream itself, not by a clock that may be wrong. */
  #closedMs = Number.NEGATIVE_INFINITY
  /** What the broker knows was held against what we know, on this connection. */
  #isReconciled = false
  /** The run has begun to trade: a difference to the broker is no reason not to start, but one to halt. */
  #hasBegun = false
  #offsetMs: number | null = null
  #isSkewTold = false
  /** Money at the beginning of the session, dollars. */
  #base: Past['base'] = null
  readonly #typeOf = new Map<string, number>()
  readonly #haltOf = new Map<string, number>()
  /** The bars have ended: what comes from history is too late to decide on. */
  #isOver = false
  /** Executions of others, once each. */
  readonly #foreigners = new Set<string>()
  /** Symbols that the broker takes no orders for. */
  readonly #stopped = new Set<string>()
  /** Dollars against the reference prices: what the model expects of these executions, and what they were. */
  modelledSlippage = 0
  seenSlippage = 0
  /** Bars that were dealt with while all was well, and all of them. */
  goodBars = 0
  allBars = 0
  /** As many bars were dealt with when positions were last held against the broker's. */
  #explainedAt = 0

  constructor(options: PaperOptions) {
    const { live, past, run } = options
    this.#options = options
    this.#builder = new BarBuilder(live.options.market.interval)
    this.#executions = new Executions(live.options.rules.costs, past.executions)
    this.#orders = new Map(past.orders)
    const { orders } = live.state
    for (let slot = 0; slot < orders.length; slot++) {
      const order = orders.id[slot]!
      // One whose intent did not reach the journal was never sent.
      const sent = this.#orders.get(order) ?? {
        order,
        id: 0,
        ref: referenceOf(run, order),
        symbol: orders.symbol[slot]!,
        shares: orders.shares[slot]!,
        decidedMs: orders.decidedMs[slot]!,
      }
      this.#orders.set(order, sent)
      if (!isOpen(orders.state[slot]!)) continue
      if (sent.id !== 0) this.#byId.set(sent.id, sent)
      this.#executions.expect(sent)
    }
  }

  /** What the gateway is to be given as its listener. */
  readonly listener: GatewayListener = {
    ready: (ready) => this.#push({ kind: 'ready', ready }),
    down: (reason) => this.#push({ kind: 'down', reason }),
    away: ({ reason }) => this.#options.tell.alarm('disconnect', `no connection for a minute: ${reason}`),
    bar: (symbol, bar) => this.#push({ kind: 'part', symbol, bar, atMs: this.#options.host() }),
    gap: (symbol) => this.#push({ kind: 'gap', symbol }),
    order: (report) => this.#push({ kind: 'order', report }),
    unsent: (id) => this.#push({ kind: 'unsent', id }),
    execution: (report) => this.#push({ kind: 'execution', report }),
    commission: (report) => this.#push({ kind: 'commission', report }),
    problem: (problem) => this.#push({ kind: 'problem', problem }),
    dataType: (symbol, value) => this.#push({ kind: 'guard', symbol, what: 'type', value }),
    halted: (symbol, value) => this.#push({ kind: 'guard', symbol, what: 'halt', value }),
    denied: () => {},
    clock: (offsetMs) => this.#skewed(offsetMs),
    note: (words) => this.#options.tell.note(words),
    failed: (error) => this.#push({ kind: 'failed', error }),
  }

  /** Ends the run at the next occasion: a signal, the kill switch. */
  stop(ending: Ending, words: string): void {
    this.#push({ kind: 'ending', ending, words })
  }

  /** To be called now and then: looks at the clock. */
  tick(): void {
    this.#push({ kind: 'tick' })
  }

  /** No more bars will come. */
  over(): void {
    this.#push({ kind: 'over' })
  }

  /**
   * The bars before the first decision, from the history of the broker. Throws 66 where there are fewer than `least` of both
   * symbols.
   */
  async warmUp(fromMs: number, least: number): Promise<void> {
    const { live, clock } = this.#options
    const slots = await this.#slotsOfHistory(fromMs, clock.now())
    const bars: (number | null)[][] = []
    const alone: [number, ...(number | null)[]][] = []
    for (const { timeMs, bars: both } of slots) {
      const [first, second] = both
      if (first && second) bars.push(storedNumbers([timeMs, ...first, ...second]))
      else for (const [k, one] of both.entries()) if (one) alone.push([k, ...storedNumbers([timeMs, ...one])])
    }
    if (bars.length < least)
      throw new Failure(
        'noInput',
        `the broker has ${bars.length} bars of both symbols before now, and ${least} are needed`,
        { hint: 'start later in the session, or with a shorter --warmup' },
      )
    this.#note({ event: 'warm', bars, alone })
    await this.#write()
    warm(live, { bars, alone })
    this.#builder.skip(slots.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY)
  }

  /**
   * Goes on where the journal ends: what the broker knows is held against it, a decision that was due is taken if it is not too
   * late, and bars that were missed are taken from history.
   */
  async resume(): Promise<void> {
    const { past, live, lastJointMs } = this.#options
    await this.reconcile()
    this.#hasBegun = true
    if (live.isOver) return this.#end('limit')
    if (past.bars > 0 && !past.isDecided && past.lastBarMs < lastJointMs)
      await this.#decide(live.options.market.endOf(live.t))
    await this.#catchUp()
  }

  /**
   * Notes the money at the beginning of a session, against which the day is reckoned: the broker's and ours. `day` is the date of
   * the session, days since 1970-01-01.
   */
  async openDay(day: number): Promise<void> {
    const { past, live, dryRun } = this.#options
    if (dryRun) return
    this.#base = past.base?.day === day ? past.base : null
    if (this.#base !== null) return
    const broker = await this.#cash()
    if (broker === null) return
    this.#base = { day, broker, own: live.state.account.cash + this.#executions.pendingCash() }
    this.#note({ event: 'base', ...this.#base })
    await this.#write()
  }

  /** Dollars of cash in the broker's account; null where it does not say. */
  async #cash(): Promise<number | null> {
    const { broker } = this.#options
    const row = (await broker.summary()).find(
      ({ account, tag }) => account === broker.account && tag === 'TotalCashValue',
    )
    const cash = Number(row?.value)
    return row === undefined || !Number.isFinite(cash) ? null : cash
  }

  /**
   * What the day has earned in cash by our books and by the broker's, dollars. Null where either is not known. The positions are
   * the same, or the run was halted: so is what they are worth.
   */
  async #reckon(): Promise<Reckoning | null> {
    const { broker, live, tell, dryRun } = this.#options
    if (this.#base === null || dryRun || broker.state !== 'ready') return null
    const cash = await this.#cash().catch(() => null)
    if (cash === null) return null
    const reckoning = {
      day: this.#base.day,
      own: live.state.account.cash - this.#base.own,
      broker: cash - this.#base.broker,
    }
    this.#note({ event: 'day', ...reckoning })
    const difference = reckoning.own - reckoning.broker
    if (Math.abs(difference) > CENT)
      tell.alarm(
        'reconcile',
        `the day's cash is ${dollars(reckoning.own)} here and ${dollars(reckoning.broker)} at the broker`,
      )
    return reckoning
  }

  /** The streams of both symbols have begun. */
  began(): void {
    const nowMs = this.#options.clock.now()
    for (let k = 0; k < SYMBOL_COUNT; k++) this.#builder.began(k, nowMs)
    // Where time waits for its readers, it goes on from here.
    this.#askTime()
    this.#askTime()
  }

  /** Trades until the end. The gateway is connected, and the bars before the first decision are known. */
  async trade(): Promise<Ending> {
    while (this.#ending === null) {
      const next = this.#inbox.shift()
      if (next === undefined)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      else await this.#handle(next)
      await this.#write()
    }
    return this.#ending
  }

  /**
   * Ends the run: open orders are cancelled, what is held is closed where that is wanted, and what is known of executions reaches
   * the account. Then the money is held against the broker's.
   */
  async finish(ending: Ending): Promise<Finish> {
    const { live, broker, clock, flattens, host } = this.#options
    let isDone = true
    if (broker.state === 'ready' && this.#isReconciled) {
      await this.#clearWorking()
      const isFlat = () => live.state.account.position.every((shares) => shares === 0)
      if (flattens && !isFlat()) {
        const timeMs = clock.now()
        this.#note({ event: 'flatten', time: timeMs })
        await this.#send(live.flatten(timeMs))
        isDone = await this.#until(isFlat, FLATTEN_PATIENCE_MS, 'all')
      }
      isDone &&= this.#working().length === 0
    }
    this.#settle(true)
    live.close()
    await this.#explainAgain()
    const reckoning = await this.#reckon()
    this.#note({ event: 'end', ending, at: host() })
    await this.#write({ sync: true })
    return { isDone, reckoning }
  }

  /** No more orders until somebody resets it, also after a restart. */
  async halt(reason: string): Promise<void> {
    this.#note({ event: 'halt', reason, at: this.#options.host() })
    await this.#write({ sync: true })
    this.#options.tell.alarm('halt', reason)
    this.#end('halt')
  }

  /**
   * Holds what the broker knows against what we know: orders by their references, executions by their ids, positions. An order
   * without any trace was never there: it is sent if it is still the newest decision's, else it has ended.
   */
  async reconcile(): Promise<void> {
    const { broker, live, clock, dryRun } = this.#options
    if (dryRun) {
      this.#isReconciled = true
      return
    }
    const { market } = live.options
    const isFresh = ({ decidedMs }: SentOrder): boolean =>
      live.t >= 0 && decidedMs === market.endOf(live.t) && clock.now() - decidedMs < market.intervalMs
    let unseen: SentOrder[] = []
    // What was written into a connection that then died may arrive late: nothing is called lost at the first look.
    for (let look = 1; look <= LOOKS; look++) {
      if (look > 1) await this.#pause(LATE_MS)
      const open = await broker.openOrders()
      const executions = await broker.executions()
      const completed = await broker.completedOrders()
      for (const report of executions) this.#execution(report)
      unseen = []
      for (const sent of this.#working()) {
        const at = open.find(({ ref }) => ref === sent.ref)
        const executed = executions
          .filter(({ ref }) => ref === sent.ref)
          .reduce((sum, { shares }) => sum + shares, 0)
        if (at !== undefined) {
          sent.id = at.id
          this.#byId.set(at.id, sent)
          this.#report(sent, ACK)
          if (!isFresh(sent)) this.#cancel(sent.order)
        } else if (executed >= Math.abs(sent.shares)) continue
        else if (executed > 0 || completed.some(({ ref }) => ref === sent.ref)) this.#report(sent, CANCEL)
        else unseen.push(sent)
      }
      if (unseen.length === 0) break
    }
    await this.#explain()
    this.#isReconciled = true
    for (const sent of unseen) {
      if (!isFresh(sent)) {
        this.#report(sent, CANCEL)
        continue
      }
      sent.id = broker.nextId()
      this.#note(intentOf(sent))
      await this.#write({ sync: true })
      this.#place(sent)
    }
  }

  /** Somebody else may trade in the account: the broker says nothing of that unasked. */
  async #explainAgain(): Promise<void> {
    const { broker, dryRun } = this.#options
    if (dryRun || broker.state !== 'ready' || !this.#isReconciled) return
    this.#explainedAt = this.allBars
    await this.#explain().catch((error: unknown) => {
      // A question without an answer is asked again later.
      if (this.#ending === null) this.#options.tell.warn(wordsOf(error))
    })
  }

  /** Every share has an execution that explains it, or nothing is traded. */
  async #explain(): Promise<void> {
    const { broker, live, adopt, tell } = this.#options
    const { symbols, close } = live.options.market
    let held: number[] = []
    const known = (k: number): number => live.state.account.position[k]! + this.#executions.pending(k)
    // An execution may come between two answers.
    for (let look = 1; look <= LOOKS; look++) {
      if (look > 1) {
        await this.#pause(LATE_MS)
        for (const report of await broker.executions()) this.#execution(report)
      }
      const positions = await broker.positions()
      held = symbols.map((own) =>
        positions
          .filter(
            ({ symbol, kind, account }) => symbol === own && kind === 'STK' && account === broker.account,
          )
          .reduce((sum, { shares }) => sum + shares, 0),
      )
      if (held.every((shares, k) => shares === known(k))) return
    }
    for (const [k, theirs] of held.entries()) {
      const ours = known(k)
      if (theirs === ours) continue
      const words = `${symbols[k]}: the broker holds ${theirs} shares, the journal explains ${ours}`
      if (this.#hasBegun) {
        tell.alarm('reconcile', words)
        return this.halt(words)
      }
      if (!adopt)
        throw new Failure('data', words, {
          hint: 'take them over with --adopt, or close them with --flatten',
        })
      this.#settle(true)
      const price = close[k]![live.t]!
      this.#note({ event: 'adopt', symbol: k, shares: theirs - ours, price })
      await this.#write({ sync: true })
      live.adopt(k, theirs - ours, price)
    }
  }

  #push(message: Inbox): void {
    this.#inbox.push(message)
    this.#wake?.()
    this.#wake = null
  }

  async #handle(message: Inbox): Promise<void> {
    const { host } = this.#options
    switch (message.kind) {
      case 'part':
        this.#cameMs = message.atMs
        return this.#part(message.symbol, message.bar)
      case 'time':
        return this.#time(message.timeMs, message.endMs)
      case 'tick':
        return this.#tick()
      case 'over':
        this.#isOver = true
        this.#closedMs = Number.POSITIVE_INFINITY
        await this.#slots()
        await this.#catchUp()
        return this.#end('data')
      case 'order':
        return this.#order(message.report)
      case 'execution':
        return this.#execution(message.report)
      case 'commission':
        this.#executions.commission(message.report)
        return this.#settle(false)
      case 'unsent':
        return this.#closed(this.#byId.get(message.id), CANCEL)
      case 'problem':
        return this.#problem(message.problem)
      case 'guard':
        ;(message.what === 'type' ? this.#typeOf : this.#haltOf).set(message.symbol, message.value)
        return
      case 'gap':
        this.#builder.began(this.#symbol(message.symbol), this.#options.clock.now())
        return
      case 'down':
        this.#isReconciled = false
        return this.#note({ event: 'link', state: 'down', detail: message.reason, at: host() })
      case 'ready':
        this.#note({ event: 'link', state: 'ready', detail: '', at: host() })
        if (!message.ready.again) return
        return this.#again(true)
      case 'failed':
        throw message.error
      case 'ending':
        if (message.ending === 'halt') return this.halt(message.words)
        return this.#end(message.ending)
    }
  }

  /** The connection is there again, or an order is in doubt: first what became of orders, then the bars that were missed. */
  async #again(missesBars: boolean): Promise<void> {
    try {
      await this.reconcile()
      if (missesBars) await this.#catchUp()
    } catch (error) {
      // It may be gone again: then the next connection is the occasion.
      if (this.#options.broker.state === 'ready') throw error
    }
  }

  // Bars

  async #part(symbol: string, bar: GatewayBar): Promise<void> {
    const k = this.#symbol(symbol)
    const timeMs = k < 0 ? null : this.#builder.push(k, bar)
    if (timeMs === null) return
    // What executions are measured against is the open of a bar, not of any part: that is known after a restart as well.
    if (timeMs === bar.startMs) this.#executions.opened(k, timeMs, bar.open)
    this.#settle(false)
    await this.#slots()
    const endMs = bar.startMs + PART_MS
    if (endMs <= this.#askedMs) return
    this.#askedMs = endMs
    this.#askedAtMs = this.#cameMs
    this.#askTime()
  }

  /**
   * The answer to a question for the time. Where time waits for its readers it comes after all parts that had ended when the
   * question was asked; the next question says that they are dealt with.
   */
  async #time(timeMs: number, endMs: number): Promise<void> {
    const { clock, timeWaits } = this.#options
    clock.told(timeMs)
    if (endMs <= this.#answeredMs) return
    this.#answeredMs = endMs
    if (timeWaits) this.#closedMs = endMs
    await this.#slots()
    this.#askTime()
  }

  /** Looks at the clocks. */
  async #tick(): Promise<void> {
    const { clock, closeMs, host, timeWaits } = this.#options
    if (!timeWaits && host() - this.#askedAtMs >= GRACE_MS)
      this.#closedMs = Math.max(this.#closedMs, this.#askedMs)
    const isClosed = clock.now() >= closeMs + GRACE_MS
    if (isClosed) this.#closedMs = Number.POSITIVE_INFINITY
    await this.#slots()
    if (isClosed) this.#end('session')
    else if (clock.now() >= closeMs - this.#flatMs()) await this.#flattenBlind()
  }

  /** How long before the close nothing is to be held any more, milliseconds. */
  #flatMs(): number {
    return this.#options.live.options.rules.limits.flatBeforeCloseMs ?? Number.NEGATIVE_INFINITY
  }

  /** The close comes near, and no bar that the guard could close on: what is held is closed by the clock. */
  async #flattenBlind(): Promise<void> {
    const { live, clock } = this.#options
    const { market } = live.options
    const nowMs = clock.now()
    const isHeld = live.state.account.position.some((shares) => shares !== 0)
    if (!isHeld || nowMs - market.endOf(live.t) < 2 * market.intervalMs || nowMs < this.#blindMs) return
    this.#blindMs = nowMs + market.intervalMs
    this.#options.tell.alarm('disconnect', 'no bars before the close: what is held is closed without them')
    this.#note({ event: 'flatten', time: nowMs })
    await this.#send(live.flatten(nowMs))
  }

  #askTime(): void {
    const endMs = this.#askedMs
    this.#options.broker.time().then(
      (timeMs) => this.#push({ kind: 'time', timeMs, endMs }),
      () => {},
    )
  }

  async #slots(): Promise<void> {
    while (this.#ending === null) {
      const slot = this.#builder.next(this.#closedMs)
      if (slot === null) return
      await this.#slot(slot)
    }
  }

  async #slot(slot: Slot): Promise<void> {
    const { live, clock, lastBarMs, lastJointMs, closeMs, host, broker } = this.#options
    const { timeMs, endMs } = slot
    this.#placedMs = 0
    const bars = await this.#completed(slot)
    for (const [k, bar] of bars.entries()) if (bar !== null) this.#executions.opened(k, timeMs, bar[0]!)
    const [first, second] = bars
    if (first && second) {
      await this.#clearWorking()
      this.#settle(true)
      const numbers = [...first, ...second]
      this.#note({ event: 'bar', time: timeMs, numbers: storedNumbers(numbers) })
      live.take(timeMs, numbers)
      if (live.isOver) this.#end('limit')
      else if (timeMs < lastJointMs) await this.#decide(endMs)
    } else {
      for (let k = 0; k < SYMBOL_COUNT; k++) {
        const numbers = bars[k]
        if (!numbers) continue
        this.#settle(true)
        this.#note({ event: 'alone', symbol: k, time: timeMs, numbers: storedNumbers(numbers) })
        await this.#send(live.takeAlone(k, timeMs, numbers))
      }
    }
    if (this.allBars - this.#explainedAt >= EXPLAIN_EVERY_BARS && this.#working().length === 0)
      await this.#explainAgain()
    if (timeMs >= lastBarMs) this.#end('data')
    else if (endMs >= closeMs) this.#end('session')
    const ageMs = Math.max(0, clock.now() - endMs)
    this.allBars++
    if (this.#mayTrade() && ageMs <= live.options.rules.limits.maxAgeMs) this.goodBars++
    this.#options.tell.bar(
      {
        timeMs: endMs,
        connection: broker.state,
        ageMs,
        latencyMs: (this.#placedMs === 0 ? host() : this.#placedMs) - this.#cameMs,
        offsetMs: this.#offsetMs,
      },
      live,
    )
  }

  #end(ending: Ending): void {
    this.#ending ??= ending
  }

  /** Bars that the stream brought only in part are taken from history. */
  async #completed({ timeMs, endMs, bars, isWhole }: Slot): Promise<(readonly number[] | null)[]> {
    const { live, tell } = this.#options
    return Promise.all(
      bars.map(async (bar, k) => {
        if (isWhole[k]) return bar
        const history = await this.#history(k, timeMs, endMs).catch((error: unknown) => {
          const symbol = live.options.market.symbols[k]!
          tell.warn(`${symbol}: the bar at ${formatTime(timeMs)} is not known: ${wordsOf(error)}`)
          return []
        })
        const found = history.find(({ startMs }) => startMs === timeMs)
        return found === undefined ? null : numbersOfBar(found)
      }),
    )
  }

  /** Bars that have ended since the newest one and did not come by the stream. */
  async #catchUp(): Promise<void> {
    const { live, clock } = this.#options
    const { market } = live.options
    if (live.t < 0) return
    const alone = market.alone.map(({ time, length }) => (length > 0 ? time[length - 1]! : 0))
    const newest = Math.max(market.time[live.t]!, ...alone)
    this.#builder.skip(newest)
    const nowMs = clock.now()
    if (nowMs < newest + 2 * market.intervalMs) return
    for (const slot of await this.#slotsOfHistory(newest + 1, nowMs)) {
      if (this.#ending !== null) return
      this.#builder.skip(slot.timeMs)
      await this.#slot(slot)
    }
  }

  /** Bars that begin at `fromMs` or later and have ended at `toMs`, in the order of time. */
  async #slotsOfHistory(fromMs: number, toMs: number): Promise<Slot[]> {
    const { intervalMs } = this.#options.live.options.market
    const slots = new Map<number, Slot & { readonly bars: (number[] | null)[] }>()
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      for (const bar of await this.#history(k, fromMs, toMs)) {
        const endMs = endOfBar(bar.startMs, intervalMs)
        if (endMs > toMs || sessionOfStart(bar.startMs, intervalMs) === null) continue
        const slot = slots.get(bar.startMs) ?? {
          timeMs: bar.startMs,
          endMs,
          bars: new Array(SYMBOL_COUNT).fill(null),
          isWhole: new Array(SYMBOL_COUNT).fill(true),
        }
        slot.bars[k] = numbersOfBar(bar)
        slots.set(bar.startMs, slot)
      }
    }
    return [...slots.values()].sort((a, b) => a.timeMs - b.timeMs)
  }

  /** Bars of a symbol that begin in [fromMs, toMs). */
  async #history(k: number, fromMs: number, toMs: number): Promise<readonly GatewayBar[]> {
    const { broker, contracts, live, clock } = this.#options
    const bars = await broker.history({
      contract: contracts[k]!,
      interval: live.options.market.interval,
      endMs: null,
      lengthMs: Math.max(0, clock.now() - fromMs) + HISTORY_MARGIN_MS,
      rth: true,
    })
    return bars.filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
  }

  // Decisions and orders

  async #decide(endMs: number): Promise<void> {
    const { live, clock } = this.#options
    const ageMs = Math.max(0, clock.now() - endMs)
    // The next bar has ended as well: the policy sees this one, and decides on that one.
    if (this.#isOver || ageMs >= live.options.market.intervalMs) {
      const action = live.state.heldAction
      const sha256 = live.miss(action)
      return this.#note({ event: 'miss', action, sha256 })
    }
    const age = this.#mayTrade() ? ageMs : UNTRUSTED_MS
    const decided = live.decide(age)
    const { action, sha256 } = decided
    this.#note({ event: 'decide', age, action, sha256 })
    await this.#send(decided)
  }

  /** Whether prices and connection deserve orders. */
  #mayTrade(): boolean {
    const { broker, live } = this.#options
    return (
      broker.state === 'ready' &&
      this.#isReconciled &&
      live.options.market.symbols.every(
        (symbol) =>
          (this.#typeOf.get(symbol) ?? 1) === 1 &&
          (this.#haltOf.get(symbol) ?? 0) === 0 &&
          !this.#stopped.has(symbol),
      )
    )
  }

  #canSend(): boolean {
    const { broker, dryRun } = this.#options
    return !dryRun && broker.state === 'ready' && this.#isReconciled
  }

  /** Journal first, then the wire. */
  async #send({ cancels, intents }: Orders): Promise<void> {
    const { broker, run } = this.#options
    const canSend = this.#canSend()
    const orders = intents.map(
      ({ order, symbol, shares, decidedMs }): SentOrder => ({
        order,
        id: canSend ? broker.nextId() : 0,
        ref: referenceOf(run, order),
        symbol,
        shares,
        decidedMs,
      }),
    )
    this.#note(...orders.map(intentOf))
    // Nothing goes out that is not on the disk.
    if (orders.length > 0) await this.#write({ sync: true })
    for (const order of cancels) this.#cancel(order)
    for (const one of orders) {
      this.#orders.set(one.order, one)
      if (canSend) this.#place(one)
      else this.#report(one, CANCEL)
    }
  }

  /** Sends an order whose intent is on the disk. */
  #place(one: SentOrder): void {
    const { broker, contracts } = this.#options
    this.#byId.set(one.id, one)
    this.#executions.expect(one)
    // The connection may have gone while the disk was written to.
    if (broker.state !== 'ready') {
      this.#report(one, CANCEL)
      return
    }
    broker.place(one.id, contracts[one.symbol]!, {
      ref: one.ref,
      side: one.shares > 0 ? 'buy' : 'sell',
      shares: Math.abs(one.shares),
      kind: 'market',
    })
    this.#placedMs = this.#options.host()
    this.#note({ event: 'sent', order: one.order, id: one.id })
  }

  #cancel(order: number): void {
    const { broker } = this.#options
    const sent = this.#orders.get(order)
    if (sent !== undefined && broker.state === 'ready') broker.cancel(sent.id)
  }

  /** What still works from the decision before is cancelled, and its end waited for: the next decision begins with none. */
  async #clearWorking(): Promise<void> {
    this.#settle(false)
    if (this.#options.broker.state !== 'ready') return
    for (const { order } of this.#working()) this.#cancel(order)
    await this.#until(() => this.#working().length === 0, CANCEL_PATIENCE_MS, 'reports')
  }

  /** Deals with what comes until `done`, or for so long, host time: with reports alone, or with all. */
  async #until(done: () => boolean, patienceMs: number, what: 'reports' | 'all'): Promise<boolean> {
    const { host } = this.#options
    const untilMs = host() + patienceMs
    while (!done()) {
      if (host() >= untilMs) return false
      const at = this.#inbox.findIndex(({ kind }) => what === 'all' || !BAR_KINDS.has(kind))
      if (at >= 0) await this.#handle(this.#inbox.splice(at, 1)[0]!)
      else await this.#news()
    }
    return true
  }

  /** Resolves when something has come, or soon. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.later(resolve, 50)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.later(resolve, ms)
    })
  }

  /** Orders of which more may be executed than is known. */
  #working(): SentOrder[] {
    const { orders } = this.#options.live.state
    const working: SentOrder[] = []
    // A journal has the orders of months: the book says which few are open.
    for (let slot = 0; slot < orders.length; slot++) {
      const sent = isOpen(orders.state[slot]!) ? this.#orders.get(orders.id[slot]!) : undefined
      if (sent !== undefined && this.#executions.pendingOf(sent.order) < Math.abs(sent.shares))
        working.push(sent)
    }
    return working
  }

  #stateOf(order: number): number | null {
    const { orders } = this.#options.live.state
    for (let slot = orders.length - 1; slot >= 0; slot--)
      if (orders.id[slot] === order) return orders.state[slot]!
    return null
  }

  // Reports

  #order(report: OrderReport): void {
    const sent = this.#sentOf(report)
    if (sent === undefined) return
    if (report.standing === 'open' || report.standing === 'pending') this.#report(sent, ACK)
    else if (report.standing === 'cancelled') this.#closed(sent, CANCEL)
  }

  #execution(report: ExecutionReport): void {
    const sent = this.#sentOf(report)
    if (sent === undefined) {
      this.#foreign(report)
      return
    }
    const timeMs = report.timeMs ?? this.#options.clock.now()
    if (this.#executions.take(sent, report, timeMs)) this.#settle(false)
  }

  /** Somebody else trades what we trade, in our account: from now on nobody knows whose the shares are. */
  #foreign({ account, symbol, kind, exec, side, shares }: ExecutionReport): void {
    const { broker, tell } = this.#options
    if (account !== broker.account || kind !== 'STK' || this.#symbol(symbol) < 0) return
    if (this.#foreigners.has(exec)) return
    this.#foreigners.add(exec)
    // What was traded before is in the positions that were held against ours.
    if (!this.#hasBegun) return
    const words = `an order that is not ours: ${side} ${shares} ${symbol}`
    tell.alarm('reconcile', words)
    this.#push({ kind: 'ending', ending: 'halt', words })
  }

  /** The order of ours that a report is about, by the reference that it keeps, else by its id. */
  #sentOf({
    id,
    ref,
    own,
  }: {
    readonly id: number
    readonly ref: string | null
    readonly own: boolean
  }): SentOrder | undefined {
    const prefix = referenceOf(this.#options.run, '')
    if (ref?.startsWith(prefix)) return this.#orders.get(Number(ref.slice(prefix.length)))
    return own && id !== 0 ? this.#byId.get(id) : undefined
  }

  /** Executions of which all is known reach the account; with `all` those too of which something is still to come. */
  #settle(all: boolean): void {
    if (this.#executions.isEmpty) return
    const { live } = this.#options
    const mark = live.options.market.close.map((column) => column[live.t] ?? Number.NaN)
    for (const { report, execution, modelled } of this.#executions.settle(all ? { mark } : null)) {
      this.modelledSlippage += modelled
      this.seenSlippage += report.slippage
      const { revision, permId } = execution
      this.#note({ event: 'report', report, revision, perm: permId })
      live.apply(report)
    }
  }

  async #problem({ id, act, code, message, meaning, symbol }: Problem): Promise<void> {
    const { tell } = this.#options
    const sent = id === null ? undefined : this.#byId.get(id)
    const words = `${code}: ${meaning} (${message})`
    switch (act) {
      case 'reject':
      case 'new-id':
      case 'read-only':
        return this.#closed(sent, REJECT)
      case 'stop-symbol':
        if (symbol !== null) this.#stopped.add(symbol)
        tell.warn(words)
        return this.#closed(sent, REJECT)
      case 'cancelled':
      case 'expired':
        return this.#closed(sent, CANCEL)
      case 'settle':
        return this.#again(false)
      case 'link-lost':
        this.#isReconciled = false
        return
      case 'link-back':
      case 'link-back-empty':
        return this.#again(true)
      case 'halt':
        return this.halt(words)
      default:
        return
    }
  }

  #closed(sent: SentOrder | undefined, kind: number): void {
    if (sent === undefined) return
    this.#settle(false)
    this.#report(sent, kind)
  }

  /** Tells the account of an order that has not ended. */
  #report({ order, decidedMs }: SentOrder, kind: number): void {
    const state = this.#stateOf(order)
    if (state === null || !isOpen(state)) return
    // Brokers say many times that an order lives.
    if (kind === ACK && state !== SENT && state !== UNKNOWN) return
    const report: Report = { ...newReport(), kind, order, timeMs: decidedMs }
    this.#note({ event: 'report', report })
    this.#options.live.apply(report)
  }

  /** A host clock that is off is told once. */
  #skewed(offsetMs: number): void {
    this.#offsetMs = Math.round(offsetMs)
    if (this.#options.timeWaits || this.#isSkewTold || Math.abs(offsetMs) <= SKEW_MS) return
    this.#isSkewTold = true
    const words = `the clock of this host is ${grouped(Math.abs(offsetMs) / SECOND, 1)} s ${offsetMs > 0 ? 'behind' : 'ahead of'} the broker's`
    this.#options.tell.warn(words)
  }

  #symbol(symbol: string): number {
    return this.#options.live.options.market.symbols.indexOf(symbol)
  }

  /** Keeps events for the next write: one piece for all that a bar brings. */
  #note(...events: JournalEvent[]): void {
    this.#noted.push(...events)
  }

  /** Everything noted is in the journal; with `sync` on the disk. Records of it follow. */
  async #write({ sync = false }: { readonly sync?: boolean } = {}): Promise<void> {
    const { journal, flush } = this.#options
    const events = this.#noted
    this.#noted = []
    if (events.length > 0) await journal.append(events, { sync })
    await flush()
  }
}

const numbersOfBar = ({ open, high, low, close, volume }: GatewayBar): number[] => [
  open,
  high,
  low,
  close,
  volume,
]

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** An order keeps it for good: by it the broker is asked what became of it. */
const referenceOf = (run: string, order: number | ''): string => `jules:${run}:${order}`

const intentOf = ({ order, id, ref, symbol, shares, decidedMs }: SentOrder): JournalEvent => ({
  event: 'intent',
  order,
  id,
  ref,
  symbol,
  shares,
  time: decidedMs,
})
