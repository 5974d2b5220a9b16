/**
 * Forward, loss and backward of one shard, in the order of the reference engine: the sequence of kernel calls that every
 * thread runs. float32 throughout, sums of losses in float64.
 */
import type { LayerTensors, Layout, LstmTensors } from '../network.js'
import type { Kernels } from './kernels.js'
import {
  FIGURES,
  type LayerPlan,
  type LstmPlan,
  type PackedLayer,
  type PackedLstm,
  type PackedWeights,
  policyLayers,
  type ShardPlan,
  up,
  valueLayers,
} from './plan.js'

/** What a thread shares with the others, and the place for its own products. */
export interface ProgramPlaces {
  readonly weights: PackedWeights
  /** Numbers of the job at hand, float64: see JOB. */
  readonly job: number
  /** Bytes, one an action. */
  readonly allowed: number
  /** For `gemm`, and for the exponentials of one row of logits. */
  readonly scratch: number
}

/** Order of the numbers of a job. */
export const JOB = {
  count: 0,
  mean: 1,
  scale: 2,
  clip: 3,
  valueCoefficient: 4,
  entropyCoefficient: 5,
  holdPrior: 6,
} as const

export class Program {
  readonly #layout: Layout
  readonly #k: Kernels
  readonly #places: ProgramPlaces
  readonly #f32: Float32Array
  readonly #f64: Float64Array
  readonly #policyLayers: readonly LayerTensors[]
  readonly #valueLayers: readonly LayerTensors[]

  constructor(layout: Layout, memory: WebAssembly.Memory, kernels: Kernels, places: ProgramPlaces) {
    this.#layout = layout
    this.#k = kernels
    this.#places = places
    this.#f32 = new Float32Array(memory.buffer)
    this.#f64 = new Float64Array(memory.buffer)
    this.#policyLayers = policyLayers(layout)
    this.#valueLayers = valueLayers(layout)
  }

  /** Loss and gradient of a shard whose inputs stand in its plan. */
  gradient(plan: ShardPlan): void {
    const { gradient } = plan
    this.#zero(gradient, up(this.#layout.size, 4))
    this.forward(plan, true)
    this.#loss(plan)
    this.#backward(plan)
  }

  /** Logits and values; without `withValues` only what the logits need. */
  forward(plan: ShardPlan, withValues: boolean): void {
    const { stacks } = this.#layout
    const { weights } = this.#places
    const count = withValues ? stacks.length : 1
    for (let s = 0; s < count; s++) {
      for (let l = 0; l < stacks[s]!.length; l++) {
        const from = l === 0 ? plan.observations : plan.stacks[s]![l - 1]!.h
        this.#lstm(plan, plan.stacks[s]![l]!, weights.stacks[s]![l]!, stacks[s]![l]!, from, l === 0)
      }
    }
    const top = plan.stacks[0]!.at(-1)!
    this.#layers(plan.policy, weights.policy, this.#policyLayers, top.h, plan.rows)
    if (withValues) {
      const bottom = plan.stacks.at(-1)!.at(-1)!
      this.#layers(plan.value, weights.value, this.#valueLayers, bottom.h, plan.rows)
    }
  }

  #lstm(
    { steps, sequences, rows, starts }: ShardPlan,
    lstm: LstmPlan,
    packed: PackedLstm,
    { inputs }: LstmTensors,
    from: number,
    lowest: boolean,
  ): void {
    const { hidden: width } = this.#layout.shape
    const k = this.#k
    const { scratch } = this.#places
    const row = 4 * width
    const stride = 4 * (lowest ? up(inputs, 8) : inputs)
    const size = 4 * sequences * width
    k.fillRows(lstm.gates, rows, row, packed.bias)
    k.gemm(rows, row, inputs, from, stride, 4, packed.input, 32 * inputs, 32, lstm.gates, 4 * row, scratch)
    for (let t = 0; t < steps; t++) {
      const at = t * size
      const first = starts + t * sequences
      const h = t === 0 ? lstm.firstHidden : lstm.h + at - size
      const cell = t === 0 ? lstm.firstCell : lstm.cell + at - size
      const gates = lstm.gates + 4 * at
      k.maskedCopy(h, lstm.before + at, sequences, width, first)
      k.maskedCopy(cell, lstm.cellBefore + at, sequences, width, first)
      k.gemm(
        sequences,
        row,
        width,
        lstm.before + at,
        4 * width,
        4,
        packed.hidden,
        32 * width,
        32,
        gates,
        4 * row,
        scratch,
      )
      k.lstmForward(
        gates,
        lstm.cellBefore + at,
        lstm.cell + at,
        lstm.tanhCell + at,
        lstm.h + at,
        sequences,
        width,
      )
    }
  }

  #layers(
    plans: readonly LayerPlan[],
    packed: readonly PackedLayer[],
    tensors: readonly LayerTensors[],
    input: number,
    rows: number,
  ): void {
    const relu = this.#layout.shape.activation === 'relu'
    const k = this.#k
    const { scratch } = this.#places
    let from = input
    for (let i = 0; i < plans.length; i++) {
      const { out } = plans[i]!
      const [outputs = 0, inputs = 0] = tensors[i]!.weights.shape
      const width = up(outputs, 8)
      const { weights, bias } = packed[i]!
      k.fillRows(out, rows, width, bias)
      k.gemm(rows, width, inputs, from, 4 * inputs, 4, weights, 32 * inputs, 32, out, 4 * width, scratch)
      if (i < plans.length - 1) {
        if (relu) k.reluForward(out, rows * width)
        else k.tanhForward(out, rows * width)
      }
      from = out
    }
  }

  /** The heads' outputs become their gradients. */
  #loss(plan: ShardPlan): void {
    const { actions } = this.#layout.shape
    const { job, allowed, scratch } = this.#places
    const policy = plan.policy.at(-1)!
    const value = plan.value.at(-1)!
    const at = job >> 3
    const number = (name: keyof typeof JOB) => this.#f64[at + JOB[name]]!
    this.#f64.fill(0, plan.figures >> 3, (plan.figures >> 3) + FIGURES)
    this.#k.ppoLoss(
      plan.rows,
      actions,
      policy.out,
      4 * up(actions, 8),
      value.out,
      32,
      plan.actions,
      plan.held,
      number('holdPrior'),
      allowed,
      plan.valid,
      plan.oldLogProbs,
      plan.advantages,
      plan.returns,
      scratch,
      number('count'),
      number('mean'),
      number('scale'),
      number('clip'),
      number('valueCoefficient'),
      number('entropyCoefficient'),
      plan.figures,
    )
  }

  #backward(plan: ShardPlan): void {
    const { hidden: width } = this.#layout.shape
    const size = plan.rows * width
    const top = plan.stacks[0]!.at(-1)!
    const bottom = plan.stacks.at(-1)!.at(-1)!
    for (const stack of plan.stacks) for (const { dh } of stack) this.#zero(dh, size)
    this.#layersBack(plan, plan.policy, this.#policyLayers, top.h, top.dh)
    this.#layersBack(plan, plan.value, this.#valueLayers, bottom.h, bottom.dh)
    for (let s = 0; s < plan.stacks.length; s++) {
      for (let l = plan.stacks[s]!.length - 1; l >= 0; l--) this.#lstmBack(plan, s, l)
    }
  }

  /** Adds to the layers' gradients and to `dInput`. The head's `out` holds the gradient of its output already. */
  #layersBack(
    plan: ShardPlan,
    plans: readonly LayerPlan[],
    tensors: readonly LayerTensors[],
    input: number,
    dInput: number,
  ): void {
    const relu = this.#layout.shape.activation === 'relu'
    const k = this.#k
    const { rows, gradient } = plan
    const { scratch, weights: places } = this.#places
    for (let i = plans.length - 1; i >= 0; i--) {
      const { out, dOut, sums } = plans[i]!
      const { weights, bias } = tensors[i]!
      const [outputs = 0, inputs = 0] = weights.shape
      const width = up(outputs, 8)
      const head = i === plans.length - 1
      const d = head ? out : dOut
      if (!head) {
        if (relu) k.reluBackward(out, d, rows * width)
        else k.tanhBackward(out, d, rows * width)
      }
      const below = i === 0 ? input : plans[i - 1]!.out
      const dBelow = i === 0 ? dInput : plans[i - 1]!.dOut
      if (i > 0) this.#zero(dBelow, rows * inputs)
      const slot = gradient + 4 * weights.offset
      const at = places.parameters + 4 * weights.offset
      k.gemm(outputs, inputs, rows, d, 4, 4 * width, below, 32, 4 * inputs, slot, 4 * inputs, scratch)
      k.gemm(rows, inputs, outputs, d, 4 * width, 4, at, 32, 4 * inputs, dBelow, 4 * inputs, scratch)
      this.#zero(sums, width)
      k.sumRows(d, rows, width, sums)
      this.#f32.copyWithin((gradient >> 2) + bias.offset, sums >> 2, (sums >> 2) + outputs)
    }
  }

  #lstmBack(plan: ShardPlan, s: number, l: number): void {
    const { hidden: width } = this.#layout.shape
    const { steps, sequences, rows, gradient } = plan
    const lstm = plan.stacks[s]![l]!
    const packed = this.#places.weights.stacks[s]![l]!
    const { inputs, inputWeights, hiddenWeights, inputBias, hiddenBias } = this.#layout.stacks[s]![l]!
    const { scratch } = this.#places
    const k = this.#k
    const row = 4 * width
    const size = sequences * width
    this.#zero(lstm.dCell, size)
    for (let t = steps - 1; t >= 0; t--) {
      const at = 4 * t * size
      const starts = plan.starts + t * sequences
      const gates = lstm.gates + 4 * at
      k.lstmBackward(
        gates,
        lstm.cellBefore + at,
        lstm.tanhCell + at,
        lstm.dh + at,
        lstm.dCell,
        sequences,
        width,
        starts,
      )
      if (t === 0) break
      // The gradient of the state before, kept from flowing into the episode before; `cell` is free by now.
      this.#zero(lstm.cell, size)
      k.gemm(
        sequences,
        width,
        row,
        gates,
        4 * row,
        4,
        packed.hiddenBack,
        32 * row,
        32,
        lstm.cell,
        4 * width,
        scratch,
      )
      k.maskedCopy(lstm.cell, lstm.tanhCell + at, sequences, width, starts)
      k.add(lstm.dh + at - 4 * size, lstm.tanhCell + at, size)
    }
    const slot = (offset: number) => gradient + 4 * offset
    k.gemm(
      row,
      width,
      rows,
      lstm.gates,
      4,
      4 * row,
      lstm.before,
      32,
      4 * width,
      slot(hiddenWeights.offset),
      4 * width,
      scratch,
    )
    if (l === 0) {
      const padded = up(inputs, 8)
      this.#zero(lstm.dInput, row * padded)
      k.gemm(
        row,
        padded,
        rows,
        lstm.gates,
        4,
        4 * row,
        plan.observations,
        32,
        4 * padded,
        lstm.dInput,
        4 * padded,
        scratch,
      )
      const to = slot(inputWeights.offset) >> 2
      for (let g = 0; g < row; g++) {
        const from = (lstm.dInput >> 2) + g * padded
        this.#f32.copyWithin(to + g * inputs, from, from + inputs)
      }
    } else {
      const below = plan.stacks[s]![l - 1]!
      const bytes = 4 * inputs
      const weights = slot(inputWeights.offset)
      k.gemm(row, inputs, rows, lstm.gates, 4, 4 * row, below.h, 32, bytes, weights, bytes, scratch)
      k.gemm(
        rows,
        inputs,
        row,
        lstm.gates,
        4 * row,
        4,
        packed.inputBack,
        32 * row,
        32,
        below.dh,
        bytes,
        scratch,
      )
    }
    k.sumRows(lstm.gates, rows, row, slot(inputBias.offset))
    // Both biases are added to the same sums.
    const sums = slot(inputBias.offset) >> 2
    this.#f32.copyWithin(slot(hiddenBias.offset) >> 2, sums, sums + row)
  }

  #zero(address: number, floats: number): void {
    this.#f32.fill(0, address >> 2, (address >> 2) + floats)
  }
}
