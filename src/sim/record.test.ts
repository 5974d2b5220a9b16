import { EventName, IBApi, OrderAction, OrderType, SecType, TimeInForce } from '@stoqey/ib'
import { expect, onTestFinished, test } from 'vitest'
import { mockTape, testSim } from '../../test/support/sim.js'
import type { Failure } from '../base/errors.js'
import { startRecording } from './record.js'
import { readEntry, readScenario } from './scenario.js'
import type { SimOptions } from './server.js'

const tape = mockTape({ symbols: ['NVDA'] })
const NVDA = { symbol: 'NVDA', secType: SecType.STK, exchange: 'SMART', currency: 'USD' }

/** A gateway, what records it, and a client that goes through. */
async function recorded(options: Partial<SimOptions> = {}) {
  const sim = await testSim({ tape, ...options })
  const lines: string[] = []
  let nowMs = tape.firstMs
  const recording = await startRecording({
    ...{ host: sim.host, port: sim.port, listenPort: 0, clock: () => nowMs, note: () => {} },
    onBar: (line) => void lines.push(line),
  })
  const ib = new IBApi({ host: '127.0.0.1', port: recording.port, clientId: 1, maxReqPerSec: 10_000 })
  ib.on(EventName.error, () => {})
  onTestFinished(async () => {
    ib.disconnect()
    await recording.close()
    await sim.close()
  })
  const tick = (ms: number) => {
    nowMs += ms
  }
  return { sim, lines, recording, ib, tick }
}

const once = (ib: IBApi, name: EventName) =>
  new Promise<void>((resolve) => (ib as unknown as NodeJS.EventEmitter).once(name, () => resolve()))

test('a session becomes bars and a scenario that the simulator reads', async () => {
  const scenario = [
    { fault: 'reject', on: { order: 2 } },
    { fault: 'link-lost', on: { time: '09:30:30' }, with: { seconds: 20 } },
  ].map((entry) => readEntry(entry, 'test'))
  const { lines, recording, ib, tick, sim } = await recorded({ scenario })
  const ready = once(ib, EventName.nextValidId)
  ib.connect()
  await ready
  const order = { action: OrderAction.BUY, orderType: OrderType.MKT, totalQuantity: 1, account: 'DU1234567' }
  ib.placeOrder(1, NVDA, { ...order, tif: TimeInForce.DAY, transmit: true, orderRef: 'a' })
  ib.placeOrder(2, NVDA, { ...order, tif: TimeInForce.DAY, transmit: true, orderRef: 'b' })
  let count = 0
  const over = new Promise<void>((resolve) => {
    ib.on(EventName.realtimeBar, () => {
      tick(5000)
      ib.reqCurrentTime()
      ib.reqCurrentTime()
      if (++count === 20) resolve()
    })
  })
  ib.on(EventName.info, (_text, code) => Number(code) === 1100 && tick(20_000))
  ib.reqRealTimeBars(3, NVDA, 5, 'TRADES' as never, true)
  ib.reqCurrentTime()
  await over
  const cut = once(ib, EventName.disconnected)
  sim.strike({ fault: 'drop' }, 'test')
  await cut
  await expect.poll(() => recording.recorder.scenario).toContain('drop')
  const entries = readScenario(recording.recorder.scenario, 'recorded')
  expect(entries.map(({ name, event, nth, params }) => [name, event, nth, params.seconds])).toEqual([
    ['reject', 'order', 2, undefined],
    ['link-lost', 'now', 1, expect.any(Number)],
    ['drop', 'now', 1, undefined],
  ])
  expect(entries[1]!.params.seconds).toBeGreaterThanOrEqual(20)
  expect(recording.recorder.bars).toBeGreaterThanOrEqual(20)
  const part = tape.partFrom('NVDA', tape.firstMs)!
  expect(JSON.parse(lines[0]!)).toEqual({
    ...{
      type: 'bar',
      symbol: 'NVDA',
      interval: '5s',
      time: '2025-08-01T13:30:00Z',
      open: part.open,
      high: part.high,
    },
    ...{
      low: part.low,
      close: part.close,
      volume: part.volume,
      vwap: expect.any(Number),
      trades: expect.any(Number),
    },
    ...{ adjusted: null, session: 'rth', source: 'ib' },
  })
})

test('a live account is refused, and nothing of the client has gone through', async () => {
  const { sim, recording, ib } = await recorded({ accounts: ['DU1', 'U2'] })
  const cut = once(ib, EventName.disconnected)
  ib.connect()
  const failure = await recording.failed.catch((error: Failure) => error)
  expect([failure.kind, failure.message]).toEqual([
    'denied',
    'the gateway manages U2, which is no paper account',
  ])
  await cut
  expect(sim.lines.filter(({ type }) => type === 'message').map(({ name }) => name)).toEqual(['startApi'])
})

test('a gateway that is not there', async () => {
  const { sim, recording, ib } = await recorded()
  await sim.close()
  ib.connect()
  const failure = await recording.failed.catch((error: Failure) => error)
  expect([failure.kind, failure.message]).toEqual(['unavailable', `no gateway at 127.0.0.1:${sim.port}`])
})
