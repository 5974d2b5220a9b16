/** What clients are told of the accounts: positions, values, P&L. */
import { localStamp } from './contracts.js'
import type { Desk } from './desk.js'
import type { Values } from './layout.js'
import { contractFields } from './reports.js'
import type { Session } from './session.js'

/** Positions of an account that are not nothing. */
export function positionsOf({ exchange }: Desk, account: string): Values[] {
  const held = exchange.holdings.get(account)!
  return held.symbols
    .filter((symbol) => held.shares(symbol) !== 0)
    .map((symbol) => ({
      ...contractFields(symbol),
      ...{ account, position: held.shares(symbol), avgCost: held.averageCost(symbol) },
    }))
}

/** Positions of an account, one message each. */
export function sendPositions(desk: Desk, session: Session, account: string): void {
  for (const values of positionsOf(desk, account)) session.send('position', values)
}

/** Keys of an account with their values, as account updates have them. */
export function accountValues(
  { exchange, clock }: Desk,
  account: string,
): [key: string, value: string, currency: string][] {
  const { cash, realised } = exchange.holdings.get(account)!
  const { value, unrealised } = exchange.equity(account, clock.instantMs)
  const equity = cash + value
  const gross = Math.abs(value)
  const dollars = (amount: number) => amount.toFixed(2)
  const rows: Record<string, string> = {
    NetLiquidation: dollars(equity),
    TotalCashValue: dollars(cash),
    SettledCash: dollars(cash),
    AccruedCash: dollars(0),
    BuyingPower: dollars(4 * Math.max(0, equity - gross / 4)),
    EquityWithLoanValue: dollars(equity),
    GrossPositionValue: dollars(gross),
    InitMarginReq: dollars(gross / 4),
    MaintMarginReq: dollars(gross / 4),
    AvailableFunds: dollars(equity - gross / 4),
    ExcessLiquidity: dollars(equity - gross / 4),
    CashBalance: dollars(cash),
    RealizedPnL: dollars(realised),
    UnrealizedPnL: dollars(unrealised),
  }
  return [
    ['AccountType', 'INDIVIDUAL', ''],
    ['AccountReady', 'true', ''],
    ['AccountCode', account, ''],
    ...Object.entries(rows).map(([key, amount]): [string, string, string] => [key, amount, 'USD']),
  ]
}

/** The values that a client asked for under a request number. */
export function sendSummary(desk: Desk, session: Session, reqId: number): void {
  const tags = session.summaries.get(reqId) ?? []
  const isAll = tags.some((tag) => tag.startsWith('$LEDGER') || tag === 'All')
  for (const account of desk.accounts)
    for (const [tag, value, currency] of accountValues(desk, account))
      if (isAll || tags.includes(tag))
        session.send('accountSummary', { reqId, account, tag, value, currency })
}

/** Values and positions of the account that a client follows. */
export function sendUpdates(desk: Desk, session: Session): void {
  const account = session.updates
  if (account === null || !desk.accounts.includes(account)) return
  for (const [key, value, currency] of accountValues(desk, account))
    session.send('accountValue', { key, value, currency, account })
  const held = desk.exchange.holdings.get(account)!
  for (const symbol of held.symbols) {
    const price = desk.exchange.quote(symbol, desk.clock.instantMs)?.last ?? held.averageCost(symbol)
    const shares = held.shares(symbol)
    session.send('portfolioValue', {
      ...contractFields(symbol),
      ...{ primaryExchange: 'NASDAQ', position: shares, marketPrice: price, marketValue: shares * price },
      ...{ averageCost: held.averageCost(symbol), unrealizedPnl: held.unrealised(symbol, price) },
      ...{ realizedPnl: 0, account },
    })
  }
  session.send('accountTime', { time: localStamp(desk.clock.instantMs).slice(9, 14) })
}

/** P&L as a client follows it: of an account, or of one position. */
export function sendPnl(desk: Desk, session: Session, reqId: number): void {
  const { exchange, clock, contracts } = desk
  const followed = session.pnl.get(reqId)
  if (followed === undefined) return
  const held = exchange.holdings.get(followed.account)!
  const { value, unrealised } = exchange.equity(followed.account, clock.instantMs)
  const dailyPnl = held.cash + value - exchange.dayEquity.get(followed.account)!
  if (followed.conId === null) {
    session.send('pnl', { reqId, dailyPnl, unrealizedPnl: unrealised, realizedPnl: held.realised })
    return
  }
  const contract = contracts.find(({ conId }) => conId === followed.conId)
  if (contract === undefined) return
  const price = exchange.quote(contract.symbol, clock.instantMs)?.last ?? held.averageCost(contract.symbol)
  const shares = held.shares(contract.symbol)
  const open = held.unrealised(contract.symbol, price)
  session.send('pnlSingle', {
    ...{ reqId, position: shares, dailyPnl: open, unrealizedPnl: open },
    ...{ realizedPnl: held.realisedOf(contract.symbol), value: shares * price },
  })
}
