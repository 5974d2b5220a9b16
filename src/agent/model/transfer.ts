/**
 * From a model of one ticker to one of two. Where the new network is twice as wide it is the model twice, side by side, each with
 * the ticker it reads: the logit of a joint action is the sum of the two logits, its value the sum of the values, so that each
 * ticker is traded as the model would. Where it is as wide, one LSTM has to serve both: the columns of the first LSTM layer that
 * read a ticker's 12 features and its position serve both tickers, and SELL, HOLD and BUY become SELL_BOTH, HOLD_BOTH and
 * BUY_BOTH. The other actions start small and random. A model of the same shape is taken as it is.
 */
import { badData } from '../../base/errors.js'
import { stream } from '../../base/rng.js'
import { ACTION_COUNT, BUY_BOTH, HOLD_BOTH, SELL_BOTH } from '../../env/actions.js'
import { FEATURES_PER_SYMBOL } from '../../env/feature-set.js'
import { OBSERVATION_SIZE } from '../../env/observation.js'
import { type LayerTensors, layoutOf, type NetworkShape, type Tensor } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { SINGLE_ACTIONS, SINGLE_INPUTS, singleAction } from '../tasks/trading.js'

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
  const isOfOne = from.inputs === SINGLE_INPUTS && from.actions === SINGLE_ACTIONS
  if (isOfOne && isTwice(from, to)) return twice({ from, parameters, to })
  for (const key of BUILD) {
    if (differs(from, to, key)) {
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
  if (!isOfOne || to.inputs !== OBSERVATION_SIZE || to.actions !== ACTION_COUNT) {
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

/** What two networks have in common beside the tickers that they trade. */
const BUILD = ['hidden', 'lstm', 'layers', 'net', 'activation'] as const

/** Who teaches an LSTM of both leaves no trace in the parameters. */
const differs = (from: NetworkShape, to: NetworkShape, key: (typeof BUILD)[number]): boolean =>
  key === 'lstm'
    ? (from.lstm === 'separate') !== (to.lstm === 'separate')
    : String(from[key]) !== String(to[key])

/** The network of one ticker for a pair of this shape, which is two of it. */
export const halved = (shape: NetworkShape): NetworkShape => ({
  ...shape,
  inputs: SINGLE_INPUTS,
  actions: SINGLE_ACTIONS,
  hidden: shape.hidden / 2,
  net: shape.net.map((width) => width / 2),
})

/** Whether the widths of a pair have halves that the engines take: multiples of 8. */
export const canBeHalved = ({ hidden, net }: Pick<NetworkShape, 'hidden' | 'net'>): boolean =>
  [hidden, ...net].every((width) => width % 16 === 0)

/** Whether `to` is a network of two tickers with two of `from` in it. */
const isTwice = (from: NetworkShape, to: NetworkShape): boolean =>
  to.inputs === OBSERVATION_SIZE &&
  to.actions === ACTION_COUNT &&
  !BUILD.some((key) => differs(from, halved(to), key))

/** The network `from` side by side with itself, nothing between the two: [layoutOf(to).size]. */
export function twice({
  from,
  parameters,
  to,
}: Pick<Transfer, 'from' | 'to'> & { readonly parameters: ArrayLike<number> }): Float32Array {
  const source = layoutOf(from)
  const target = layoutOf(to)
  const result = new Float32Array(target.size)
  // Rows of a tensor come in groups of one layer's width: the four gates of an LSTM, else one group.
  const fill = (before: Tensor, after: Tensor, groups: number): void => {
    const [rows = 0, columns = 1] = before.shape
    const height = rows / groups
    const isMatrix = before.shape.length === 2
    const width = isMatrix ? 2 * columns : 1
    for (let half = 0; half < 2; half++) {
      for (let row = 0; row < rows; row++) {
        const group = Math.floor(row / height)
        const to = after.offset + ((2 * group + half) * height + (row % height)) * width
        const shift = isMatrix ? half * columns : 0
        for (let c = 0; c < columns; c++)
          result[to + shift + c] = parameters[before.offset + row * columns + c]!
      }
    }
  }
  for (const [s, stack] of target.stacks.entries()) {
    for (const [l, lstm] of stack.entries()) {
      const before = source.stacks[s]![l]!
      for (const name of ['inputWeights', 'hiddenWeights', 'inputBias', 'hiddenBias'] as const)
        fill(before[name], lstm[name], 4)
    }
  }
  for (const name of ['policyNet', 'valueNet'] as const) {
    for (const [i, layer] of target[name].entries()) {
      fill(source[name][i]!.weights, layer.weights, 1)
      fill(source[name][i]!.bias, layer.bias, 1)
    }
  }
  // Both halves reach every joint action, and the one value.
  const head = (
    before: LayerTensors,
    after: LayerTensors,
    rowsOf: (row: number) => readonly number[],
  ): void => {
    const [rows = 0, columns = 0] = after.weights.shape
    const width = columns / 2
    for (let row = 0; row < rows; row++) {
      for (const [half, from] of rowsOf(row).entries()) {
        for (let c = 0; c < width; c++)
          result[after.weights.offset + row * columns + half * width + c] =
            parameters[before.weights.offset + from * width + c]!
        result[after.bias.offset + row]! += parameters[before.bias.offset + from]!
      }
    }
  }
  head(source.policyHead, target.policyHead, (joint) => [singleAction(joint, 0), singleAction(joint, 1)])
  head(source.valueHead, target.valueHead, () => [0, 0])
  return result
}

/** Moments of the observations of one ticker or two, for those of as many columns as `to` has. */
export function transferredMoments(from: RunningMoments, to: number): RunningMoments {
  const result = new RunningMoments(to)
  result.count = from.count
  const isWider = to > from.mean.length
  for (let column = 0; column < to; column++) {
    const source = isWider ? sourceColumn(column) : column
    result.mean[column] = from.mean[source]!
    result.variance[column] = from.variance[source]!
  }
  return result
}

/** 0-11 and 13-24 read the features, 12 and 25 the position. */
const sourceColumn = (column: number): number => column % (FEATURES_PER_SYMBOL + 1)
