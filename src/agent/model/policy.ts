/** A model as a policy of the backtest. It refuses bars that it was not made for, by name. */
import { Failure } from '../../base/errors.js'
import { ACTION_COUNT, targetOf } from '../../env/actions.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { SYMBOL_COUNT } from '../../market/market.js'
import type { Policy, Thought } from '../../trading/policy.js'
import type { Engine } from '../engines/engine.js'
import { jointAction, SINGLE_ACTIONS, SINGLE_INPUTS, singleAction } from '../tasks/trading.js'
import { Actor } from './actor.js'
import { type Model, otherSight } from './model.js'

/** The targets that each joint action stands for. */
export const ACTION_TARGETS: readonly (readonly number[])[] = Array.from(
  { length: ACTION_COUNT },
  (_, action) => Array.from({ length: SYMBOL_COUNT }, (_, k) => targetOf(action, k)),
)

/** Of a model of one ticker: that of the first symbol. */
export const SINGLE_TARGETS: readonly (readonly number[])[] = Array.from(
  { length: SINGLE_ACTIONS },
  (_, action) => [targetOf(jointAction(action), 0)],
)

/** What a model is about to trade in. */
export interface Surroundings {
  /** For messages. */
  readonly name: string
  readonly features: FeatureSet
  /** Length of a bar, such as `1m`. */
  readonly interval: string
  /** 1 for each action that the run allows. */
  readonly mask: Uint8Array
  /** The run trades one symbol, as a model of one ticker does. */
  readonly single?: boolean
  /** Whether the value of each decision is asked for. */
  readonly values?: boolean
}

/** Throws a data Failure that names what differs between the model and its surroundings. */
export function checkModel(
  { spec, shape, normaliser, data }: Model,
  { name, features, interval, single = false }: Surroundings,
): void {
  const refuse = (words: string, hint?: string) =>
    new Failure('data', words, hint === undefined ? { where: name } : { where: name, hint })
  if (spec.task !== 'trading' || spec.features === null)
    throw refuse(`the model was trained on ${spec.task}, not on trading`)
  const isOfOne = shape.inputs === SINGLE_INPUTS && shape.actions === SINGLE_ACTIONS
  if (isOfOne && !single) {
    throw refuse(
      'the model trades one symbol, and the run two',
      `a backtest of one takes --symbols ${data?.symbols[0] ?? 'NVDA'}; train --transfer-from starts a model of two from it`,
    )
  }
  const [inputs, actions] = single ? [SINGLE_INPUTS, SINGLE_ACTIONS] : [OBSERVATION_SIZE, ACTION_COUNT]
  if (shape.inputs !== inputs || shape.actions !== actions) {
    throw refuse(
      `the model has ${shape.inputs} inputs and ${shape.actions} actions, and the run ${inputs} and ${actions}`,
    )
  }
  const here = { task: 'trading', features: { set: features.name, columns: features.columns } }
  const other = otherSight(spec, here)
  if (other !== null) throw refuse(other)
  if (JSON.stringify(spec.actions) !== JSON.stringify(single ? SINGLE_TARGETS : ACTION_TARGETS))
    throw refuse('the action map of the model is another one')
  if (normaliser !== null && normaliser.mean.length !== shape.inputs)
    throw refuse(`the normaliser of the model has ${normaliser.mean.length} inputs, not ${shape.inputs}`)
  if (spec.interval !== interval)
    throw refuse(`the model was trained on bars of ${spec.interval}, not of ${interval}`)
}

/**
 * The engine is one of the model's shape; it is given the model's parameters here. An action must be allowed by the model and
 * by the run. Throws as `checkModel` does.
 */
export function modelPolicy(model: Model, engine: Engine, surroundings: Surroundings): Policy {
  checkModel(model, surroundings)
  engine.writeParameters(model.parameters)
  const { values = false, single = false } = surroundings
  const joint = (action: number) => (single ? jointAction(action) : action)
  const mask = Uint8Array.from(model.spec.mask, (one, a) =>
    one === 1 && surroundings.mask[joint(a)] === 1 ? 1 : 0,
  )
  const actor = new Actor(engine, {
    normaliser: model.normaliser,
    mask,
    holdPrior: model.spec.holdPrior,
    values,
  })
  const decide = deciding(actor, single)
  return {
    name: `model:${surroundings.name}`,
    identity: 'model',
    observes: true,
    act: (decision) => {
      if (decision.start) actor.reset()
      return decide(decision)
    },
    thought: () => (single ? jointThought(actor.thought()) : actor.thought()),
    save: () => actor.save(),
    restore: (numbers) => actor.restore(numbers),
  }
}

/** How an actor decides in a run. A single ticker sees the first half of an observation, and its actions are 0, 1, 2. */
export const deciding = (actor: Actor, single: boolean): Policy['act'] =>
  single
    ? ({ observation, held }) => jointAction(actor.act(observation, singleAction(held)))
    : ({ observation, held }) => actor.act(observation, held)

/** The thought of a single ticker by joint actions. */
function jointThought({ logits, mask, held, probabilities, ...rest }: Thought): Thought {
  const spread = (values: readonly number[], absent: number): number[] => {
    const all = new Array<number>(ACTION_COUNT).fill(absent)
    for (const [action, value] of values.entries()) all[jointAction(action)] = value
    return all
  }
  return {
    logits: spread(logits, Number.NaN),
    mask: spread(mask, 0),
    held: jointAction(held),
    probabilities: spread(probabilities, 0),
    ...rest,
  }
}
