/** Paper trading: bars in, decisions, orders out, reports back, and a journal of it all. */
import { Failure } from '../../base/errors.js'
import { formatTime, MINUTE, newYorkDay, SECOND } from '../../base/time.js'
import { grouped } from '../../base/words.js'
import type { Slot } from '../../broker/bars.js'
import type { Distrust } from '../../broker/journal.js'
import type { GatewayBar, GatewayListener, Problem } from '../../broker/listener.js'
import { sessionAt } from '../../market/calendar.js'
import { endOfBar, sessionOfStart } from '../../market/grid.js'
import { SYMBOL_COUNT } from '../../market/market.js'
import { CANCEL, REJECT } from '../../portfolio/orders.js'
import type { Orders } from '../live.js'
import { OrderDesk } from './desk.js'
import { BarFeed, GRACE_MS } from './feed.js'
import { Inbox, type Message } from './inbox.js'
import { Notes } from './notes.js'
import type { Ending, PaperOptions } from './options.js'
import { type Reckoning, Reconciliation } from './reconciliation.js'
import { count, type SentOrder, storedNumbers, trustedAges, type Uptime, warm } from './replayed.js'
import { Trust } from './trust.js'

export interface Finish {
  /** Nothing of ours is open, and what was to be closed is. */
  readonly isDone: boolean
  /** Null where it could not be asked. */
  readonly reckoning: Reckoning | null
}

/** How often positions are held against the broker's while all is well. */
const EXPLAIN_EVERY_BARS = 15

/** A clock that is further off than this is worth a word. */
const SKEW_MS = 2 * SECOND

/** How long an order that is to be cancelled, and positions that are to be closed, are waited for, host time. */
const CANCEL_PATIENCE_MS = 3 * SECOND
const FLATTEN_PATIENCE_MS = MINUTE

/** An order that has worked for longer is cancelled, as one that finds no bar expires in a backtest; or for an interval. */
const OLD_MS = 2 * MINUTE

/** A question without an answer is asked again after this, host time. */
const ASK_AGAIN_MS = SECOND

/** Bars that are later than this are asked for. */
const OVERDUE_MS = 2 * GRACE_MS

const NO_DOUBT: readonly boolean[] = new Array(SYMBOL_COUNT).fill(false)
const ALL_DOUBT: readonly boolean[] = new Array(SYMBOL_COUNT).fill(true)

/** One run at one gateway. */
export class Paper {
  readonly #options: PaperOptions
  readonly #inbox: Inbox
  readonly #notes: Notes
  readonly #feed: BarFeed
  readonly #desk: OrderDesk
  readonly #books: Reconciliation
  /** Host time at which the part came that is dealt with. */
  #cameMs = 0
  /** Before this nothing is closed without bars again. */
  #blindMs = Number.NEGATIVE_INFINITY
  #ending: Ending | null = null
  #offsetMs: number | null = null
  #isSkewTold = false
  readonly #trust: Trust
  /** The bars have ended: what comes from history is too late to decide on. */
  #isOver = false
  /** Orders whose id the broker had refused as taken, once each. */
  readonly #renumbered = new Set<number>()
  /** Bars that were dealt with since positions were last held against the broker's. */
  #unexplained = 0
  /** When a question that got no answer is asked again, host time; infinity for none. */
  #askAgainMs = Number.POSITIVE_INFINITY
  /** Before this, session time, bars that do not come are not asked for again. */
  #pollMs = Number.NEGATIVE_INFINITY
  /** Loss limits, of the day and from the peak, that people were told of. */
  #isStopTold: boolean
  #isHaltTold: boolean
  /** By symbol: its stream has not brought the bar that is dealt with as it stands, be it that it is dead, or wrong. */
  #isDoubtful: readonly boolean[] = NO_DOUBT
  /** Decisions that still see a hole which history has not filled. */
  #blindBars = 0
  /** Of the session under way, days since 1970-01-01; null before the first. */
  #day: number | null = null
  readonly #uptime: Uptime

  constructor(options: PaperOptions) {
    const { journal, flush, live, past, tell } = options
    this.#options = options
    this.#trust = new Trust(live.options.market.symbols, (words) => tell.warn(words))
    this.#uptime = past.uptime
    this.#isStopTold = live.state.stopped === 1
    this.#isHaltTold = live.state.halted === 1
    this.#inbox = new Inbox(options)
    this.#notes = new Notes(journal, flush)
    this.#feed = new BarFeed(options, this.#inbox)
    this.#desk = new OrderDesk(options, this.#notes, (words) => this.#traded(words))
    this.#books = new Reconciliation(options, this.#notes, this.#desk, (words) => this.halt(words))
  }

  /** What the gateway is to be given as its listener. */
  readonly listener: GatewayListener = {
    ready: (ready) => this.#inbox.push({ kind: 'ready', ready }),
    down: (reason) => this.#inbox.push({ kind: 'down', reason }),
    away: ({ reason }) => this.#options.tell.alarm('disconnect', `no connection for a minute: ${reason}`),
    bar: (symbol, bar) => this.#inbox.push({ kind: 'part', symbol, bar, atMs: this.#options.host() }),
    gap: (symbol) => this.#inbox.push({ kind: 'gap', symbol }),
    order: (report) => this.#inbox.push({ kind: 'order', report }),
    unsent: (id) => this.#inbox.push({ kind: 'unsent', id }),
    execution: (report) => this.#inbox.push({ kind: 'execution', report }),
    commission: (report) => this.#inbox.push({ kind: 'commission', report }),
    problem: (problem) => this.#inbox.push({ kind: 'problem', problem }),
    dataType: (symbol, value) => this.#inbox.push({ kind: 'guard', symbol, what: 'type', value }),
    halted: (symbol, value) => this.#inbox.push({ kind: 'guard', symbol, what: 'halt', value }),
    denied: () => {},
    clock: (offsetMs) => this.#skewed(offsetMs),
    note: (words) => this.#options.tell.note(words),
    failed: (error) => this.#inbox.push({ kind: 'failed', error }),
  }

  /** Dollars against the reference prices: what the executions were, and what the model expects of them. */
  get slippage(): OrderDesk['slippage'] {
    return this.#desk.slippage
  }

  /** Decisions on data that deserved trust, and all of them, but for those in a halt of the exchange. */
  get uptime(): Readonly<Uptime> {
    return this.#uptime
  }

  /** Ends the run at the next occasion: a signal, the kill switch. */
  stop(ending: Ending, words: string): void {
    this.#inbox.push({ kind: 'ending', ending, words })
  }

  /** To be called now and then: looks at the clock. */
  tick(): void {
    this.#inbox.push({ kind: 'tick' })
  }

  /** No more bars will come. */
  over(): void {
    this.#inbox.push({ kind: 'over' })
  }

  /**
   * The bars before the first decision, from the history of the broker. Throws 66 where there are fewer than `least` of both
   * symbols.
   */
  async warmUp(fromMs: number, least: number): Promise<void> {
    const slots = await this.#feed.since(fromMs)
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
    this.#notes.note({ event: 'warm', bars, alone })
    await this.#notes.write()
    warm(this.#options.live, { bars, alone })
    this.#feed.skip(slots.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY)
  }

  /**
   * Goes on where the journal ends: what the broker knows is held against it, a decision that was due is taken if it is not too
   * late, and bars that were missed are taken from history.
   */
  async resume(): Promise<void> {
    const { past, live, lastJointMs } = this.#options
    await this.#books.reconcile()
    this.#books.begin()
    if (live.isOver) return this.#end('limit')
    if (past.bars > 0 && !past.isDecided && past.lastBarMs < lastJointMs)
      await this.#decide(live.options.market.endOf(live.t))
    await this.#catchUp()
  }

  /** A session begins, `day` in days since 1970-01-01: its money is reckoned from here. */
  openDay(day: number): Promise<void> {
    this.#day = day
    return this.#books.openDay(day)
  }

  /** The streams of both symbols have begun. */
  began(): void {
    this.#feed.began()
  }

  /** Trades until the end. The gateway is connected, and the bars before the first decision are known. */
  async trade(): Promise<Ending> {
    while (this.#ending === null) {
      await this.#handle(await this.#inbox.take())
      await this.#notes.write()
    }
    return this.#ending
  }

  /**
   * Ends the run: open orders are cancelled, what is held is closed where that is wanted, and what is known of executions reaches
   * the account. Then the money is held against the broker's.
   */
  async finish(ending: Ending): Promise<Finish> {
    const { live, clock, flattens, host } = this.#options
    let isDone = true
    if (this.#isSettled()) {
      await this.#clearWorking()
      const isFlat = () => live.state.account.position.every((shares) => shares === 0)
      if (flattens && !isFlat()) {
        await this.#flatten(clock.now())
        isDone = await this.#until(isFlat, FLATTEN_PATIENCE_MS, 'all')
      }
      isDone &&= this.#desk.working().length === 0
    }
    this.#desk.settle(true)
    live.close()
    if (this.#isHeldOver(clock.now())) isDone = false
    await this.#books.explainAgain()
    const reckoning = await this.#books.reckon()
    this.#notes.note({ event: 'end', ending, at: host() })
    await this.#notes.write({ sync: true })
    return { isDone, reckoning }
  }

  /** No more orders until somebody resets it, also after a restart. */
  async halt(reason: string): Promise<void> {
    this.#notes.note({ event: 'halt', reason, at: this.#options.host() })
    await this.#notes.write({ sync: true })
    this.#options.tell.alarm('halt', reason)
    this.#end('halt')
  }

  #end(ending: Ending): void {
    this.#ending ??= ending
  }

  async #handle(message: Message): Promise<void> {
    const { host, broker, clock } = this.#options
    const desk = this.#desk
    switch (message.kind) {
      case 'part':
        this.#cameMs = message.atMs
        return this.#part(message.symbol, message.bar)
      case 'time':
        clock.told(message.timeMs)
        if (!this.#feed.told(message.endMs)) return
        await this.#slots()
        return this.#feed.goOn()
      case 'tick':
        return this.#tick()
      case 'over':
        this.#isOver = true
        this.#feed.close()
        await this.#slots()
        // Streams that were dead have told nothing of the time either.
        await broker.time().then(
          (timeMs) => clock.told(timeMs),
          () => {},
        )
        await this.#catchUp()
        return this.#end('data')
      case 'order':
        return desk.stands(message.report)
      case 'execution':
        return desk.execution(message.report)
      case 'commission':
        return desk.commission(message.report)
      case 'unsent':
        return desk.closed(desk.withId(message.id), CANCEL)
      case 'problem':
        return this.#problem(message.problem)
      case 'guard':
        return this.#trust[message.what](message.symbol, message.value)
      case 'gap':
        return this.#feed.gap(this.#symbol(message.symbol))
      case 'down':
        this.#books.lost()
        return this.#notes.note({ event: 'link', state: 'down', detail: message.reason, at: host() })
      case 'ready':
        this.#notes.note({ event: 'link', state: 'ready', detail: '', at: host() })
        this.#trust.connected()
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
    this.#askAgainMs = Number.POSITIVE_INFINITY
    try {
      await this.#books.reconcile()
    } catch (error) {
      // It may be gone again: then the next connection is the occasion.
      if (this.#options.broker.state !== 'ready') return
      if (!isUnanswered(error)) throw error
      this.#books.lost()
      this.#askAgainMs = this.#options.host() + ASK_AGAIN_MS
      return this.#options.tell.warn(`no orders until it is known: ${error.message}`)
    }
    if (missesBars) await this.#catchUp()
  }

  async #problem(problem: Problem): Promise<void> {
    const { id, act, code, message, meaning } = problem
    const { tell } = this.#options
    const sent = id === null ? undefined : this.#desk.withId(id)
    const symbol = sent === undefined ? problem.symbol : this.#symbols[sent.symbol]!
    const words = `${code}: ${meaning} (${message})`
    switch (act) {
      case 'reject':
      case 'read-only':
        if (sent !== undefined) tell.warn(`${symbol}: an order is refused: ${words}`)
        return this.#desk.closed(sent, REJECT, words)
      case 'new-id':
        return this.#renumber(sent, words)
      case 'stop-symbol':
        if (symbol !== null) this.#trust.stop(symbol, words)
        return this.#desk.closed(sent, REJECT, words)
      case 'cancelled':
      case 'expired':
        return this.#desk.closed(sent, CANCEL, words)
      case 'settle':
        return this.#again(false)
      case 'link-lost':
        return this.#books.lost()
      case 'link-back':
      case 'link-back-empty':
        return this.#again(true)
      case 'farm-broken':
      case 'farm-fine':
        return this.#trust.farm(problem)
      case 'data-guard':
        return symbol === null ? tell.warn(words) : this.#trust.refused(symbol, words)
      case 'alarm':
        if (this.#trust.unreadable()) tell.alarm('gateway', `no entries on this connection: ${words}`)
        return
      case 'halt':
        return this.halt(words)
      default:
        return
    }
  }

  /** The id of an order is taken: what has its reference is looked up, and one that is not there goes again, once. */
  async #renumber(sent: SentOrder | undefined, words: string): Promise<void> {
    this.#options.tell.alarm('gateway', words)
    if (sent === undefined) return
    if (this.#renumbered.has(sent.order)) return this.#desk.closed(sent, REJECT, words)
    this.#renumbered.add(sent.order)
    await this.#again(false)
  }

  /** Somebody else trades in our account. What was traded before the run is in the positions that were held against ours. */
  #traded(words: string): void {
    if (!this.#books.hasBegun) return
    this.#options.tell.alarm('reconcile', words)
    this.stop('halt', words)
  }

  /** Looks at the clocks. */
  async #tick(): Promise<void> {
    const { clock, closeMs, host, broker } = this.#options
    this.#feed.tick()
    const isClosed = clock.now() >= closeMs + GRACE_MS
    if (isClosed) this.#feed.close()
    await this.#slots()
    if (isClosed) return this.#end('session')
    if (host() >= this.#askAgainMs && broker.state === 'ready') await this.#again(true)
    await this.#askOverdue()
    if (clock.now() >= closeMs - this.#flatMs()) await this.#flattenBlind()
  }

  /** Bars are overdue though all looks alive: history has what the streams do not bring, and the guard sees it. */
  async #askOverdue(): Promise<void> {
    const { live, clock } = this.#options
    const { intervalMs } = live.options.market
    const nowMs = clock.now()
    const session = sessionAt(nowMs)
    if (session === null || live.t < 0 || nowMs < this.#pollMs) return
    const dueMs = Math.max(this.#newestMs() + intervalMs, session.openMs) + intervalMs
    if (nowMs < dueMs + OVERDUE_MS) return
    this.#pollMs = nowMs + intervalMs
    const before = this.#newestMs()
    this.#isDoubtful = ALL_DOUBT
    await this.#catchUp()
    this.#isDoubtful = NO_DOUBT
    if (this.#newestMs() === before) return
    const news = this.#symbols.filter((symbol) => this.#trust.silent(symbol))
    if (news.length > 0)
      this.#options.tell.alarm('disconnect', `no bars of ${news.join(' and ')} by the streams`)
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
    await this.#flatten(nowMs)
  }

  async #flatten(timeMs: number): Promise<void> {
    this.#notes.note({ event: 'flatten', time: timeMs })
    await this.#send(this.#options.live.flatten(timeMs))
  }

  // Bars

  async #part(symbol: string, bar: GatewayBar): Promise<void> {
    const k = this.#symbol(symbol)
    if (k < 0) return
    const timeMs = this.#feed.push(k, bar)
    if (timeMs !== null) {
      this.#trust.came(symbol)
      // What executions are measured against is the open of a bar, not of any part: that is known after a restart as well.
      if (timeMs === bar.startMs) this.#desk.opened(k, timeMs, bar.open)
      this.#desk.settle(false)
      await this.#slots()
    }
    this.#feed.passed(bar, this.#cameMs)
  }

  async #slots(): Promise<void> {
    this.#desk.cancelOld(Math.max(OLD_MS, this.#options.live.options.market.intervalMs))
    while (this.#ending === null) {
      const slot = await this.#feed.next()
      if (slot === null) return
      await this.#fillBefore(slot.timeMs)
      this.#isDoubtful = slot.isDoubtful
      for (const [k, isSilent] of slot.isSilent.entries()) if (isSilent) this.#trust.silent(this.#symbols[k]!)
      await this.#slot(slot)
      this.#isDoubtful = NO_DOUBT
    }
  }

  /** Start of the newest bar, be it of one symbol. */
  #newestMs(): number {
    const { market } = this.#options.live.options
    const { t } = this.#options.live
    return Math.max(
      t < 0 ? Number.NEGATIVE_INFINITY : market.time[t]!,
      ...market.alone.map(({ time, length }) => (length > 0 ? time[length - 1]! : Number.NEGATIVE_INFINITY)),
    )
  }

  /** Bars that have ended since the newest one and did not come by the stream. */
  async #catchUp(): Promise<void> {
    const { live, clock } = this.#options
    if (live.t < 0) return
    const newestMs = this.#newestMs()
    this.#feed.skip(newestMs)
    if (clock.now() < newestMs + 2 * live.options.market.intervalMs) return
    await this.#fromHistory(newestMs + 1, Number.POSITIVE_INFINITY)
  }

  /** Bars of the session that lie before one and did not come by the stream: nothing is decided over a hole. */
  async #fillBefore(startMs: number): Promise<void> {
    const { intervalMs } = this.#options.live.options.market
    const session = sessionOfStart(startMs, intervalMs)
    if (session === null || this.#options.live.t < 0) return
    const fromMs = Math.max(this.#newestMs() + intervalMs, session.openMs)
    if (fromMs < startMs) await this.#fromHistory(fromMs, startMs)
  }

  /** Deals with the bars that begin in [fromMs, toMs), as history has them. */
  async #fromHistory(fromMs: number, toMs: number): Promise<void> {
    const { tell } = this.#options
    let slots: Slot[] = []
    try {
      slots = (await this.#feed.since(fromMs)).filter(({ timeMs }) => timeMs < toMs)
    } catch (error) {
      if (!isUnanswered(error)) throw error
      // Whoever looks back sees the hole.
      this.#blindBars = this.#options.warmup
      const words = `no entries for ${this.#blindBars} bars: the bars from ${formatTime(fromMs)} on are not known`
      return tell.warn(`${words}: ${error.message}`)
    }
    if (slots.length > 0)
      tell.note(
        `${slots.length} bars from ${formatTime(slots[0]!.timeMs)} on came from history, not by the stream`,
      )
    for (const slot of slots) {
      if (this.#ending !== null) return
      this.#feed.skip(slot.timeMs)
      await this.#slot(slot)
    }
  }

  async #slot({ timeMs, endMs, bars }: Slot): Promise<void> {
    const { live, lastBarMs, lastJointMs, closeMs } = this.#options
    await this.#dayOf(timeMs)
    this.#desk.placedMs = null
    for (const [k, bar] of bars.entries()) if (bar !== null) this.#desk.opened(k, timeMs, bar[0]!)
    const [first, second] = bars
    if (first && second) {
      await this.#clearWorking()
      // A connection that came back meanwhile has brought it from history.
      if (timeMs <= this.#newestMs()) return
      this.#desk.settle(true)
      const numbers = [...first, ...second]
      this.#notes.note({ event: 'bar', time: timeMs, numbers: storedNumbers(numbers) })
      live.take(timeMs, numbers)
      if (live.isOver) this.#end('limit')
      else if (timeMs < lastJointMs) await this.#decide(endMs)
    } else {
      for (let k = 0; k < SYMBOL_COUNT; k++) {
        const numbers = bars[k]
        if (!numbers) continue
        this.#desk.settle(true)
        this.#notes.note({ event: 'alone', symbol: k, time: timeMs, numbers: storedNumbers(numbers) })
        await this.#send(live.takeAlone(k, timeMs, numbers))
      }
    }
    await this.#explainNow()
    if (timeMs >= lastBarMs) this.#end('data')
    else if (endMs >= closeMs) this.#end('session')
    this.#tellBar(endMs)
  }

  /** A bar of another session: the one before is reckoned. */
  async #dayOf(timeMs: number): Promise<void> {
    const day = newYorkDay(timeMs)
    if (this.#day === null || day <= this.#day) return
    this.#desk.settle(true)
    this.#isHeldOver(timeMs)
    await this.#books.reckon()
    await this.openDay(day)
  }

  /** Whether shares are held that were to be sold before the close of the session of the newest bar; people are told of it. */
  #isHeldOver(nowMs: number): boolean {
    const { live, tell } = this.#options
    const { market, rules } = live.options
    if (rules.limits.flatBeforeCloseMs === null || live.t < 0) return false
    const { closeMs } = market.sessions[market.session[live.t]!]!
    const held = market.symbols
      .map((symbol, k) => [symbol, live.state.account.position[k]!] as const)
      .filter(([, shares]) => shares !== 0)
    if (held.length === 0 || Math.max(nowMs, endOfBar(this.#newestMs(), market.intervalMs)) < closeMs)
      return false
    tell.alarm('held', `held over the close: ${held.map((one) => one.join(' ')).join(', ')}`)
    return true
  }

  /** Positions are held against the broker's now and then, while no order is under way. */
  async #explainNow(): Promise<void> {
    if (++this.#unexplained < EXPLAIN_EVERY_BARS || this.#desk.working().length > 0) return
    this.#unexplained = 0
    const why = await this.#books.explainAgain()
    // A question without an answer is asked again later.
    if (why !== null) this.#options.tell.warn(why)
  }

  #tellBar(endMs: number): void {
    const { live, clock, broker, host, tell } = this.#options
    this.#tellLimits()
    tell.bar(
      {
        timeMs: endMs,
        connection: broker.state,
        ageMs: Math.max(0, clock.now() - endMs),
        latencyMs: (this.#desk.placedMs ?? host()) - this.#cameMs,
        offsetMs: this.#offsetMs,
      },
      live,
    )
  }

  /** A loss limit that was reached is told at once. */
  #tellLimits(): void {
    const { live, tell } = this.#options
    const isStopped = live.state.stopped === 1
    const isHalted = live.state.halted === 1
    if (isStopped && !this.#isStopTold)
      tell.alarm('limit', 'the loss limit of the day is reached: everything is closed, no entries today')
    if (isHalted && !this.#isHaltTold)
      tell.alarm('limit', 'the loss limit from the peak is reached: everything is closed, and the run ends')
    this.#isStopTold = isStopped
    this.#isHaltTold = isHalted
  }

  // Decisions and orders

  async #decide(endMs: number): Promise<void> {
    const { live, clock } = this.#options
    const ageMs = Math.max(0, clock.now() - endMs)
    // The next bar has ended as well: the policy sees this one, and decides on that one.
    if (this.#isOver || ageMs >= live.options.market.intervalMs) {
      const action = live.state.heldAction
      const sha256 = live.miss(action)
      count(this.#uptime, null, live)
      return this.#notes.note({ event: 'miss', action, sha256 })
    }
    const ages = this.#symbols.map((_, k) => this.#distrust(k) ?? ageMs)
    if (this.#blindBars > 0) this.#blindBars--
    const decided = live.decide(trustedAges(ages))
    const { action, sha256 } = decided
    count(this.#uptime, ages, live)
    this.#notes.note({ event: 'decide', ages, action, sha256 })
    await this.#send(decided)
  }

  /** Why a symbol deserves no entries now; null where it does. */
  #distrust(k: number): Distrust | null {
    if (!this.#isSettled()) return 'link'
    const isBlind = this.#blindBars > 0 || this.#isDoubtful[k]!
    return this.#trust.of(this.#symbols[k]!) ?? (isBlind ? 'data' : null)
  }

  /** The broker is there, and what it knows was held against what we know. */
  #isSettled(): boolean {
    return this.#options.broker.state === 'ready' && this.#books.isDone
  }

  /** Nothing goes out in a halt, not even what would close a position: it would meet whatever price comes after. */
  #send(orders: Orders): Promise<void> {
    const canSend = !this.#options.dryRun && this.#isSettled()
    return this.#desk.send(orders, (k) => canSend && this.#trust.of(this.#symbols[k]!) !== 'halt')
  }

  /** What still works from the decision before is cancelled, and its end waited for: the next decision begins with none. */
  async #clearWorking(): Promise<void> {
    const desk = this.#desk
    desk.settle(false)
    if (this.#options.broker.state !== 'ready') return
    for (const { order } of desk.working()) desk.cancel(order)
    await this.#until(() => desk.working().length === 0, CANCEL_PATIENCE_MS, 'reports')
  }

  #until(done: () => boolean, patienceMs: number, what: 'reports' | 'all'): Promise<boolean> {
    return this.#inbox.until(done, { patienceMs, what }, (message) => this.#handle(message))
  }

  /** What the broker's clock is ahead of this host's, by its last answer: a clock that is off is told of once. */
  #skewed(offsetMs: number): void {
    // Without bars nobody else asks for the time.
    if (!this.#options.timeWaits) this.#options.clock.told(this.#options.host() + offsetMs - SECOND / 2)
    // Time that is played has nothing to do with this host's.
    if (this.#options.isPlayed) return
    this.#offsetMs = Math.round(offsetMs)
    if (this.#isSkewTold || Math.abs(offsetMs) <= SKEW_MS) return
    this.#isSkewTold = true
    const words = `the clock of this host is ${grouped(Math.abs(offsetMs) / SECOND, 1)} s ${offsetMs > 0 ? 'behind' : 'ahead of'} the broker's`
    this.#options.tell.warn(words)
  }

  get #symbols(): readonly string[] {
    return this.#options.live.options.market.symbols
  }

  #symbol(symbol: string): number {
    return this.#symbols.indexOf(symbol)
  }
}

/** A question that the broker has refused, or left without an answer: nothing is known. */
const isUnanswered = (error: unknown): error is Failure =>
  error instanceof Failure && (error.kind === 'unavailable' || error.kind === 'tryAgain')
