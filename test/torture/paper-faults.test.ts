/** Everything that the simulated gateway can do wrong, once each: what paper trading holds is what the broker holds, to the cent. */
import { expect, test } from 'vitest'
import { Failure } from '../../src/base/errors.js'
import { stream } from '../../src/base/rng.js'
import { FAULT_NAMES, faultNamed } from '../../src/sim/faults.js'
import { randomPolicy } from '../../src/trading/policies.js'
import { heldAt, play, simFor, told } from '../support/paper.js'
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

/** What keeps a run from starting. */
const REFUSED: Readonly<Record<string, string>> = {
  'drop-before-greeting': 'unavailable',
  'no-greeting': 'unavailable',
  'client-id-in-use': 'tryAgain',
  'history-empty': 'noInput',
  'unknown-contract': 'unavailable',
  'bad-request': 'unavailable',
  'no-answer': 'unavailable',
}
/** What stops a run until somebody has looked. */
const HALTED = new Set(['modify-mismatch', 'foreign-order'])

/** Orders are cancelled where they are filled in part: what a cancel can meet needs that. */
const PARTLY = { fault: 'partial-fill', on: { order: 3 } }
const entriesFor = (name: string) =>
  /^cancel-(not|too)|^cannot-cancel/.test(name) ? [PARTLY, entryFor(name)] : [entryFor(name)]

/** Where a fault strikes: in the middle of the run, not before it. */
const entryFor = (name: string) => {
  const { on } = faultNamed(name)!
  if (on === 'order') return { fault: name, on: { order: 5 } }
  if (on === 'fill') return { fault: name, on: { fill: 5 } }
  if (on === 'now') return { fault: name, on: { time: IN_THE_RUN } }
  return { fault: name }
}

async function struck(name: string, path: string): Promise<string> {
  const log: string[] = []
  const sim = await simFor(parts, entriesFor(name), (line) => log.push(line))
  try {
    const { ending } = await play(parts, sim, path, { heartbeatMs: 300 })
    const found = await told(path)
    const { positions, cash } = heldAt(sim, parts)
    const words: string[] = [ending]
    if (JSON.stringify(positions) !== JSON.stringify(found.positions)) words.push('other positions')
    if (Math.abs(cash - found.cash) > 0.005) words.push(`cash ${found.cash}, at the broker ${cash}`)
    if (sim.violations.size > 0) words.push(`violations ${[...sim.violations]}`)
    if (!log.some((line) => line.includes(`"${name}"`))) words.push('it did not strike')
    return words.join('; ')
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return `refused: ${error.kind}`
  } finally {
    await sim.close()
  }
}

test('after each fault the shares and the cash are those of the broker, and no rule of it was broken', async () => {
  const dir = new Workdir()
  const queue = [...FAULT_NAMES]
  expect(queue.length).toBeGreaterThanOrEqual(35)
  const found: Record<string, string> = {}
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift())
        found[name] = await struck(name, dir.file(`${name}.ndjson`))
    }),
  )
  const expected = Object.fromEntries(
    FAULT_NAMES.map((name) => [
      name,
      REFUSED[name] === undefined ? (HALTED.has(name) ? 'halt' : 'data') : `refused: ${REFUSED[name]}`,
    ]),
  )
  const foreign = found['foreign-order']
  // A share that somebody else has bought is no share of ours.
  expect(foreign).toMatch(/^halt; other positions; cash/)
  expect({ ...found, 'foreign-order': 'halt' }).toEqual(expected)
}, 240_000)

test('an account that is no paper account, told after a reconnect: denied, and no order from then on', async () => {
  const log: string[] = []
  const on = { time: IN_THE_RUN }
  const sim = await simFor(
    parts,
    [
      { fault: 'live-account', on },
      { fault: 'drop', on },
    ],
    (line) => log.push(line),
  )
  const path = new Workdir().file('j.ndjson')
  await expect(play(parts, sim, path, { heartbeatMs: 300 })).rejects.toMatchObject({ kind: 'denied' })
  const isCut = log.findIndex((line) => line.includes('"drop"'))
  expect(isCut).toBeGreaterThan(0)
  expect(log.slice(0, isCut).some((line) => line.includes('placeOrder'))).toBe(true)
  expect(log.slice(isCut).filter((line) => line.includes('placeOrder'))).toEqual([])
  await sim.close()
})
