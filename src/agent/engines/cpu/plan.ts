/**
 * Where everything lies in the memory of the CPU engine: the packed weights, and for each size of a minibatch the matrices
 * that it works on. Plans are plain numbers, so a thread can be sent one.
 */
import type { LayerTensors, Layout, LstmTensors } from '../../network/network.js'

/** Gives the address of so many zeroed floats, 64-byte aligned. */
export type Allocate = (floats: number) => number

/** The next multiple of `to`. */
export const up = (value: number, to: number): number => Math.ceil(value / to) * to

/** Columns of a layer's input with a one behind it, padded to 8. */
export const inputColumns = (inputs: number): number => up(inputs + 1, 8)

/**
 * Columns of what an LSTM layer reads: the state before the step, the layer's input, a one that brings the bias, and zeros up
 * to a multiple of 8. So each step is one product, and the gradient of the bias falls out of that of the weights.
 */
export const lstmColumns = ({ inputs }: Pick<LstmTensors, 'inputs'>, hidden: number): number =>
  hidden + inputColumns(inputs)

/** Weights in the order in which the products read them; filled anew after each change of the parameters. */
interface PackedLstm {
  /** Panels of the transposed weights of state and input and of the sum of the two biases, H + inputs + 1 deep. */
  readonly forward: number
  /** Panels of the weights as they are, for the way back; `inputBack` only above the lowest layer. */
  readonly hiddenBack: number
  readonly inputBack: number
}

/** [out, in] in panels of 8 outputs, and the biases padded to 8. */
export interface PackedLayer {
  readonly weights: number
  readonly bias: number
}

/** Addresses of a network's parameters and of their packed copies. */
export interface PackedWeights {
  /** The parameters themselves, as `Layout` orders them. */
  readonly parameters: number
  readonly stacks: readonly (readonly PackedLstm[])[]
  readonly policy: readonly PackedLayer[]
  readonly value: readonly PackedLayer[]
}

/** Makes room for the packed copies of the parameters at an address. */
export function packedWeights(layout: Layout, parameters: number, allocate: Allocate): PackedWeights {
  const { hidden } = layout.shape
  const row = 4 * hidden
  const layer = ({ weights }: LayerTensors): PackedLayer => {
    const [outputs = 0, inputs = 0] = weights.shape
    return { weights: allocate(up(outputs, 8) * inputs), bias: allocate(up(outputs, 8)) }
  }
  return {
    parameters,
    stacks: layout.stacks.map((stack) =>
      stack.map(({ inputs }, l) => ({
        forward: allocate(row * (hidden + inputs + 1)),
        hiddenBack: allocate(row * hidden),
        inputBack: l === 0 ? 0 : allocate(row * inputs),
      })),
    ),
    policy: policyLayers(layout).map(layer),
    value: valueLayers(layout).map(layer),
  }
}

/** What the LSTM of the policy feeds, in order: its net, then the head. Likewise for the value. */
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
  /** [rows, lstmColumns]: what the layer reads. */
  readonly inputs: number
  readonly cellBefore: number
  readonly cell: number
  readonly tanhCell: number
  readonly h: number
  readonly dh: number
  /** [sequences, H]: running gradient. */
  readonly dCell: number
  /** [4H, lstmColumns] */
  readonly dWeights: number
}

/** The matrices of a layer above the LSTM. */
export interface LayerPlan {
  /** [rows, width], where width is the outputs padded to 8. */
  readonly out: number
  readonly dOut: number
  readonly sums: number
}

/** A minibatch of `steps` by `sequences`; a row is a step of a sequence, number step * sequences + sequence. */
export interface BatchPlan {
  readonly id: number
  readonly steps: number
  readonly sequences: number
  readonly rows: number
  /** [rows, inputColumns]: the one stands there too. */
  readonly observations: number
  /** Bytes, one a row. */
  readonly starts: number
  readonly valid: number
  readonly actions: number
  readonly held: number
  readonly oldLogProbs: number
  readonly advantages: number
  readonly returns: number
  /** [rows, FIGURES], float64: policy loss, squared error, entropy, approximate KL, clipped. */
  readonly figures: number
  readonly stacks: readonly (readonly LstmPlan[])[]
  readonly policy: readonly LayerPlan[]
  readonly value: readonly LayerPlan[]
}

/** Numbers that the loss gives for each row. */
export const FIGURES = 5

/** Places for a minibatch; `one` is told where a column of ones has to stand. */
export function planBatch(
  layout: Layout,
  { id, steps, sequences }: { readonly id: number; readonly steps: number; readonly sequences: number },
  allocate: Allocate,
  one: (address: number) => void,
): BatchPlan {
  const { inputs, hidden: width } = layout.shape
  const rows = steps * sequences
  const withOnes = (columns: number, at: number): number => {
    const matrix = allocate(rows * columns)
    for (let r = 0; r < rows; r++) one(matrix + 4 * (r * columns + at))
    return matrix
  }
  const layer = ({ weights }: LayerTensors): LayerPlan => {
    const padded = up(weights.shape[0]!, 8)
    return { out: allocate(rows * padded), dOut: allocate(rows * padded), sums: allocate(padded) }
  }
  const lstm = (tensors: LstmTensors): LstmPlan => {
    const columns = lstmColumns(tensors, width)
    return {
      firstHidden: allocate(sequences * width),
      firstCell: allocate(sequences * width),
      gates: allocate(rows * 4 * width),
      inputs: withOnes(columns, width + tensors.inputs),
      cellBefore: allocate(rows * width),
      cell: allocate(rows * width),
      tanhCell: allocate(rows * width),
      h: allocate(rows * width),
      dh: allocate(rows * width),
      dCell: allocate(sequences * width),
      dWeights: allocate(4 * width * columns),
    }
  }
  return {
    id,
    steps,
    sequences,
    rows,
    observations: withOnes(inputColumns(inputs), inputs),
    starts: allocate(Math.ceil(rows / 4)),
    valid: allocate(Math.ceil(rows / 4)),
    actions: allocate(rows),
    held: allocate(rows),
    oldLogProbs: allocate(rows),
    advantages: allocate(rows),
    returns: allocate(rows),
    figures: allocate(2 * FIGURES * rows),
    stacks: layout.stacks.map((stack) => stack.map(lstm)),
    policy: policyLayers(layout).map(layer),
    value: valueLayers(layout).map(layer),
  }
}

/** A range of whole units of `unit`, the last one cut at `size`: part `part` of `parts`. */
export function share(size: number, unit: number, part: number, parts: number): [from: number, to: number] {
  const units = Math.ceil(size / unit)
  const edge = (n: number) => Math.min(size, unit * Math.floor((units * n) / parts))
  return [edge(part), edge(part + 1)]
}
