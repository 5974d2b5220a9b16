/** A short training for a test: the learner and the environment of `train`, without a folder and without a trial. */
import type { Engine } from '../../agent/engines/engine.js'
import type { Model } from '../../agent/model/model.js'
import { modelPolicy } from '../../agent/model/policy.js'
import type { NetworkShape } from '../../agent/network/network.js'
import { TRADING, type TrainingSettings } from '../../agent/ppo/settings.js'
import { Training } from '../../agent/ppo/training.js'
import { setupOf } from '../../agent/run/setup.js'
import { actionMask } from '../../env/actions.js'
import type { Policy } from '../../trading/policy.js'
import type { Rules } from '../../trading/rules.js'
import type { Prepared } from './subject.js'

/** Makes an engine, which the caller disposes of. */
export type EngineOf = (shape: NetworkShape) => Promise<Engine>

export interface Lesson {
  readonly rules: Rules
  readonly longOnly: boolean
  readonly warmup: number
  readonly steps: number
  readonly seed: number
  /** Sessions that train, from the first on, and those after them that validate. */
  readonly trainEnd: number
  readonly validationEnd: number
  readonly normalise?: boolean
  readonly engineOf: EngineOf
  /** Called now and then; true ends the training. */
  readonly pause: () => Promise<boolean>
}

/** What was learnt: the last parameters, which no validation has chosen, and the moments of the observations. */
export interface Learnt {
  readonly model: Model
  readonly policy: Policy
  readonly dispose: () => void
}

/** Trains on the first sessions of what was prepared. */
export async function learn({ market, set }: Prepared, lesson: Lesson): Promise<Learnt> {
  const { rules, longOnly, warmup, steps, seed, trainEnd, validationEnd, normalise = false } = lesson
  const settings: TrainingSettings = {
    ...TRADING,
    steps,
    seed,
    // A leak pays at once and at every bar: nothing makes an agent hold on or look far, and it learns in few steps.
    holdPrior: 0,
    entropy: [0.01, 0],
    gamma: 0.5,
    rate: [3e-3, 1e-3],
    alone: 0,
    lstm: 'separate',
    hidden: 32,
    normaliseObservations: normalise || set.name === 'classic',
  }
  const setup = setupOf({
    subject: {
      kind: 'trading',
      bars: { market, name: 'bars', sources: [], missing: 0, sha256: '' },
      features: set,
      rules,
      split: { trainEnd, validationEnd },
    },
    settings,
    longOnly,
    warmup,
    initial: null,
  })
  const engine = await lesson.engineOf(setup.shape)
  const training = new Training({
    engine,
    phases: [{ name: 'train', task: setup.task, settings }],
    evaluate: setup.evaluate,
    evaluateEvery: steps,
    checkpointEvery: steps,
    earlyStop: null,
    initial: null,
  })
  await training.run({ pause: lesson.pause, iteration: async () => {}, checkpoint: async () => {} })
  const model: Model = {
    spec: setup.spec,
    shape: setup.shape,
    parameters: Float32Array.from(training.parameters),
    normaliser: training.normaliser,
    settings: {},
    steps: training.step,
    data: null,
  }
  const surroundings = {
    name: 'a short training',
    features: set,
    interval: market.interval,
    mask: actionMask(longOnly, market.isSingle),
    single: market.isSingle,
  }
  return { model, policy: modelPolicy(model, engine, surroundings), dispose: () => engine.dispose() }
}
