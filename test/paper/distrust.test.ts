/**
 * What the broker says, and what the run does about it: over the wire, each case with the faults of the simulated gateway. Whatever
 * happens, shares and cash are the broker's, and no rule of it was broken.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import type { JournalEvent } from '../../src/broker/journal.js'
import { buyHold, randomPolicy } from '../../src/trading/policies.js'
import { DEFAULT_RULES } from '../../src/trading/rules.js'
import { heldAt, type Play, type Played, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'

const dir = mkdtempSync(join(tmpdir(), 'jules test '))
afterAll(() => rmSync(dir, { recursive: true }))
let journals = 0

const WARMUP = 50
const day = randomMarket({ sessions: 1, seed: 5, bps: 25 })
/** Half an hour in the morning, and the last one of the day. */
const early: Play = {
  market: day.slice(0, WARMUP + 31),
  policy: () => randomPolicy(stream(4, 'faults')),
  warmup: WARMUP,
}
const late: Play = { market: day.slice(310, 390), policy: () => buyHold, warmup: WARMUP }

/** Seven seconds into a bar, counted from the first decision. */
const inBar = ({ market }: Play, bar: number) => ({
  time: new Date(market.time[WARMUP + bar]! + 7000).toLocaleTimeString('en-GB', {
    timeZone: 'America/New_York',
  }),
})

interface Seen extends Played {
  readonly events: readonly JournalEvent[]
  /** Lines of the simulator's log from the first fault on. */
  readonly after: readonly string[]
  readonly held: readonly number[]
  readonly count: (event: JournalEvent['event']) => number
}

async function seen({
  parts = early,
  faults,
  speed = 'max',
  isBroker = false,
}: Omit<Case, 'is'>): Promise<Seen> {
  const log: string[] = []
  const sim = await simFor(parts, faults, (line) => log.push(line), speed)
  const path = join(dir, `${++journals}.ndjson`)
  const played = await play(parts, sim, path, { heartbeatMs: 300, timeWaits: speed === 'max', isBroker })
  const found = await told(path)
  const { positions, cash } = heldAt(sim, parts)
  await sim.close()
  expect(found.positions).toEqual(positions)
  expect(found.cash).toBeCloseTo(cash, 2)
  expect([...sim.violations]).toEqual([])
  const { events } = found
  return {
    ...played,
    events,
    after: log.slice(log.findIndex((line) => line.includes('"fault"'))),
    held: positions,
    count: (event) => events.filter((one) => one.event === event).length,
  }
}

const BARS = 31
const isOrder = (line: string) => line.includes('"placeOrder"')
const ordersOf = ({ after }: Seen, symbol = '') =>
  after.filter((line) => isOrder(line) && line.includes(symbol)).length
const stale = ({ lines }: Seen) => lines.filter((line) => line.includes('"stale-data"'))
const alarmsOf = ({ alarms }: Seen) => alarms.map(([kind]) => kind)
const distrusted = ({ events }: Seen) =>
  new Set(
    events.flatMap((event) =>
      event.event === 'decide' ? event.ages.filter((age) => typeof age === 'string') : [],
    ),
  )

interface Case {
  readonly parts?: Play
  readonly speed?: 60 | 'max'
  /** How far the bars go is not known. */
  readonly isBroker?: boolean
  readonly faults: readonly unknown[]
  readonly is: (run: Seen) => void
}

const REJECTED = { fault: 'reject', on: { order: 1, ...inBar(late, 20) }, times: 60 }

const CASES: Readonly<Record<string, Case>> = {
  'a day without faults says nothing': {
    faults: [],
    is: (run) => {
      expect(run.words).toEqual([])
      expect(run.alarms).toEqual([])
      expect(run.uptime).toEqual({ good: BARS - 1, all: BARS - 1 })
    },
  },
  'the link is lost, and a question gets no answer: no orders until it is known': {
    faults: [
      { fault: 'link-lost', on: inBar(early, 10) },
      { fault: 'no-answer', on: inBar(early, 10) },
    ],
    is: (run) => {
      expect(run.words.join()).toMatch(/^no orders until it is known: positions: no answer/)
      expect(run.uptime!.good).toBeLessThan(run.uptime!.all)
      expect(ordersOf(run)).toBeGreaterThan(0)
    },
  },
  'the connection is cut while the end of an order is waited for': {
    faults: [
      { fault: 'partial-fill', on: { order: 3 }, with: { seconds: 1200 } },
      { fault: 'drop', on: { message: 'cancelOrder' }, times: 4 },
    ],
    is: (run) => {
      expect(run.count('bar')).toBe(BARS)
      expect(
        run.events.filter((event) => event.event === 'link' && event.state === 'down').length,
      ).toBeGreaterThan(1)
    },
  },
  'an execution that is taken back while the link is lost': {
    faults: [
      { fault: 'bust', on: { fill: 5 } },
      { fault: 'link-lost', on: { fill: 5 }, with: { seconds: 30 } },
    ],
    is: (run) => expect(run.ending).toBe('data'),
  },
  'an execution that is corrected while the link is lost': {
    faults: [
      { fault: 'execution-corrected', on: { fill: 5 } },
      { fault: 'link-lost', on: { fill: 5 }, with: { seconds: 30 } },
    ],
    is: (run) => expect(run.ending).toBe('data'),
  },
  'every way out before the close is rejected: an alarm, and not done': {
    parts: late,
    faults: [REJECTED],
    is: (run) => {
      expect(run.held).toEqual([5, 1])
      expect(run.isDone).toBe(false)
      expect(run.alarms).toEqual([['held', 'held over the close: NVDA 5, MSFT 1']])
    },
  },
  'halted over the close: no order for it, an alarm, and not done': {
    parts: late,
    faults: [{ fault: 'halt', on: inBar(late, 22), with: { seconds: 900, kind: 2, symbol: 'NVDA' } }],
    is: (run) => {
      expect(run.held).toEqual([5, 0])
      expect(run.isDone).toBe(false)
      expect(run.alarms).toEqual([['held', 'held over the close: NVDA 5']])
      expect(run.words).toContain('NVDA: halted by a volatility pause: no entries')
      // Halts are no downtime.
      expect(run.uptime!.all).toBeLessThan(25)
      expect(run.uptime!.good).toBe(run.uptime!.all)
    },
  },
  'each session is reckoned by itself': {
    parts: {
      ...early,
      market: randomMarket({ sessions: 2, seed: 5, bps: 25 }).slice(390 - WARMUP - 30, 400),
    },
    faults: [],
    is: (run) => {
      const days = run.events.filter((event) => event.event === 'day')
      expect(days.map(({ day: date }) => date - days[0]!.day)).toEqual([0, 1])
      for (const { own, broker } of days) expect(own).toBeCloseTo(broker, 2)
      const fees = run.events.flatMap((event) => (event.event === 'report' ? [event.report.fees] : []))
      expect(fees.length).toBeGreaterThan(0)
      expect(run.count('base')).toBe(2)
      expect(run.alarms).toEqual([])
    },
  },
  'a message that cannot be read (505): no more entries on this connection': {
    faults: [{ fault: 'decode-failed', on: inBar(early, 10) }],
    is: (run) => {
      expect(ordersOf(run)).toBe(0)
      expect(alarmsOf(run)).toEqual(['gateway'])
      expect(stale(run).length).toBeGreaterThan(0)
      expect([...distrusted(run)]).toEqual(['data'])
    },
  },
  'entries again on the next connection': {
    faults: [
      { fault: 'decode-failed', on: inBar(early, 5) },
      { fault: 'drop', on: inBar(early, 10) },
    ],
    is: (run) => {
      expect([...distrusted(run)]).toEqual(['data'])
      const decisions = run.events.filter((event) => event.event === 'decide')
      expect(decisions.at(-1)!.ages.every((age) => typeof age === 'number')).toBe(true)
    },
  },
  'an id that is too large (320)': {
    faults: [{ fault: 'id-overflow', on: { order: 5 } }],
    is: (run) => {
      expect(alarmsOf(run)).toEqual(['gateway'])
      expect(stale(run).length).toBeGreaterThan(0)
    },
  },
  'an id that is in use (103): looked up, and sent once under another': {
    faults: [{ fault: 'duplicate-id', on: { order: 5 } }],
    is: (run) => {
      expect(alarmsOf(run)).toEqual(['gateway'])
      const intents = run.events.filter((event) => event.event === 'intent')
      const again = intents.filter(({ order }) => intents.filter((one) => one.order === order).length > 1)
      expect(again).toHaveLength(2)
      expect(again[1]!.id).toBeGreaterThan(again[0]!.id)
      expect(again[1]!.ref).toBe(again[0]!.ref)
    },
  },
  'every id is in use: rejected, not sent for ever': {
    faults: [{ fault: 'duplicate-id', on: { order: 5 }, times: 10 }],
    is: (run) => {
      const intents = run.events.filter((event) => event.event === 'intent')
      expect(
        Math.max(...intents.map(({ order }) => intents.filter((one) => one.order === order).length)),
      ).toBe(2)
      expect(run.lines.some((line) => line.includes('"order-rejected"'))).toBe(true)
    },
  },
  'a rejected symbol trades no more, the other one does': {
    faults: [{ fault: 'reject', on: { order: 5, symbol: 'MSFT' } }],
    is: (run) => {
      expect(run.words.join()).toMatch(/^MSFT: no more entries: 201/)
      // What is held of it may still be sold.
      expect(ordersOf(run, '"MSFT"')).toBeLessThanOrEqual(1)
      expect(ordersOf(run, '"NVDA"')).toBeGreaterThan(3)
      expect(run.uptime!.good).toBe(run.uptime!.all)
    },
  },
  'a precautionary limit (451) is told with the preset': {
    faults: [{ fault: 'size-limit', on: { order: 5 } }],
    is: (run) => expect(run.words.join()).toMatch(/an order is refused: 451: a precautionary limit.*Presets/),
  },
  'all bars stop for a while: history fills the hole': {
    faults: [{ fault: 'bars-stop', on: inBar(early, 10), with: { seconds: 200 } }],
    is: (run) => {
      expect(run.count('bar')).toBe(BARS)
      expect(run.words.join()).toMatch(/came from history, not by the stream/)
      expect(run.uptime!.good).toBeLessThan(run.uptime!.all)
    },
  },
  'all bars stop for good: what was missed is known at the end, and counts as down': {
    faults: [{ fault: 'bars-stop', on: inBar(early, 10) }],
    is: (run) => {
      expect(run.count('bar')).toBe(BARS)
      expect(ordersOf(run)).toBe(0)
      expect(run.uptime).toEqual({ good: 10, all: BARS - 1 })
    },
  },
  'bars of one symbol stop: no entries on what history has of it': {
    faults: [{ fault: 'bars-stop', on: inBar(early, 10), with: { seconds: 0, symbol: 'MSFT' } }],
    is: (run) => {
      expect(run.count('bar')).toBe(BARS)
      expect([...distrusted(run)]).toEqual(['data'])
      expect(run.words).toEqual(['MSFT: its stream is silent: no entries'])
      expect(stale(run).every((line) => line.includes('"MSFT"'))).toBe(true)
      expect(ordersOf(run)).toBeGreaterThan(0)
    },
  },
  'prices that are off by a constant are not believed': {
    faults: [{ fault: 'price-offset', on: inBar(early, 10), with: { seconds: 200, symbol: 'NVDA' } }],
    is: (run) => {
      const closes = run.events.flatMap((event) => (event.event === 'bar' ? [event.numbers[3]] : []))
      expect(closes).toEqual([...early.market.close[0]!.slice(WARMUP, WARMUP + BARS)])
      expect(run.words.map((words) => words.slice(0, 36))).toEqual([
        "NVDA: the stream's prices are not th",
        "NVDA: the stream's prices are right ",
      ])
      expect([...distrusted(run)]).toEqual(['data'])
    },
  },
  'history is not known either: no entries while anybody looks back on the hole': {
    faults: [
      { fault: 'bars-stop', on: inBar(early, 10), with: { seconds: 200 } },
      { fault: 'bad-request', on: { message: 'reqHistoricalData', ...inBar(early, 10) }, times: 50 },
    ],
    is: (run) => {
      expect(run.words.join()).toMatch(/no entries for 50 bars: the bars from .* on are not known/)
      expect(run.count('bar')).toBeLessThan(BARS)
      expect(stale(run).length).toBeGreaterThan(0)
      expect([...distrusted(run)]).toEqual(['data'])
    },
  },
  'a farm of history breaks while bars go on (2105): no entries until it is back': {
    faults: [{ fault: 'history-farm-broken', on: inBar(early, 10), with: { seconds: 400 } }],
    is: (run) => {
      expect(run.words).toEqual([
        'no entries: 2105: a data farm is broken (HMDS data farm connection is broken:ushmds)',
        'ushmds: the farm is back',
      ])
      expect(stale(run).length).toBeGreaterThan(0)
      expect([...distrusted(run)]).toEqual(['data'])
    },
  },
  ...Object.fromEntries(
    ['frozen-data', 'data-delayed', 'no-data', 'competing-session'].map((fault): [string, Case] => [
      `${fault}: told, and no orders meanwhile`,
      {
        faults: [{ fault, on: inBar(early, 10), with: { seconds: 120 } }],
        is: (run) => {
          expect(run.words.some((words) => /^NVDA: .*no entries/.test(words))).toBe(true)
          expect(run.words.some((words) => /^NVDA: its data is (live|there) again/.test(words))).toBe(true)
          expect(run.count('bar')).toBe(BARS)
        },
      },
    ]),
  ),
  'no bars at all: an order that does nothing is cancelled after two minutes': {
    parts: { ...early, market: day.slice(0, WARMUP + 7), policy: () => buyHold },
    speed: 60,
    faults: [
      { fault: 'inert', on: { order: 1 } },
      { fault: 'bars-stop', on: inBar(early, 1) },
      { fault: 'bad-request', on: { message: 'reqHistoricalData', ...inBar(early, 1) }, times: 50 },
    ],
    is: (run) => {
      const cancel = run.after.find((line) => line.includes('"cancelOrder"'))!
      const at = (line: string) => Date.parse((JSON.parse(line) as { time: string }).time)
      const waitedMs = at(cancel) - early.market.time[WARMUP + 1]!
      expect(waitedMs).toBeGreaterThanOrEqual(120_000)
      expect(waitedMs).toBeLessThan(240_000)
    },
  },
  'no bars at all: history is asked minute by minute, and nobody enters on it': {
    parts: { ...early, market: day.slice(0, WARMUP + 7) },
    speed: 60,
    faults: [{ fault: 'bars-stop', on: inBar(early, 1) }],
    is: (run) => {
      expect(run.count('bar')).toBe(7)
      expect(run.alarms).toEqual([['disconnect', 'no bars of NVDA and MSFT by the streams']])
      const ages = run.events.flatMap((event) => (event.event === 'decide' ? [event.ages.join()] : []))
      expect(ages.filter((words) => words === 'data,data').length).toBeGreaterThan(2)
    },
  },
  'no bars before the close: what is held is closed by the clock': {
    parts: { ...late, market: day.slice(390 - WARMUP - 14, 390) },
    speed: 60,
    isBroker: true,
    faults: [
      { fault: 'bars-stop', on: { time: '15:48:07' } },
      { fault: 'bad-request', on: { message: 'reqHistoricalData', time: '15:48:07' }, times: 50 },
    ],
    is: (run) => {
      expect(run.ending).toBe('session')
      expect(run.count('flatten')).toBeGreaterThan(0)
      expect(alarmsOf(run)).toContain('disconnect')
      expect(run.held).toEqual([0, 0])
      expect(run.isDone).toBe(true)
    },
  },
  'the loss limit of the day is told at once': {
    parts: {
      ...early,
      policy: () => randomPolicy(stream(7, 'faults')),
      rules: { ...DEFAULT_RULES, limits: { ...DEFAULT_RULES.limits, maxDayLoss: 0.5 } },
    },
    faults: [],
    is: (run) => {
      expect(alarmsOf(run)).toEqual(['limit'])
      expect(run.alarms[0]![1]).toMatch(/of the day/)
    },
  },
  'the loss limit from the peak is told at once': {
    parts: { ...early, rules: { ...DEFAULT_RULES, limits: { ...DEFAULT_RULES.limits, maxLoss: 0.5 } } },
    faults: [],
    is: (run) => {
      expect(run.ending).toBe('limit')
      expect(alarmsOf(run)).toEqual(['limit'])
      expect(run.alarms[0]![1]).toMatch(/from the peak/)
    },
  },
}

test.concurrent.each(Object.entries(CASES))(
  '%s',
  async (_, { is, ...one }) => {
    is(await seen(one))
  },
  60_000,
)
