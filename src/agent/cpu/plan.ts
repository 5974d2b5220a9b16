/**
 * Where everything lies in the memory of the CPU engine: the packed weights, and for each size of a shard the matrices that
 * it works on. Plans are plain numbers, so a thread can be sent one.
 */
import type { LayerTensors, Layout, LstmTensors } from '../network.js'

/** Gives the address of so many zeroed floats, 64-byte aligned. */
export type Allocate = (floats: number) => number

export const up = (value: number, to: number): number => Math.ceil(value / to) * to

/** Weights in the order in which the products read them; filled anew after each change of the parameters. */
export interface PackedLstm {
  /** Panels of the transposed weights. */
  readonly input: number
  readonly hidden: number
  /** Panels of the weights as they are, for the way back; `inputBack` only above the lowest layer. */
  readonly hiddenBack: number
  readonly inputBack: number
  /** Sum of the two biases. */
  readonly bias: number
}

export interface PackedLayer {
  readonly weights: number
  readonly bias: number
}

export interface PackedWeights {
  /** The parameters themselves, as `Layout` orders them. */
  readonly parameters: number
  readonly stacks: readonly (readonly PackedLstm[])[]
  readonly policy: readonly PackedLayer[]
  readonly value: readonly PackedLayer[]
}

export function packedWeights(layout: Layout, parameters: number, allocate: Allocate): PackedWeights {
  const row = 4 * layout.shape.hidden
  const layer = ({ weights }: LayerTensors): PackedLayer => {
    const [outputs = 0, inputs = 0] = weights.shape
    return { weights: allocate(up(outputs, 8) * inputs), bias: allocate(up(outputs, 8)) }
  }
  return {
    parameters,
    stacks: layout.stacks.map((stack) =>
      stack.map(({ inputs }, l) => ({
        input: allocate(row * inputs),
        hidden: allocate(row * layout.shape.hidden),
        hiddenBack: allocate(row * layout.shape.hidden),
        inputBack: l === 0 ? 0 : allocate(row * inputs),
        bias: allocate(row),
      })),
    ),
    policy: policyLayers(layout).map(layer),
    value: valueLayers(layout).map(layer),
  }
}

export const policyLayers = (layout: Layout): readonly LayerTensors[] => [
  ...layout.policyNet,
  layout.policyHead,
]
export const valueLayers = (layout: Layout): readonly LayerTensors[] => [...layout.valueNet, layout.valueHead]

/** The matrices of one LSTM layer; all [rows, H] unless said otherwise. */
export interface LstmPlan {
  /** [sequences, H]: the state before the first step. */
  readonly firstHidden: number
  readonly firstCell: number
  /** [rows, 4H]: sums, then activations, then gradients. */
  readonly gates: number
  /** State before each step. */
  readonly before: number
  readonly cellBefore: number
  readonly cell: number
  readonly tanhCell: number
  readonly h: number
  readonly dh: number
  /** [sequences, H]: running gradient. */
  readonly dCell: number
  /** [4H, inputs padded to 8], of the lowest layer. */
  readonly dInput: number
}

export interface LayerPlan {
  /** [rows, width], where width is the outputs padded to 8. */
  readonly out: number
  readonly dOut: number
  readonly sums: number
}

/** A shard: some of the sequences of a minibatch, with a gradient of its own. */
export interface ShardPlan {
  readonly id: number
  readonly steps: number
  readonly sequences: number
  readonly rows: number
  /** [rows, inputs padded to 8] */
  readonly observations: number
  /** Bytes, one a row. */
  readonly starts: number
  readonly valid: number
  readonly actions: number
  readonly held: number
  readonly oldLogProbs: number
  readonly advantages: number
  readonly returns: number
  /** Float64 each: policy loss, squared error, entropy, approximate KL, clipped share. */
  readonly figures: number
  readonly stacks: readonly (readonly LstmPlan[])[]
  readonly policy: readonly LayerPlan[]
  readonly value: readonly LayerPlan[]
  readonly gradient: number
}

export const FIGURES = 5

export function planShard(
  layout: Layout,
  { id, steps, sequences }: { readonly id: number; readonly steps: number; readonly sequences: number },
  allocate: Allocate,
): ShardPlan {
  const { inputs, hidden: width } = layout.shape
  const rows = steps * sequences
  const layer = ({ weights }: LayerTensors): LayerPlan => {
    const padded = up(weights.shape[0]!, 8)
    return { out: allocate(rows * padded), dOut: allocate(rows * padded), sums: allocate(padded) }
  }
  const lstm = (_: LstmTensors, l: number): LstmPlan => ({
    firstHidden: allocate(sequences * width),
    firstCell: allocate(sequences * width),
    gates: allocate(rows * 4 * width),
    before: allocate(rows * width),
    cellBefore: allocate(rows * width),
    cell: allocate(rows * width),
    tanhCell: allocate(rows * width),
    h: allocate(rows * width),
    dh: allocate(rows * width),
    dCell: allocate(sequences * width),
    dInput: l === 0 ? allocate(4 * width * up(inputs, 8)) : 0,
  })
  return {
    id,
    steps,
    sequences,
    rows,
    observations: allocate(rows * up(inputs, 8)),
    starts: allocate(Math.ceil(rows / 4)),
    valid: allocate(Math.ceil(rows / 4)),
    actions: allocate(rows),
    held: allocate(rows),
    oldLogProbs: allocate(rows),
    advantages: allocate(rows),
    returns: allocate(rows),
    figures: allocate(2 * FIGURES),
    stacks: layout.stacks.map((stack) => stack.map(lstm)),
    policy: policyLayers(layout).map(layer),
    value: valueLayers(layout).map(layer),
    gradient: allocate(up(layout.size, 4)),
  }
}

const LEAST_SEQUENCES = 4
const MOST_SHARDS = 8

/**
 * Sequences of each shard. It depends on the minibatch alone, never on the threads, so that the sums of a gradient are the
 * same however many threads share the work.
 */
export function shardSizes(sequences: number): number[] {
  const count = Math.min(MOST_SHARDS, Math.max(1, Math.floor(sequences / LEAST_SEQUENCES)))
  const each = Math.floor(sequences / count)
  const more = sequences - each * count
  return Array.from({ length: count }, (_, s) => (s < count - more ? each : each + 1))
}
