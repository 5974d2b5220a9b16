/**
 * Which data deserves orders. What the broker says of it is kept by symbol, and every change is told once: a run that does not
 * trade never does so in silence.
 */
import type { Distrust } from '../../broker/journal.js'
import type { Problem } from '../../broker/listener.js'

/** Names of `reqMarketDataType`. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'live',
  2: 'frozen',
  3: 'delayed',
  4: 'delayed and frozen',
}
const LIVE = 1

const HALTS: Readonly<Record<number, string>> = { 1: 'halted', 2: 'halted by a volatility pause' }

interface Standing {
  type: number
  halt: number
  /** The broker has refused data, or its stream brings none, until data comes. */
  isRefused: boolean
  /** It takes no orders. */
  isStopped: boolean
}

/** What is known of the data of both symbols, and of the farms that it comes from. */
export class Trust {
  readonly #standings: ReadonlyMap<string, Standing>
  readonly #warn: (words: string) => void
  /** Names of farms that are broken. */
  readonly #broken = new Set<string>()
  /** A message of the gateway on this connection could not be read, or one of ours. */
  #isUnreadable = false

  constructor(symbols: readonly string[], warn: (words: string) => void) {
    this.#standings = new Map(
      symbols.map((symbol) => [symbol, { type: LIVE, halt: 0, isRefused: false, isStopped: false }]),
    )
    this.#warn = warn
  }

  /** Why a symbol deserves no entries; null where it does. */
  of(symbol: string): Exclude<Distrust, 'link'> | null {
    const standing = this.#standings.get(symbol)
    if (standing === undefined || standing.isStopped) return 'stopped'
    if (standing.halt !== 0) return 'halt'
    const isData = standing.type === LIVE && !standing.isRefused && this.#broken.size === 0
    return isData && !this.#isUnreadable ? null : 'data'
  }

  /** The type of data that a stream brings from now on. */
  type(symbol: string, type: number): void {
    this.#change(symbol, (standing) => {
      standing.type = type
      if (type === LIVE) standing.isRefused = false
      return type === LIVE
        ? 'its data is live again'
        : `its data is ${TYPES[type] ?? `of type ${type}`}: no entries`
    })
  }

  /** A symbol stops trading at the exchange, or goes on. */
  halt(symbol: string, halt: number): void {
    this.#change(symbol, (standing) => {
      standing.halt = halt
      return halt === 0 ? 'it trades again' : `${HALTS[halt] ?? 'halted'}: no entries`
    })
  }

  /** The broker takes no orders for a symbol. */
  stop(symbol: string, why: string): void {
    this.#change(symbol, (standing) => {
      standing.isStopped = true
      return `no more entries: ${why}`
    })
  }

  /** A bar of a symbol has come: its data is there. */
  came(symbol: string): void {
    this.#change(symbol, (standing) => {
      standing.isRefused = false
      return 'its data is there again'
    })
  }

  /** The broker refuses data of a symbol. */
  refused(symbol: string, why: string): void {
    this.#without(symbol, `no entries: ${why}`)
  }

  /** The stream of a symbol that trades brings nothing; false where that is known. */
  silent(symbol: string): boolean {
    return this.#without(symbol, 'its stream is silent: no entries')
  }

  /** A farm breaks, or is fine; the gateway names it after a colon. */
  farm({ act, message, meaning, code }: Problem): void {
    const name = message.slice(message.lastIndexOf(':') + 1)
    if (act === 'farm-broken') {
      if (!this.#broken.has(name)) this.#warn(`no entries: ${code}: ${meaning} (${message})`)
      this.#broken.add(name)
    } else if (this.#broken.delete(name)) this.#warn(`${name}: the farm is back`)
  }

  /** No new orders on this connection; false where that is known. */
  unreadable(): boolean {
    const isNews = !this.#isUnreadable
    this.#isUnreadable = true
    return isNews
  }

  /** The gateway is connected to anew: it says which farms are broken, and what it could not say before is past. */
  connected(): void {
    this.#broken.clear()
    this.#isUnreadable = false
  }

  /** A symbol is without data until a bar of it comes. */
  #without(symbol: string, words: string): boolean {
    return this.#change(symbol, (standing) => {
      standing.isRefused = true
      return words
    })
  }

  #change(symbol: string, make: (standing: Standing) => string): boolean {
    const standing = this.#standings.get(symbol)
    if (standing === undefined) return false
    const before = JSON.stringify(standing)
    const words = make(standing)
    const isNews = JSON.stringify(standing) !== before
    if (isNews) this.#warn(`${symbol}: ${words}`)
    return isNews
  }
}
