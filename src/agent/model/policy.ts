/** A model as a policy of the backtest. It refuses bars that it was not made for, by name. */
import { Failure } from '../../base/errors.js'
import { ACTION_COUNT, targetOf } from '../../env/actions.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { SYMBOL_COUNT } from '../../market/market.js'
import type { Policy } from '../../trading/policy.js'
import type { Engine } from '../engines/engine.js'
import { Actor } from './actor.js'
import type { Model } from './model.js'

/** The targets that each joint action stands for. */
export const ACTION_TARGETS: readonly (readonly number[])[] = Array.from(
  { length: ACTION_COUNT },
  (_, action) => Array.from({ length: SYMBOL_COUNT }, (_, k) => targetOf(action, k)),
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
  /** Whether the value of each decision is asked for. */
  readonly values?: boolean
}

/** Throws a data Failure that names what differs between the model and its surroundings. */
export function checkModel(
  { spec, shape, normaliser }: Model,
  { name, features, interval }: Surroundings,
): void {
  const refuse = (words: string, hint?: string) =>
    new Failure('data', words, hint === undefined ? { where: name } : { where: name, hint })
  if (spec.task !== 'trading' || spec.features === null)
    throw refuse(`the model was trained on ${spec.task}, not on trading`)
  if (shape.inputs !== OBSERVATION_SIZE || shape.actions !== ACTION_COUNT) {
    throw refuse(
      `the model has ${shape.inputs} inputs and ${shape.actions} actions, not ${OBSERVATION_SIZE} and ${ACTION_COUNT}`,
      'a model of one ticker is the start of another: jules train --transfer-from',
    )
  }
  if (spec.features.set !== features.name)
    throw refuse(`the model was trained on the features ${spec.features.set}, not ${features.name}`)
  const differs = spec.features.columns.findIndex((column, i) => column !== features.columns[i])
  if (differs >= 0 || spec.features.columns.length !== features.columns.length) {
    const at = differs < 0 ? spec.features.columns.length : differs
    throw refuse(
      `feature ${at} of ${features.name} is ${features.columns[at]} here and ${spec.features.columns[at]} in the model`,
    )
  }
  if (JSON.stringify(spec.actions) !== JSON.stringify(ACTION_TARGETS))
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
  const mask = surroundings.mask.map((one, action) => (one === 1 && model.spec.mask[action] === 1 ? 1 : 0))
  const { values = false } = surroundings
  const actor = new Actor(engine, {
    normaliser: model.normaliser,
    mask,
    holdPrior: model.spec.holdPrior,
    values,
  })
  return {
    name: `model:${surroundings.name}`,
    identity: 'model',
    observes: true,
    act: ({ observation, held }) => actor.act(observation, held),
    thought: () => actor.thought(),
    save: () => actor.save(),
    restore: (numbers) => actor.restore(numbers),
  }
}
