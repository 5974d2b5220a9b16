/** Orders and executions as fields of the messages that report on them. */
import { contractOf, localStamp } from './contracts.js'
import type { Values } from './layout.js'
import type { SimExecution, SimOrder } from './orders.js'

/** An order as openOrder has it. */
export function openOrderOf(order: SimOrder): Values {
  const { orderId, symbol, side, quantity, kind, limit, stop, tif, account, ref, clientId, permId, status } =
    order
  return {
    ...contractFields(symbol),
    ...{ orderId, action: side > 0 ? 'BUY' : 'SELL', totalQuantity: quantity, orderType: kind, tif, account },
    ...{ lmtPrice: Number.isNaN(limit) ? 0 : limit, auxPrice: Number.isNaN(stop) ? 0 : stop },
    ...{ orderRef: ref, clientId, permId, status },
  }
}

/** An order that has ended, as completedOrder has it. */
export function completedOf(order: SimOrder): Values {
  const { status, filled, reason, endedMs } = order
  const words =
    status === 'Filled'
      ? `Filled Size: ${filled}`
      : `Cancelled by Trader${reason === '' ? '' : `: ${reason}`}`
  return {
    ...openOrderOf(order),
    ...{ filledQuantity: filled, completedTime: `${localStamp(endedMs)} US/Eastern`, completedStatus: words },
  }
}

/** orderStatus of an order as it stands. */
export function statusOf(order: SimOrder): Values {
  const { orderId, status, filled, quantity, value, permId, lastPrice, clientId } = order
  const avgFillPrice = filled === 0 ? 0 : value / filled
  const remaining = quantity - filled
  return { orderId, status, filled, remaining, avgFillPrice, permId, lastFillPrice: lastPrice, clientId }
}

/** The fields of a symbol's contract. */
export const contractFields = (symbol: string): Values => {
  const { conId } = contractOf(symbol)
  return { conId, symbol, localSymbol: symbol }
}

/** execDetails of an execution; `reqId` is -1 unasked. */
export function execDetailsOf(execution: SimExecution, reqId: number): Values {
  const { orderId, execId, timeMs, account, symbol, side, shares, price, permId, clientId } = execution
  return {
    ...contractFields(symbol),
    ...{ reqId, orderId, execId, time: `${localStamp(timeMs)} US/Eastern`, account },
    ...{ side: side > 0 ? 'BOT' : 'SLD', shares, price, permId, clientId },
    ...{ cumQty: execution.cumQuantity, avgPrice: execution.avgPrice, orderRef: execution.ref },
  }
}

/** commissionReport of an execution. What opens a position realises nothing, which the broker writes as an unset number. */
export function commissionOf({ execId, commission, realised }: SimExecution): Values {
  return { execId, commission, realizedPnl: realised === 0 ? '1.7976931348623157E308' : realised }
}
