/**
 * Forward, loss and backward of a minibatch, in the order of the reference engine: the sequence of kernel calls that every
 * thread runs. The work is cut twice, so that no gradient is ever added up from parts: first by sequences, each carried
 * forwards and back through time, then by rows of the weights, each summed over the whole minibatch. No number depends on
 * where the cuts lie. float32 throughout, figures of the loss in float64.
 */
import type { LayerTensors, Layout, LstmTensors } from '../../network/network.js'
import type { Kernels } from './kernels.js'
import {
  type BatchPlan,
  FIGURES,
  type LayerPlan,
  type LstmPlan,
  lstmColumns,
  type PackedLayer,
  type PackedWeights,
  policyLayers,
  share,
  up,
  valueLayers,
} from './plan.js'

/** What a thread shares with the others, and the place for its own products. */
export interface ProgramPlaces {
  readonly weights: PackedWeights
  /** The gradient, as `Layout` orders it. */
  readonly gradient: number
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

/** What is done in parts: one step of the policy, or the two cuts of a gradient, of which the second follows the first. */
export const PHASES = ['step', 'through time', 'weights'] as const
export type Phase = (typeof PHASES)[number]

/** Rows that follow each other: `count` of them from number `row` on. */
interface Rows {
  readonly row: number
  readonly count: number
}

/** One thread's view of the shared memory, and the kernel calls on it. */
export class Program {
  readonly #layout: Layout
  readonly #k: Kernels
  readonly #places: ProgramPlaces
  readonly #u8: Uint8Array
  readonly #f32: Float32Array
  readonly #f64: Float64Array
  readonly #policyLayers: readonly LayerTensors[]
  readonly #valueLayers: readonly LayerTensors[]

  constructor(layout: Layout, memory: WebAssembly.Memory, kernels: Kernels, places: ProgramPlaces) {
    this.#layout = layout
    this.#k = kernels
    this.#places = places
    this.#u8 = new Uint8Array(memory.buffer)
    this.#f32 = new Float32Array(memory.buffer)
    this.#f64 = new Float64Array(memory.buffer)
    this.#policyLayers = policyLayers(layout)
    this.#valueLayers = valueLayers(layout)
  }

  /** Part `part` of `parts` of a phase of the minibatch whose inputs stand in its plan. */
  run(plan: BatchPlan, phase: Phase, part: number, parts: number): void {
    if (phase === 'weights') {
      this.#weightGradients(plan, part, parts)
      return
    }
    // By fours, as the products take rows.
    const [first, end] = share(plan.sequences, 4, part, parts)
    if (first === end) return
    if (phase === 'step') this.step(plan, { row: first, count: end - first }, true)
    else this.#throughTime(plan, first, end - first)
  }

  /** Logits and values of the first step; without `withValues` only what the logits need. */
  step(plan: BatchPlan, rows: Rows, withValues: boolean): void {
    this.#states(plan, 0, rows, withValues ? plan.stacks.length : 1)
    this.#outputs(plan, rows, withValues)
  }

  #throughTime(plan: BatchPlan, first: number, count: number): void {
    const { stacks, steps, sequences } = plan
    const { hidden: width } = this.#layout.shape
    const rowsOf = (t: number): Rows => ({ row: t * sequences + first, count })
    for (let t = 0; t < steps; t++) this.#states(plan, t, rowsOf(t), stacks.length)
    // The heads know no time: all rows at once, where they follow each other.
    if (count === sequences) this.#heads(plan, { row: 0, count: plan.rows })
    else for (let t = 0; t < steps; t++) this.#heads(plan, rowsOf(t))
    for (const [s, stack] of stacks.entries()) {
      for (let l = stack.length - 1; l >= 0; l--) {
        const from = (stack[l]!.dCell >> 2) + first * width
        this.#f32.fill(0, from, from + count * width)
        for (let t = steps - 1; t >= 0; t--) this.#lstmBack(plan, s, l, t, rowsOf(t))
      }
    }
  }

  /** From states to the gradients of states. */
  #heads(plan: BatchPlan, rows: Rows): void {
    const { stacks } = plan
    this.#outputs(plan, rows, true)
    this.#loss(plan, rows)
    this.#layersBack(plan.policy, this.#policyLayers, rows, { dh: stacks[0]!.at(-1)!.dh, fresh: true })
    const below = { dh: stacks.at(-1)!.at(-1)!.dh, fresh: stacks.length > 1 }
    this.#layersBack(plan.value, this.#valueLayers, rows, this.#layout.shape.lstm === 'shared' ? null : below)
  }

  /** The LSTMs of the first `count` stacks, one step on. */
  #states(plan: BatchPlan, t: number, rows: Rows, count: number): void {
    for (let s = 0; s < count; s++) {
      for (let l = 0; l < plan.stacks[s]!.length; l++) this.#lstm(plan, s, l, t, rows)
    }
  }

  #outputs({ policy, value, stacks }: BatchPlan, rows: Rows, withValues: boolean): void {
    const { weights } = this.#places
    this.#layers(policy, weights.policy, this.#policyLayers, stacks[0]!.at(-1)!, rows)
    if (withValues) this.#layers(value, weights.value, this.#valueLayers, stacks.at(-1)!.at(-1)!, rows)
  }

  #lstm(plan: BatchPlan, s: number, l: number, t: number, { row, count }: Rows): void {
    const { hidden: width } = this.#layout.shape
    const lstm = plan.stacks[s]![l]!
    const tensors = this.#layout.stacks[s]![l]!
    const k = this.#k
    const columns = lstmColumns(tensors, width)
    const depth = width + tensors.inputs + 1
    const first = 4 * (row % plan.sequences) * width
    const at = 4 * row * width
    const before = 4 * (row - plan.sequences) * width
    const starts = plan.starts + row
    const inputs = lstm.inputs + 4 * row * columns
    const gates = lstm.gates + 4 * at
    const hidden = t === 0 ? lstm.firstHidden + first : lstm.h + before
    const cell = t === 0 ? lstm.firstCell + first : lstm.cell + before
    k.maskedCopy(hidden, inputs, 4 * columns, count, width, starts)
    k.maskedCopy(cell, lstm.cellBefore + at, 4 * width, count, width, starts)
    if (l === 0) {
      const padded = columns - width
      const from = plan.observations + 4 * row * padded
      k.copyRows(from, 4 * padded, inputs + 4 * width, 4 * columns, count, padded)
    } else {
      k.copyRows(plan.stacks[s]![l - 1]!.h + at, 4 * width, inputs + 4 * width, 4 * columns, count, width)
    }
    this.#product({
      m: count,
      n: 4 * width,
      k: depth,
      a: inputs,
      sam: 4 * columns,
      sak: 4,
      b: this.#places.weights.stacks[s]![l]!.forward,
      sbn: 32 * depth,
      sbk: 32,
      c: gates,
      ldc: 16 * width,
      fresh: true,
    })
    k.lstmForward(gates, lstm.cellBefore + at, lstm.cell + at, lstm.tanhCell + at, lstm.h + at, count, width)
  }

  #layers(
    plans: readonly LayerPlan[],
    packed: readonly PackedLayer[],
    tensors: readonly LayerTensors[],
    top: LstmPlan,
    { row, count }: Rows,
  ): void {
    const relu = this.#layout.shape.activation === 'relu'
    const k = this.#k
    let from = top.h
    for (let i = 0; i < plans.length; i++) {
      const [outputs = 0, inputs = 0] = tensors[i]!.weights.shape
      const width = up(outputs, 8)
      const { weights, bias } = packed[i]!
      const out = plans[i]!.out + 4 * row * width
      k.fillRows(out, count, width, bias)
      this.#product({
        m: count,
        n: width,
        k: inputs,
        a: from + 4 * row * inputs,
        sam: 4 * inputs,
        sak: 4,
        b: weights,
        sbn: 32 * inputs,
        sbk: 32,
        c: out,
        ldc: 4 * width,
        fresh: false,
      })
      if (i < plans.length - 1) {
        if (relu) k.reluForward(out, count * width)
        else k.tanhForward(out, count * width)
      }
      from = plans[i]!.out
    }
  }

  /** The heads' outputs become their gradients. */
  #loss(plan: BatchPlan, { row, count }: Rows): void {
    const { actions } = this.#layout.shape
    const { job, allowed, scratch } = this.#places
    const columns = up(actions, 8)
    const at = job >> 3
    const number = (name: keyof typeof JOB) => this.#f64[at + JOB[name]]!
    this.#k.ppoLoss(
      count,
      actions,
      plan.policy.at(-1)!.out + 4 * row * columns,
      4 * columns,
      plan.value.at(-1)!.out + 32 * row,
      32,
      plan.actions + 4 * row,
      plan.held + 4 * row,
      number('holdPrior'),
      allowed,
      plan.valid + row,
      plan.oldLogProbs + 4 * row,
      plan.advantages + 4 * row,
      plan.returns + 4 * row,
      scratch,
      number('count'),
      number('mean'),
      number('scale'),
      number('clip'),
      number('valueCoefficient'),
      number('entropyCoefficient'),
      plan.figures + 8 * FIGURES * row,
    )
  }

  /**
   * From the gradient of the head's output, which its `out` holds already, to that of the state below, set where `fresh` and
   * else added to; null where it stops at the layers.
   */
  #layersBack(
    plans: readonly LayerPlan[],
    tensors: readonly LayerTensors[],
    { row, count }: Rows,
    state: { readonly dh: number; readonly fresh: boolean } | null,
  ): void {
    const relu = this.#layout.shape.activation === 'relu'
    for (let i = plans.length - 1; i >= 0; i--) {
      const { out, dOut } = plans[i]!
      const { weights } = tensors[i]!
      const [outputs = 0, inputs = 0] = weights.shape
      const width = up(outputs, 8)
      const head = i === plans.length - 1
      const offset = 4 * row * width
      if (!head) {
        if (relu) this.#k.reluBackward(out + offset, dOut + offset, count * width)
        else this.#k.tanhBackward(out + offset, dOut + offset, count * width)
      }
      const below = i === 0 ? state : { dh: plans[i - 1]!.dOut, fresh: true }
      if (below === null) continue
      this.#product({
        m: count,
        n: inputs,
        k: outputs,
        a: (head ? out : dOut) + offset,
        sam: 4 * width,
        sak: 4,
        b: this.#places.weights.parameters + 4 * weights.offset,
        sbn: 32,
        sbk: 4 * inputs,
        c: below.dh + 4 * row * inputs,
        ldc: 4 * inputs,
        fresh: below.fresh,
      })
    }
  }

  #lstmBack(plan: BatchPlan, s: number, l: number, t: number, { row, count }: Rows): void {
    const { hidden: width } = this.#layout.shape
    const lstm = plan.stacks[s]![l]!
    const packed = this.#places.weights.stacks[s]![l]!
    const at = 4 * row * width
    const gates = lstm.gates + 4 * at
    const dCell = lstm.dCell + 4 * (row % plan.sequences) * width
    this.#k.lstmBackward(
      gates,
      lstm.cellBefore + at,
      lstm.tanhCell + at,
      lstm.dh + at,
      dCell,
      count,
      width,
      plan.starts + row,
    )
    // The gradient of what was read, through the weights that read it.
    const through = (b: number, c: number, fresh: boolean) =>
      this.#product({
        m: count,
        n: width,
        k: 4 * width,
        a: gates,
        sam: 16 * width,
        sak: 4,
        b,
        sbn: 128 * width,
        sbk: 32,
        c,
        ldc: 4 * width,
        fresh,
      })
    if (l > 0) through(packed.inputBack, plan.stacks[s]![l - 1]!.dh + at, true)
    if (t === 0) return
    const before = row - plan.sequences
    const kept = this.#rowsBefore(plan, lstm, { row, count })
    through(packed.hiddenBack, lstm.dh + 4 * before * width, false)
    // Nothing flows into the episode before: there the gradient is put back as it was.
    for (const { from, values } of kept) this.#f32.set(values, from)
  }

  /** The gradients of the states before those rows that start an episode; seldom any. */
  #rowsBefore(
    plan: BatchPlan,
    lstm: LstmPlan,
    { row, count }: Rows,
  ): { readonly from: number; readonly values: Float32Array }[] {
    const { hidden: width } = this.#layout.shape
    const kept = []
    for (let r = row; r < row + count; r++) {
      if (this.#u8[plan.starts + r] === 0) continue
      const from = (lstm.dh >> 2) + (r - plan.sequences) * width
      kept.push({ from, values: this.#f32.slice(from, from + width) })
    }
    return kept
  }

  #weightGradients(plan: BatchPlan, part: number, parts: number): void {
    const { stacks } = this.#layout
    for (const [s, stack] of stacks.entries()) {
      for (const [l, tensors] of stack.entries()) {
        this.#lstmWeights(plan, plan.stacks[s]![l]!, tensors, part, parts)
      }
    }
    // Small: the first part does them, which has the fewest rows of the others.
    if (part !== 0) return
    this.#layerWeights(plan, plan.policy, this.#policyLayers, plan.stacks[0]!.at(-1)!)
    this.#layerWeights(plan, plan.value, this.#valueLayers, plan.stacks.at(-1)!.at(-1)!)
  }

  #lstmWeights(plan: BatchPlan, lstm: LstmPlan, tensors: LstmTensors, part: number, parts: number): void {
    const { hidden: width } = this.#layout.shape
    const { gradient } = this.#places
    const { inputs, inputWeights, hiddenWeights, inputBias, hiddenBias } = tensors
    const k = this.#k
    const columns = lstmColumns(tensors, width)
    const [from, to] = share(4 * width, 8, part, parts)
    const count = to - from
    const out = lstm.dWeights + 4 * from * columns
    this.#product({
      m: count,
      n: columns,
      k: plan.rows,
      a: lstm.gates + 4 * from,
      sam: 4,
      sak: 16 * width,
      b: lstm.inputs,
      sbn: 32,
      sbk: 4 * columns,
      c: out,
      ldc: 4 * columns,
      fresh: true,
    })
    const slot = ({ offset }: { readonly offset: number }) => gradient + 4 * offset
    k.copyPacked(out, 4 * columns, slot(hiddenWeights) + 4 * from * width, count, width)
    k.copyPacked(out + 4 * width, 4 * columns, slot(inputWeights) + 4 * from * inputs, count, inputs)
    // Both biases are added to the same sums.
    const bias = out + 4 * (width + inputs)
    k.copyPacked(bias, 4 * columns, slot(inputBias) + 4 * from, count, 1)
    k.copyPacked(bias, 4 * columns, slot(hiddenBias) + 4 * from, count, 1)
  }

  #layerWeights(
    plan: BatchPlan,
    plans: readonly LayerPlan[],
    tensors: readonly LayerTensors[],
    top: LstmPlan,
  ): void {
    const { gradient } = this.#places
    for (const [i, { out, dOut, sums }] of plans.entries()) {
      const { weights, bias } = tensors[i]!
      const [outputs = 0, inputs = 0] = weights.shape
      const width = up(outputs, 8)
      const d = i === plans.length - 1 ? out : dOut
      this.#product({
        m: outputs,
        n: inputs,
        k: plan.rows,
        a: d,
        sam: 4,
        sak: 4 * width,
        b: i === 0 ? top.h : plans[i - 1]!.out,
        sbn: 32,
        sbk: 4 * inputs,
        c: gradient + 4 * weights.offset,
        ldc: 4 * inputs,
        fresh: true,
      })
      this.#k.sumRows(d, plan.rows, width, sums)
      this.#f32.copyWithin((gradient >> 2) + bias.offset, sums >> 2, (sums >> 2) + outputs)
    }
  }

  #product({ m, n, k, a, sam, sak, b, sbn, sbk, c, ldc, fresh }: Product): void {
    this.#k.gemm(m, n, k, a, sam, sak, b, sbn, sbk, c, ldc, fresh ? 1 : 0, this.#places.scratch)
  }
}

/** The operands of `gemm`; strides in bytes. */
interface Product {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: number
  readonly sam: number
  readonly sak: number
  readonly b: number
  readonly sbn: number
  readonly sbk: number
  readonly c: number
  readonly ldc: number
  readonly fresh: boolean
}
