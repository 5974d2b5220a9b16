/** Round trips: from flat to flat, or from one side to the other, with what each earned net of its fees and slippage. */

import { type Market, SYMBOL_COUNT } from '../market/market.js'
import type { Fill } from '../portfolio/fills.js'
import { FILL, type Ledger } from '../trading/ledger.js'

export interface RoundTrip {
  readonly symbol: number
  /** 1 long, -1 short. */
  readonly direction: number
  /** Most shares held. */
  shares: number
  /** The bars whose price filled the first and the last order. */
  readonly entryBar: number
  exitBar: number
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

/** In the order in which they were opened. A fill that crosses zero closes one and opens the next, fees shared by shares. */
export function roundTrips(market: Market, ledger: Ledger, fill: Fill): RoundTrip[] {
  const { events } = ledger
  const trips: RoundTrip[] = []
  const held = [0, 0]
  const current: (RoundTrip | null)[] = [null, null]
  /** Shares opened and closed so far in the current trip. */
  const opened = [0, 0]
  const exited = [0, 0]
  for (let row = 0; row < events.length; row++) {
    if (events.kind[row] !== FILL) continue
    const k = events.symbol[row]!
    const t = ledger.first + events.step[row]!
    // What bars that one symbol has alone do after the last decision stands at the last bar of both.
    const bar = Math.min(fill === 'open' ? t + 1 : t, ledger.first + ledger.length)
    const total = events.number(row, 0)
    // An execution that was taken back.
    if (total === 0) continue
    const price = events.number(row, 1)
    const feesAShare = events.number(row, 2) / Math.abs(total)
    const costsAShare = feesAShare + events.number(row, 3) / Math.abs(total)
    const before = held[k]!
    const after = before + total
    const crosses = before * after < 0
    let rest = total
    let trip: RoundTrip | null = current[k] ?? null
    if (trip !== null && before * total < 0) {
      const shares = Math.min(Math.abs(total), Math.abs(before))
      trip.exitPrice = meanPrice(exited[k]! === 0 ? 0 : trip.exitPrice, exited[k]!, price, shares)
      exited[k] = exited[k]! + shares
      trip.costs += shares * costsAShare
    }
    if (trip !== null && (crosses || after === 0)) {
      trip.pnl -= -before * price + Math.abs(before) * feesAShare
      trip.exitBar = bar
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
          entryBar: bar,
          exitBar: bar,
          entryPrice: 0,
          exitPrice: Number.NaN,
          pnl: 0,
          costs: 0,
          open: true,
        }
        trips.push(trip)
        opened[k] = 0
        exited[k] = 0
      }
      if (rest * after > 0 && (crosses || before * total >= 0)) {
        const shares = Math.abs(rest)
        trip.entryPrice = meanPrice(trip.entryPrice, opened[k]!, price, shares)
        opened[k] = opened[k]! + shares
        trip.costs += shares * costsAShare
      }
      trip.pnl -= rest * price + Math.abs(rest) * feesAShare
      trip.shares = Math.max(trip.shares, Math.abs(after))
    }
    current[k] = trip
    held[k] = after
  }
  const last = ledger.first + ledger.length
  for (let k = 0; k < SYMBOL_COUNT; k++) {
    const trip = current[k]
    if (trip == null) continue
    trip.pnl += held[k]! * (ledger.lastMarks?.[k] ?? market.close[k]![last]!)
    trip.exitBar = last
  }
  return trips
}

/** The mean of a price of so many shares with that of more of them. */
const meanPrice = (mean: number, of: number, price: number, shares: number): number =>
  (mean * of + price * shares) / (of + shares)
