import type { EventEmitter } from 'node:events'
import { EventName, IBApi, OrderAction, OrderType, SecType } from '@stoqey/ib'
import { afterEach, expect, test } from 'vitest'
import { mockTape, type TestSim, testSim } from '../../test/support/sim.js'

const open: { sim: TestSim; ib: IBApi }[] = []
afterEach(async () => {
  for (const { sim, ib } of open.splice(0)) {
    ib.disconnect()
    await sim.close()
  }
})

const NVDA = { symbol: 'NVDA', secType: SecType.STK, exchange: 'SMART', currency: 'USD' }

/** A client that has connected, with what it has heard. */
async function connected(sim: TestSim, clientId = 1) {
  const ib = new IBApi({ host: sim.host, port: sim.port, clientId, maxReqPerSec: 10_000 })
  open.push({ sim, ib })
  const heard: [string, ...unknown[]][] = []
  ib.on(EventName.all, (name: string, args: unknown[]) => void heard.push([name, ...args]))
  const emitter = ib as unknown as EventEmitter
  const until = (name: EventName, count = 1, isIt: (...args: never[]) => boolean = () => true) =>
    new Promise<unknown[]>((resolve) => {
      let left = count
      const listener = (...args: unknown[]) => {
        if (!isIt(...(args as never[])) || --left > 0) return
        emitter.off(name, listener)
        resolve(args)
      }
      emitter.on(name, listener)
    })
  const id = until(EventName.nextValidId)
  ib.connect()
  const [nextId] = (await id) as [number]
  return { ib, heard, until, nextId }
}

/** Lets the clock go on from an instant at which bars came. */
function twice(ib: IBApi): void {
  ib.reqCurrentTime()
  ib.reqCurrentTime()
}

test.each([176, 178, 193])(
  'version %i connects, quotes, orders, fills, tells commission, position and P&L',
  async (serverVersion) => {
    const sim = await testSim({ serverVersion })
    const { ib, until, nextId, heard } = await connected(sim)
    expect(nextId).toBe(1)
    expect(ib.serverVersion).toBe(serverVersion)
    const details = until(EventName.contractDetails)
    ib.reqContractDetails(1, NVDA)
    const [, { contract, liquidHours }] = (await details) as [
      number,
      { contract: object; liquidHours: string },
    ]
    expect(contract).toMatchObject({
      symbol: 'NVDA',
      conId: 4815747,
      exchange: 'SMART',
      primaryExch: 'NASDAQ',
    })
    expect(liquidHours).toMatch(/^20250801:0930-20250801:1600;20250802:CLOSED;/)

    const bars = until(EventName.realtimeBar, 12)
    ib.on(EventName.realtimeBar, () => twice(ib))
    ib.reqRealTimeBars(2, NVDA, 5, 'TRADES', true)
    ib.reqCurrentTime()
    await bars
    const filled = until(EventName.orderStatus, 1, (_id: never, status: string) => status === 'Filled')
    const execution = until(EventName.execDetails)
    const commission = until(EventName.commissionReport)
    ib.placeOrder(nextId, NVDA, {
      ...{ action: OrderAction.BUY, orderType: OrderType.MKT, totalQuantity: 5, tif: 'DAY', transmit: true },
      ...{ account: 'DU1234567', orderRef: 'jules:x:1' },
    })
    const [, , exec] = (await execution) as [number, object, { price: number; shares: number; time: string }]
    expect(exec).toMatchObject({ shares: 5, cumQty: 5, side: 'BOT', orderRef: 'jules:x:1', orderId: nextId })
    expect(exec.time).toMatch(/^20250801 09:31:\d\d US\/Eastern$/)
    expect(await commission).toMatchObject([{ commission: 0.35, currency: 'USD' }])
    expect((await filled)[4]).toBe(exec.price)
    const position = until(EventName.position)
    ib.reqPositions()
    expect(await position).toMatchObject([
      'DU1234567',
      { symbol: 'NVDA', exchange: 'NASDAQ' },
      5,
      expect.any(Number),
    ])
    // Lists of a hundred fields: what stands last in them is read as what it is.
    const done = until(EventName.completedOrder)
    ib.reqCompletedOrders(false)
    expect((await done)[1]).toMatchObject({ filledQuantity: 5, orderType: 'MKT', account: 'DU1234567' })
    expect((await done)[2]).toMatchObject({ status: 'Filled', completedStatus: 'Filled Size: 5' })
    const waiting = until(EventName.openOrder)
    ib.placeOrder(nextId + 1, NVDA, {
      ...{
        action: OrderAction.SELL,
        orderType: OrderType.LMT,
        lmtPrice: 999.5,
        totalQuantity: 3,
        tif: 'DAY',
      },
      ...{ transmit: true, account: 'DU1234567', orderRef: 'jules:x:2' },
    })
    const [, , open, state] = (await waiting) as [number, object, object, object]
    expect(open).toMatchObject({
      lmtPrice: 999.5,
      orderRef: 'jules:x:2',
      clientId: 1,
      autoCancelParent: false,
    })
    expect(open).toMatchObject({ softDollarTier: { name: '' }, isOmsContainer: false })
    expect(state).toMatchObject({ status: 'Submitted' })
    const pnl = until(EventName.pnl)
    ib.reqPnL(9, 'DU1234567', '')
    expect((await pnl)[0]).toBe(9)
    expect(heard.filter(([name]) => name === 'error')).toEqual([])
    expect([...sim.violations]).toEqual([])
  },
)

test('a day at full speed ends when the client has dealt with its last bar', async () => {
  const sim = await testSim({ tape: mockTape({ symbols: ['NVDA'] }) })
  const { ib } = await connected(sim)
  let bars = 0
  ib.on(EventName.realtimeBar, () => {
    bars++
    twice(ib)
  })
  ib.reqRealTimeBars(2, NVDA, 5, 'TRADES', true)
  ib.reqCurrentTime()
  await sim.ended
  expect(bars).toBe(390 * 12)
  expect(sim.now()).toBe(Date.parse('2025-08-01T20:00:00Z'))
})
