/**
 * The operations of tfjs-core, for any of its backends. An LSTM is a product for all steps at once, then the recurrence step by
 * step; the stacks of policy and value go through it together, as one batched product.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core'
import type { LstmInput, LstmRun, LstmSize, Ops } from './ops.js'

/** What a backend package exports. */
export type Tf = typeof TensorFlow
type Tensor = TensorFlow.Tensor
type Matrix = TensorFlow.Tensor2D

/** One step of all stacks, [stacks, pieces, hidden] each. */
interface LstmStep {
  readonly h: Tensor
  readonly hBefore: Tensor
  readonly cellBefore: Tensor
  readonly tanhCell: Tensor
  readonly gates: readonly [i: Tensor, f: Tensor, g: Tensor, o: Tensor]
}

export class GraphOps implements Ops<Tensor, Promise<Float32Array>> {
  readonly #tf: Tf

  constructor(tf: Tf) {
    this.#tf = tf
  }

  upload = (values: Float32Array, shape: readonly number[]): Tensor => this.#tf.tensor(values, [...shape])
  constant = (...values: readonly number[]): Tensor => this.#tf.tensor1d([...values])

  async read(tensor: Tensor): Promise<Float32Array> {
    // A copy: some backends hand out their own memory.
    return Float32Array.from(await tensor.data())
  }

  tidy = (work: () => readonly Tensor[]): readonly Tensor[] => this.#tf.tidy(() => [...work()])
  dispose = (tensor: Tensor): void => this.#tf.dispose(tensor)
  close(): void {}

  gather = (table: Tensor, rows: Tensor): Tensor => this.#tf.gather(table, this.#tf.cast(rows, 'int32'))
  split = (x: Tensor, sizes: readonly number[], axis: 0 | 1): Tensor[] => this.#tf.split(x, [...sizes], axis)
  concat = (parts: readonly Tensor[], axis: 0 | 1): Tensor => this.#tf.concat([...parts], axis)
  reshape = (x: Tensor, shape: readonly number[]): Tensor => this.#tf.reshape(x, [...shape])
  transpose = (x: Tensor): Tensor => this.#tf.transpose(x)

  matMul(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
    return this.#tf.matMul(a as Matrix, b as Matrix, transposeA, transposeB)
  }

  add = (a: Tensor, b: Tensor): Tensor => this.#tf.add(a, b)
  sub = (a: Tensor, b: Tensor): Tensor => this.#tf.sub(a, b)
  mul = (a: Tensor, b: Tensor): Tensor => this.#tf.mul(a, b)
  div = (a: Tensor, b: Tensor): Tensor => this.#tf.div(a, b)
  minimum = (a: Tensor, b: Tensor): Tensor => this.#tf.minimum(a, b)
  lessEqual = (a: Tensor, b: Tensor): Tensor => this.#tf.cast(this.#tf.lessEqual(a, b), 'float32')
  greater = (a: Tensor, b: Tensor): Tensor => this.#tf.cast(this.#tf.greater(a, b), 'float32')
  abs = (x: Tensor): Tensor => this.#tf.abs(x)
  exp = (x: Tensor): Tensor => this.#tf.exp(x)
  sqrt = (x: Tensor): Tensor => this.#tf.sqrt(x)
  square = (x: Tensor): Tensor => this.#tf.square(x)
  tanh = (x: Tensor): Tensor => this.#tf.tanh(x)
  relu = (x: Tensor): Tensor => this.#tf.relu(x)
  clip = (x: Tensor, low: number, high: number): Tensor => this.#tf.clipByValue(x, low, high)
  sumRows = (x: Tensor): Tensor => this.#tf.sum(x, 0)
  sumColumns = (x: Tensor): Tensor => this.#tf.sum(x, 1, true)

  tanhBack(out: Tensor, dOut: Tensor): Tensor {
    const tf = this.#tf
    return tf.mul(dOut, tf.sub(1, tf.square(out)))
  }

  reluBack(out: Tensor, dOut: Tensor): Tensor {
    const tf = this.#tf
    return tf.mul(dOut, tf.cast(tf.greater(out, 0), 'float32'))
  }

  logSoftmax(x: Tensor): Tensor {
    const tf = this.#tf
    const shifted = tf.sub(x, tf.max(x, 1, true))
    return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)))
  }

  lstm(layers: readonly LstmInput<Tensor>[], size: LstmSize): LstmRun<Tensor> {
    const tf = this.#tf
    const { steps, pieces, inputs, hidden } = size
    const rows = steps * pieces
    const stacked = (pick: (layer: LstmInput<Tensor>) => Tensor) => tf.stack(layers.map(pick))
    const input = stacked((layer) => tf.reshape(layer.input, [rows, inputs]))
    const [fromInput, fromHidden] = tf.split(
      stacked(({ weights }) => weights),
      [inputs, hidden],
      1,
    ) as [Tensor, Tensor]
    const bias = stacked((layer) => tf.reshape(layer.bias, [1, 4 * hidden]))
    const sums = tf.add(product(input, fromInput), bias)
    const trace: LstmStep[] = []
    let h: Tensor = stacked((layer) => layer.hidden)
    let c: Tensor = stacked((layer) => layer.cell)
    for (let t = 0; t < steps; t++) {
      const now = tf.slice(sums, [0, t * pieces, 0], [-1, pieces, -1])
      const gates = tf.split(tf.add(now, product(h, fromHidden)), 4, 2) as [Tensor, Tensor, Tensor, Tensor]
      const [i, f, g, o] = [
        tf.sigmoid(gates[0]),
        tf.sigmoid(gates[1]),
        tf.tanh(gates[2]),
        tf.sigmoid(gates[3]),
      ]
      const [hBefore, cellBefore] = [h, c]
      c = tf.add(tf.mul(f, cellBefore), tf.mul(i, g))
      const tanhCell = tf.tanh(c)
      h = tf.mul(o, tanhCell)
      trace.push({ h, hBefore, cellBefore, tanhCell, gates: [i, f, g, o] })
    }
    const all = tf.concat(
      trace.map((step) => step.h),
      1,
    )
    return {
      outputs: each(all, [steps, pieces, hidden]),
      back: (dOutputs, needsInput) => {
        const dOut = tf.stack(dOutputs.map((d) => tf.reshape(d, [rows, hidden])))
        const dSums = backThroughTime(trace, dOut, fromHidden)
        const before = tf.concat(
          trace.map((step) => step.hBefore),
          1,
        )
        const dWeights = each(product(tf.concat([input, before], 2), dSums, true))
        const dBias = each(tf.sum(dSums, 1))
        const dInputs = needsInput
          ? each(product(dSums, fromInput, false, true), [steps, pieces, inputs])
          : dWeights.map(() => null)
        return dWeights.map((weights, s) => ({ input: dInputs[s]!, weights, bias: dBias[s]! }))
      },
    }

    /** [stacks, rows, 4 hidden]: the gradient of the sums that the gates are made of. */
    function backThroughTime(run: readonly LstmStep[], dOut: Tensor, weights: Tensor): Tensor {
      const sideBySide: Tensor[] = []
      let dNext: Tensor | null = null
      let dCell: Tensor | null = null
      for (let t = run.length - 1; t >= 0; t--) {
        const { tanhCell, cellBefore, gates } = run[t]!
        const [i, f, g, o] = gates
        const above: Tensor = tf.slice(dOut, [0, t * pieces, 0], [-1, pieces, -1])
        const d: Tensor = dNext === null ? above : tf.add(above, dNext)
        const own: Tensor = tf.mul(tf.mul(d, o), tf.sub(1, tf.square(tanhCell)))
        const cell: Tensor = dCell === null ? own : tf.add(dCell, own)
        const dGates: Tensor = tf.concat(
          [
            tf.mul(tf.mul(cell, g), tf.mul(i, tf.sub(1, i))),
            tf.mul(tf.mul(cell, cellBefore), tf.mul(f, tf.sub(1, f))),
            tf.mul(tf.mul(cell, i), tf.sub(1, tf.square(g))),
            tf.mul(tf.mul(d, tanhCell), tf.mul(o, tf.sub(1, o))),
          ],
          2,
        )
        sideBySide.unshift(dGates)
        dCell = tf.mul(cell, f)
        dNext = product(dGates, weights, false, true)
      }
      return tf.concat(sideBySide, 1)
    }

    /** Of all stacks at once. */
    function product(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
      return tf.matMul(a as Matrix, b as Matrix, transposeA, transposeB)
    }

    /** What each stack has, in a shape. */
    function each(x: Tensor, shape?: number[]): Tensor[] {
      const parts = tf.unstack(x)
      return shape === undefined ? parts : parts.map((part) => tf.reshape(part, shape))
    }
  }
}
