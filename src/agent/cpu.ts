/**
 * The CPU engine: the kernels of kernels/ in the order of the reference engine, on one block of WebAssembly memory.
 * float32 throughout, sums of losses and norms in float64. Hidden and layer widths are multiples of 8.
 */
import { readFile } from 'node:fs/promises'
import { Failure } from '../base/errors.js'
import type { AdamSettings, Engine, LossFigures, LossSettings, Minibatch, PolicyStep } from './engine.js'
import type { LayerTensors, Layout, LstmTensors } from './network.js'

/** The exports of kernels/index.ts; addresses and strides in bytes. */
interface Kernels {
  gemm(
    m: number,
    n: number,
    k: number,
    a: number,
    sam: number,
    sak: number,
    b: number,
    sbn: number,
    sbk: number,
    c: number,
    ldc: number,
  ): void
  packTransposed(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  pack(w: number, rows: number, cols: number, ld: number, out: number, panel: number): void
  fillRows(c: number, m: number, n: number, row: number): void
  sumRows(a: number, m: number, n: number, out: number): void
  tanhForward(x: number, count: number): void
  tanhBackward(y: number, d: number, count: number): void
  reluForward(x: number, count: number): void
  reluBackward(y: number, d: number, count: number): void
  maskedCopy(from: number, to: number, rows: number, width: number, starts: number): void
  lstmForward(
    gates: number,
    cin: number,
    cout: number,
    tanhc: number,
    h: number,
    rows: number,
    width: number,
  ): void
  lstmBackward(
    gates: number,
    cin: number,
    tanhc: number,
    dh: number,
    dc: number,
    rows: number,
    width: number,
    starts: number,
  ): void
  add(a: number, b: number, count: number): void
  ppoLoss(
    rows: number,
    actions: number,
    logits: number,
    ld: number,
    values: number,
    valueStride: number,
    taken: number,
    held: number,
    prior: number,
    allowed: number,
    valid: number,
    oldLogProbs: number,
    advantages: number,
    returns: number,
    scratch: number,
    count: number,
    mean: number,
    scale: number,
    clip: number,
    valueCoefficient: number,
    entropyCoefficient: number,
    out: number,
  ): void
  sumSquares(a: number, count: number): number
  adam(
    p: number,
    g: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    beta1: number,
    beta2: number,
    rate: number,
    root2: number,
    epsilon: number,
  ): void
}

const PAGE = 65_536
const MOST_PAGES = 32_768
const up = (value: number, to: number): number => Math.ceil(value / to) * to

/** Where the compiled kernels lie beside the compiled engine. */
const KERNELS = new URL('./kernels.wasm', import.meta.url)

export async function cpuEngine(layout: Layout, kernels: URL = KERNELS): Promise<Engine> {
  const { hidden, net } = layout.shape
  if ([hidden, ...net].some((width) => width % 8 !== 0)) {
    throw new Failure('usage', 'the cpu engine needs widths that are multiples of 8')
  }
  const memory = new WebAssembly.Memory({ initial: 64, maximum: MOST_PAGES, shared: true })
  const module = await WebAssembly.compile(await readFile(kernels))
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort: () => {} } })
  return new CpuEngine(layout, memory, instance.exports as unknown as Kernels)
}

/** The matrices of one LSTM over a minibatch. */
interface LstmPlan {
  readonly tensors: LstmTensors
  /** Panels of the transposed weights. */
  readonly packedInput: number
  readonly packedHidden: number
  /** Panels of the hidden weights as they are, for the way back. */
  readonly packedBack: number
  readonly bias: number
  /** [rows, 4H]: sums, then activations, then gradients. */
  readonly gates: number
  /** State before each step, [rows, H]. */
  readonly before: number
  readonly cellBefore: number
  readonly cell: number
  readonly tanhCell: number
  readonly h: number
  readonly dh: number
  /** [sequences, H]: running gradients. */
  readonly dCell: number
  readonly dInput: number
}

interface LayerPlan {
  readonly tensors: LayerTensors
  readonly packed: number
  readonly bias: number
  readonly inputs: number
  readonly outputs: number
  /** `outputs` as a multiple of 8. */
  readonly width: number
  readonly out: number
  readonly dOut: number
  readonly sums: number
}

/** Everything a minibatch of one size needs; made once for each size. */
interface Plan {
  readonly rows: number
  readonly steps: number
  readonly sequences: number
  readonly observations: number
  readonly starts: number
  readonly valid: number
  readonly actions: number
  readonly held: number
  readonly oldLogProbs: number
  readonly advantages: number
  readonly returns: number
  readonly allowed: number
  readonly scratch: number
  readonly figures: number
  readonly lstms: readonly LstmPlan[]
  readonly policy: readonly LayerPlan[]
  readonly value: readonly LayerPlan[]
}

class CpuEngine implements Engine {
  readonly name = 'cpu'
  readonly layout: Layout
  readonly #memory: WebAssembly.Memory
  readonly #k: Kernels
  readonly #size: number
  readonly #parameters: number
  readonly #gradient: number
  readonly #first: number
  readonly #second: number
  readonly #plans = new Map<string, Plan>()
  /** Counts changes of the parameters; each plan packs them anew when it has seen an older count. */
  #version = 1
  readonly #packed = new Map<Plan, number>()
  #top = PAGE
  #steps = 0
  #f32: Float32Array
  #u8: Uint8Array
  #i32: Int32Array
  #f64: Float64Array

  constructor(layout: Layout, memory: WebAssembly.Memory, kernels: Kernels) {
    this.layout = layout
    this.#memory = memory
    this.#k = kernels
    this.#f32 = new Float32Array(memory.buffer)
    this.#u8 = new Uint8Array(memory.buffer)
    this.#i32 = new Int32Array(memory.buffer)
    this.#f64 = new Float64Array(memory.buffer)
    this.#size = up(layout.size, 4)
    this.#parameters = this.#floats(this.#size)
    this.#gradient = this.#floats(this.#size)
    this.#first = this.#floats(this.#size)
    this.#second = this.#floats(this.#size)
  }

  readParameters = (): Float32Array => this.#read(this.#parameters, this.layout.size)
  readGradient = (): Float32Array => this.#read(this.#gradient, this.layout.size)

  writeParameters(values: ArrayLike<number>): void {
    this.#f32.set(values, this.#parameters >> 2)
    this.#version++
  }

  readMoments() {
    return {
      first: this.#read(this.#first, this.layout.size),
      second: this.#read(this.#second, this.layout.size),
      steps: this.#steps,
    }
  }

  writeMoments({
    first,
    second,
    steps,
  }: {
    first: ArrayLike<number>
    second: ArrayLike<number>
    steps: number
  }): void {
    this.#f32.set(first, this.#first >> 2)
    this.#f32.set(second, this.#second >> 2)
    this.#steps = steps
  }

  dispose(): void {}

  policyStep({ count, observations, episodeStarts, hidden, cell, logits, values }: PolicyStep): void {
    const { inputs, actions, hidden: width } = this.layout.shape
    const plan = this.#plan(1, count)
    this.#writeObservations(plan, observations, inputs)
    this.#u8.set(episodeStarts, plan.starts)
    const size = count * width
    this.#forward(plan, hidden, cell)
    for (const [n, lstm] of plan.lstms.entries()) {
      hidden.set(this.#f32.subarray(lstm.h >> 2, (lstm.h >> 2) + size), n * size)
      cell.set(this.#f32.subarray(lstm.cell >> 2, (lstm.cell >> 2) + size), n * size)
    }
    const policy = plan.policy.at(-1)!
    const value = plan.value.at(-1)!
    for (let r = 0; r < count; r++) {
      const from = (policy.out >> 2) + r * policy.width
      for (let a = 0; a < actions; a++) logits[r * actions + a] = this.#f32[from + a]!
      values[r] = this.#f32[(value.out >> 2) + r * value.width]!
    }
  }

  gradMinibatch(batch: Minibatch, settings: LossSettings): LossFigures {
    const plan = this.#plan(batch.steps, batch.sequences)
    const { rows } = plan
    this.#u8.fill(0, this.#gradient, this.#gradient + 4 * this.#size)
    this.#writeObservations(plan, batch.observations, this.layout.shape.inputs)
    this.#u8.set(batch.episodeStarts, plan.starts)
    this.#u8.set(batch.valid, plan.valid)
    this.#u8.set(settings.allowed, plan.allowed)
    this.#i32.set(batch.actions, plan.actions >> 2)
    if (batch.held === null) this.#i32.fill(-1, plan.held >> 2, (plan.held >> 2) + rows)
    else this.#i32.set(batch.held, plan.held >> 2)
    this.#f32.set(batch.oldLogProbs, plan.oldLogProbs >> 2)
    this.#f32.set(batch.advantages, plan.advantages >> 2)
    this.#f32.set(batch.returns, plan.returns >> 2)
    this.#forward(plan, batch.hidden, batch.cell)
    const figures = this.#loss(plan, batch, settings)
    this.#backward(plan)
    return figures
  }

  adamStep({ rate, beta1, beta2, epsilon, maxNorm }: AdamSettings): number {
    const norm = Math.sqrt(this.#k.sumSquares(this.#gradient, this.#size))
    this.#steps++
    this.#version++
    this.#k.adam(
      this.#parameters,
      this.#gradient,
      this.#first,
      this.#second,
      this.#size,
      Math.min(1, maxNorm / (norm + 1e-6)),
      beta1,
      beta2,
      rate / (1 - power(beta1, this.#steps)),
      Math.sqrt(1 - power(beta2, this.#steps)),
      epsilon,
    )
    return norm
  }

  #forward(plan: Plan, hidden: ArrayLike<number>, cell: ArrayLike<number>): void {
    const { inputs, hidden: width } = this.layout.shape
    const { steps, sequences, rows } = plan
    const padded = up(inputs, 8)
    const row = 4 * width
    const size = sequences * width
    const k = this.#k
    this.#pack(plan)
    for (const [which, lstm] of plan.lstms.entries()) {
      k.fillRows(lstm.gates, rows, row, lstm.bias)
      k.gemm(
        rows,
        row,
        inputs,
        plan.observations,
        4 * padded,
        4,
        lstm.packedInput,
        32 * inputs,
        32,
        lstm.gates,
        4 * row,
      )
      // The state before the first step stands where the running gradients will.
      this.#f32.set(part(hidden, which * size, size), lstm.dh >> 2)
      this.#f32.set(part(cell, which * size, size), lstm.dCell >> 2)
      for (let t = 0; t < steps; t++) {
        const at = 4 * t * size
        const starts = plan.starts + t * sequences
        k.maskedCopy(t === 0 ? lstm.dh : lstm.h + at - 4 * size, lstm.before + at, sequences, width, starts)
        k.maskedCopy(
          t === 0 ? lstm.dCell : lstm.cell + at - 4 * size,
          lstm.cellBefore + at,
          sequences,
          width,
          starts,
        )
        const gates = lstm.gates + 4 * at
        k.gemm(
          sequences,
          row,
          width,
          lstm.before + at,
          4 * width,
          4,
          lstm.packedHidden,
          32 * width,
          32,
          gates,
          4 * row,
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
    this.#layers(plan.policy, plan.lstms[0]!.h, rows)
    this.#layers(plan.value, plan.lstms.at(-1)!.h, rows)
  }

  /** Brings the plan's copies of the weights up to date. */
  #pack(plan: Plan): void {
    if (this.#packed.get(plan) === this.#version) return
    this.#packed.set(plan, this.#version)
    const { inputs, hidden: width } = this.layout.shape
    const row = 4 * width
    const k = this.#k
    for (const lstm of plan.lstms) {
      const { inputWeights, hiddenWeights, inputBias, hiddenBias } = lstm.tensors
      k.packTransposed(this.#at(inputWeights), row, inputs, 4 * inputs, lstm.packedInput, 32 * inputs)
      k.packTransposed(this.#at(hiddenWeights), row, width, 4 * width, lstm.packedHidden, 32 * width)
      this.#f32.copyWithin(lstm.bias >> 2, this.#at(inputBias) >> 2, (this.#at(inputBias) >> 2) + row)
      k.add(lstm.bias, this.#at(hiddenBias), row)
      k.pack(this.#at(hiddenWeights), row, width, 4 * width, lstm.packedBack, 32 * row)
    }
    for (const layer of [...plan.policy, ...plan.value]) {
      const { inputs: from, outputs, packed, tensors } = layer
      this.#k.packTransposed(this.#at(tensors.weights), outputs, from, 4 * from, packed, 32 * from)
      this.#f32.set(
        this.#f32.subarray(this.#at(tensors.bias) >> 2, (this.#at(tensors.bias) >> 2) + outputs),
        layer.bias >> 2,
      )
    }
  }

  #layers(layers: readonly LayerPlan[], input: number, rows: number): void {
    const relu = this.layout.shape.activation === 'relu'
    let from = input
    for (const [i, layer] of layers.entries()) {
      const { inputs, width, packed } = layer
      this.#k.fillRows(layer.out, rows, width, layer.bias)
      this.#k.gemm(rows, width, inputs, from, 4 * inputs, 4, packed, 32 * inputs, 32, layer.out, 4 * width)
      if (i < layers.length - 1) {
        if (relu) this.#k.reluForward(layer.out, rows * width)
        else this.#k.tanhForward(layer.out, rows * width)
      }
      from = layer.out
    }
  }

  #loss(plan: Plan, batch: Minibatch, settings: LossSettings): LossFigures {
    const { rows } = plan
    let count = 0
    let sum = 0
    for (let r = 0; r < rows; r++) {
      if (batch.valid[r] === 0) continue
      count++
      sum += batch.advantages[r]!
    }
    let [mean, scale] = [0, 1]
    if (settings.normaliseAdvantage) {
      mean = sum / count
      let squares = 0
      for (let r = 0; r < rows; r++) if (batch.valid[r] === 1) squares += (batch.advantages[r]! - mean) ** 2
      scale = 1 / ((count > 1 ? Math.sqrt(squares / (count - 1)) : 0) + 1e-8)
    }
    const policy = plan.policy.at(-1)!
    const value = plan.value.at(-1)!
    this.#f64.fill(0, plan.figures >> 3, (plan.figures >> 3) + 5)
    this.#k.ppoLoss(
      rows,
      this.layout.shape.actions,
      policy.out,
      4 * policy.width,
      value.out,
      4 * value.width,
      plan.actions,
      plan.held,
      settings.holdPrior,
      plan.allowed,
      plan.valid,
      plan.oldLogProbs,
      plan.advantages,
      plan.returns,
      plan.scratch,
      count,
      mean,
      scale,
      settings.clip,
      settings.valueCoefficient,
      settings.entropyCoefficient,
      plan.figures,
    )
    const at = plan.figures >> 3
    const [policyLoss, valueLoss, entropy, approxKl, clipFraction] = this.#f64.slice(
      at,
      at + 5,
    ) as unknown as number[]
    return {
      loss: policyLoss! + settings.valueCoefficient * valueLoss! - settings.entropyCoefficient * entropy!,
      policyLoss: policyLoss!,
      valueLoss: valueLoss!,
      entropy: entropy!,
      approxKl: approxKl!,
      clipFraction: clipFraction!,
    }
  }

  #backward(plan: Plan): void {
    const { hidden: width } = this.layout.shape
    const size = plan.rows * width
    const top = plan.lstms[0]!
    const bottom = plan.lstms.at(-1)!
    for (const lstm of plan.lstms) this.#f32.fill(0, lstm.dh >> 2, (lstm.dh >> 2) + size)
    this.#layersBack(plan.policy, top.h, top.dh, plan.rows)
    this.#layersBack(plan.value, bottom.h, bottom.dh, plan.rows)
    for (const lstm of plan.lstms) this.#lstmBack(plan, lstm)
  }

  /** Adds to the layers' gradients and to `dInput`. The head's `out` holds the gradient of its output already. */
  #layersBack(layers: readonly LayerPlan[], input: number, dInput: number, rows: number): void {
    const relu = this.layout.shape.activation === 'relu'
    for (let i = layers.length - 1; i >= 0; i--) {
      const layer = layers[i]!
      const { inputs, outputs, width, tensors } = layer
      const head = i === layers.length - 1
      const dOut = head ? layer.out : layer.dOut
      if (!head) {
        if (relu) this.#k.reluBackward(layer.out, dOut, rows * width)
        else this.#k.tanhBackward(layer.out, dOut, rows * width)
      }
      const below = i === 0 ? input : layers[i - 1]!.out
      const dBelow = i === 0 ? dInput : layers[i - 1]!.dOut
      if (i > 0) this.#f32.fill(0, dBelow >> 2, (dBelow >> 2) + rows * inputs)
      this.#k.gemm(
        outputs,
        inputs,
        rows,
        dOut,
        4,
        4 * width,
        below,
        32,
        4 * inputs,
        this.#slot(tensors.weights),
        4 * inputs,
      )
      this.#k.gemm(
        rows,
        inputs,
        outputs,
        dOut,
        4 * width,
        4,
        this.#at(tensors.weights),
        32,
        4 * inputs,
        dBelow,
        4 * inputs,
      )
      this.#f32.fill(0, layer.sums >> 2, (layer.sums >> 2) + width)
      this.#k.sumRows(dOut, rows, width, layer.sums)
      this.#f32.set(
        this.#f32.subarray(layer.sums >> 2, (layer.sums >> 2) + outputs),
        this.#slot(tensors.bias) >> 2,
      )
    }
  }

  #lstmBack(plan: Plan, lstm: LstmPlan): void {
    const { inputs, hidden: width } = this.layout.shape
    const { steps, sequences, rows } = plan
    const padded = up(inputs, 8)
    const row = 4 * width
    const size = sequences * width
    const k = this.#k
    const { inputWeights, hiddenWeights, inputBias, hiddenBias } = lstm.tensors
    this.#f32.fill(0, lstm.dCell >> 2, (lstm.dCell >> 2) + size)
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
      this.#f32.fill(0, lstm.cell >> 2, (lstm.cell >> 2) + size)
      k.gemm(sequences, width, row, gates, 4 * row, 4, lstm.packedBack, 32 * row, 32, lstm.cell, 4 * width)
      k.maskedCopy(lstm.cell, lstm.tanhCell + at, sequences, width, starts)
      k.add(lstm.dh + at - 4 * size, lstm.tanhCell + at, size)
    }
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
      this.#slot(hiddenWeights),
      4 * width,
    )
    this.#f32.fill(0, lstm.dInput >> 2, (lstm.dInput >> 2) + row * padded)
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
    )
    for (let g = 0; g < row; g++) {
      const from = (lstm.dInput >> 2) + g * padded
      this.#f32.copyWithin((this.#slot(inputWeights) >> 2) + g * inputs, from, from + inputs)
    }
    k.sumRows(lstm.gates, rows, row, this.#slot(inputBias))
    k.sumRows(lstm.gates, rows, row, this.#slot(hiddenBias))
  }

  /** Observations with their rows padded to a multiple of 8. */
  #writeObservations({ observations, rows }: Plan, values: ArrayLike<number>, inputs: number): void {
    const padded = up(inputs, 8)
    const to = observations >> 2
    for (let r = 0; r < rows; r++) {
      for (let n = 0; n < inputs; n++) this.#f32[to + r * padded + n] = values[r * inputs + n]!
    }
  }

  #plan(steps: number, sequences: number): Plan {
    const key = `${steps}x${sequences}`
    const known = this.#plans.get(key)
    if (known !== undefined) return known
    const { layout } = this
    const { inputs, hidden: width, actions } = layout.shape
    const rows = steps * sequences
    const floats = (count: number) => this.#floats(count)
    const layer = (tensors: LayerTensors): LayerPlan => {
      const [outputs = 0, from = 0] = tensors.weights.shape
      const padded = up(outputs, 8)
      return {
        tensors,
        inputs: from,
        outputs,
        width: padded,
        packed: floats(padded * from),
        bias: floats(padded),
        out: floats(rows * padded),
        dOut: floats(rows * padded),
        sums: floats(padded),
      }
    }
    const plan: Plan = {
      rows,
      steps,
      sequences,
      observations: floats(rows * up(inputs, 8)),
      starts: floats(rows),
      valid: floats(rows),
      actions: floats(rows),
      held: floats(rows),
      oldLogProbs: floats(rows),
      advantages: floats(rows),
      returns: floats(rows),
      allowed: floats(up(actions, 8)),
      scratch: floats(up(actions, 8)),
      figures: floats(16),
      lstms: layout.lstms.map((tensors) => ({
        tensors,
        packedInput: floats(4 * width * inputs),
        packedHidden: floats(4 * width * width),
        packedBack: floats(4 * width * width),
        bias: floats(4 * width),
        gates: floats(rows * 4 * width),
        before: floats(rows * width),
        cellBefore: floats(rows * width),
        cell: floats(rows * width),
        tanhCell: floats(rows * width),
        h: floats(rows * width),
        dh: floats(rows * width),
        dCell: floats(sequences * width),
        dInput: floats(4 * width * up(inputs, 8)),
      })),
      policy: [...layout.policyNet, layout.policyHead].map(layer),
      value: [...layout.valueNet, layout.valueHead].map(layer),
    }
    this.#plans.set(key, plan)
    return plan
  }

  /** Address of zeroed floats, 64-byte aligned. */
  #floats(count: number): number {
    const at = this.#top
    this.#top = up(at + 4 * count, 64)
    const missing = this.#top - this.#memory.buffer.byteLength
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE))
      this.#f32 = new Float32Array(this.#memory.buffer)
      this.#u8 = new Uint8Array(this.#memory.buffer)
      this.#i32 = new Int32Array(this.#memory.buffer)
      this.#f64 = new Float64Array(this.#memory.buffer)
    }
    return at
  }

  #read(address: number, count: number): Float32Array {
    return Float32Array.from(this.#f32.subarray(address >> 2, (address >> 2) + count))
  }

  #at({ offset }: { offset: number }): number {
    return this.#parameters + 4 * offset
  }

  #slot({ offset }: { offset: number }): number {
    return this.#gradient + 4 * offset
  }
}

function part(values: ArrayLike<number>, from: number, count: number): ArrayLike<number> {
  if (values instanceof Float32Array || values instanceof Float64Array)
    return values.subarray(from, from + count)
  return Array.from({ length: count }, (_, i) => values[from + i]!)
}

/** base^n by repeated squaring: Math.pow differs between versions of V8. */
function power(base: number, n: number): number {
  let [result, square] = [1, base]
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square
    square *= square
  }
  return result
}
