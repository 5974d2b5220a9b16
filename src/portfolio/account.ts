/**
 * Cash and shares, moved by fills and nothing else. Unrounded float64: cents matter only when a broker's statement is
 * reconciled. cash + position x mark = equity holds by construction.
 */
import { SYMBOL_COUNT } from '../market/market.js'

/** Shares below this are what rounding leaves of parts of a share: neither a position nor an order. */
export const DUST = 1e-12

/** Money and shares of a run. */
export class Account {
  /** Dollars. */
  cash: number
  /** Signed shares of each symbol. */
  readonly position = new Float64Array(SYMBOL_COUNT)
  /** Dollars since the start: commissions and charges; slippage against reference prices; value traded at fill prices. */
  fees = 0
  slippage = 0
  turnover = 0

  /** `capital` in dollars. */
  constructor(capital: number) {
    this.cash = capital
  }

  /** Books a fill of signed `shares` of one symbol, `price` in dollars a share, the rest in dollars. A fill may cross zero. */
  fill(symbol: number, shares: number, price: number, fees: number, slippage: number): void {
    const value = shares * price
    this.cash -= value + fees
    const held = this.position[symbol]! + shares
    this.position[symbol] = held < DUST && held > -DUST ? 0 : held
    this.fees += fees
    this.slippage += slippage
    this.turnover += value < 0 ? -value : value
  }

  /** Takes back a fill that the broker corrects. */
  undo(symbol: number, shares: number, price: number, fees: number, slippage: number): void {
    const value = shares * price
    this.cash += value + fees
    this.position[symbol]! -= shares
    this.fees -= fees
    this.slippage -= slippage
    this.turnover -= value < 0 ? -value : value
  }

  /** Dollars at these marks, in dollars a share. */
  equity(firstMark: number, secondMark: number): number {
    return this.cash + (this.position[0]! * firstMark + this.position[1]! * secondMark)
  }
}
