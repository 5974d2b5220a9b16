/**
 * From a model of one ticker to one of two: the columns of the first LSTM layer that read a ticker's 12 features and its
 * position serve both tickers, and SELL, HOLD and BUY become SELL_BOTH, HOLD_BOTH and BUY_BOTH. The other actions start small
 * and random. A model of the same shape is taken as it is.
 */
import { badData } from '../../base/errors.js'
import { stream } from '../../base/rng.js'
import { ACTION_COUNT, BUY_BOTH, HOLD_BOTH, SELL_BOTH } from '../../env/actions.js'
import { FEATURES_PER_SYMBOL } from '../../env/feature-set.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { layoutOf, type NetworkShape, type Tensor } from '../network/network.js'
import { SINGLE_ACTIONS, SINGLE_INPUTS } from '../tasks/trading.js'

/** Parameters of one network, and the network that they shall start. */
export interface Transfer {
  readonly from: NetworkShape
  readonly parameters: Float32Array
  readonly to: NetworkShape
  readonly seed: number
  /** Of the file, for messages. */
  readonly name: string
}

/** Where each action of the single ticker goes. */
const ACTIONS = [SELL_BOTH, HOLD_BOTH, BUY_BOTH] as const
/** Standard deviation of the weights of actions that the model did not know. */
const SMALL = 0.01

/**
 * Parameters for `to`, [layoutOf(to).size]; the given ones themselves where nothing changes. The seed is that of the new actions'
 * weights. Throws badData where the networks differ in more than tickers, with the option that would make them fit.
 */
export function transferred({ from, parameters, to, seed, name }: Transfer): Float32Array {
  for (const key of ['hidden', 'lstm', 'layers', 'net', 'activation'] as const) {
    if (String(from[key]) !== String(to[key])) {
      throw badData(
        `its ${key} is ${String(from[key]) || 'none'}, and ${String(to[key]) || 'none'} is asked for`,
        {
          where: name,
          hint: `give --${key} ${String(from[key]) || 'none'}`,
        },
      )
    }
  }
  if (from.inputs === to.inputs && from.actions === to.actions) return parameters
  const single = from.inputs === SINGLE_INPUTS && from.actions === SINGLE_ACTIONS
  if (!single || to.inputs !== OBSERVATION_SIZE || to.actions !== ACTION_COUNT) {
    throw badData(
      `a model of ${from.inputs} inputs and ${from.actions} actions cannot start one of ${to.inputs} and ${to.actions}`,
      { where: name },
    )
  }
  const source = layoutOf(from)
  const target = layoutOf(to)
  const result = new Float32Array(target.size)
  const old = (tensor: Tensor) => parameters.subarray(tensor.offset, tensor.offset + tensor.size)
  // All tensors but those below have the same shape in both.
  for (const [i, tensor] of target.tensors.entries()) {
    const before = source.tensors[i]!
    if (before.size === tensor.size) result.set(old(before), tensor.offset)
  }
  for (const [s, [lowest]] of target.stacks.entries()) {
    const before = old(source.stacks[s]![0]!.inputWeights)
    const { inputWeights } = lowest!
    for (let row = 0; row < 4 * to.hidden; row++) {
      for (let column = 0; column < to.inputs; column++) {
        result[inputWeights.offset + row * to.inputs + column] =
          before[row * from.inputs + sourceColumn(column)]!
      }
    }
  }
  const rng = stream(seed, 'transfer')
  const { weights, bias } = target.policyHead
  const [, width = 0] = weights.shape
  for (let i = 0; i < weights.size; i++) result[weights.offset + i] = SMALL * rng.normal()
  result.fill(0, bias.offset, bias.offset + bias.size)
  const oldWeights = old(source.policyHead.weights)
  const oldBias = old(source.policyHead.bias)
  for (const [action, joint] of ACTIONS.entries()) {
    result.set(oldWeights.subarray(action * width, (action + 1) * width), weights.offset + joint * width)
    result[bias.offset + joint] = oldBias[action]!
  }
  return result
}

/** 0-11 and 13-24 read the features, 12 and 25 the position. */
const sourceColumn = (column: number): number => column % (FEATURES_PER_SYMBOL + 1)
