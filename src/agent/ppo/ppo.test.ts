import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BUILT, NATIVE, nativeEngine, TFJS } from '../../../test/support/engines.js'
import { stream } from '../../base/rng.js'
import { cpuEngine } from '../engines/cpu/engine.js'
import type { LossFigures } from '../engines/engine.js'
import { tfjsEngine } from '../engines/tfjs/engine.js'
import { orthogonalMatrix } from '../network/initial.js'
import { type Layout, layoutOf } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { cartpoleNovel, cartpoleStep, recall2, TASKS, tmaze10 } from '../tasks/memory.js'
import type { Task } from '../tasks/task.js'
import { Diverged } from './diverged.js'
import { Ppo } from './ppo.js'
import type { PpoSettings } from './settings.js'

describe('tasks', () => {
  test('cart-pole follows the published states', () => {
    const golden = JSON.parse(readFileSync('test/fixtures/ppo/cartpole_golden.json', 'utf8'))
    let state = golden.start
    for (const [i, action] of golden.actions.entries()) {
      state = cartpoleStep(state, action)
      for (let k = 0; k < 4; k++) expect(Math.abs(state[k] - golden.states[i][k])).toBeLessThan(1e-14)
    }
  })

  test('cart-pole shows no velocity and ends by its limits', () => {
    const episode = cartpoleNovel.start(stream(1, 'test'))
    const out = new Float32Array(4)
    episode.reset(out, 0)
    let steps = 0
    for (;;) {
      const { reward, terminated } = episode.step(1, out, 0)
      expect([reward, out[1], out[3]]).toEqual([1, 0, 0])
      steps++
      if (terminated) break
    }
    expect(steps).toBeLessThan(15)
  })

  test('the maze pays for the turn that the cue named', () => {
    const out = new Float32Array(3)
    for (let seed = 0; seed < 8; seed++) {
      const episode = tmaze10.start(stream(seed, 'maze'))
      episode.reset(out, 0)
      const cue = out[0]!
      expect(Math.abs(cue)).toBe(1)
      for (let k = 0; k < 10; k++)
        expect(episode.step(0, out, 0)).toEqual({ reward: -0.01, terminated: false, truncated: false })
      expect([...out]).toEqual([0, 1, 1])
      expect(episode.step(seed % 2 === 0 ? 1 : 2, out, 0)).toMatchObject({
        terminated: true,
        reward: (seed % 2 === 0) === cue > 0 ? 1 : -1,
      })
    }
    const lost = tmaze10.start(stream(1, 'maze'))
    lost.reset(out, 0)
    for (let k = 1; k < 33; k++) expect(lost.step(1, out, 0).truncated).toBe(false)
    expect(lost.step(1, out, 0).truncated).toBe(true)
  })

  test('recall pays 62 for the symbol of two steps ago', () => {
    const episode = recall2.start(stream(4, 'recall'))
    const out = new Float32Array(26)
    episode.reset(out, 0)
    const symbols = [out.indexOf(1)]
    let total = 0
    for (let t = 0; ; t++) {
      const { reward, terminated } = episode.step(symbols[t - 2] ?? 0, out, 0)
      total += reward
      if (terminated) break
      symbols.push(out.subarray(0, 9).indexOf(1))
    }
    expect(total).toBe(62)
  })
})

test('orthogonal matrices are orthogonal', () => {
  for (const [rows, columns] of [
    [64, 32],
    [9, 64],
    [64, 64],
  ] as const) {
    const m = orthogonalMatrix(rows, columns, 2, stream(1, rows, columns))
    const byRow = rows <= columns
    const n = Math.min(rows, columns)
    const at = (i: number, k: number) => (byRow ? m[i * columns + k]! : m[k * columns + i]!)
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let dot = 0
        for (let k = 0; k < Math.max(rows, columns); k++) dot += at(i, k) * at(j, k)
        expect(Math.abs(dot - (i === j ? 4 : 0))).toBeLessThan(1e-12)
      }
    }
  }
})

test('running moments are those of all rows at once', () => {
  const rng = stream(9, 'moments')
  const all = Array.from({ length: 600 }, () => 3 + 2 * rng.normal())
  const moments = new RunningMoments(2)
  moments.count = 0
  for (let from = 0; from < 600; from += 50) moments.update(all.slice(from, from + 50), 25)
  const first = all.filter((_, i) => i % 2 === 0)
  const mean = first.reduce((a, b) => a + b) / first.length
  expect(moments.mean[0]).toBeCloseTo(mean, 10)
  expect(moments.variance[0]).toBeCloseTo(
    first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / first.length,
    10,
  )
})

const PLAIN: PpoSettings = {
  steps: 100_000,
  envs: 16,
  rolloutSteps: 64,
  batch: 256,
  bptt: 64,
  epochs: 10,
  gamma: 0.99,
  lambda: 0.95,
  clip: [0.2, 0.2],
  rate: [1e-3, 1e-3],
  entropy: [0.01, 0.01],
  valueCoefficient: 0.5,
  maxNorm: 0.5,
  targetKl: null,
  clipSpread: 0,
  holdPrior: 0,
  normaliseObservations: false,
  normaliseRewards: false,
  orthogonal: true,
  seed: 1,
}

async function trainer(task: Task, settings: Partial<PpoSettings> = {}): Promise<Ppo> {
  const { inputs, actions } = task
  const layout = layoutOf({
    inputs,
    hidden: 64,
    actions,
    lstm: 'separate',
    layers: 1,
    net: [64, 64],
    activation: 'tanh',
  })
  return new Ppo(await cpuEngine(layout, BUILT), task, { ...PLAIN, ...settings })
}

describe('PPO', () => {
  test.each(TASKS)('$name: the same seed gives the same bits, another seed does not', async (task) => {
    const run = async (seed: number) => {
      const ppo = await trainer(task, {
        seed,
        epochs: 2,
        normaliseObservations: true,
        normaliseRewards: true,
      })
      for (let k = 0; k < 2; k++) ppo.advance()
      return Buffer.from(ppo.engine.readParameters().buffer)
    }
    const [a, b, c] = [await run(1), await run(1), await run(2)]
    expect(a.equals(b)).toBe(true)
    expect(a.equals(c)).toBe(false)
  })

  test.each(TASKS)(
    '$name: saved and restored in another trainer, it goes on with the same bits',
    async (task) => {
      const settings = { epochs: 2, normaliseObservations: true, normaliseRewards: true }
      const first = await trainer(task, settings)
      first.advance()
      const state = first.save()
      first.advance()
      const second = await trainer(task, { ...settings, seed: 1 })
      second.advance()
      second.advance()
      second.restore(state)
      expect(second.step).toBe(1024)
      second.advance()
      const bits = (ppo: Ppo) =>
        [...ppo.save()].map(([name, data]) => [name, Buffer.from(data.buffer).toString('hex')])
      expect(bits(second)).toEqual(bits(first))
    },
  )

  test('a state of another size is refused', async () => {
    const ppo = await trainer(recall2)
    const other = await trainer(recall2, { envs: 8 })
    expect(() => other.restore(ppo.save())).toThrow(RangeError)
  })

  test('a number that is not one stops the run and names step and tensor', async () => {
    const ppo = await trainer(recall2)
    ppo.advance()
    const parameters = ppo.engine.readParameters()
    const tensor = ppo.engine.layout.tensors.find(({ name }) => name === 'lstm_critic.weight_hh_l0')!
    parameters[tensor.offset + 5] = Number.NaN
    ppo.engine.writeParameters(parameters)
    expect(() => ppo.advance()).toThrow('diverged at step 1024: lstm_critic.weight_hh_l0 is not finite')
    expect(() => ppo.advance()).toThrow(Diverged)
  })

  const engines = [
    ['cpu', (of: Layout) => cpuEngine(of, BUILT)],
    ['tfjs wasm', (of: Layout) => tfjsEngine(of, 'wasm', TFJS)],
    ...(NATIVE === undefined ? [] : [['TensorFlow', nativeEngine] as const]),
  ] as const
  test.each(engines)('%s: a loss that is too large for a number stops the run', async (_name, create) => {
    const { inputs, actions } = recall2
    const shape = { inputs, actions, hidden: 8, lstm: 'separate', layers: 1, net: [] } as const
    const layout = layoutOf({ ...shape, activation: 'tanh' })
    const small = { envs: 2, rolloutSteps: 8, bptt: 4, batch: 8, epochs: 2 }
    const ppo = new Ppo(await create(layout), recall2, { ...PLAIN, ...small })
    ppo.advance()
    const parameters = ppo.engine.readParameters()
    // Values of 1e25 can be told, their squares cannot.
    parameters.fill(1e25, layout.valueHead.weights.offset, layout.valueHead.weights.offset + 8)
    ppo.engine.writeParameters(parameters)
    expect(() => ppo.advance()).toThrow('diverged at step 16: the loss is not finite')
    ppo.engine.dispose()
  })

  test('a reward that is not a number is bad data, not divergence', async () => {
    const broken: Task = {
      ...recall2,
      start: (rng) => {
        const episode = recall2.start(rng)
        return { ...episode, step: (...args) => ({ ...episode.step(...args), reward: Number.NaN }) }
      },
    }
    const ppo = await trainer(broken)
    expect(() => ppo.advance()).toThrow('the reward at step 0 is NaN')
  })

  test('--target-kl ends an update early', async () => {
    const free = await trainer(recall2)
    const held = await trainer(recall2, { targetKl: 1e-6 })
    free.advance()
    held.advance()
    expect(free.updates).toBe(10)
    expect(held.updates).toBeLessThan(2)
  })

  test('loss and KL are told as Stable-Baselines3 tells them, and as means', async () => {
    for (const targetKl of [null, 1e-6]) {
      // Three minibatches an epoch of 16 sequences: six, six and four.
      const ppo = await trainer(recall2, { batch: 6 * 64, epochs: 3, targetKl })
      const seen: LossFigures[] = []
      const read = ppo.engine.readFigures.bind(ppo.engine)
      ppo.engine.readFigures = () => {
        const figures = read()
        seen.push(...figures)
        return figures
      }
      const { figures, lastLoss, lastApproxKl } = ppo.advance()
      if (targetKl === null) expect(seen.length).toBe(9)
      else expect(seen.length).toBeLessThan(9)
      const mean = (all: readonly LossFigures[], of: 'loss' | 'approxKl') =>
        expect.closeTo(all.reduce((sum, one) => sum + one[of], 0) / all.length, 9)
      expect(figures).toMatchObject({ loss: mean(seen, 'loss'), approxKl: mean(seen, 'approxKl') })
      expect(lastLoss).toBe(seen.at(-1)!.loss)
      expect(lastApproxKl).toEqual(mean(seen.slice(3 * Math.floor((seen.length - 1) / 3)), 'approxKl'))
      if (targetKl === null) expect(lastApproxKl).not.toBe(figures.approxKl)
    }
  })

  test('the clip range shrinks with the advantages, whatever the unit of the rewards', async () => {
    const inUnits = (unit: number): Task => ({
      ...recall2,
      start: (rng) => {
        const episode = recall2.start(rng)
        return {
          ...episode,
          step: (...args) => {
            const result = episode.step(...args)
            return { ...result, reward: unit * result.reward }
          },
        }
      },
    })
    const range = async (clipSpread: number, unit: number, normaliseRewards = false) => {
      const settings = { epochs: 1, clipSpread, normaliseRewards }
      return (await trainer(inUnits(unit), settings)).advance().clip
    }
    // In large units, beside which the first values are nothing, and so is the variance that VecNormalize begins with. There the
    // deviation of a first rollout's advantages is between a fifth of that of its returns and twice it.
    expect(await range(0, 1e6)).toBe(0.2)
    expect(await range(0.2, 1e6)).toBe(0.2)
    for (const normalises of [false, true]) {
      const little = await range(2, 1e6, normalises)
      expect(little).toBeGreaterThan(0.02)
      expect(little).toBeLessThan(0.2)
      expect(await range(4, 1e6, normalises)).toBeCloseTo(little / 2, 12)
      expect(await range(2, 1e8, normalises)).toBeCloseTo(little, 4)
    }
  })

  test('masked actions are never taken, and the hold prior holds', async () => {
    const taken: number[] = []
    const watched: Task = {
      ...recall2,
      mask: Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 1, 0),
      start: (rng) => {
        const episode = recall2.start(rng)
        let held = 6
        return {
          ...episode,
          get held() {
            return held
          },
          step: (action, out, offset) => {
            taken.push(action)
            held = action
            return episode.step(action, out, offset)
          },
        }
      },
    }
    const ppo = await trainer(watched, { holdPrior: 4 })
    ppo.advance()
    for (const action of taken) expect(watched.mask[action]).toBe(1)
    // By hand: e^4 / (e^4 + 5) = 0.916 of the actions repeat the last, before anything is learnt.
    const sixteen = taken.slice(0, 16 * 64)
    let kept = 0
    for (let i = 16; i < sixteen.length; i++) if (sixteen[i] === sixteen[i - 16]) kept++
    expect(kept / (sixteen.length - 16)).toBeGreaterThan(0.89)
    expect(kept / (sixteen.length - 16)).toBeLessThan(0.94)
  })

  test('learns to recall: far above what a policy without memory can get', async () => {
    const ppo = await trainer(recall2)
    let reward = 0
    while (ppo.step < 30_000) reward = ppo.advance().meanReward ?? 0
    // Without memory the best is 6.9 of 62.
    expect(reward).toBeGreaterThan(9)
  })
})
