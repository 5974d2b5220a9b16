/** Clients that the simulated gateway was not written for: they connect, quote, order, fill, cancel, read P&L and history. */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { IBApiNext, IBApiTickType, OrderAction, OrderType, SecType } from '@stoqey/ib'
import { expect, test } from 'vitest'
import { mockTape, testSim } from '../support/sim.js'

const PYTHON = process.env.JULES_PYTHON ?? 'python3'
const has = (module: string): boolean => spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0
const tape = mockTape({ from: '2025-07-31', to: '2025-08-01' })
/** Half an hour into the second day: there is history, and there are bars to come. */
const nowMs = Date.parse('2025-08-01T14:00:00Z')
const run = promisify(execFile)

async function seenBy(script: string, serverVersion: number) {
  const sim = await testSim({ tape, nowMs, serverVersion })
  try {
    const { stdout } = await run(PYTHON, [`test/support/clients/${script}`, String(sim.port)], {
      timeout: 40_000,
    })
    const strange = sim.lines.filter(({ type }) => type === 'violation')
    return { seen: JSON.parse(stdout.trim().split('\n').at(-1)!), strange }
  } finally {
    await sim.close()
  }
}

interface Stream<T> {
  subscribe(next: (value: T) => void): { unsubscribe(): void }
}

/** The first value of a stream that is wanted. */
const first = <T>(stream: Stream<T>, isIt: (value: T) => boolean = () => true): Promise<T> =>
  new Promise((resolve) => {
    const subscription = stream.subscribe((value) => {
      if (!isIt(value)) return
      resolve(value)
      setImmediate(() => subscription.unsubscribe())
    })
  })

const part = tape.partFrom('NVDA', nowMs)!

for (const version of [176, 178]) {
  test.skipIf(!has('ib_async'))(
    `ib_async, version ${version} (skipped where Python has no ib_async)`,
    async () => {
      const { seen, strange } = await seenBy('with_ib_async.py', version)
      expect(seen).toMatchObject({
        ...{ version, account: 'DU1234567', conId: 4815747, cancelled: 'Cancelled', pnl: true, whatIf: 0.35 },
        history: [30, tape.series('NVDA').open[390], '2025-08-01T13:59:00+00:00'],
        bar: ['2025-08-01T14:00:00+00:00', part.open, part.volume],
        ...{ fill: ['Filled', 5, 0.35], position: ['NVDA', 5], summary: ['NetLiquidation'] },
        ...{ completed: ['Cancelled', 'Filled'], executions: ['00000jul.00000001.01'] },
      })
      expect(seen.spread).toBeGreaterThan(0)
      expect(strange).toEqual([])
    },
  )
}

for (const version of [178, 193]) {
  test.skipIf(!has('ibapi.client'))(
    `the official client, version ${version} (skipped where Python has no ibapi)`,
    async () => {
      const { seen, strange } = await seenBy('with_ibapi.py', version)
      expect(seen).toMatchObject({
        ...{
          version,
          account: 'DU1234567',
          conId: 4815747,
          history: 30,
          quote: true,
          pnl: true,
          position: 5,
        },
        bar: [nowMs / 1000, part.open, String(part.volume)],
        ...{ fill: [5, 'BOT', 'api:1'], commission: 0.35, completed: ['Cancelled', 'Filled'], errors: [202] },
      })
      expect(strange).toEqual([])
    },
  )
}

test('IBApiNext of @stoqey/ib', async () => {
  const sim = await testSim({ tape, nowMs })
  const ib = new IBApiNext({ host: sim.host, port: sim.port })
  try {
    const contract = { symbol: 'NVDA', secType: SecType.STK, exchange: 'SMART', currency: 'USD' }
    ib.connect(7)
    expect(await ib.getManagedAccounts()).toEqual(['DU1234567'])
    const [details] = await ib.getContractDetails(contract)
    expect(details!.contract.conId).toBe(4815747)
    const history = await ib.getHistoricalData(
      contract,
      '',
      '1 D' as never,
      '1 min' as never,
      'TRADES' as never,
      1,
      2,
    )
    expect([history.length, history[0]!.open]).toEqual([30, tape.series('NVDA').open[390]])
    const quotes = ib.getMarketData(contract, '', false, false)
    const quote = await first(quotes, ({ all }) => all.has(IBApiTickType.LAST as never))
    expect(quote.all.get(IBApiTickType.LAST as never)!.value).toBeGreaterThan(0)
    const id = await ib.placeNewOrder(contract, {
      ...{ action: OrderAction.BUY, orderType: OrderType.MKT, totalQuantity: 5, tif: 'DAY', transmit: true },
      ...{ account: 'DU1234567', orderRef: 'next:1' },
    })
    expect(id).toBe(1)
    const position = await first(ib.getPositions(), ({ all }) =>
      (all.get('DU1234567') ?? []).some(({ pos }) => pos === 5),
    )
    expect(position.all.get('DU1234567')![0]!.contract.symbol).toBe('NVDA')
    const limit = await ib.placeNewOrder(contract, {
      ...{ action: OrderAction.BUY, orderType: OrderType.LMT, lmtPrice: 100, totalQuantity: 5, tif: 'DAY' },
      ...{ transmit: true, account: 'DU1234567', orderRef: 'next:2' },
    })
    ib.cancelOrder(limit)
    expect(Math.abs((await first(ib.getPnL('DU1234567'))).dailyPnL ?? 0)).toBeLessThan(1000)
    expect((await ib.getExecutionDetails({})).map(({ execution }) => execution.shares)).toEqual([5])
    expect([...sim.violations]).toEqual([])
  } finally {
    ib.disconnect()
    await sim.close()
  }
})
