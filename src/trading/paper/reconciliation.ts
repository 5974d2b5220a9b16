/**
 * What the broker knows, held against what the journal explains: orders by their references, executions by their ids, positions to
 * the share, money to the cent.
 */
import { Failure, messageOf } from '../../base/errors.js'
import { SECOND } from '../../base/time.js'
import { dollars } from '../../base/words.js'
import type { ExecutionReport } from '../../broker/listener.js'
import { CANCEL } from '../../portfolio/orders.js'
import type { OrderDesk } from './desk.js'
import type { Notes } from './notes.js'
import type { PaperOptions } from './options.js'
import type { Past, SentOrder } from './replayed.js'

/** Dollars of cash that a day has brought, by our books and by the broker's. */
export interface Reckoning {
  /** Days since 1970-01-01. */
  readonly day: number
  readonly own: number
  readonly broker: number
}

/** Between two looks at the broker. */
const LATE_MS = SECOND / 4
const LOOKS = 3

/** The broker says whole cents, at the beginning and at the end. */
const CENT = 0.01 + 1e-6

/** The reconciliation of one run. */
export class Reconciliation {
  readonly #options: PaperOptions
  readonly #notes: Notes
  readonly #desk: OrderDesk
  readonly #halt: (words: string) => Promise<void>
  #isDone = false
  #hasBegun = false
  /** Money at the beginning of the session, dollars. */
  #base: Past['base'] = null

  /** `halt` is called where a share cannot be explained in a run that has begun. */
  constructor(options: PaperOptions, notes: Notes, desk: OrderDesk, halt: (words: string) => Promise<void>) {
    this.#options = options
    this.#notes = notes
    this.#desk = desk
    this.#halt = halt
  }

  /** What the broker knows was held against what we know, on this connection. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** From now on a difference to the broker is no reason not to start, but one to halt. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  begin(): void {
    this.#hasBegun = true
  }

  /** The connection is gone: what the broker knows may have changed. */
  lost(): void {
    this.#isDone = false
  }

  /** An order without any trace was never there: it is sent if it is still the newest decision's, else it has ended. */
  async reconcile(): Promise<void> {
    const { dryRun } = this.#options
    const unseen = dryRun ? [] : await this.#orders()
    const isExplained = dryRun || (await this.#explain())
    this.#isDone = true
    for (const sent of unseen) {
      if (isExplained && this.#isFresh(sent)) await this.#desk.resend(sent)
      else this.#desk.report(sent, CANCEL)
    }
  }

  /** Somebody else may trade in the account: the broker says nothing of that unasked. Gives why it could not be asked, or null. */
  async explainAgain(): Promise<string | null> {
    const { broker, dryRun } = this.#options
    if (dryRun || broker.state !== 'ready' || !this.#isDone) return null
    return this.#explain().then(() => null, messageOf)
  }

  /** Notes the money at the beginning of a session, `day` in days since 1970-01-01: the day is reckoned against it. */
  async openDay(day: number): Promise<void> {
    const { past, dryRun } = this.#options
    if (dryRun) return
    this.#base = past.base?.day === day ? past.base : null
    if (this.#base !== null) return
    const broker = await this.#cash()
    if (broker === null) return
    this.#base = { day, broker, own: this.#desk.cash() }
    this.#notes.note({ event: 'base', ...this.#base })
    await this.#notes.write()
  }

  /**
   * What the day has earned in cash by our books and by the broker's, dollars. Null where either is not known. The positions are
   * the same, or the run was halted: so is what they are worth.
   */
  async reckon(): Promise<Reckoning | null> {
    const { broker, live, tell, dryRun } = this.#options
    if (this.#base === null || dryRun || broker.state !== 'ready') return null
    const cash = await this.#cash().catch(() => null)
    if (cash === null) return null
    const reckoning = {
      day: this.#base.day,
      own: live.state.account.cash - this.#base.own,
      broker: cash - this.#base.broker,
    }
    this.#notes.note({ event: 'day', ...reckoning })
    const difference = reckoning.own - reckoning.broker
    if (Math.abs(difference) > CENT)
      tell.alarm(
        'reconcile',
        `the day's cash is ${dollars(reckoning.own)} here and ${dollars(reckoning.broker)} at the broker`,
      )
    return reckoning
  }

  /** Asks what became of the orders; gives those of which the broker knows nothing. */
  async #orders(): Promise<SentOrder[]> {
    const { broker } = this.#options
    const desk = this.#desk
    let unseen: SentOrder[] = []
    // What was written into a connection that then died may arrive late: nothing is called lost at the first look.
    for (let look = 1; look <= LOOKS; look++) {
      if (look > 1) await this.#pause()
      const open = await broker.openOrders()
      const executions = await broker.executions()
      const completed = await broker.completedOrders()
      for (const report of executions) desk.execution(report)
      unseen = []
      for (const sent of desk.working()) {
        const at = open.find(({ ref }) => ref === sent.ref)
        const executed = newest(executions)
          .filter(({ ref }) => ref === sent.ref)
          .reduce((sum, { shares }) => sum + shares, 0)
        if (at !== undefined) {
          desk.found(sent, at.id)
          if (!this.#isFresh(sent)) desk.cancel(sent.order)
        } else if (executed >= Math.abs(sent.shares)) continue
        else if (executed > 0 || completed.some(({ ref }) => ref === sent.ref)) desk.report(sent, CANCEL)
        else unseen.push(sent)
      }
      if (unseen.length === 0) break
    }
    return unseen
  }

  /** The order is the newest decision's, and the next bar has not ended. */
  #isFresh({ decidedMs }: SentOrder): boolean {
    const { live, clock } = this.#options
    const { market } = live.options
    return live.t >= 0 && decidedMs === market.endOf(live.t) && clock.now() - decidedMs < market.intervalMs
  }

  /** Every share has an execution that explains it, or nothing is traded; false for the latter. */
  async #explain(): Promise<boolean> {
    const { broker, live, adopt, tell } = this.#options
    const { symbols, close } = live.options.market
    let held: number[] = []
    // An execution may come between two answers.
    for (let look = 1; look <= LOOKS; look++) {
      if (look > 1) {
        await this.#pause()
        for (const report of await broker.executions()) this.#desk.execution(report)
      }
      const positions = await broker.positions()
      held = symbols.map((own) =>
        positions
          .filter(
            ({ symbol, kind, account }) => symbol === own && kind === 'STK' && account === broker.account,
          )
          .reduce((sum, { shares }) => sum + shares, 0),
      )
      if (held.every((shares, k) => shares === this.#desk.held(k))) return true
    }
    for (const [k, theirs] of held.entries()) {
      const ours = this.#desk.held(k)
      if (theirs === ours) continue
      const words = `${symbols[k]}: the broker holds ${theirs} shares, the journal explains ${ours}`
      if (this.#hasBegun) {
        tell.alarm('reconcile', words)
        await this.#halt(words)
        return false
      }
      if (!adopt)
        throw new Failure('data', words, {
          hint: 'take them over with --adopt, or close them with --flatten',
        })
      this.#desk.settle(true)
      const price = close[k]![live.t]!
      this.#notes.note({ event: 'adopt', symbol: k, shares: theirs - ours, price })
      await this.#notes.write({ sync: true })
      live.adopt(k, theirs - ours, price)
    }
    return true
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

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.later(resolve, LATE_MS)
    })
  }
}

/** Executions as they stand: a correction takes the place of what it corrects. */
function newest(executions: readonly ExecutionReport[]): ExecutionReport[] {
  const byId = new Map<string, ExecutionReport>()
  for (const report of executions)
    if ((byId.get(report.exec)?.revision ?? -1) < report.revision) byId.set(report.exec, report)
  return [...byId.values()]
}
