/**
 * The operations of TensorFlow itself, as the binding of @tensorflow/tfjs-node-gpu runs them. The package's own wrappers bring a
 * small tensor to the device for each axis, shape and length; here each of those is brought once. An LSTM is two operations:
 * BlockLSTMV2 over all steps, and BlockLSTMGradV2 back through time.
 */
import type { LstmInput, LstmRun, LstmSize, Ops } from './ops.js'

interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: boolean | number
}

/** The binding, as far as it is used. Tensors are numbers. */
export interface Binding {
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_INT64: number
  readonly TF_BOOL: number
  readonly TF_ATTR_TYPE: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_FLOAT: number
  readonly TF_ATTR_BOOL: number
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): Float32Array
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): readonly { readonly id: number }[]
}

/** Constants that are kept; a run needs a few dozen for each size of a minibatch, and few sizes. */
const MOST_CONSTANTS = 2000

export class NativeOps implements Ops<number, Float32Array> {
  readonly #binding: Binding
  readonly #constants = new Map<string, number>()
  /** What `tidy` will free; null outside. */
  #scope: Set<number> | null = null
  readonly #type: Attribute

  constructor(binding: Binding) {
    this.#binding = binding
    this.#type = this.#typed('T', 'TF_FLOAT')
  }

  upload(values: Float32Array, shape: readonly number[]): number {
    return this.#made(this.#binding.createTensor(shape, this.#binding.TF_FLOAT, values))
  }

  constant(...values: readonly number[]): number {
    const shape = values.length === 1 ? [] : [values.length]
    return this.#kept(`float ${values}`, () =>
      this.#binding.createTensor(shape, this.#binding.TF_FLOAT, Float32Array.from(values)),
    )
  }

  read(tensor: number): Float32Array {
    // A copy: the memory is the tensor's.
    return this.#binding.tensorDataSync(tensor).slice()
  }

  tidy(work: () => readonly number[]): readonly number[] {
    if (this.#constants.size > MOST_CONSTANTS) this.close()
    const scope = new Set<number>()
    this.#scope = scope
    try {
      const results = work()
      for (const result of results) scope.delete(result)
      return results
    } finally {
      this.#scope = null
      for (const tensor of scope) this.dispose(tensor)
    }
  }

  dispose(tensor: number): void {
    this.#binding.deleteTensor(tensor)
  }

  close(): void {
    for (const tensor of this.#constants.values()) this.dispose(tensor)
    this.#constants.clear()
  }

  gather(table: number, rows: number): number {
    const [index] = this.#run(
      'Cast',
      [this.#typed('SrcT', 'TF_FLOAT'), this.#typed('DstT', 'TF_INT32')],
      [rows],
    )
    const types = ['Tindices', 'Taxis'].map((name) => this.#typed(name, 'TF_INT32'))
    return this.#run(
      'GatherV2',
      [this.#typed('Tparams', 'TF_FLOAT'), ...types, this.#int('batch_dims', 0)],
      [table, index!, this.#ints(0)],
    )[0]!
  }

  split(x: number, sizes: readonly number[], axis: 0 | 1): readonly number[] {
    const attributes = [this.#type, this.#typed('Tlen', 'TF_INT32'), this.#int('num_split', sizes.length)]
    return this.#run('SplitV', attributes, [x, this.#vector(sizes), this.#ints(axis)], sizes.length)
  }

  concat(parts: readonly number[], axis: 0 | 1): number {
    const attributes = [this.#type, this.#typed('Tidx', 'TF_INT32'), this.#int('N', parts.length)]
    return this.#run('ConcatV2', attributes, [...parts, this.#ints(axis)])[0]!
  }

  reshape(x: number, shape: readonly number[]): number {
    return this.#run('Reshape', [this.#type, this.#typed('Tshape', 'TF_INT32')], [x, this.#vector(shape)])[0]!
  }

  transpose(x: number): number {
    return this.#run(
      'Transpose',
      [this.#type, this.#typed('Tperm', 'TF_INT32')],
      [x, this.#vector([1, 0])],
    )[0]!
  }

  matMul(a: number, b: number, transposeA: boolean, transposeB: boolean): number {
    const attributes = [
      this.#type,
      this.#flag('transpose_a', transposeA),
      this.#flag('transpose_b', transposeB),
    ]
    return this.#run('MatMul', attributes, [a, b])[0]!
  }

  add = (a: number, b: number): number => this.#plain('AddV2', a, b)
  sub = (a: number, b: number): number => this.#plain('Sub', a, b)
  mul = (a: number, b: number): number => this.#plain('Mul', a, b)
  div = (a: number, b: number): number => this.#plain('RealDiv', a, b)
  minimum = (a: number, b: number): number => this.#plain('Minimum', a, b)
  lessEqual = (a: number, b: number): number => this.#asFloat(this.#plain('LessEqual', a, b))
  greater = (a: number, b: number): number => this.#asFloat(this.#plain('Greater', a, b))
  abs = (x: number): number => this.#plain('Abs', x)
  exp = (x: number): number => this.#plain('Exp', x)
  sqrt = (x: number): number => this.#plain('Sqrt', x)
  square = (x: number): number => this.#plain('Square', x)
  tanh = (x: number): number => this.#plain('Tanh', x)
  relu = (x: number): number => this.#plain('Relu', x)
  tanhBack = (out: number, dOut: number): number => this.#plain('TanhGrad', out, dOut)
  reluBack = (out: number, dOut: number): number => this.#plain('ReluGrad', dOut, out)
  logSoftmax = (x: number): number => this.#plain('LogSoftmax', x)
  sumRows = (x: number): number => this.#sum(x, 0, false)
  sumColumns = (x: number): number => this.#sum(x, 1, true)

  clip(x: number, low: number, high: number): number {
    return this.#plain('ClipByValue', x, this.constant(low), this.constant(high))
  }

  lstm(layers: readonly LstmInput<number>[], { steps, hidden }: LstmSize): LstmRun<number> {
    const attributes = [this.#type, this.#flag('use_peephole', false)]
    const none = this.constant(...new Array<number>(hidden).fill(0))
    const length = this.#length(steps)
    const runs = layers.map(({ input, hidden: h, cell, weights, bias }) => {
      const inputs = [length, input, cell, h, weights, none, none, none, bias]
      const limit: Attribute = { name: 'cell_clip', type: this.#binding.TF_ATTR_FLOAT, value: 0 }
      return { inputs, outputs: this.#run('BlockLSTMV2', [...attributes, limit], inputs, 7) }
    })
    return {
      outputs: runs.map(({ outputs }) => outputs[6]!),
      back: (dOutputs) =>
        runs.map(({ inputs, outputs }, s) => {
          const dCells = this.#plain('ZerosLike', outputs[1]!)
          const gradients = this.#run(
            'BlockLSTMGradV2',
            attributes,
            [...inputs, ...outputs, dCells, dOutputs[s]!],
            8,
          )
          return { input: gradients[0]!, weights: gradients[3]!, bias: gradients[7]! }
        }),
    }
  }

  #run(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs = 1,
  ): readonly number[] {
    return this.#binding.executeOp(name, attributes, inputs, outputs).map(({ id }) => this.#made(id))
  }

  /** An operation of float32 and nothing else. */
  #plain(name: string, ...inputs: readonly number[]): number {
    return this.#run(name, [this.#type], inputs)[0]!
  }

  #asFloat(x: number): number {
    return this.#run('Cast', [this.#typed('SrcT', 'TF_BOOL'), this.#typed('DstT', 'TF_FLOAT')], [x])[0]!
  }

  #sum(x: number, axis: number, keep: boolean): number {
    const attributes = [this.#type, this.#typed('Tidx', 'TF_INT32'), this.#flag('keep_dims', keep)]
    return this.#run('Sum', attributes, [x, this.#ints(axis)])[0]!
  }

  #made(tensor: number): number {
    this.#scope?.add(tensor)
    return tensor
  }

  #kept(key: string, make: () => number): number {
    const known = this.#constants.get(key)
    if (known !== undefined) return known
    const made = make()
    this.#constants.set(key, made)
    return made
  }

  #ints(value: number): number {
    const { TF_INT32 } = this.#binding
    return this.#kept(`int ${value}`, () => this.#binding.createTensor([], TF_INT32, Int32Array.of(value)))
  }

  #vector(values: readonly number[]): number {
    const { TF_INT32 } = this.#binding
    return this.#kept(`ints ${values}`, () =>
      this.#binding.createTensor([values.length], TF_INT32, Int32Array.from(values)),
    )
  }

  /** The number of steps as the LSTM wants it: int64, and in the memory of the host, where a GPU leaves the result of Size. */
  #length(steps: number): number {
    return this.#kept(`length ${steps}`, () => {
      const { TF_FLOAT } = this.#binding
      const counted = this.#binding.createTensor([steps], TF_FLOAT, new Float32Array(steps))
      const [length] = this.#binding.executeOp(
        'Size',
        [this.#type, this.#typed('out_type', 'TF_INT64')],
        [counted],
        1,
      )
      this.#binding.deleteTensor(counted)
      return length!.id
    })
  }

  #typed(name: string, type: 'TF_FLOAT' | 'TF_INT32' | 'TF_INT64' | 'TF_BOOL'): Attribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value: this.#binding[type] }
  }

  #int(name: string, value: number): Attribute {
    return { name, type: this.#binding.TF_ATTR_INT, value }
  }

  #flag(name: string, value: boolean): Attribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value }
  }
}
