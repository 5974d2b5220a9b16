import { expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import type { Engine, PolicyStep } from '../engines/engine.js'
import { ReferenceEngine } from '../engines/reference.js'
import { ActionDistribution } from '../network/distribution.js'
import { layoutOf } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { Actor, type ActorOptions } from './actor.js'

const layout = layoutOf({
  inputs: 2,
  hidden: 8,
  actions: 3,
  lstm: 'separate',
  layers: 1,
  net: [],
  activation: 'tanh',
})

function engine(): ReferenceEngine {
  const made = new ReferenceEngine(layout)
  const rng = stream(5, 'actor')
  made.writeParameters(Float32Array.from({ length: layout.size }, () => rng.normal()))
  return made
}

const plain: ActorOptions = { normaliser: null, mask: Uint8Array.of(1, 1, 1), holdPrior: 0 }
const seen = Array.from({ length: 40 }, (_, t) => [Math.sin(t), Math.cos(3 * t)])
const walk = (actor: Actor, held = -1) => seen.map((observation) => actor.act(observation, held))

test('the state is carried from one observation to the next, and forgotten at a reset', () => {
  const actor = new Actor(engine(), plain)
  const first = walk(actor)
  // Otherwise it was never needed: the same with a reset before each.
  const without = seen.map((observation) => {
    actor.reset()
    return actor.act(observation, -1)
  })
  expect(without).not.toEqual(first)
  actor.reset()
  expect(walk(actor)).toEqual(first)
})

test('the action in force has the prior, a masked action is never taken', () => {
  for (const held of [0, 1, 2])
    expect(new Set(walk(new Actor(engine(), { ...plain, holdPrior: 50 }), held))).toEqual(new Set([held]))
  const free = walk(new Actor(engine(), plain))
  expect(new Set(free).size).toBeGreaterThan(1)
  const favourite = free[0]!
  const mask = plain.mask.map((_, action) => (action === favourite ? 0 : 1))
  expect(walk(new Actor(engine(), { ...plain, mask, holdPrior: 50 }), favourite)).not.toContain(favourite)
})

test('the normaliser is used as it is, and stays so', () => {
  const normaliser = new RunningMoments(2)
  normaliser.mean.set([2, -3])
  normaliser.variance.set([0.25, 0.25])
  const before = [normaliser.count, ...normaliser.mean, ...normaliser.variance]
  const normal = walk(new Actor(engine(), { ...plain, normaliser }))
  expect([normaliser.count, ...normaliser.mean, ...normaliser.variance]).toEqual(before)
  const actor = new Actor(engine(), plain)
  expect(seen.map(([a, b]) => actor.act([(a! - 2) / 0.5, (b! + 3) / 0.5], -1))).toEqual(normal)
  expect(normal).not.toEqual(walk(new Actor(engine(), plain)))
})

test('a saved state is that of another actor, the sign of a zero included, and a foreign one is refused', () => {
  const zeros = {
    layout,
    policyStep: ({ hidden, cell }: PolicyStep) => {
      hidden.fill(-0)
      cell.fill(Number.MIN_VALUE).fill(Math.fround(0.1), 1)
    },
  } as unknown as Engine
  const first = new Actor(zeros, plain)
  first.act([0, 0], -1)
  const saved = first.save()
  const second = new Actor(zeros, plain)
  second.restore(JSON.parse(JSON.stringify(saved)))
  expect(second.save()).toEqual(saved)
  // Not at a start, and 16 times the sign bit, for two cells of 8.
  expect(saved.slice(0, 17)).toEqual([0, ...new Array(16).fill(2 ** 31)])
  const other = saved.with(1, 1)
  for (const foreign of [
    [],
    saved.slice(1),
    [...saved, 0],
    saved.with(0, 2),
    other.with(1, -1),
    other.with(1, 0.5),
  ])
    expect(() => second.restore(foreign)).toThrow(RangeError)
  expect(second.save()).toEqual(saved)
})

test('sampling has the probabilities of the masked softmax with the prior', () => {
  const distribution = new ActionDistribution({ allowed: Uint8Array.of(1, 0, 1), holdPrior: 1 })
  const rng = stream(1, 'draws')
  const counts = [0, 0, 0]
  for (let n = 0; n < 20_000; n++) {
    const action = distribution.sample([0.5, 9, 0.2], 0, 2, rng)
    counts[action]!++
    // By hand: e^.5 / (e^.5 + e^1.2) = 0.33181, and the rest.
    expect(Math.exp(distribution.logProb)).toBeCloseTo(action === 0 ? 0.331812 : 0.668188, 5)
  }
  expect(counts[1]).toBe(0)
  expect(counts[0]! / 20_000).toBeCloseTo(0.331812, 2)
})
