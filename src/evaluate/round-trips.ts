/** Round trips: from flat to flat, or from one side to the other, with what each earned net of its fees and slippage. */

import type { Market } from '../market/market.js'
import type { Fill } from '../portfolio/fills.js'
import { FILL, type Ledger } from '../trading/ledger.js'

export interface RoundTrip {
  readonly symbol: number
  /** 1 long, -1 short. */
  readonly direction: number
  /** Most shares held. */
  shares: number
  /** When the first and the last order were filled: the bars whose price did it, or times, as the executions have them. */
  readonly entry: number
  exit: number
  /** Mean dollars a share of what opened it and of what closed it, slippage included; the exit is NaN where nothing was closed. */
  entryPrice: number
  exitPrice: number
  /** Dollars net of fees and slippage. */
  pnl: number
  /** Fees and slippage. */
  costs: number
  /** Still held at the end of the run and valued at the last close. */
  open: boolean
}

/** Dollars a share, dollars, and when: a bar, or a time. */
export interface Execution {
  readonly symbol: number
  readonly at: number
  /** Signed. */
  readonly shares: number
  readonly price: number
  readonly fees: number
  readonly slippage: number
}

/** Round trips from executions in their order. One that crosses zero closes a trip and opens the next, fees shared by shares. */
export class TripBook {
  readonly #trips: RoundTrip[] = []
  readonly #held = [0, 0]
  readonly #current: (RoundTrip | null)[] = [null, null]
  /** Shares opened and closed so far in the current trip. */
  readonly #opened = [0, 0]
  readonly #exited = [0, 0]

  take({ symbol: k, at, shares: total, price, fees, slippage }: Execution): void {
    // An execution that was taken back.
    if (total === 0) return
    const feesAShare = fees / Math.abs(total)
    const costsAShare = feesAShare + slippage / Math.abs(total)
    const before = this.#held[k] ?? 0
    const sum = before + total
    // Parts of a share that cancel out leave the last digit of a binary fraction: 0.1 + 0.2 - 0.3.
    const after = Math.abs(sum) < ROUNDING * Math.abs(total) ? 0 : sum
    const crosses = before * after < 0
    let rest = total
    let trip: RoundTrip | null = this.#current[k] ?? null
    if (trip !== null && before * total < 0) {
      const shares = Math.min(Math.abs(total), Math.abs(before))
      const exited = this.#exited[k]!
      trip.exitPrice = meanPrice(exited === 0 ? 0 : trip.exitPrice, exited, price, shares)
      this.#exited[k] = exited + shares
      trip.costs += shares * costsAShare
    }
    if (trip !== null && (crosses || after === 0)) {
      trip.pnl -= -before * price + Math.abs(before) * feesAShare
      trip.exit = at
      trip.open = false
      trip = null
      rest = crosses ? after : 0
    }
    if (rest !== 0) {
      if (trip === null) {
        trip = {
          symbol: k,
          direction: Math.sign(rest),
          shares: 0,
          entry: at,
          exit: at,
          entryPrice: 0,
          exitPrice: Number.NaN,
          pnl: 0,
          costs: 0,
          open: true,
        }
        this.#trips.push(trip)
        this.#opened[k] = 0
        this.#exited[k] = 0
      }
      if (rest * after > 0 && (crosses || before * total >= 0)) {
        const shares = Math.abs(rest)
        const opened = this.#opened[k]!
        trip.entryPrice = meanPrice(trip.entryPrice, opened, price, shares)
        this.#opened[k] = opened + shares
        trip.costs += shares * costsAShare
      }
      trip.pnl -= rest * price + Math.abs(rest) * feesAShare
      trip.shares = Math.max(trip.shares, Math.abs(after))
    }
    this.#current[k] = trip
    this.#held[k] = after
  }

  /** All trips in the order in which they were opened; what is held at `at` is valued by symbol. */
  end(at: number, mark: (symbol: number) => number): RoundTrip[] {
    for (const [k, trip] of this.#current.entries()) {
      if (trip == null) continue
      trip.pnl += this.#held[k]! * mark(k)
      trip.exit = at
    }
    return this.#trips
  }
}

/** The round trips of a ledger, in bars. */
export function roundTrips(market: Market, ledger: Ledger, fill: Fill): RoundTrip[] {
  const { events } = ledger
  const book = new TripBook()
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] !== FILL) continue
    const t = ledger.first + events.step[row]!
    book.take({
      symbol: events.symbol[row]!,
      // What bars that one symbol has alone do after the last decision stands at the last bar of both.
      at: Math.min(fill === 'open' ? t + 1 : t, ledger.first + ledger.length),
      shares: events.number(row, 0),
      price: events.number(row, 1),
      fees: events.number(row, 2),
      slippage: events.number(row, 3),
    })
  }
  const last = ledger.first + ledger.length
  return book.end(last, (k) => ledger.lastMarks?.[k] ?? market.close[k]![last]!)
}

const ROUNDING = 1e-9

/** The mean of a price of so many shares with that of more of them. */
const meanPrice = (mean: number, of: number, price: number, shares: number): number =>
  (mean * of + price * shares) / (of + shares)
