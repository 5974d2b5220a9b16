/**
 * The operations that the program is made of, in one kind for each way to a device. `T` is a tensor there, float32. Numbers of
 * one element meet any shape, and columns of one meet any width, as in NumPy.
 */

/** What an LSTM layer reads in a minibatch: pieces side by side, none of which has an episode's start after its first step. */
export interface LstmInput<T> {
  /** [steps, pieces, inputs] */
  readonly input: T
  /** [pieces, hidden] each: the state before the first step. */
  readonly hidden: T
  readonly cell: T
  /** [inputs + hidden, 4 hidden], gates i, f, g, o. */
  readonly weights: T
  /** [4 hidden] */
  readonly bias: T
}

/** Of one LSTM layer. `input` is null where nobody asked for it. */
export interface LstmGradient<T> {
  readonly input: T | null
  readonly weights: T
  readonly bias: T
}

/** LSTM layers of the same shape that ran side by side: one in each stack. */
export interface LstmRun<T> {
  /** [steps, pieces, hidden] of each. */
  readonly outputs: readonly T[]
  /** From the gradient of the outputs, back through time. */
  readonly back: (dOutputs: readonly T[], needsInput: boolean) => readonly LstmGradient<T>[]
}

/** The size of a minibatch, and of the LSTM. */
export interface LstmSize {
  readonly steps: number
  readonly pieces: number
  readonly inputs: number
  readonly hidden: number
}

/** `R` is how numbers come back: at once, or in the device's own time. */
export interface Ops<T, R extends Float32Array | Promise<Float32Array>> {
  /** Brings numbers to the device. They must not change afterwards. */
  upload(values: Float32Array, shape: readonly number[]): T
  /** The same numbers each time; brought there once. */
  constant(...values: readonly number[]): T
  read(tensor: T): R
  /** Frees all tensors made on the way but those that `work` returns. */
  tidy(work: () => readonly T[]): readonly T[]
  dispose(tensor: T): void
  /** Frees what `constant` keeps. */
  close(): void

  /** Rows of a table by their numbers, which are floats. */
  gather(table: T, rows: T): T
  split(x: T, sizes: readonly number[], axis: 0 | 1): readonly T[]
  concat(parts: readonly T[], axis: 0 | 1): T
  /** One size may be -1: what is left. */
  reshape(x: T, shape: readonly number[]): T
  transpose(x: T): T
  matMul(a: T, b: T, transposeA: boolean, transposeB: boolean): T
  add(a: T, b: T): T
  sub(a: T, b: T): T
  mul(a: T, b: T): T
  div(a: T, b: T): T
  minimum(a: T, b: T): T
  /** 1 where it is so, else 0. */
  lessEqual(a: T, b: T): T
  greater(a: T, b: T): T
  abs(x: T): T
  exp(x: T): T
  sqrt(x: T): T
  square(x: T): T
  tanh(x: T): T
  relu(x: T): T
  clip(x: T, low: number, high: number): T
  /** From the output of tanh or relu and its gradient to that of the input. */
  tanhBack(out: T, dOut: T): T
  reluBack(out: T, dOut: T): T
  /** Of rows. */
  logSoftmax(x: T): T
  /** [rows, columns] to [columns], and to [rows, 1]. */
  sumRows(x: T): T
  sumColumns(x: T): T
  lstm(layers: readonly LstmInput<T>[], size: LstmSize): LstmRun<T>
}
