/** The gateway against the simulated one: what is only true where a market is behind it. */
import { afterEach, expect, test } from 'vitest'
import { mockTape, testSim } from '../../test/support/sim.js'
import { FastTimers } from '../../test/support/timers.js'
import { FAULT_NAMES, FAULTS } from '../sim/faults.js'
import { CODES } from './codes.js'
import { Gateway } from './gateway.js'
import { hourDifferences } from './hours.js'
import type {
  CommissionReport,
  ExecutionReport,
  GatewayBar,
  GatewayListener,
  OrderReport,
} from './listener.js'
import { Refused, UnknownAnswer } from './requests.js'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function trading(listener: Partial<GatewayListener>, clientId = 1, port?: number) {
  const sim = port === undefined ? await testSim({ tape: mockTape({ from: '2024-11-29' }) }) : null
  if (sim !== null) open.push(sim)
  const gateway = new Gateway(
    {
      host: '127.0.0.1',
      port: port ?? sim!.port,
      clientId,
      timers: new FastTimers(1),
      random: () => 0.5,
      maxPerSecond: Number.POSITIVE_INFINITY,
    },
    listener,
  )
  open.push(gateway)
  await gateway.connect()
  return { sim: sim!, gateway }
}

/** The clock of the simulator goes on when its client has asked the time twice after the bars of an instant. */
function keepTime(gateway: Gateway): void {
  for (let i = 0; i < 2; i++) gateway.time().catch(() => {})
}

test('contract, bars, an order from its intent to its commission, and what the broker says at the end', async () => {
  const bars = new Map<string, GatewayBar[]>([
    ['NVDA', []],
    ['MSFT', []],
  ])
  const orders: OrderReport[] = []
  const executions: ExecutionReport[] = []
  const commissions: CommissionReport[] = []
  const types: [string, number][] = []
  const problems: number[] = []
  let filled: () => void = () => {}
  const isFilled = new Promise<void>((resolve) => {
    filled = resolve
  })
  const { sim, gateway } = await trading({
    bar: (symbol, bar) => {
      bars.get(symbol)!.push(bar)
      if (symbol === 'MSFT' && bars.get('MSFT')!.length === 12) {
        gateway.place(gateway.nextId(), nvda, { ref: 'jules:a:1', side: 'buy', shares: 5, kind: 'market' })
        gateway.place(gateway.nextId(), nvda, {
          ref: 'jules:a:2',
          side: 'sell',
          shares: 2,
          kind: 'limit',
          limit: 9999,
        })
      }
      keepTime(gateway)
    },
    order: (report) => {
      orders.push(report)
      if (report.id === 1 && report.standing === 'filled') filled()
    },
    execution: (report) => executions.push(report),
    commission: (report) => commissions.push(report),
    dataType: (symbol, type) => types.push([symbol, type]),
    problem: ({ code }) => problems.push(code),
  })
  const [nvda] = await Promise.all([gateway.contract('NVDA'), gateway.contract('MSFT')])
  expect(nvda).toMatchObject({ symbol: 'NVDA', id: 4815747, currency: 'USD', minTick: 0.01 })
  expect(hourDifferences(nvda.days!)).toEqual([])
  expect(nvda.days!.length).toBeGreaterThan(3)
  await expect(gateway.contract('NOPE')).rejects.toMatchObject({ act: 'unknown-contract' })

  await Promise.all([gateway.subscribeBars('NVDA'), gateway.subscribeBars('MSFT')])
  await isFilled

  expect(types).toEqual([
    ['NVDA', 1],
    ['MSFT', 1],
  ])
  const starts = bars.get('NVDA')!.map(({ startMs }) => startMs)
  expect(starts[0]).toBe(Date.parse('2024-11-29T14:30:00Z'))
  expect(starts).toEqual(starts.map((_, i) => starts[0]! + i * 5000))
  // The stream of a tape's minute adds up to it.
  const minute = sim.lines.length > 0 ? bars.get('NVDA')!.slice(0, 12) : []
  const history = await gateway.history({
    contract: nvda,
    interval: '1m',
    endMs: starts[0]! + 60_000,
    lengthMs: 60_000,
    rth: true,
  })
  expect(history.at(-1)).toMatchObject({
    startMs: starts[0],
    open: minute[0]!.open,
    close: minute.at(-1)!.close,
    high: Math.max(...minute.map(({ high }) => high)),
    low: Math.min(...minute.map(({ low }) => low)),
  })

  expect(executions).toMatchObject([
    {
      id: 1,
      own: true,
      ref: 'jules:a:1',
      side: 'buy',
      shares: 5,
      symbol: 'NVDA',
      account: 'DU1234567',
      revision: 1,
    },
  ])
  const [execution] = executions
  expect(execution!.timeMs).toBe(starts[0]! + 60_000)
  const last = orders.filter(({ id }) => id === 1).at(-1)
  expect(last).toMatchObject({
    own: true,
    ref: 'jules:a:1',
    filled: 5,
    remaining: 0,
    standing: 'filled',
    price: execution!.price,
  })

  expect(await gateway.executions()).toEqual(executions)
  expect(commissions).toMatchObject([
    { exec: execution!.exec, currency: 'USD', realised: null },
    // Told again by the request.
    { exec: execution!.exec },
  ])
  expect(await gateway.openOrders()).toMatchObject([
    { id: 2, ref: 'jules:a:2', symbol: 'NVDA', side: 'sell', standing: 'open' },
  ])
  expect(await gateway.completedOrders()).toMatchObject([{ ref: 'jules:a:1', standing: 'filled' }])
  expect(await gateway.positions()).toMatchObject([
    { account: 'DU1234567', symbol: 'NVDA', kind: 'STK', contractId: 4815747, shares: 5 },
  ])
  const cash = Number((await gateway.summary()).find(({ tag }) => tag === 'TotalCashValue')!.value)
  const { commission } = commissions[0]!
  expect(cash).toBeCloseTo(1_000_000 - 5 * execution!.price - commission, 2)
  expect((await gateway.pnl()).daily).toEqual(expect.any(Number))

  gateway.cancel(2)
  await expect.poll(() => orders.filter(({ id }) => id === 2).at(-1)?.standing).toBe('cancelled')
  expect(problems).toContain(202)
  expect([...sim.violations]).toEqual([])
}, 30_000)

test('a client id in use is 75; another client’s order is told as not own', async () => {
  const orders: OrderReport[] = []
  const { sim, gateway } = await trading({})
  await expect(trading({}, 1, sim.port)).rejects.toMatchObject({ code: 75 })
  const { gateway: other } = await trading({ order: (report) => orders.push(report) }, 2, sim.port)
  const contract = await gateway.contract('NVDA')
  gateway.place(gateway.nextId(), contract, {
    ref: 'jules:b:1',
    side: 'buy',
    shares: 1,
    kind: 'limit',
    limit: 1,
  })
  await gateway.time()
  expect(await other.openOrders()).toMatchObject([{ id: 1, clientId: 1, own: false, ref: 'jules:b:1' }])
  expect(await gateway.openOrders()).toMatchObject([{ id: 1, own: true }])
})

test('a live account is denied, and nothing is sent after the start', async () => {
  const sim = await testSim({ accounts: ['DU1', 'U7654321'] })
  open.push(sim)
  const gateway = new Gateway(
    { host: sim.host, port: sim.port, clientId: 1, timers: new FastTimers(1), random: () => 0 },
    {},
  )
  await expect(gateway.connect()).rejects.toMatchObject({ code: 77 })
  await expect.poll(() => sim.text()).toContain('close')
  expect(sim.lines.filter(({ type }) => type === 'message').map(({ name }) => name)).toEqual(['startApi'])
})

test('faults of the simulator, one after the other: it comes back, and what is asked is what the broker has', async () => {
  const names = FAULT_NAMES.filter((name) => !ELSEWHERE.has(name))
  const sim = await testSim({ tape: mockTape({ from: '2024-11-25', to: '2024-11-29', symbols: ['NVDA'] }) })
  open.push(sim)
  const unknown = new Set<number>()
  let wake: () => void = () => {}
  const timers = new FastTimers(10)
  const gateway = new Gateway(
    {
      host: sim.host,
      port: sim.port,
      clientId: 1,
      timers,
      // A clock that waits until its client is quiet would wait for ever.
      heartbeatMs: 600_000,
      random: () => 0.5,
      maxPerSecond: Number.POSITIVE_INFINITY,
    },
    {
      bar: () => keepTime(gateway),
      ready: () => wake(),
      failed: (error) => expect.unreachable(String(error)),
      problem: ({ code }) => {
        if (!CODES.has(code)) unknown.add(code)
      },
    },
  )
  open.push(gateway)
  await gateway.connect()
  const contract = await gateway.contract('NVDA')
  await gateway.subscribeBars('NVDA')
  timers.factor = 60

  /** Asks until there is an answer; on the way the connection may be lost. */
  const known = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      if (gateway.state !== 'ready') {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof UnknownAnswer)) throw error
      }
    }
  }
  /** Shares by executions, each in its last revision. */
  const held = (executions: readonly ExecutionReport[]): number => {
    const last = new Map<string, ExecutionReport>()
    for (const one of executions)
      if ((last.get(one.exec)?.revision ?? 0) < one.revision) last.set(one.exec, one)
    return [...last.values()].reduce((sum, { side, shares }) => sum + (side === 'buy' ? shares : -shares), 0)
  }
  const wish = { contract, interval: '5m', endMs: null, rth: true } as const
  let n = 0
  for (const name of names) {
    const { params } = FAULTS[name]
    const short = { ...('ms' in params ? { ms: 50 } : {}), ...('seconds' in params ? { seconds: 10 } : {}) }
    sim.strike({ fault: name, with: short }, name)
    if (gateway.state === 'ready') {
      const side = n++ % 2 === 0 ? 'buy' : 'sell'
      const id = gateway.nextId()
      gateway.place(id, contract, { ref: `jules:f:${n}`, side, shares: 2, kind: 'market' })
      if (name.includes('cancel')) gateway.cancel(id)
    }
    if (name.startsWith('history')) {
      // Its pacing goes by its own time, which stands while the gateway waits by another: the request may be refused to the end.
      await known(() => gateway.history({ ...wish, lengthMs: 60_000 * ++n })).catch((error) => {
        if (!(error instanceof Refused) || error.act !== 'wait') throw error
      })
    }
    await known(() => gateway.positions())
  }
  const executions = await known(() => gateway.executions())
  const positions = await known(() => gateway.positions())
  const { positions: theirs } = sim.statement()[0]!
  expect(held(executions)).toBe(theirs.NVDA ?? 0)
  expect(positions.reduce((sum, { shares }) => sum + shares, 0)).toBe(theirs.NVDA ?? 0)
  expect(executions.length).toBeGreaterThan(0)
  expect([...unknown]).toEqual([])
}, 60_000)

/** Each of these makes a new connection, which takes real time, or ends the run: the tests of `gateway.test.ts` have them. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...[
    'drop',
    'drop-before-order',
    'drop-before-greeting',
    'no-greeting',
    'silence',
    'torn-frame',
    'gateway-down',
  ],
  ...[
    'weekly-login',
    'client-id-in-use',
    'not-connected',
    'connect-failed',
    'no-answer',
    'read-only',
    'live-account',
  ],
])
