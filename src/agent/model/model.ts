/**
 * The policy file: weights in safetensors, and as metadata only what determines them. Names of tensors are those of
 * sb3-contrib's recurrent policy, so a file of theirs can be read as well; it then has no specification of its own.
 */
import { sha256 } from '../../base/digest.js'
import { badData, Failure } from '../../base/errors.js'
import { type Layout, LSTM_USES, type LstmUse, layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { decodeSafetensors, encodeSafetensors, type NamedTensor, type TensorFile } from './safetensors.js'

/** What a model sees and does. */
export interface ModelSpec {
  /** `trading`, or the name of a benchmark task. */
  readonly task: string
  /** Set and columns of the features of a symbol; null for a benchmark task. */
  readonly features: { readonly set: string; readonly columns: readonly string[] } | null
  /** Length of a bar, such as `1m`; null for a benchmark task. */
  readonly interval: string | null
  /** Target of each symbol for every action; null for a benchmark task. */
  readonly actions: readonly (readonly number[])[] | null
  /** 1 for each action that may be chosen. */
  readonly mask: readonly number[]
  /** Added to the logit of the action in force. */
  readonly holdPrior: number
}

/** In what a model sees something else than what is at hand, for a message; null where it is the same. */
export function otherSight(
  model: Pick<ModelSpec, 'task' | 'features'>,
  here: Pick<ModelSpec, 'task' | 'features'>,
): string | null {
  const [seen, shown] = [model.features, here.features]
  if (model.task !== here.task || (seen === null) !== (shown === null))
    return `the model was trained on ${model.task}, not on ${here.task}`
  if (seen === null || shown === null) return null
  if (seen.set !== shown.set) return `the model was trained on the features ${seen.set}, not ${shown.set}`
  const most = Math.max(seen.columns.length, shown.columns.length)
  for (let at = 0; at < most; at++) {
    const [theirs, ours] = [seen.columns[at], shown.columns[at]]
    if (theirs !== ours) return `feature ${at} of ${shown.set} is ${ours} here and ${theirs} in the model`
  }
  return null
}

/** The bars that a model knows. */
export interface DataSpan {
  /** Of times, prices and volumes, those left for testing included. */
  readonly sha256: string
  /** One, where a single ticker is traded. */
  readonly symbols: readonly string[]
  /** As the bars name them. */
  readonly sources: readonly string[]
  /** First and last session of each part, New York dates. */
  readonly train: readonly [string, string]
  readonly validation: readonly [string, string]
  /** Of the models that this one started from, one after the other; absent where there were none. */
  readonly before?: readonly SeenSpan[]
}

/** First and last session that a model has seen; null where its file does not say. */
export type SeenSpan = readonly [string, string] | null

/** What a model and those before it have seen. */
export const seenSpans = ({ train, validation, before = [] }: DataSpan): readonly SeenSpan[] => [
  ...before,
  [train[0], validation[1]],
]

/** The last session seen of the spans that share a session with those from one date to another; null where none does. */
export function lastMet(spans: readonly SeenSpan[], from: string, to: string): string | null {
  const met = spans.flatMap((span) => (span !== null && from <= span[1] && to >= span[0] ? [span[1]] : []))
  return met.sort().at(-1) ?? null
}

/** A trained policy and everything that determines it. */
export interface Model {
  readonly spec: ModelSpec
  readonly shape: NetworkShape
  /** [layoutOf(shape).size] */
  readonly parameters: Float32Array
  /** Of the observations; null where they are taken as they are. */
  readonly normaliser: RunningMoments | null
  /** Algorithm, seed and costs, as they were. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Environment steps of its training. */
  readonly steps: number
  /** Null for a benchmark task. */
  readonly data: DataSpan | null
}

const FORMAT = 'jules-policy/1'
const MEAN = 'normaliser.mean'
const VARIANCE = 'normaliser.variance'

/** SHA-256 of the specification as JSON, 64 hexadecimal digits. */
const specHash = (spec: ModelSpec): string => sha256(JSON.stringify(spec))

/** The bytes of a policy file: float32 tensors of the layout, the normaliser in float64. The same model gives the same bytes. */
export function encodeModel({
  spec,
  shape,
  parameters,
  normaliser,
  settings,
  steps,
  data,
}: Model): Uint8Array {
  const tensors: NamedTensor[] = layoutOf(shape).tensors.map(({ name, shape: dimensions, offset, size }) => ({
    name,
    shape: dimensions,
    data: parameters.slice(offset, offset + size),
  }))
  if (normaliser !== null) {
    tensors.push({ name: MEAN, shape: [normaliser.mean.length], data: normaliser.mean })
    tensors.push({ name: VARIANCE, shape: [normaliser.variance.length], data: normaliser.variance })
  }
  return encodeSafetensors(tensors, {
    format: FORMAT,
    spec: JSON.stringify(spec),
    spec_sha256: specHash(spec),
    network: JSON.stringify(shape),
    normaliser: normaliser === null ? 'none' : 'running',
    settings: JSON.stringify(settings),
    steps: String(steps),
    data: JSON.stringify(data),
  })
}

/**
 * The model in the bytes of a policy file; `name` is the file, for messages. Throws badData where it is damaged, holds a number
 * that is not finite, or is no policy of jules. Whether the model fits what is done with it is asked in `checkModel`.
 */
export function decodeModel(bytes: Uint8Array, name: string): Model {
  const file = decodeSafetensors(bytes, name)
  const { metadata } = file
  const bad = (words: string) => badData(words, { where: name })
  if (metadata.format !== FORMAT) {
    throw bad(
      metadata.format === undefined
        ? 'is a file of tensors without a specification, not a policy of jules'
        : `its format is ${metadata.format}, and this jules reads ${FORMAT}`,
    )
  }
  const field = (key: string): unknown => {
    try {
      return JSON.parse(metadata[key] ?? '')
    } catch {
      throw bad(`its metadata ${key} is damaged`)
    }
  }
  const checked = <T>(key: string, fits: (value: unknown) => value is T): T => {
    const value = field(key)
    if (fits(value)) return value
    throw bad(`its metadata ${key} is damaged`)
  }
  const spec = checked('spec', isSpec)
  if (specHash(spec) !== metadata.spec_sha256) throw bad('its specification does not fit its hash')
  const shape = checked('network', isShape)
  if (shape.layers + shape.net.length > file.tensors.size)
    throw bad('its network has more layers than tensors')
  if (spec.mask.length !== shape.actions)
    throw bad(`its mask is of ${spec.mask.length} actions, and its network of ${shape.actions}`)
  return {
    spec,
    shape,
    parameters: parametersOf(file, layoutOf(shape), name),
    normaliser: metadata.normaliser === 'none' ? null : normaliserOf(file, shape.inputs, name),
    settings: checked('settings', isObject),
    steps: checked('steps', isNatural),
    data: checked('data', isSpan),
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isCount = (value: unknown): value is number => isNatural(value) && value >= 1

const isText = (value: unknown): value is string => typeof value === 'string'

const isList = <T>(value: unknown, each: (one: unknown) => one is T): value is T[] =>
  Array.isArray(value) && value.every(each)

function isShape(value: unknown): value is NetworkShape {
  if (!isObject(value)) return false
  const { inputs, hidden, actions, layers, net, lstm, activation } = value
  return (
    [inputs, hidden, actions, layers].every(isCount) &&
    isList(net, isCount) &&
    LSTM_USES.includes(lstm as LstmUse) &&
    (activation === 'tanh' || activation === 'relu')
  )
}

function isSpec(value: unknown): value is ModelSpec {
  if (!isObject(value)) return false
  const { task, features, interval, actions, mask, holdPrior } = value
  const isTarget = (one: unknown): one is number[] => isList(one, (n): n is number => Number.isSafeInteger(n))
  return (
    isText(task) &&
    (features === null || (isObject(features) && isText(features.set) && isList(features.columns, isText))) &&
    (interval === null || isText(interval)) &&
    (actions === null || isList(actions, isTarget)) &&
    isList(mask, (one): one is number => one === 0 || one === 1) &&
    mask.includes(1) &&
    Number.isFinite(holdPrior)
  )
}

function isSpan(value: unknown): value is DataSpan | null {
  if (value === null) return true
  if (!isObject(value)) return false
  const { sha256, symbols, sources, train, validation, before } = value
  const isPair = (one: unknown) => isList(one, isText) && one.length === 2
  return (
    isText(sha256) &&
    isList(symbols, isText) &&
    isList(sources, isText) &&
    isPair(train) &&
    isPair(validation) &&
    (before === undefined || (Array.isArray(before) && before.every((one) => one === null || isPair(one))))
  )
}

/** The parameters of a file, by the names of the layout. Throws badData and names a tensor that is missing or misshapen. */
export function parametersOf({ tensors }: TensorFile, layout: Layout, name: string): Float32Array {
  // All are looked at before room is made: the file bounds their sizes, its metadata do not.
  const data = layout.tensors.map(({ name: tensor, shape }) => {
    const found = tensors.get(tensor)
    if (found === undefined) throw badData(`tensor ${tensor} is missing`, { where: name })
    if (found.shape.length !== shape.length || found.shape.some((n, i) => n !== shape[i])) {
      throw badData(`tensor ${tensor} is [${found.shape}], and [${shape}] is expected`, { where: name })
    }
    if (!Array.prototype.every.call(found.data, Number.isFinite))
      throw badData(`tensor ${tensor} holds a number that is not finite`, { where: name })
    return found.data
  })
  const parameters = new Float32Array(layout.size)
  for (const [i, { offset }] of layout.tensors.entries()) parameters.set(data[i]!, offset)
  return parameters
}

function normaliserOf({ tensors }: TensorFile, inputs: number, name: string): RunningMoments {
  const mean = tensors.get(MEAN)
  const variance = tensors.get(VARIANCE)
  if (mean?.data.length !== inputs || variance?.data.length !== inputs)
    throw badData('its normaliser is missing or has another size', { where: name })
  if (!mean.data.every(Number.isFinite) || !variance.data.every((one) => one >= 0 && Number.isFinite(one)))
    throw badData('its normaliser holds a number that cannot be', { where: name })
  const moments = new RunningMoments(inputs)
  moments.mean.set(mean.data)
  moments.variance.set(variance.data)
  return moments
}

/**
 * The shape of a network by its tensors alone, for files of others. The activation cannot be seen in them. Throws badData
 * where they are not those of a recurrent policy.
 */
export function shapeOf(
  { tensors }: TensorFile,
  activation: NetworkShape['activation'],
  name: string,
): NetworkShape {
  const dimensions = (tensor: string): readonly number[] => {
    const found = tensors.get(tensor)
    if (found === undefined || found.shape.length !== 2)
      throw badData(`tensor ${tensor} is missing: not a recurrent policy`, { where: name })
    return found.shape
  }
  const [, inputs = 0] = dimensions('lstm_actor.weight_ih_l0')
  const [, hidden = 0] = dimensions('lstm_actor.weight_hh_l0')
  const [actions = 0] = dimensions('action_net.weight')
  let layers = 1
  while (tensors.has(`lstm_actor.weight_ih_l${layers}`)) layers++
  const net: number[] = []
  while (tensors.has(`mlp_extractor.policy_net.${2 * net.length}.weight`)) {
    net.push(dimensions(`mlp_extractor.policy_net.${2 * net.length}.weight`)[0]!)
  }
  if (tensors.has('critic.weight')) {
    throw new Failure('data', 'its value has no LSTM of its own (enable_critic_lstm=False)', {
      where: name,
      hint: 'train it with enable_critic_lstm=True or shared_lstm=True',
    })
  }
  const lstm = tensors.has('lstm_critic.weight_ih_l0') ? 'separate' : 'shared'
  return { inputs, hidden, actions, lstm, layers, net, activation }
}
