/** What an account of the simulated gateway holds: cash, shares, their cost, what was won. Costs hold the commissions, as at the broker. */
import { DUST } from '../portfolio/account.js'

interface Holding {
  shares: number
  /** Dollars paid for them, commissions included; negative for a short position. */
  cost: number
  /** Dollars won in the symbol since the start, net of commissions. */
  won: number
}

/** Of one account, in a form that JSON keeps. */
export interface SavedHoldings {
  readonly cash: number
  readonly realised: number
  readonly commissions: number
  readonly held: readonly (readonly [symbol: string, shares: number, cost: number, won: number])[]
}

/** Cash and shares of one account. */
export class Holdings {
  cash: number
  /** Dollars won since the start, net of commissions, and those commissions. */
  realised = 0
  commissions = 0
  readonly #held = new Map<string, Holding>()

  constructor(cash: number) {
    this.cash = cash
  }

  shares(symbol: string): number {
    return this.#held.get(symbol)?.shares ?? 0
  }

  /** Dollars a share, as the broker counts; 0 where nothing is held. */
  averageCost(symbol: string): number {
    const holding = this.#held.get(symbol)
    return holding === undefined || holding.shares === 0 ? 0 : holding.cost / holding.shares
  }

  /** Dollars at this price above what was paid. */
  unrealised(symbol: string, price: number): number {
    const holding = this.#held.get(symbol)
    return holding === undefined ? 0 : holding.shares * price - holding.cost
  }

  /** Dollars won in a symbol since the start, net of commissions. */
  realisedOf(symbol: string): number {
    return this.#held.get(symbol)?.won ?? 0
  }

  /** Symbols that are held or were. */
  get symbols(): readonly string[] {
    return [...this.#held.keys()]
  }

  /** Books signed `shares` at a price; gives what it realised, net of `fees`. A fill may cross zero. */
  fill(symbol: string, shares: number, price: number, fees: number): number {
    const holding = this.#held.get(symbol) ?? { shares: 0, cost: 0, won: 0 }
    this.#held.set(symbol, holding)
    this.cash -= shares * price + fees
    this.commissions += fees
    const closes = holding.shares * shares < 0 ? Math.min(Math.abs(shares), Math.abs(holding.shares)) : 0
    const closed = shares > 0 ? closes : -closes
    const opened = shares - closed
    const feesOfClose = closes === 0 ? 0 : fees * (closes / Math.abs(shares))
    let won = 0
    if (closes > 0) {
      const part = holding.cost * (closes / Math.abs(holding.shares))
      won = -closed * price - part - feesOfClose
      holding.cost -= part
      holding.shares += closed
    }
    if (Math.abs(holding.shares) < DUST) {
      holding.shares = 0
      holding.cost = 0
    }
    if (opened !== 0) {
      holding.shares += opened
      holding.cost += opened * price + (fees - feesOfClose)
    }
    holding.won += won
    this.realised += won
    return won
  }

  /** More fees, or less, of a fill of the past; they count as won or lost. */
  charge(symbol: string, fees: number): void {
    const holding = this.#held.get(symbol) ?? { shares: 0, cost: 0, won: 0 }
    this.#held.set(symbol, { ...holding, won: holding.won - fees })
    this.cash -= fees
    this.commissions += fees
    this.realised -= fees
  }

  /** Moves shares and cost without a trade: a correction of the broker. */
  adjust(symbol: string, { shares, cost }: { readonly shares: number; readonly cost: number }): void {
    const holding = this.#held.get(symbol) ?? { shares: 0, cost: 0, won: 0 }
    const left = holding.shares + shares
    const paid = holding.cost + cost
    const isFlat = Math.abs(left) < DUST
    // What a position of nothing has cost was won or lost.
    if (isFlat) this.realised -= paid
    this.#held.set(
      symbol,
      isFlat
        ? { shares: 0, cost: 0, won: holding.won - paid }
        : { shares: left, cost: paid, won: holding.won },
    )
  }

  save(): SavedHoldings {
    const { cash, realised, commissions } = this
    const held = [...this.#held].map(
      ([symbol, { shares, cost, won }]) => [symbol, shares, cost, won] as const,
    )
    return { cash, realised, commissions, held }
  }

  restore({ cash, realised, commissions, held }: SavedHoldings): void {
    this.cash = cash
    this.realised = realised
    this.commissions = commissions
    this.#held.clear()
    for (const [symbol, shares, cost, won] of held) this.#held.set(symbol, { shares, cost, won })
  }
}
