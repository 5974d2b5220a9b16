/** Everything that the simulated gateway can do wrong, once each: what paper trading holds is what the broker holds, to the cent. */
import { expect, test } from 'vitest'
import { Failure } from '../../src/base/errors.js'
import { stream } from '../../src/base/rng.js'
import { FAULT_NAMES, faultNamed } from '../../src/sim/faults.js'
import { DEFAULT_CASH } from '../../src/sim/server.js'
import { randomPolicy } from '../../src/trading/policies.js'
import { play, simFor, told } from '../support/paper.js'
import { randomMarket } from '../support/random-market.js'
import { Workdir } from '../support/workdir.js'

const WARMUP = 50
const parts = {
  market: randomMarket({ sessions: 1, seed: 5, bps: 25 }).slice(0, WARMUP + 21),
  policy: () => randomPolicy(stream(4, 'faults')),
  warmup: WARMUP,
}
/** Ten minutes after the first decision. */
const IN_THE_RUN = new Date(parts.market.time[WARMUP + 10]! + 7_000).toLocaleTimeString('en-GB', {
  timeZone: 'America/New_York',
})

/** Where a fault strikes: in the middle of the run, not before it. */
const entryFor = (name: string) => {
  const { on } = faultNamed(name)!
  if (on === 'order') return { fault: name, on: { order: 5 } }
  if (on === 'fill') return { fault: name, on: { fill: 5 } }
  if (on === 'time') return { fault: name, on: { time: IN_THE_RUN } }
  return { fault: name }
}

async function struck(name: string, path: string): Promise<string> {
  const sim = await simFor(parts, [entryFor(name)])
  try {
    const { ending } = await play(parts, sim, path, { heartbeatMs: 300 })
    const found = await told(path)
    const [statement] = sim.statement()
    const positions = Object.values(statement!.positions)
    const cash = statement!.cash - DEFAULT_CASH
    const words = [`${ending}`]
    if (JSON.stringify(positions) !== JSON.stringify(found.positions))
      words.push(`holds ${found.positions}, the broker ${positions}`)
    if (Math.abs(cash - found.cash) > 0.005) words.push(`cash ${found.cash}, at the broker ${cash}`)
    if (sim.violations.size > 0) words.push(`violations ${[...sim.violations]}`)
    return words.join('; ')
  } catch (error) {
    return error instanceof Failure ? `refused ${error.kind}: ${error.message}` : `threw ${error}`
  } finally {
    await sim.close()
  }
}

test('each fault', async () => {
  const dir = new Workdir()
  const queue = [...FAULT_NAMES]
  const found: Record<string, string> = {}
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const from = Date.now()
        found[name] = await Promise.race([
          struck(name, dir.file(`${name}.ndjson`)),
          new Promise<string>((r) => setTimeout(() => r('HANGS'), 60_000)),
        ])
        console.log(`${name}: ${found[name]} (${Date.now() - from})`)
      }
    }),
  )
  expect(found).toEqual({})
}, 600_000)
