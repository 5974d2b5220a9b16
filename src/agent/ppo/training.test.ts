import { describe, expect, test } from 'vitest'
import { BUILT } from '../../../test/support/engines.js'
import { cpuEngine } from '../engines/cpu/engine.js'
import type { Engine } from '../engines/engine.js'
import { layoutOf } from '../network/network.js'
import { tmaze10 } from '../tasks/memory.js'
import type { PpoSettings } from './settings.js'
import type { StateTensor } from './state.js'
import { type Iteration, type Phase, Training, type TrainingOptions } from './training.js'
import { type Evaluate, episodes } from './validation.js'

const SETTINGS: PpoSettings = {
  steps: 320,
  envs: 4,
  rolloutSteps: 16,
  batch: 32,
  bptt: 8,
  epochs: 2,
  gamma: 0.99,
  lambda: 0.95,
  clip: [0.2, 0],
  rate: [1e-2, 1e-3],
  entropy: [0.01, 0],
  valueCoefficient: 0.5,
  maxNorm: 0.5,
  targetKl: null,
  clipSpread: 0,
  holdPrior: 0,
  normaliseObservations: true,
  normaliseRewards: true,
  orthogonal: true,
  seed: 1,
}

const layout = layoutOf({
  inputs: tmaze10.inputs,
  hidden: 8,
  actions: tmaze10.actions,
  lstm: 'separate',
  layers: 1,
  net: [],
  activation: 'tanh',
})

const phase = (name: string, more: Partial<PpoSettings> = {}): Phase => ({
  name,
  task: tmaze10,
  settings: { ...SETTINGS, ...more },
})

/** Scores in this order, the last one for ever, with one standard error. */
const scores = (rewards: readonly number[], error = 0): Evaluate => {
  const left = [...rewards]
  return function* () {
    yield
    return { reward: left.length > 1 ? left.shift()! : left[0]!, error, length: 1 }
  }
}

interface Run {
  readonly training: Training
  readonly engine: Engine
  readonly iterations: Iteration[]
  readonly checkpoints: { readonly step: number; readonly state: ReadonlyMap<string, StateTensor> }[]
  readonly run: (stopAt?: number) => ReturnType<Training['run']>
}

async function start(more: Partial<TrainingOptions> = {}): Promise<Run> {
  const engine = await cpuEngine(layout, BUILT)
  const training = new Training({
    engine,
    phases: [phase('train')],
    evaluate: scores([0]),
    evaluateEvery: 128,
    checkpointEvery: 192,
    earlyStop: null,
    initial: null,
    ...more,
  })
  const iterations: Iteration[] = []
  const checkpoints: Run['checkpoints'] = []
  let pauses = 0
  const run = (stopAt = Number.POSITIVE_INFINITY) =>
    training.run({
      pause: async () => ++pauses > stopAt,
      iteration: async (iteration) => {
        iterations.push(iteration)
      },
      checkpoint: async (state) => {
        checkpoints.push({ step: training.step, state: structuredClone(state) })
      },
    })
  return { training, engine, iterations, checkpoints, run }
}

const bits = ({ engine }: Run): string => Buffer.from(engine.readParameters().buffer).toString('hex')

test('evaluations and checkpoints come at multiples of their steps, and at the end', async () => {
  const run = await start()
  expect(await run.run()).toBe('steps')
  expect(run.iterations.map(({ step }) => step)).toEqual([64, 128, 192, 256, 320])
  expect(run.iterations.filter(({ score }) => score !== null).map(({ step }) => step)).toEqual([
    128, 256, 320,
  ])
  expect(run.checkpoints.map(({ step }) => step)).toEqual([192, 320])
})

test('parameters to start from take the place of fresh ones, whatever the seed', async () => {
  const initial = Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i))
  const run = await start({ initial: { parameters: initial, normaliser: null } })
  expect([...run.engine.readParameters()]).toEqual([...initial])
  const fresh = await start()
  expect([...fresh.engine.readParameters()]).not.toEqual([...initial])
})

test('steps are rounded up to whole rollouts', async () => {
  const { training } = await start({ phases: [phase('a', { steps: 65 }), phase('b', { steps: 64 })] })
  expect(training.total).toBe(192)
})

test.each([
  ['the highest, the last of equals, never what is no number', [Number.NaN, 3, 3, Number.NaN, 2], 0, [2, 3]],
  ['the last within an error of the highest', [1, 3, 2.2, 1.9, 1], 1, [1, 2, 3]],
  ['losses are held to the same', [-9, -3, -3.9, -4.1, -3.5], 1, [1, 2, 3, 5]],
  ['of models that do nothing the last', [0, 0, 0, 0, 0], 0, [1, 2, 3, 4, 5]],
  ['measured from the highest, not from the one kept', [3, 2.5, 2, 1.5, 1], 1, [1, 2, 3]],
])('the best: %s', async (_title, rewards, error, kept) => {
  const run = await start({ evaluate: scores(rewards, error), evaluateEvery: 64 })
  await run.run()
  expect(run.iterations.flatMap(({ best }, i) => (best ? [i + 1] : []))).toEqual(kept)
  expect(run.training.best).toEqual({ reward: rewards[kept.at(-1)! - 1], step: 64 * kept.at(-1)! })
})

describe('a phase with a network of its own', () => {
  const narrow = layoutOf({ ...layout.shape, lstm: 'shared' })
  /** Other parameters of the run's size, from which one can tell where they came from. */
  const widened = (own: ArrayLike<number>) =>
    Float32Array.from({ length: layout.size }, (_, i) => Math.fround(own[i % narrow.size]! * 0.5))
  const withOwn = async (more: Partial<TrainingOptions> = {}) => {
    const engine = await cpuEngine(narrow, BUILT)
    const phases = [
      { ...phase('own', { steps: 128 }), own: { engine, widened } },
      phase('train', { steps: 192, rate: [5e-3, 0] }),
    ]
    return { engine, run: await start({ phases, checkpointEvery: 64, evaluateEvery: 64, ...more }) }
  }

  test('leaves its weights to the run, fresh moments, and is scored in the network of the run', async () => {
    const scored: number[][] = []
    const evaluate: Evaluate = function* () {
      scored.push([...run.engine.readParameters()])
      yield
      return { reward: 0, error: 0, length: 1 }
    }
    const { engine, run } = await withOwn({ evaluate })
    const seen: { readonly parameters: number[]; readonly own: number[]; readonly moments: number }[] = []
    await run.training.run({
      pause: async () => false,
      iteration: async () => {
        const own = [...widened(engine.readParameters())]
        const moments = run.engine.readMoments().steps
        seen.push({ parameters: [...Float32Array.from(run.training.parameters)], own, moments })
      },
      checkpoint: async () => {},
    })
    expect(seen.map(({ moments }) => moments)).toEqual([0, 0, 4, 8, 12])
    for (const at of [0, 1]) expect(seen[at]!.parameters).toEqual(seen[at]!.own)
    expect(seen[0]!.own).not.toEqual(seen[1]!.own)
    expect(seen[4]!.own).toEqual(seen[1]!.own)
    expect(seen[2]!.parameters).not.toEqual(seen[1]!.parameters)
    expect(scored).toEqual(seen.map(({ parameters }) => parameters))
  })

  test('a checkpoint in it, at its end and after it leads to the same bits', async () => {
    const { run: whole } = await withOwn()
    await whole.run()
    for (const at of [64, 128, 192]) {
      const { run: again } = await withOwn()
      again.training.restore(whole.checkpoints.find(({ step }) => step === at)!.state)
      await again.run()
      expect(bits(again)).toBe(bits(whole))
    }
  })
})

describe('early stop', () => {
  const options = { evaluate: scores([1, 2, 0]), evaluateEvery: 64, earlyStop: 2 }

  test('comes after so many evaluations without a new best, with a checkpoint', async () => {
    const run = await start({ ...options, evaluate: scores([1, 2, 0]) })
    expect(await run.run()).toBe('early-stop')
    expect(run.training.step).toBe(256)
    expect(run.checkpoints.at(-1)!.step).toBe(256)
    expect(run.training.best).toEqual({ reward: 2, step: 128 })
  })

  test('is remembered: a run that goes on afterwards has nothing to do', async () => {
    const run = await start({ ...options, evaluate: scores([1, 2, 0]) })
    await run.run()
    const again = await start({ ...options, evaluate: scores([5]) })
    again.training.restore(run.checkpoints.at(-1)!.state)
    expect(await again.run()).toBe('early-stop')
    expect([again.iterations, again.checkpoints]).toEqual([[], []])
    expect(bits(again)).toBe(bits(run))
  })
})

describe('phases', () => {
  const phases = [phase('one', { steps: 128 }), phase('two', { steps: 192, rate: [5e-3, 0] })]

  test('each has its length and its schedules; weights, moments and normaliser go on', async () => {
    const run = await start({ phases })
    const kept: { steps: number; count: number }[] = []
    const look = run.training.run({
      pause: async () => false,
      iteration: async (iteration) => {
        run.iterations.push(iteration)
        kept.push({ steps: run.engine.readMoments().steps, count: run.training.normaliser!.count })
      },
      checkpoint: async () => {},
    })
    await look
    expect(run.iterations.map(({ phase: name, step }) => [name, step])).toEqual([
      ['one', 64],
      ['one', 128],
      ['two', 192],
      ['two', 256],
      ['two', 320],
    ])
    const close = (value: number) => expect.closeTo(value, 12)
    expect(run.iterations.map(({ progress }) => progress.rate)).toEqual(
      [1e-2, 5.5e-3, 5e-3, 5e-3 * (2 / 3), 5e-3 / 3].map(close),
    )
    expect(kept.map(({ steps }) => steps)).toEqual([4, 8, 12, 16, 20])
    expect(kept.map(({ count }) => Math.round(count))).toEqual([64, 128, 192, 256, 320])
    expect(run.iterations.map(({ progress }) => progress.updates)).toEqual([2, 4, 6, 8, 10])
  })

  test.each([128, 192])(
    'a checkpoint at step %i, where a phase may begin, leads to the same bits',
    async (at) => {
      const whole = await start({ phases, checkpointEvery: 64 })
      await whole.run()
      const again = await start({ phases, checkpointEvery: 64 })
      again.training.restore(whole.checkpoints.find(({ step }) => step === at)!.state)
      expect(again.training.step).toBe(at)
      await again.run()
      expect(bits(again)).toBe(bits(whole))
      expect(again.iterations.map(({ step }) => step)).toEqual([192, 256, 320].filter((step) => step > at))
    },
  )

  test('a state of another run is refused', async () => {
    const { training } = await start({ phases })
    const other = await start({ phases: [phase('train', { envs: 8 })] })
    expect(() => training.restore(other.training.save())).toThrow(RangeError)
    expect(() => training.restore(new Map())).toThrow('training has no such phase')
  })
})

describe('stopped', () => {
  const evaluate = episodes(tmaze10, 1, 3)

  test('anywhere, in an evaluation too, it goes on from the beginning of that iteration to the same bits', async () => {
    const whole = await start({ evaluate })
    await whole.run()
    let stops = 0
    for (let stopAt = 0; ; stopAt += 3, stops++) {
      const first = await start({ evaluate })
      if ((await first.run(stopAt)) === 'steps') break
      const { step, state } = first.checkpoints.at(-1)!
      expect(step).toBe(first.iterations.at(-1)?.step ?? 0)
      const second = await start({ evaluate })
      second.training.restore(state)
      await second.run()
      expect(bits(second)).toBe(bits(whole))
      expect(second.training.best).toEqual(whole.training.best)
    }
    expect(stops).toBeGreaterThan(10)
  })
})

test('an evaluation changes nothing in what is learnt: the normaliser stands still', async () => {
  const often = await start({ evaluate: episodes(tmaze10, 1, 3), evaluateEvery: 64 })
  const once = await start({ evaluate: scores([0]), evaluateEvery: 1e9 })
  await often.run()
  await once.run()
  expect(bits(often)).toBe(bits(once))
  expect([...often.training.normaliser!.mean]).toEqual([...once.training.normaliser!.mean])
})
