/**
 * The promise of the guard, $1,000 a symbol on the worst case, $50 a day, $100 in all, under brokers that do what they like, bars
 * that stay away, connections that are cut, and runs that are started again.
 */
import { expect, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import type { JournalEvent } from '../../src/broker/journal.js'
import { Market, SYMBOL_COUNT } from '../../src/market/market.js'
import { COLUMNS } from '../../src/market/series.js'
import { DEFAULT_COSTS } from '../../src/portfolio/costs.js'
import type { Report } from '../../src/portfolio/orders.js'
import { FAULT_NAMES, faultNamed } from '../../src/sim/faults.js'
import { LiveRun } from '../../src/trading/live.js'
import { replayed, storedNumbers, trustedAges } from '../../src/trading/paper/replayed.js'
import { randomPolicy } from '../../src/trading/policies.js'
import type { Policy } from '../../src/trading/policy.js'
import { DEFAULT_RULES } from '../../src/trading/rules.js'
import { ChanceBroker } from '../support/chance-broker.js'
import { heldAt, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { tried } from '../support/torture.js'
import { Workdir } from '../support/workdir.js'

const WARMUP = 5
const SEEDS = 1000
const { maxDayLoss, maxLoss, maxPosition } = DEFAULT_RULES.limits

/** Somebody who changes his mind now and then, of the same mind after a restart. */
function moody(seed: number): Policy {
  const rng = stream(seed, 'mood')
  const { save, restore, ...policy } = randomPolicy(rng)
  let action = 4
  return {
    ...policy,
    act: (decision) => {
      if (rng.int(3) === 0) action = policy.act(decision)
      return action
    },
  }
}

interface Counts {
  sent: number
  stopped: number
  halted: number
  restarts: number
}

/** One run of a seed; throws where the promise is broken. */
function walk(seed: number, whole: Market, counts: Counts): void {
  const rng = stream(seed, 'world')
  const broker = new ChanceBroker(stream(seed, 'broker'))
  const events: JournalEvent[] = []
  const begin = (): LiveRun => {
    const market = new Market(whole.symbols, whole.interval)
    return new LiveRun({ market, features: null, rules: DEFAULT_RULES, policy: moody(seed), longOnly: false })
  }
  let live = begin()
  const take = (event: JournalEvent) => events.push(event)
  const apply = (report: Report) => {
    take({ event: 'report', report })
    live.apply(report)
  }
  const fail = (words: string) => {
    throw new Error(`seed ${seed}, bar ${live.t}: ${words}`)
  }
  /** Cut off: what the broker does comes later. */
  let cutFor = 0
  const send = ({ intents }: ReturnType<LiveRun['decide']> | ReturnType<LiveRun['takeAlone']>) => {
    const { state } = live
    const { market } = live.options
    const isLost = state.dayStart - state.equity >= maxDayLoss || state.stopped === 1
    const isOver = state.peak - state.equity >= maxLoss || state.halted === 1
    for (const { order, symbol: k, shares } of intents) {
      take({ event: 'intent', order, id: order, ref: `r:${order}`, symbol: k, shares, time: 0 })
      counts.sent++
      const held = state.account.position[k]!
      broker.send(order, k, shares)
      const worst = held + shares + broker.open(k, shares, order)
      const reduces = held * shares < 0 && held * worst >= 0
      if ((isLost || isOver) && !reduces) fail(`${shares} after a loss limit, ${held} held`)
      const mark = Math.max(
        market.close[k]![live.t]!,
        market.alone[k]!.close[market.alone[k]!.length - 1] ?? 0,
      )
      if (!reduces && Math.abs(worst) * market.close[k]![live.t]! > maxPosition * (1 + 1e-9))
        fail(`${shares} makes ${Math.abs(worst) * mark} dollars, ${held} held`)
      if (reduces) continue
      if (isLost) counts.stopped++
    }
    if (isLost) counts.stopped++
    if (isOver) counts.halted++
  }
  for (let i = 0; i < whole.length; i++) {
    if (rng.uniform() < 0.02) continue
    const numbers = [0, 1].flatMap((k) => COLUMNS.map((name) => whole[name][k]![i]!))
    const timeMs = whole.time[i]!
    if (i > WARMUP && rng.uniform() < 0.03) {
      const k = rng.int(SYMBOL_COUNT)
      const own = numbers.slice(5 * k, 5 * k + 5)
      take({ event: 'alone', symbol: k, time: timeMs, numbers: storedNumbers(own) })
      send(live.takeAlone(k, timeMs, own))
      continue
    }
    take({ event: 'bar', time: timeMs, numbers: storedNumbers(numbers) })
    live.take(timeMs, numbers)
    if (live.isOver) return
    if (i < WARMUP) continue
    if (rng.uniform() < 0.02) {
      counts.restarts++
      const wasHalted = live.state.halted
      live = begin()
      replayed(events, live, { name: 'events', verifies: true })
      if (live.state.halted !== wasHalted) fail('the halt was forgotten')
    }
    const isTrusted = rng.uniform() >= 0.05
    const ages = [0, isTrusted ? 0 : ('data' as const)]
    const decided = live.decide(trustedAges(ages))
    take({ event: 'decide', ages, action: decided.action, sha256: decided.sha256 })
    send(decided)
    if (cutFor > 0) cutFor--
    else if (rng.uniform() < 0.03) cutFor = rng.int(4)
    else
      for (let n = rng.int(6); n > 0; n--) {
        const report = broker.next((k) => whole.close[k]![i]!, timeMs)
        if (report !== null) apply(report)
      }
    if (rng.uniform() < 0.3) {
      const { position } = broker.account(0)
      if (live.state.account.position.some((shares, k) => shares !== position[k])) fail('the shares differ')
    }
  }
}

test('no order breaks it in a thousand runs', () => {
  const counts: Counts = { sent: 0, stopped: 0, halted: 0, restarts: 0 }
  // Prices that jump, so that limits are met: a few markets serve for all.
  const markets = Array.from({ length: 10 }, (_, i) =>
    randomMarket({ sessions: 2, seed: i + 1, bps: 60 }).slice(340, 450),
  )
  for (let seed = 1; seed <= SEEDS; seed++) walk(seed, markets[seed % 10]!, counts)
  tried(JSON.stringify(counts))
  expect(counts.sent).toBeGreaterThan(20_000)
  expect(counts.stopped).toBeGreaterThan(1_000)
  expect(counts.halted).toBeGreaterThan(50)
  expect(counts.restarts).toBeGreaterThan(500)
})

const LIVELY = FAULT_NAMES.filter(
  (name) =>
    faultNamed(name)!.on === 'order' || /^(drop|link-lost|halt|gateway-down|partial-fill|ids-)/.test(name),
).filter((name) => !/foreign|modify-mismatch|before-greeting/.test(name))

test('nor over the wire, with faults by chance', async () => {
  const dir = new Workdir()
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
  let [sent, limits] = [0, 0]
  const one = async (seed: number) => {
    const rng = stream(seed, 'faults')
    const market = randomMarket({ sessions: 1, seed, bps: 80 }).slice(0, 65)
    const parts = {
      market,
      policy: () => moody(seed),
      warmup: WARMUP,
      rules: { ...DEFAULT_RULES, costs: DEFAULT_COSTS },
    }
    const faults = Array.from({ length: 4 }, () => {
      const fault = LIVELY[rng.int(LIVELY.length)]!
      const at = new Date(market.time[WARMUP + 2 + rng.int(50)]! + 7_000)
      const time = at.toLocaleTimeString('en-GB', { timeZone: 'America/New_York' })
      return { fault, on: faultNamed(fault)!.on === 'order' ? { order: 1 + rng.int(20) } : { time } }
    })
    const sim = await simFor(parts, faults)
    const path = dir.file(`${seed}.ndjson`)
    const { ending } = await play(parts, sim, path, { heartbeatMs: 300 })
    const found = await told(path, ({ live, intent }) => {
      const { state } = live
      const { symbol: k, shares } = intent
      const held = state.account.position[k]!
      const mark = live.options.market.close[k]![live.t]!
      const worst = held + shares
      const reduces = held * shares < 0 && held * worst >= 0
      sent++
      if (state.stopped === 1 || state.halted === 1) {
        limits++
        if (!reduces) throw new Error(`seed ${seed}: ${shares} after a loss limit, ${held} held`)
      }
      if (!reduces && Math.abs(worst) * mark > maxPosition * (1 + 1e-9))
        throw new Error(`seed ${seed}: ${shares} makes ${Math.abs(worst) * mark} dollars`)
    })
    expect(heldAt(sim, parts).positions, `seed ${seed}`).toEqual(found.positions)
    expect([...sim.violations], `seed ${seed}: ${JSON.stringify(faults)}`).toEqual([])
    await sim.close()
    if (ending !== 'limit') return
    // A limit that was reached stays reached.
    const again = await simFor(parts)
    expect((await play(parts, again, path)).ending).toBe('limit')
    await again.close()
  }
  for (let i = 0; i < seeds.length; i += 5) await Promise.all(seeds.slice(i, i + 5).map(one))
  tried(`${sent} orders, ${limits} of them after a limit`)
  expect(sent).toBeGreaterThan(200)
}, 120_000)
