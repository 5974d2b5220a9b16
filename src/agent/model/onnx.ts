/**
 * A model as an ONNX graph (opset 14), for other runtimes: observation and LSTM state in, logits, value and the next state
 * out. The normaliser is part of the graph; mask, hold prior and the meaning of inputs and actions are metadata, for they
 * are applied after it.
 */
import { bytes, integer, text } from '../../base/protobuf.js'
import { type LayerTensors, type Layout, layoutOf, type Tensor } from '../network/network.js'
import { CUT } from '../network/normaliser.js'
import type { Model } from './model.js'

const OPSET = 14
const IR_VERSION = 8
const FLOAT = 1
const INT64 = 7
/** AttributeProto.INT */
const ATTRIBUTE_INT = 2

/** Order of an LSTM's gates there, in terms of ours: i, o, f, c of i, f, g, o. */
const GATES = [0, 3, 1, 2] as const

/**
 * The bytes of an ONNX file: `observation` [batch, inputs], `hidden` and `cell` [cells, batch, hidden] in; `logits` [batch,
 * actions], `value` [batch, 1], `next_hidden` and `next_cell` out. The same model and producer give the same bytes.
 */
export function encodeOnnx(model: Model, producer: string): Uint8Array {
  const graph = new Graph()
  const layout = layoutOf(model.shape)
  const { inputs, hidden, actions } = layout.shape
  const weights = new Weights(model.parameters)
  let seen = 'observation'
  if (model.normaliser !== null) {
    const deviation = Float32Array.from(model.normaliser.variance, (v) => Math.sqrt(v + 1e-8))
    const centred = graph.node('Sub', [
      seen,
      graph.floats('norm.mean', [inputs], Float32Array.from(model.normaliser.mean)),
    ])
    const scaled = graph.node('Div', [centred, graph.floats('norm.deviation', [inputs], deviation)])
    seen = graph.node('Clip', [
      scaled,
      graph.floats('norm.least', [], Float32Array.of(-CUT)),
      graph.floats('norm.most', [], Float32Array.of(CUT)),
    ])
  }
  const first = graph.node('Unsqueeze', [seen, graph.integers('axis.0', [0])])
  const newHidden: string[] = []
  const newCell: string[] = []
  const tops = layout.stacks.map((_, s) => {
    let input = first
    for (const [l, tensors] of layout.stacks[s]!.entries()) {
      const c = newHidden.length
      const name = `lstm.${s}.${l}`
      const gates = (tensor: Tensor) => reordered(weights.of(tensor), hidden)
      const [h, cell] = ['hidden', 'cell'].map((state) =>
        graph.node('Slice', [
          state,
          graph.integers(`${name}.from`, [c]),
          graph.integers(`${name}.to`, [c + 1]),
          'axis.0',
        ]),
      ) as [string, string]
      const bias = Float32Array.from([...gates(tensors.inputBias), ...gates(tensors.hiddenBias)])
      const [, last, lastCell] = graph.nodes(
        'LSTM',
        [
          input,
          graph.floats(`${name}.w`, [1, 4 * hidden, tensors.inputs], gates(tensors.inputWeights)),
          graph.floats(`${name}.r`, [1, 4 * hidden, hidden], gates(tensors.hiddenWeights)),
          graph.floats(`${name}.b`, [1, 8 * hidden], bias),
          '',
          h,
          cell,
        ],
        3,
        [attribute('hidden_size', hidden)],
      ) as [string, string, string]
      newHidden.push(last)
      newCell.push(lastCell)
      input = last
    }
    return graph.node('Squeeze', [input, 'axis.0'])
  })
  const net = (
    name: string,
    layers: readonly LayerTensors[],
    head: LayerTensors,
    input: string,
    output: string,
  ) => {
    let from = input
    for (const [i, layer] of [...layers, head].entries()) {
      const last = i === layers.length
      const sum = graph.gemm(`${name}.${i}`, layer, from, weights, last ? output : undefined)
      from = last ? sum : graph.node(layout.shape.activation === 'relu' ? 'Relu' : 'Tanh', [sum])
    }
  }
  net('policy', layout.policyNet, layout.policyHead, tops[0]!, 'logits')
  net('value', layout.valueNet, layout.valueHead, tops.at(-1)!, 'value')
  graph.node('Concat', newHidden, { output: 'next_hidden', attributes: [attribute('axis', 0)] })
  graph.node('Concat', newCell, { output: 'next_cell', attributes: [attribute('axis', 0)] })
  const state = [layout.cells, 'batch', hidden]
  const body = graph.encode({
    inputs: [port('observation', ['batch', inputs]), port('hidden', state), port('cell', state)],
    outputs: [
      port('logits', ['batch', actions]),
      port('value', ['batch', 1]),
      port('next_hidden', state),
      port('next_cell', state),
    ],
  })
  return Buffer.concat([
    integer(1, IR_VERSION),
    text(2, producer),
    bytes(7, body),
    bytes(8, text(1, ''), integer(2, OPSET)),
    ...Object.entries(metadataOf(model, layout)).map(([key, value]) =>
      bytes(14, text(1, key), text(2, value)),
    ),
  ])
}

const metadataOf = ({ spec, steps, data }: Model, { shape }: Layout): Record<string, string> => ({
  'jules.spec': JSON.stringify(spec),
  'jules.network': JSON.stringify(shape),
  'jules.hold_prior': String(spec.holdPrior),
  'jules.steps': String(steps),
  'jules.data': JSON.stringify(data),
})

class Weights {
  readonly #parameters: Float32Array

  constructor(parameters: Float32Array) {
    this.#parameters = parameters
  }

  of({ offset, size }: Tensor): Float32Array {
    return this.#parameters.subarray(offset, offset + size)
  }
}

class Graph {
  readonly #nodes: Buffer[] = []
  readonly #initializers = new Map<string, Buffer>()
  #count = 0

  node(
    type: string,
    inputs: readonly string[],
    more: { output?: string; attributes?: readonly Buffer[] } = {},
  ): string {
    const output = more.output ?? `x${this.#count++}`
    this.#push(type, inputs, [output], more.attributes ?? [])
    return output
  }

  nodes(type: string, inputs: readonly string[], outputs: number, attributes: readonly Buffer[]): string[] {
    const names = Array.from({ length: outputs }, () => `x${this.#count++}`)
    this.#push(type, inputs, names, attributes)
    return names
  }

  /** input W^T + b. */
  gemm(
    name: string,
    { weights, bias }: LayerTensors,
    input: string,
    from: Weights,
    output: string | undefined,
  ): string {
    const w = this.floats(`${name}.weight`, weights.shape, from.of(weights))
    const b = this.floats(`${name}.bias`, bias.shape, from.of(bias))
    const attributes = [attribute('transB', 1)]
    return this.node('Gemm', [input, w, b], output === undefined ? { attributes } : { attributes, output })
  }

  floats(name: string, dimensions: readonly number[], values: Float32Array): string {
    // Little-endian, as every platform that runs this is.
    const raw = new Uint8Array(Float32Array.from(values).buffer)
    return this.#initializer(name, dimensions, FLOAT, raw)
  }

  integers(name: string, values: readonly number[]): string {
    const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    return this.#initializer(name, [values.length], INT64, raw)
  }

  encode({
    inputs,
    outputs,
  }: {
    readonly inputs: readonly Buffer[]
    readonly outputs: readonly Buffer[]
  }): Buffer {
    return Buffer.concat([
      ...this.#nodes,
      text(2, 'policy'),
      ...this.#initializers.values(),
      ...inputs.map((one) => bytes(11, one)),
      ...outputs.map((one) => bytes(12, one)),
    ])
  }

  #initializer(name: string, dimensions: readonly number[], type: number, raw: Uint8Array): string {
    const dims = dimensions.map((n) => integer(1, n))
    this.#initializers.set(name, bytes(5, ...dims, integer(2, type), text(8, name), bytes(9, raw)))
    return name
  }

  #push(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: readonly Buffer[],
  ): void {
    this.#nodes.push(
      bytes(
        1,
        ...inputs.map((name) => text(1, name)),
        ...outputs.map((name) => text(2, name)),
        text(3, `${type}.${this.#nodes.length}`),
        text(4, type),
        ...attributes.map((one) => bytes(5, one)),
      ),
    )
  }
}

const attribute = (name: string, value: number): Buffer =>
  Buffer.concat([text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)])

/** ValueInfoProto of a float tensor; a dimension is a number or the name of one. */
function port(name: string, dimensions: readonly (number | string)[]): Buffer {
  const shape = dimensions.map((one) => bytes(1, typeof one === 'number' ? integer(1, one) : text(2, one)))
  return Buffer.concat([text(1, name), bytes(2, bytes(1, integer(1, FLOAT), bytes(2, ...shape)))])
}

/** Blocks of rows, one a gate, in the other order. */
function reordered(values: Float32Array, hidden: number): Float32Array {
  const block = values.length / GATES.length
  const result = new Float32Array(values.length)
  for (const [to, from] of GATES.entries())
    result.set(values.subarray(from * block, (from + 1) * block), to * block)
  if (block % hidden !== 0) throw new RangeError('a gate is not a whole number of rows')
  return result
}
