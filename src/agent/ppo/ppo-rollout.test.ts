/** What the update is given: worked by hand, with an engine whose answers are known beforehand. */
import { expect, test } from 'vitest'
import { TINY as layout } from '../../../test/support/engines.js'
import type { AdamSettings, Engine, Experience, LossSettings } from '../engines/engine.js'
import type { Task } from '../tasks/task.js'
import { Ppo } from './ppo.js'
import type { PpoSettings } from './settings.js'

/** Its state counts the steps of an episode; the value is that count plus what is observed. */
class Counting implements Engine {
  readonly name = 'counting'
  readonly layout = layout
  /** What was loaded when each minibatch was asked for, and how many of its sequences that had. */
  readonly batches: { readonly experience: Experience; readonly chosen: number }[] = []
  #loaded: Experience | null = null
  readonly losses: LossSettings[] = []
  readonly adams: AdamSettings[] = []
  kl = 0
  loss = 0
  norm = 1
  #figures = 0
  #norms = 0
  readParameters = () => new Float32Array(layout.size)
  readGradient = () => new Float32Array(layout.size)
  readMoments = () => ({ first: this.readParameters(), second: this.readParameters(), steps: 0 })
  writeParameters(): void {}
  writeMoments(): void {}
  dispose(): void {}

  policyStep({
    count,
    observations,
    episodeStarts,
    hidden,
    logits,
    values,
  }: Parameters<Engine['policyStep']>[0]) {
    logits.fill(0)
    for (let r = 0; r < count; r++) {
      const at = r * layout.shape.hidden
      hidden[at] = (episodeStarts[r] === 1 ? 0 : hidden[at]!) + 1
      values![r] = hidden[at]! + observations[r]!
    }
  }

  load(experience: Experience): void {
    this.#loaded = structuredClone(experience)
    this.#figures = 0
    this.#norms = 0
  }

  gradient(chosen: readonly number[], settings: LossSettings): void {
    this.batches.push({ experience: this.#loaded!, chosen: chosen.length })
    this.losses.push(settings)
    this.#figures++
  }

  adamStep(settings: AdamSettings): void {
    this.adams.push(settings)
    this.#norms++
  }

  readFigures() {
    const { loss, kl: approxKl } = this
    const figures = { loss, policyLoss: 0, valueLoss: 0, entropy: 0, approxKl, clipFraction: 0 }
    const all = Array.from({ length: this.#figures }, () => figures)
    this.#figures = 0
    return all
  }

  readNorms() {
    const all = Array.from({ length: this.#norms }, () => this.norm)
    this.#norms = 0
    return all
  }
}

/** Episodes of three steps with a reward of 1 each and 7 as the last observation. The first environment is cut off, the second ends. */
function threeSteps(): Task {
  let made = 0
  return {
    name: 'three',
    inputs: 1,
    actions: 2,
    mask: Uint8Array.of(1, 1),
    start: () => {
      const truncates = made++ === 0
      let step = 0
      return {
        get held() {
          return step % 2
        },
        save: () => [step],
        restore: ([n = 0]) => {
          step = n
        },
        reset: (out, offset) => {
          step = 0
          out[offset] = 0
        },
        step: (_action, out, offset) => {
          const over = ++step === 3
          out[offset] = over ? 7 : 0
          return { reward: 1, terminated: over && !truncates, truncated: over && truncates }
        },
      }
    },
  }
}

const SETTINGS: PpoSettings = {
  steps: 32,
  envs: 2,
  rolloutSteps: 4,
  batch: 8,
  bptt: 2,
  epochs: 1,
  gamma: 0.5,
  lambda: 1,
  clip: [0.4, 0],
  rate: [1, 0.5],
  entropy: [0.2, 0],
  valueCoefficient: 0.5,
  maxNorm: 0.5,
  targetKl: null,
  clipSpread: 0,
  holdPrior: 4,
  normaliseObservations: false,
  normaliseRewards: false,
  orthogonal: true,
  seed: 1,
}

/** The sequences of a minibatch that has all of them, in a known order: by the environment's returns. */
function sequences({ experience, chosen }: Counting['batches'][number]) {
  const { steps, lanes, blocks, hidden, episodeStarts, returns, held } = experience
  expect(chosen).toBe(lanes * blocks)
  return Array.from({ length: chosen }, (_, q) => {
    const lane = q % lanes
    const block = Math.floor(q / lanes)
    const column = (all: ArrayLike<number>) =>
      Array.from({ length: steps }, (_, t) => all[(block * steps + t) * lanes + lane]!)
    return {
      state: hidden[q * layout.shape.hidden]!,
      starts: column(episodeStarts),
      returns: column(returns),
      held: column(held!),
    }
  }).sort((a, b) => a.state - b.state || a.returns[0]! - b.returns[0]!)
}

test('a truncated episode counts the value of its real last observation, a terminated one does not', () => {
  const engine = new Counting()
  const ppo = new Ppo(engine, threeSteps(), SETTINGS)
  ppo.advance()
  expect(sequences(engine.batches[0]!)).toEqual([
    // It ends: 1 + (1 + 1 / 2) / 2 and 1 + 1 / 2; after it, an episode of one step so far.
    { state: 0, starts: [1, 0], returns: [1.75, 1.5], held: [0, 1] },
    // It is cut off: 6.5 / 2 + 1 = 4.25 at its second step.
    { state: 0, starts: [1, 0], returns: [3.125, 4.25], held: [0, 1] },
    // The third step is the end, the fourth begins anew: 1 + V(s) / 2, where V counts 2 steps.
    { state: 2, starts: [0, 1], returns: [1, 2], held: [0, 0] },
    // 1 + (4 + 7) / 2: the state goes on from the third step, and the observation is the one before the reset.
    { state: 2, starts: [0, 1], returns: [6.5, 2], held: [0, 0] },
  ])
})

test('the next rollout goes on with the state of the last', () => {
  const engine = new Counting()
  const ppo = new Ppo(engine, threeSteps(), SETTINGS)
  ppo.advance()
  ppo.advance()
  const states = sequences(engine.batches[1]!).map(({ state, starts }) => [state, ...starts])
  // One step of the second episode is done, two are left, then a third episode begins.
  expect(states).toEqual([
    [1, 0, 0],
    [1, 0, 0],
    [3, 1, 0],
    [3, 1, 0],
  ])
})

test('rewards are divided by the deviation of the discounted return, which begins anew with an episode', () => {
  const engine = new Counting()
  const ppo = new Ppo(engine, threeSteps(), { ...SETTINGS, normaliseRewards: true })
  ppo.advance()
  // The returns so far of both environments, step by step.
  const all = [1, 1, 1.5, 1.5, 1.75, 1.75, 1, 1]
  // VecNormalize starts from a mean of 0 and a variance of 1 that count as 1e-4 values.
  const moments = (values: readonly number[]) => {
    const count = values.length + 1e-4
    const mean = values.reduce((a, b) => a + b) / count
    const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 1e-4 * (1 + mean * mean))
    return { count, mean, variance: squares / count }
  }
  const { count, mean, variance } = moments(all)
  expect([...ppo.save().get('normaliser.returns')!]).toEqual([count, mean, variance].map(close))
  // The last reward of the episode that ends is all of its return.
  const { variance: then } = moments(all.slice(0, 6))
  const ended = sequences(engine.batches[0]!)[2]!
  expect(ended.returns[0]).toBeCloseTo(1 / Math.sqrt(then + 1e-8), 6)
})

test('schedules fall over the steps of the run, and the update has the prior of the rollout', () => {
  const engine = new Counting()
  const ppo = new Ppo(engine, threeSteps(), SETTINGS)
  for (let n = 0; n < 4; n++) ppo.advance()
  expect(engine.losses.map(({ clip }) => clip)).toEqual([0.4, 0.30000000000000004, 0.2, 0.1].map(close))
  expect(engine.losses.map(({ entropyCoefficient }) => entropyCoefficient)).toEqual(
    [0.2, 0.15, 0.1, 0.05].map(close),
  )
  expect(engine.adams.map(({ rate }) => rate)).toEqual([1, 0.875, 0.75, 0.625].map(close))
  for (const { holdPrior, normaliseAdvantage } of engine.losses)
    expect([holdPrior, normaliseAdvantage]).toEqual([4, true])
})

test('--target-kl: the minibatch that went too far is not applied, and the epochs end', () => {
  const engine = new Counting()
  engine.kl = 0.16
  const ppo = new Ppo(engine, threeSteps(), { ...SETTINGS, epochs: 5, targetKl: 0.1 })
  ppo.advance()
  expect([engine.batches.length, engine.adams.length, ppo.updates]).toEqual([1, 0, 0])
  engine.kl = 0.14
  ppo.advance()
  expect([engine.batches.length, engine.adams.length, ppo.updates]).toEqual([6, 5, 5])
})

test.each([
  ['loss', null],
  ['loss', 0.1],
  ['norm', null],
  ['norm', 0.1],
] as const)(
  'a %s that is not finite stops the run before it can be stored, with a target of %s',
  (what, targetKl) => {
    const engine = new Counting()
    const ppo = new Ppo(engine, threeSteps(), { ...SETTINGS, targetKl })
    ppo.advance()
    engine[what] = Number.NaN
    const name = what === 'norm' ? 'gradient' : 'loss'
    expect(() => ppo.advance()).toThrow(`diverged at step 8: the ${name} is not finite`)
  },
)

const close = (value: number) => expect.closeTo(value, 12)
