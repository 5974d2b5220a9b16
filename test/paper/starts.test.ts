/** How a run starts, and starts again: what it refuses before the first order, and what it takes from its journal. */
import { expect, onTestFinished, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import { HOUR } from '../../src/base/time.js'
import type { Sim } from '../../src/sim/server.js'
import { execPolicy, type Program } from '../../src/trading/exec-policy.js'
import { randomPolicy, smaCross } from '../../src/trading/policies.js'
import { type Effects, type Play, play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { testSim } from '../support/sim.js'
import { Workdir } from '../support/workdir.js'

const day: Play = {
  market: randomMarket({ sessions: 1, seed: 11, bps: 20 }).slice(260, 350),
  policy: smaCross,
  warmup: 50,
}

async function simulated(faults: readonly unknown[] = []): Promise<{ sim: Sim; ids: string[] }> {
  const ids: string[] = []
  const sim = await simFor(day, faults, (line) => {
    if (line.includes('"placeOrder"')) ids.push(JSON.parse(line).fields.orderId)
  })
  onTestFinished(() => sim.close())
  return { sim, ids }
}

test('a day that the contract does not trade as the calendar has it: 78, and no order', async () => {
  const { sim, ids } = await simulated()
  const path = new Workdir().file('j.ndjson')
  const moved =
    (ms: number): NonNullable<Effects['contract']> =>
    (info) => ({
      ...info,
      days: info.days!.map(({ day: at, hours }) => ({
        day: at,
        hours: hours && { openMs: hours.openMs, closeMs: hours.closeMs - ms },
      })),
    })
  await expect(play(day, sim, path, { contract: moved(3 * HOUR) })).rejects.toMatchObject({
    code: 78,
    message: expect.stringContaining('trades at other hours than the calendar'),
  })
  expect(ids).toEqual([])
  expect((await play(day, sim, path, { contract: moved(0) })).ending).toBe('data')
})

test.each([
  ['2025-08-02T15:00:00Z', 'on a Saturday'],
  ['2025-08-01T20:00:00Z', 'after the close'],
  ['2025-07-04T15:00:00Z', 'on a holiday'],
])('at the gateway of a broker at %s, %s: 75, and when the next session opens', async (now) => {
  const sim = await testSim({ nowMs: Date.parse(now) })
  onTestFinished(() => sim.close())
  const path = new Workdir().file('j.ndjson')
  await expect(play(day, sim, path, { isBroker: true })).rejects.toMatchObject({
    code: 75,
    hint: expect.stringMatching(/^the next one opens at 2025-0[78]-0[47]T13:30:00Z$/),
  })
})

test('after a restart no order id is used twice, also where the gateway has forgotten them', async () => {
  const { sim, ids } = await simulated([{ fault: 'ids-rolled-back', on: { order: 2 } }])
  const path = new Workdir().file('j.ndjson')
  const busy: Play = { ...day, policy: () => randomPolicy(stream(1, 'random-policy')) }
  const first = await play(busy, sim, path, { bomb: { at: 40, when: 'after' } })
  expect(first.ending).toBe('crash')
  const before = ids.length
  expect(before).toBeGreaterThan(1)
  expect((await play(busy, sim, path)).ending).toBe('data')
  expect(ids.length).toBeGreaterThan(before)
  expect(new Set(ids).size).toBe(ids.length)
})

test('a program that decides is not asked again after a restart, and the records are those of the unbroken run', async () => {
  const asked: string[] = []
  const program: Program = {
    ask: (line) => {
      const { time } = JSON.parse(line) as { time: string }
      asked.push(time)
      // Long, short or flat by the minute.
      return { kind: 'line', text: JSON.stringify({ action: [8, 0, 4][Math.floor(asked.length / 4) % 3] }) }
    },
    finish: () => 0,
  }
  const columns = new Array(12).fill('x').map((_, i) => `c${i}`)
  const parts: Play = {
    ...day,
    policy: () => execPolicy({ command: 'p', program, columns, patienceMs: 1000 }),
  }
  const dir = new Workdir()
  const whole = await simulated()
  const unbroken = await play(parts, whole.sim, dir.file('a.ndjson'))
  const times = asked.splice(0)
  const broken = await simulated()
  await play(parts, broken.sim, dir.file('b.ndjson'), { bomb: { at: 45, when: 'after' } })
  const early = asked.length
  expect((await play(parts, broken.sim, dir.file('b.ndjson'))).ending).toBe('data')
  expect([early > 2, early < times.length]).toEqual([true, true])
  expect(asked).toEqual(times)
  const bare = (lines: readonly string[]) => lines.map((line) => line.replace(/"exec":"[^"]*"/, ''))
  expect(bare((await told(dir.file('b.ndjson'))).lines)).toEqual(bare(unbroken.lines))
})
