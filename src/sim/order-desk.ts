/** Orders as clients send them: what is wrong with one, by the codes of the broker, and what the log counts against its sender. */
import { increases } from '../risk/guard.js'
import { contractNamed } from './contracts.js'
import { type Desk, nextIdOf } from './desk.js'
import type { Message } from './layout.js'
import { isWorking, ORDER_KINDS, type OrderKind, type SimOrder } from './orders.js'
import { openOrderOf } from './reports.js'
import type { Session } from './session.js'

const MOST_ID = 2 ** 31 - 1

interface Asked {
  readonly orderId: number
  readonly symbol: string
  readonly side: 1 | -1
  readonly kind: OrderKind
  readonly quantity: number
  /** NaN where there is none. */
  readonly limit: number
  readonly stop: number
  readonly account: string
  readonly ref: string
  readonly tif: string
}

interface Problem {
  readonly code: number
  readonly text: string
}

/** A price of a message: empty and the largest number are none. */
const priceOf = (value: Message[string] | undefined): number =>
  value === undefined || value === '' || Number(value) > 1e300 ? Number.NaN : Number(value)

const isOffTick = (price: number): boolean => Math.abs(price * 100 - Math.round(price * 100)) > 1e-6

/** What the message asks for, or the broker's reason against it. */
function readOrder(desk: Desk, message: Message): Asked | Problem {
  const text = (name: string) => String(message[name] ?? '')
  const orderId = Number(text('orderId'))
  if (!Number.isInteger(orderId) || orderId < 0 || orderId > MOST_ID)
    return {
      code: 320,
      text: `Error reading request: the order id ${text('orderId')} is no number up to 2147483647`,
    }
  const contract = contractNamed(desk.contracts, message)
  if (contract === null) return { code: 200, text: 'No security definition has been found for the request' }
  const side = text('action') === 'BUY' ? 1 : text('action') === 'SELL' ? -1 : null
  if (side === null)
    return { code: 321, text: `Error validating request: cause - Invalid order side ${text('action')}` }
  const kind = ORDER_KINDS.find((one) => one === text('orderType'))
  if (kind === undefined)
    return { code: 387, text: 'Unsupported order type for this exchange and security type.' }
  const quantity = Number(text('totalQuantity'))
  if (!(quantity > 0)) return { code: 434, text: 'The order size cannot be zero.' }
  if (!Number.isInteger(quantity) && !desk.fractional)
    return { code: 10243, text: 'Fractional-sized order cannot be placed via API.' }
  const limit = kind === 'LMT' ? priceOf(message.lmtPrice) : Number.NaN
  const stop = kind === 'STP' ? priceOf(message.auxPrice) : Number.NaN
  const price = kind === 'LMT' ? limit : kind === 'STP' ? stop : 1
  if (!(price > 0) || isOffTick(price))
    return { code: 110, text: 'The price does not conform to the minimum price variation for this contract.' }
  const account = text('account') || (desk.accounts.length === 1 ? desk.accounts[0]! : '')
  if (!desk.accounts.includes(account))
    return { code: 321, text: `Error validating request: cause - Invalid account code '${account}'` }
  const tif = text('tif') || 'DAY'
  return {
    orderId,
    symbol: contract.symbol,
    side,
    kind,
    quantity,
    limit,
    stop,
    account,
    ref: text('orderRef'),
    tif,
  }
}

const isProblem = (asked: Asked | Problem): asked is Problem => 'code' in asked

/** Counts what a client that is trusted does not do; the order goes its way all the same. */
function judge(desk: Desk, session: Session, message: Message): void {
  const count = (rule: Parameters<typeof desk.log.violation>[1], detail: string) =>
    desk.log.violation(session.clientId, rule, detail)
  const text = (name: string) => String(message[name] ?? '')
  const { exchange, clock, limits } = desk
  const id = text('orderId')
  const ref = text('orderRef')
  const before = exchange.find(session.clientId!, Number(id))
  if (ref === '') count('no-ref', `order ${id}`)
  else if (exchange.refs.has(ref) && before?.ref !== ref) count('duplicate-ref', `order ${id}: ${ref}`)
  if (!desk.accounts.includes(text('account'))) count('wrong-account', `order ${id}: '${text('account')}'`)
  const quantity = Number(text('totalQuantity'))
  if (!Number.isInteger(quantity)) count('fractional-quantity', `order ${id}: ${text('totalQuantity')}`)
  for (const name of ['lmtPrice', 'auxPrice']) {
    const price = priceOf(message[name])
    if (isOffTick(price)) count('off-tick-price', `order ${id}: ${name} ${text(name)}`)
  }
  if (!isTrue(message.transmit)) count('not-transmitted', `order ${id}`)
  if (quantity > limits.quantity)
    count('over-quantity', `order ${id}: ${quantity} of at most ${limits.quantity}`)
  if (desk.isLinkDown) count('link-down', `order ${id}`)
  const symbol = contractNamed(desk.contracts, message)?.symbol
  if (symbol === undefined) return
  if (exchange.halted.has(symbol)) count('in-halt', `order ${id}: ${symbol}`)
  const sentMs = session.barSentMs.get(symbol)
  const oldest = Math.max(STALE_MS, 2 * desk.tape.intervalMs)
  const side = text('action') === 'BUY' ? 1 : -1
  const account = text('account') || desk.accounts[0]!
  const held = exchange.holdings.get(account)?.shares(symbol) ?? 0
  // What closes a position is right on old data too.
  if (sentMs !== undefined && clock.now() - sentMs > oldest && increases(held, held + side * quantity))
    count(
      'stale-data',
      `order ${id}: the last bar of ${symbol} is ${Math.round((clock.now() - sentMs) / 1000)} s old`,
    )
  const notional = exchange.worstCase(account, symbol, {
    shares: side * quantity,
    except: before,
    timeMs: clock.instantMs,
  })
  if (notional > limits.notional)
    count(
      'over-notional',
      `order ${id}: $${notional.toFixed(2)} of ${symbol}, of at most $${limits.notional}`,
    )
}

/** Without a bar for longer a client is not to trade. */
const STALE_MS = 120_000

/** Takes an order, changes one, or says what it would cost. */
export function placeOrder(desk: Desk, session: Session, message: Message): void {
  const isWhatIf = isTrue(message.whatIf)
  if (!isWhatIf) judge(desk, session, message)
  const asked = readOrder(desk, message)
  const problem = isProblem(asked)
    ? asked
    : isWhatIf
      ? whatIf(desk, session, asked)
      : takeOrder(desk, session, asked)
  if (problem !== null) session.error(Number(message.orderId) || -1, problem.code, problem.text)
  desk.clock.poke()
}

const isTrue = (value: Message[string] | undefined): boolean => value === '1' || value === 'true'

function takeOrder(desk: Desk, session: Session, asked: Asked): Problem | null {
  const { exchange, clock, nextIds } = desk
  const { orderId } = asked
  const clientId = session.clientId!
  if (desk.isReadOnly) return READ_ONLY
  const before = exchange.find(clientId, orderId)
  if (before !== undefined) return changeOrder(desk, session, { before, asked })
  // One that was used on a day before, or passed over: ids only go up.
  if (orderId < nextIdOf(desk, session)) {
    desk.log.violation(clientId, 'duplicate-id', `order ${orderId}`)
    return DUPLICATE
  }
  nextIds.set(clientId, orderId + 1)
  exchange.place({
    ...asked,
    ...{ clientId, arrivedMs: clock.arrivalMs(), filledBarMs: Number.NaN },
    ...{ isTriggered: false, reason: '', endedMs: Number.NaN },
  })
  return null
}

const DUPLICATE: Problem = { code: 103, text: 'Duplicate order id' }
export const READ_ONLY: Problem = {
  code: 321,
  text: 'Error validating request.-: cause - The API interface is currently in Read-Only mode.',
}

function changeOrder(
  { exchange, clock, log }: Desk,
  { clientId }: Session,
  { before, asked }: { readonly before: SimOrder; readonly asked: Asked },
): Problem | null {
  const { orderId, symbol, side, kind, quantity, limit, stop } = asked
  if (!isWorking(before)) {
    log.violation(clientId, 'duplicate-id', `order ${orderId}`)
    return before.status === 'Filled' ? { code: 104, text: 'Cannot modify a filled order.' } : DUPLICATE
  }
  // A market order that is sent again and changes nothing was meant to be another one.
  if (before.kind === 'MKT' && before.quantity === quantity)
    log.violation(clientId, 'duplicate-id', `order ${orderId}`)
  const isOther = before.symbol !== symbol || before.side !== side || before.kind !== kind
  if (isOther || quantity < before.filled)
    return { code: 105, text: 'Order being modified does not match original order' }
  exchange.modify(before, { quantity, limit, stop, timeMs: clock.arrivalMs() })
  return null
}

/** Answers with what the order would do to the account; no order is made. */
function whatIf(desk: Desk, session: Session, asked: Asked): null {
  const { account, symbol, quantity } = asked
  const { exchange, clock } = desk
  const equity = exchange.holdings.get(account)!.cash + exchange.equity(account, clock.instantMs).value
  const { commission, value } = exchange.estimate(symbol, quantity, clock.instantMs)
  const order: SimOrder = {
    ...asked,
    ...{ clientId: session.clientId!, permId: 0, status: 'PreSubmitted', filled: 0, value: 0, lastPrice: 0 },
    ...{
      arrivedMs: clock.now(),
      filledBarMs: Number.NaN,
      isTriggered: false,
      reason: '',
      endedMs: Number.NaN,
    },
  }
  session.send('openOrder', {
    ...openOrderOf(order),
    ...{
      whatIf: 1,
      commission,
      minCommission: commission,
      maxCommission: commission,
      commissionCurrency: 'USD',
    },
    ...{ initMarginBefore: 0, maintMarginBefore: 0, equityWithLoanBefore: equity },
    ...{ initMarginChange: value / 4, maintMarginChange: value / 4, equityWithLoanChange: -commission },
    ...{ initMarginAfter: value / 4, maintMarginAfter: value / 4, equityWithLoanAfter: equity - commission },
  })
  return null
}

/** Cancels an order of this client. */
export function cancelOrder(desk: Desk, session: Session, message: Message): void {
  const orderId = Number(message.orderId)
  const order = desk.exchange.find(session.clientId!, orderId)
  const words = `OrderId ${orderId} that needs to be cancelled`
  if (order === undefined) session.error(orderId, 10147, `${words} is not found.`)
  else if (!isWorking(order))
    session.error(orderId, 10148, `${words} cannot be cancelled, state: ${order.status}.`)
  else desk.exchange.end(order, 'Cancelled', '', desk.clock.now())
}

/** Cancels every order of every client. */
export function globalCancel(desk: Desk): void {
  for (const order of desk.exchange.working) desk.exchange.end(order, 'Cancelled', '', desk.clock.now())
}
