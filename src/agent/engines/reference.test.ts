import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { flat, worst } from '../../../test/support/numbers.js'
import { stream } from '../../base/rng.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { generalisedAdvantages } from '../ppo/gae.js'
import type { Experience, LossSettings } from './engine.js'
import { ReferenceEngine } from './reference.js'

const golden = JSON.parse(readFileSync('test/fixtures/ppo/goldens.json', 'utf8'))

test('generalised advantages are those of torch in float64', () => {
  const { gae } = golden
  const steps = gae.rewards.length
  const envs = gae.rewards[0].length
  const advantages = new Float64Array(steps * envs)
  const returns = new Float64Array(steps * envs)
  generalisedAdvantages(
    {
      steps,
      envs,
      rewards: flat(gae.rewards),
      values: flat(gae.values),
      episodeStarts: flat(gae.episode_starts),
      lastValues: gae.last_values,
      lastDones: gae.last_dones,
      gamma: gae.gamma,
      lambda: gae.lam,
    },
    advantages,
    returns,
  )
  expect(worst(advantages, flat(gae.advantages))).toBeLessThan(1e-12)
  expect(worst(returns, flat(gae.returns))).toBeLessThan(1e-12)
})

test('under a shared LSTM the value teaches its own layers alone, and the policy everything below its own', () => {
  const shape = { inputs: 5, hidden: 6, actions: 4, layers: 2, net: [7], activation: 'tanh' } as const
  const rng = stream(12, 'shared')
  const layout = layoutOf({ ...shape, lstm: 'shared' })
  const numbers = (count: number) => Float64Array.from({ length: count }, () => rng.normal())
  const parameters = numbers(layout.size)
  const batch: Experience = {
    steps: 5,
    lanes: 2,
    blocks: 1,
    observations: numbers(50),
    episodeStarts: Uint8Array.from({ length: 10 }, (_, i) => (i === 5 ? 1 : 0)),
    valid: new Uint8Array(10).fill(1),
    actions: Int32Array.from({ length: 10 }, () => rng.int(4)),
    oldLogProbs: numbers(10),
    advantages: numbers(10),
    returns: numbers(10),
    hidden: numbers(24),
    cell: numbers(24),
    held: null,
  }
  const gradient = (lstm: 'shared' | 'joint', valueCoefficient: number) => {
    const engine = new ReferenceEngine(layoutOf({ ...shape, lstm }))
    engine.writeParameters(parameters)
    const allowed = new Uint8Array(4).fill(1)
    const weights = { clip: 0.2, valueCoefficient, entropyCoefficient: 0.01 }
    engine.load(batch)
    engine.gradient([0, 1], { ...weights, normaliseAdvantage: true, holdPrior: 0, allowed })
    return engine.readGradient()
  }
  const [shared, joint, policyAlone] = [gradient('shared', 0.5), gradient('joint', 0.5), gradient('joint', 0)]
  for (const { name, offset, size } of layout.tensors) {
    const part = (all: Float64Array) => all.slice(offset, offset + size)
    expect(part(shared), name).toEqual(part(name.includes('value_net') ? joint : policyAlone))
    if (name.includes('lstm')) expect(part(shared), name).not.toEqual(part(joint))
  }
})

describe('against finite differences', () => {
  const shapes: NetworkShape[] = [
    { inputs: 5, hidden: 6, actions: 4, lstm: 'joint', layers: 1, net: [], activation: 'tanh' },
    { inputs: 5, hidden: 6, actions: 4, lstm: 'separate', layers: 1, net: [7, 5], activation: 'tanh' },
    { inputs: 3, hidden: 4, actions: 9, lstm: 'separate', layers: 1, net: [6], activation: 'relu' },
    { inputs: 3, hidden: 4, actions: 4, lstm: 'separate', layers: 2, net: [], activation: 'tanh' },
  ]
  test.each(shapes)('$lstm LSTM, net $net $activation: masks, padding, resets, prior', (shape) => {
    const rng = stream(11, shape.lstm, shape.net.length, shape.inputs)
    const layout = layoutOf(shape)
    const engine = new ReferenceEngine(layout)
    const numbers = (count: number, scale = 1) =>
      Float64Array.from({ length: count }, () => scale * rng.normal())
    const parameters = numbers(layout.size, 0.4)
    const [steps, sequences] = [6, 3]
    const rows = steps * sequences
    const batch: Experience = {
      steps,
      lanes: sequences,
      blocks: 1,
      observations: numbers(rows * shape.inputs),
      episodeStarts: Uint8Array.from({ length: rows }, () => (rng.uniform() < 0.25 ? 1 : 0)),
      valid: Uint8Array.from({ length: rows }, (_, r) => (r % sequences === 2 && r >= 9 ? 0 : 1)),
      actions: Int32Array.from({ length: rows }, () => 1 + rng.int(shape.actions - 1)),
      oldLogProbs: numbers(rows, 0.3).map((x) => x - 1.2),
      advantages: numbers(rows),
      returns: numbers(rows),
      hidden: numbers(layout.cells * sequences * shape.hidden, 0.5),
      cell: numbers(layout.cells * sequences * shape.hidden, 0.5),
      held: Int32Array.from({ length: rows }, () => 1 + rng.int(shape.actions - 1)),
    }
    const settings: LossSettings = {
      clip: 0.2,
      valueCoefficient: 0.5,
      entropyCoefficient: 0.05,
      normaliseAdvantage: true,
      holdPrior: 1.5,
      allowed: Uint8Array.from({ length: shape.actions }, (_, a) => (a === 0 ? 0 : 1)),
    }
    engine.load(batch)
    const lossAt = (values: Float64Array): number => {
      engine.writeParameters(values)
      engine.gradient([0, 1, 2], settings)
      return engine.readFigures()[0]!.loss
    }
    lossAt(parameters)
    const gradient = engine.readGradient()
    const step = 1e-6
    let [error, size] = [0, 0]
    for (let i = 0; i < layout.size; i++) {
      const moved = parameters.slice()
      moved[i]! += step
      const above = lossAt(moved)
      moved[i]! -= 2 * step
      const numeric = (above - lossAt(moved)) / (2 * step)
      error += (numeric - gradient[i]!) ** 2
      size += gradient[i]! ** 2
    }
    expect(Math.sqrt(size)).toBeGreaterThan(0.01)
    expect(Math.sqrt(error / size)).toBeLessThan(1e-6)
  })
})
