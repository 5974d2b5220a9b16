import { describe, expect, test } from 'vitest'
import { ManualTimers } from '../../test/support/timers.js'
import { Limiter } from './limiter.js'
import { HistoryPacing } from './pacing.js'

/** Numbers from 0 up to 1, the same each time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const mostWithin = (times: readonly number[], ms: number): number =>
  Math.max(0, ...times.map((start) => times.filter((time) => time >= start && time < start + ms).length))

describe('the limiter', () => {
  test('in any second writes at most 45 messages, orders in their order, and no order late because of requests', () => {
    const random = seeded(7)
    const timers = new ManualTimers()
    const limiter = new Limiter({ maxPerSecond: 45, timers })
    const written: {
      readonly order: boolean
      readonly n: number
      readonly asked: number
      readonly time: number
    }[] = []
    for (let n = 0; n < 3000; n++) {
      const order = random() < 0.1
      const asked = timers.now()
      const write = (): void => void written.push({ order, n, asked, time: timers.now() })
      if (order) limiter.order(write)
      else limiter.other(write)
      // Bursts with pauses.
      if (random() < 0.3) timers.advance(Math.floor(random() * 100))
    }
    timers.advance(120_000)
    expect(written).toHaveLength(3000)
    expect(
      mostWithin(
        written.map(({ time }) => time),
        1000,
      ),
    ).toBeLessThanOrEqual(45)
    for (const kind of [true, false]) {
      const numbers = written.filter(({ order }) => order === kind).map(({ n }) => n)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    }
    const orders = written.filter(({ order }) => order)
    for (const { asked, time } of orders) {
      const recent = orders.filter((other) => other.time > asked - 1000 && other.time < asked).length
      if (recent < 10) expect(time).toBe(asked)
    }
  })

  test('sends what it may at once', () => {
    const timers = new ManualTimers()
    const limiter = new Limiter({ maxPerSecond: 45, timers })
    let [orders, others] = [0, 0]
    for (let i = 0; i < 100; i++) limiter.other(() => others++)
    expect(others).toBe(35)
    for (let i = 0; i < 100; i++) limiter.order(() => orders++)
    expect(orders).toBe(10)
    timers.advance(1000)
    expect(orders + others).toBe(90)
    timers.advance(2000)
    expect(orders).toBe(100)
  })

  test('a pause holds everything; dropping forgets it, and says so of orders', () => {
    const timers = new ManualTimers()
    const limiter = new Limiter({ maxPerSecond: 45, timers })
    const events: string[] = []
    limiter.pause(2000)
    limiter.order(
      () => events.push('order 1'),
      () => events.push('dropped 1'),
    )
    limiter.other(() => events.push('other'))
    timers.advance(1999)
    expect(events).toEqual([])
    limiter.dropOrders()
    expect(events).toEqual(['dropped 1'])
    timers.advance(1)
    expect(events).toEqual(['dropped 1', 'other'])
    limiter.pause(2000)
    limiter.other(() => events.push('never'))
    limiter.drop()
    timers.advance(5000)
    expect(events).toEqual(['dropped 1', 'other'])
  })

  test('a simulator counts nothing', () => {
    const limiter = new Limiter({ maxPerSecond: Number.POSITIVE_INFINITY, timers: new ManualTimers() })
    let written = 0
    for (let i = 0; i < 10_000; i++) limiter.other(() => written++)
    expect(written).toBe(10_000)
  })
})

describe('history', () => {
  test('keeps every rule of the broker under random requests', () => {
    const random = seeded(3)
    const pacing = new HistoryPacing()
    const sent: { readonly key: string; readonly contract: number; readonly time: number }[] = []
    let now = 0
    for (let i = 0; i < 600; i++) {
      const contract = Math.floor(random() * 3)
      const key = `${contract} ${Math.floor(random() * 8)}`
      for (let wait = pacing.waitMs(key, contract, now); wait > 0; wait = pacing.waitMs(key, contract, now))
        now += wait
      pacing.begin(key, contract, now)
      pacing.end()
      sent.push({ key, contract, time: now })
      now += Math.floor(random() * 300)
    }
    const times = (of: typeof sent): number[] => of.map(({ time }) => time)
    expect(mostWithin(times(sent), 600_000)).toBe(60)
    for (let contract = 0; contract < 3; contract++) {
      expect(mostWithin(times(sent.filter((one) => one.contract === contract)), 2000)).toBeLessThan(6)
    }
    for (const key of new Set(sent.map((one) => one.key))) {
      expect(mostWithin(times(sent.filter((one) => one.key === key)), 15_000)).toBe(1)
    }
  })

  test('has at most 50 requests open', () => {
    const pacing = new HistoryPacing()
    for (let i = 0; i < 50; i++) pacing.begin(`key ${i}`, i, 0)
    expect(pacing.waitMs('another', 99, 0)).toBe(Number.POSITIVE_INFINITY)
    pacing.end()
    expect(pacing.waitMs('another', 99, 0)).toBe(0)
  })
})
