import { describe, expect, onTestFinished, test } from 'vitest'
import { BUILT } from '../../../test/support/engines.js'
import { stream } from '../../base/rng.js'
import { actionMask, BUY_BOTH, HOLD_BOTH } from '../../env/actions.js'
import { featureSet } from '../../env/features.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { Market } from '../../market/market.js'
import { MarketView } from '../../market/view.js'
import type { Decision, Policy } from '../../trading/policy.js'
import { cpuEngine } from '../engines/cpu/engine.js'
import type { Engine, PolicyStep } from '../engines/engine.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import type { Model } from './model.js'
import { ACTION_TARGETS, checkModel, modelPolicy, SINGLE_TARGETS, type Surroundings } from './policy.js'

const shape: NetworkShape = {
  inputs: OBSERVATION_SIZE,
  hidden: 8,
  actions: 9,
  lstm: 'shared',
  layers: 1,
  net: [],
  activation: 'tanh',
}
const ofOne: NetworkShape = { ...shape, inputs: 13, actions: 3 }
const features = featureSet('intraday')!
const surroundings: Surroundings = { name: 'm', features, interval: '1m', mask: actionMask(false) }
const model: Model = {
  spec: {
    task: 'trading',
    features: { set: features.name, columns: features.columns },
    interval: '1m',
    actions: ACTION_TARGETS,
    mask: [...actionMask(false)],
    holdPrior: 4,
  },
  shape,
  parameters: new Float32Array(layoutOf(shape).size).fill(0.5),
  normaliser: null,
  settings: {},
  steps: 1,
  data: null,
}

/** An engine that answers with these logits, and keeps what it is shown. */
function answering(logits: readonly number[], own = shape) {
  const seen: number[][] = []
  const written: number[] = []
  const engine = {
    layout: layoutOf(own),
    writeParameters: (values: ArrayLike<number>) => written.push(...Array.from(values)),
    policyStep: (step: Parameters<Engine['policyStep']>[0]) => {
      seen.push([...step.observations])
      step.logits.set(logits)
    },
  } as unknown as Engine
  return { engine, seen, written }
}

const decision = (held: number): Decision => ({
  view: new MarketView(new Market(['NVDA', 'MSFT'], '1m'), new Int32Array(1)),
  t: 0,
  observation: new Float32Array(OBSERVATION_SIZE).fill(1),
  start: true,
  held,
  mask: actionMask(false),
})

test('it decides with the parameters and the prior of the model', () => {
  const { engine, written } = answering([0, 0, 0, 0, 0, 0, 0, 0, 3])
  const policy = modelPolicy(model, engine, surroundings)
  expect(written).toEqual([...model.parameters])
  // 3 does not pass the prior of 4, 5 does.
  expect(policy.act(decision(HOLD_BOTH))).toBe(HOLD_BOTH)
  const eager = answering([0, 0, 0, 0, 0, 0, 0, 0, 5]).engine
  expect(modelPolicy(model, eager, surroundings).act(decision(HOLD_BOTH))).toBe(BUY_BOTH)
})

test('it takes no action that the model or the run forbids', () => {
  const short = [9, 8, 7, 6, 5, 4, 3, 2, 1]
  const long = { ...model, spec: { ...model.spec, mask: [...actionMask(true)] } }
  expect(modelPolicy(model, answering(short).engine, surroundings).act(decision(-1))).toBe(0)
  expect(modelPolicy(long, answering(short).engine, surroundings).act(decision(-1))).toBe(HOLD_BOTH)
  const run = { ...surroundings, mask: actionMask(true) }
  expect(modelPolicy(model, answering(short).engine, run).act(decision(-1))).toBe(HOLD_BOTH)
})

test('of one symbol it sees 13 numbers, and its three actions are those of the first', () => {
  const spec = { ...model.spec, actions: SINGLE_TARGETS, mask: [1, 1, 1] }
  const one = { ...model, shape: ofOne, spec, parameters: new Float32Array(layoutOf(ofOne).size) }
  const around = { ...surroundings, single: true, mask: actionMask(false, true) }
  const [short, flat, long] = [1, 4, 7]
  const { engine, seen } = answering([0, 0, 5], ofOne)
  const policy = modelPolicy(one, engine, around)
  expect(policy.act(decision(flat))).toBe(long)
  expect(seen[0]).toHaveLength(13)
  // The prior is added to the logit of the target in force: 5 does not pass it.
  expect(modelPolicy(one, answering([0, 3, 5], ofOne).engine, around).act(decision(flat))).toBe(flat)
  const thought = policy.thought!()
  expect([thought.held, thought.mask]).toEqual([flat, [0, 1, 0, 0, 1, 0, 0, 1, 0]])
  expect([thought.logits[short], thought.logits[flat], thought.logits[long]]).toEqual([0, 0, 5])
  expect(thought.probabilities.reduce((sum, p) => sum + p)).toBeCloseTo(1, 6)
  const sold = answering([9, 0, 0], ofOne).engine
  expect(modelPolicy(one, sold, around).act(decision(flat))).toBe(short)
  const longOnly = { ...around, mask: actionMask(true, true) }
  expect(modelPolicy(one, sold, longOnly).act(decision(flat))).toBe(flat)
})

test('observations pass the normaliser of the model', () => {
  const normaliser = new RunningMoments(OBSERVATION_SIZE)
  normaliser.mean.fill(3)
  normaliser.variance.fill(4)
  const { engine, seen } = answering(new Array(9).fill(0))
  modelPolicy({ ...model, normaliser }, engine, surroundings).act(decision(HOLD_BOTH))
  expect(seen).toEqual([new Array(OBSERVATION_SIZE).fill(expect.closeTo(-1, 6))])
})

describe.each(['shared', 'separate'] as const)('stopped and taken up again (%s LSTM)', (lstm) => {
  const rng = stream(7, 'policy', lstm)
  const wide: NetworkShape = { ...shape, lstm, layers: 2 }
  const normaliser = new RunningMoments(OBSERVATION_SIZE)
  normaliser.mean.fill(0.25)
  const trained: Model = {
    ...model,
    shape: wide,
    normaliser,
    spec: { ...model.spec, holdPrior: 0.5 },
    parameters: Float32Array.from({ length: layoutOf(wide).size }, () => rng.normal()),
  }
  const seen = Array.from({ length: 30 }, () =>
    Float32Array.from({ length: OBSERVATION_SIZE }, () => rng.normal()),
  )

  /** Makes policies on an engine of their own, and keeps the bits of every logit that it gave. */
  async function watched() {
    const engine = await cpuEngine(layoutOf(wide), BUILT)
    onTestFinished(() => engine.dispose())
    const logits: string[] = []
    const watching = Object.assign(Object.create(engine) as Engine, {
      policyStep: (step: PolicyStep) => {
        engine.policyStep(step)
        logits.push(Buffer.from(Float32Array.from(step.logits).buffer).toString('hex'))
      },
      writeParameters: (values: ArrayLike<number>) => engine.writeParameters(values),
    })
    return { policy: () => modelPolicy(trained, watching, surroundings), logits }
  }

  /** Decisions from `from` up to `to`, each in force at the next. */
  function decide(policy: Policy, from: number, to: number, held: number): number[] {
    const actions: number[] = []
    for (let t = from; t < to; t++)
      actions.push(
        policy.act({ ...decision(actions.at(-1) ?? held), t, start: t === 0, observation: seen[t]! }),
      )
    return actions
  }

  test('at any of its decisions it goes on with the same logits and actions, bit for bit', async () => {
    const whole = await watched()
    const actions = decide(whole.policy(), 0, seen.length, HOLD_BOTH)
    expect(new Set(actions).size).toBeGreaterThan(2)
    // Without the state it would be another run.
    const forgetful = await watched()
    decide(forgetful.policy(), 10, seen.length, actions[9]!)
    expect(forgetful.logits[0]).not.toBe(whole.logits[10])
    const [before, after] = [await watched(), await watched()]
    for (let stop = 0; stop <= seen.length; stop++) {
      const [old, policy] = [before.policy(), after.policy()]
      after.logits.length = 0
      const first = decide(old, 0, stop, HOLD_BOTH)
      policy.restore!(JSON.parse(JSON.stringify(old.save!(stop))), stop)
      const second = decide(policy, stop, seen.length, first.at(-1) ?? HOLD_BOTH)
      expect([...first, ...second]).toEqual(actions)
      expect(after.logits).toEqual(whole.logits.slice(stop))
    }
  })
})

test.each<[Partial<Model>, Partial<Surroundings>, string]>([
  [{ spec: { ...model.spec, task: 'recall2', features: null } }, {}, 'trained on recall2, not on trading'],
  [{ shape: ofOne }, {}, 'the model trades one symbol, and the run two'],
  [{}, { single: true }, 'the model has 26 inputs and 9 actions, and the run 13 and 3'],
  [{ shape: { ...shape, inputs: 5 } }, {}, 'the model has 5 inputs and 9 actions, and the run 26 and 9'],
  [{ shape: ofOne }, { single: true }, 'the action map of the model is another one'],
  [{}, { features: featureSet('classic')! }, 'trained on the features intraday, not classic'],
  [
    {
      spec: {
        ...model.spec,
        features: { set: 'intraday', columns: ['other', ...features.columns.slice(1)] },
      },
    },
    {},
    `feature 0 of intraday is ${features.columns[0]} here and other in the model`,
  ],
  [
    { spec: { ...model.spec, features: { set: 'intraday', columns: [...features.columns, 'more'] } } },
    {},
    'and more in the model',
  ],
  [
    { spec: { ...model.spec, actions: [...ACTION_TARGETS].reverse() } },
    {},
    'the action map of the model is another one',
  ],
  [{ normaliser: new RunningMoments(3) }, {}, 'the normaliser of the model has 3 inputs, not 26'],
  [{}, { interval: '5m' }, 'the model was trained on bars of 1m, not of 5m'],
])('a model that does not fit is refused by name: %#', (part, around, words) => {
  const check = () => checkModel({ ...model, ...part }, { ...surroundings, ...around })
  expect(check).toThrow(words)
  expect(check).toThrow(expect.objectContaining({ kind: 'data', where: 'm' }))
})
