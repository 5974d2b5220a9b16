/**
 * The engine in plain float64, one loop after the other, as the papers write it: what the fast engines are tested against.
 * LSTM: Hochreiter and Schmidhuber, 1997, with forget gate; PPO: Schulman et al., 2017, eq. 7 and 9; Adam: Kingma and Ba,
 * 2015, algorithm 1.
 */
import { exp, log, tanh } from '../../base/math.js'
import type { LayerTensors, Layout, LstmTensors } from '../network/network.js'
import type { AdamSettings, Engine, Experience, LossFigures, LossSettings, PolicyStep } from './engine.js'

const sigmoid = (x: number): number => 1 / (1 + exp(-x))

/** What the backward pass needs of one LSTM: all [steps, sequences, hidden]. */
interface LstmTrace {
  readonly h: Float64Array
  readonly c: Float64Array
  readonly tanhC: Float64Array
  readonly i: Float64Array
  readonly f: Float64Array
  readonly g: Float64Array
  readonly o: Float64Array
}

/** Outputs of the layers above an LSTM, [steps x sequences, width] each, the LSTM's own first. */
type NetTrace = readonly Float64Array[]

/** Sequences side by side, of one block: `lanes` is their number. */
type Minibatch = Omit<Experience, 'blocks'>
type Sequences = Pick<Minibatch, 'steps' | 'lanes' | 'observations' | 'episodeStarts' | 'hidden' | 'cell'>

/**
 * Any shape, in float64; slow. Parameters are zero until they are written. Nothing is checked: what does not fit the layout
 * gives NaN.
 */
export class ReferenceEngine implements Engine {
  readonly name = 'reference'
  readonly layout: Layout
  readonly #parameters: Float64Array
  readonly #gradient: Float64Array
  readonly #first: Float64Array
  readonly #second: Float64Array
  #steps = 0
  #experience: Experience | null = null
  #figures: LossFigures[] = []
  #norms: number[] = []

  constructor(layout: Layout) {
    this.layout = layout
    this.#parameters = new Float64Array(layout.size)
    this.#gradient = new Float64Array(layout.size)
    this.#first = new Float64Array(layout.size)
    this.#second = new Float64Array(layout.size)
  }

  readParameters(): Float64Array {
    return this.#parameters.slice()
  }

  writeParameters(values: ArrayLike<number>): void {
    this.#parameters.set(values)
  }

  readGradient(): Float64Array {
    return this.#gradient.slice()
  }

  readMoments() {
    return { first: this.#first.slice(), second: this.#second.slice(), steps: this.#steps }
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
    this.#first.set(first)
    this.#second.set(second)
    this.#steps = steps
  }

  dispose(): void {}

  policyStep({ count, observations, episodeStarts, hidden, cell, logits, values }: PolicyStep): void {
    const { layout } = this
    const state = { steps: 1, lanes: count, observations, episodeStarts, hidden, cell }
    const size = count * layout.shape.hidden
    const tops = (values === null ? layout.stacks.slice(0, 1) : layout.stacks).map((stack, k) => {
      const traces = this.#stack(stack, state, k)
      for (const [l, { h, c }] of traces.entries()) {
        hidden.set(h, (k * stack.length + l) * size)
        cell.set(c, (k * stack.length + l) * size)
      }
      return traces.at(-1)!.h
    })
    const policy = this.#net(layout.policyNet, tops[0]!, count)
    logits.set(this.#linear(layout.policyHead, policy.at(-1)!, count))
    if (values === null) return
    const value = this.#net(layout.valueNet, tops.at(-1)!, count)
    values.set(this.#linear(layout.valueHead, value.at(-1)!, count))
  }

  load(experience: Experience): void {
    this.#experience = experience
    this.#figures = []
    this.#norms = []
  }

  readFigures = (): LossFigures[] => this.#figures.splice(0)
  readNorms = (): number[] => this.#norms.splice(0)

  gradient(chosen: readonly number[], settings: LossSettings): void {
    const { layout } = this
    const batch = gathered(this.#experience!, chosen, layout)
    const rows = batch.steps * batch.lanes
    this.#gradient.fill(0)
    const traces = layout.stacks.map((stack, k) => this.#stack(stack, batch, k))
    const [top, bottom] = [traces[0]!.at(-1)!, traces.at(-1)!.at(-1)!]
    const policy = this.#net(layout.policyNet, top.h, rows)
    const value = this.#net(layout.valueNet, bottom.h, rows)
    const logits = this.#linear(layout.policyHead, policy.at(-1)!, rows)
    const values = this.#linear(layout.valueHead, value.at(-1)!, rows)
    const { figures, dLogits, dValues } = lossGradient(batch, settings, logits, values, layout.shape.actions)
    const dPolicy = this.#linearBack(layout.policyHead, policy.at(-1)!, dLogits, rows)
    const dValue = this.#linearBack(layout.valueHead, value.at(-1)!, dValues, rows)
    const dTop = this.#netBack(layout.policyNet, policy, dPolicy, rows)
    const dBottom = this.#netBack(layout.valueNet, value, dValue, rows)
    if (layout.shape.lstm === 'joint') for (let i = 0; i < dTop.length; i++) dTop[i]! += dBottom[i]!
    this.#stackBack(0, traces[0]!, dTop, batch)
    if (layout.shape.lstm === 'separate') this.#stackBack(1, traces[1]!, dBottom, batch)
    this.#figures.push(figures)
  }

  adamStep({ rate, beta1, beta2, epsilon, maxNorm }: AdamSettings): void {
    let squares = 0
    for (const g of this.#gradient) squares += g * g
    const norm = Math.sqrt(squares)
    // torch.nn.utils.clip_grad_norm_: the coefficient is max / (norm + 1e-6), at most 1.
    const scale = Math.min(1, maxNorm / (norm + 1e-6))
    this.#steps++
    const correct1 = 1 - beta1 ** this.#steps
    const correct2 = 1 - beta2 ** this.#steps
    for (let i = 0; i < this.#gradient.length; i++) {
      const g = this.#gradient[i]! * scale
      this.#first[i] = beta1 * this.#first[i]! + (1 - beta1) * g
      this.#second[i] = beta2 * this.#second[i]! + (1 - beta2) * g * g
      const denominator = Math.sqrt(this.#second[i]!) / Math.sqrt(correct2) + epsilon
      this.#parameters[i]! -= ((rate / correct1) * this.#first[i]!) / denominator
    }
    this.#norms.push(norm)
  }

  /** The layers of stack `k`, each reading the one below. */
  #stack(stack: readonly LstmTensors[], batch: Sequences, k: number): LstmTrace[] {
    const traces: LstmTrace[] = []
    let input = batch.observations
    for (const [l, tensors] of stack.entries()) {
      traces.push(this.#lstm(tensors, input, batch, k * stack.length + l))
      input = traces[l]!.h
    }
    return traces
  }

  #stackBack(k: number, traces: readonly LstmTrace[], dTop: Float64Array, batch: Sequences): void {
    const stack = this.layout.stacks[k]!
    let dh = dTop
    for (let l = stack.length - 1; l >= 0; l--) {
      const input = l === 0 ? batch.observations : traces[l - 1]!.h
      dh = this.#lstmBack(stack[l]!, input, traces[l]!, dh, batch, k * stack.length + l)
    }
  }

  /** LSTM number `which` over its input [steps, sequences, inputs]. */
  #lstm(
    { inputs, inputWeights, hiddenWeights, inputBias, hiddenBias }: LstmTensors,
    input: ArrayLike<number>,
    { steps, lanes: sequences, episodeStarts, hidden, cell }: Sequences,
    which: number,
  ): LstmTrace {
    const { hidden: width } = this.layout.shape
    const p = this.#parameters
    const make = () => new Float64Array(steps * sequences * width)
    const trace: LstmTrace = {
      h: make(),
      c: make(),
      tanhC: make(),
      i: make(),
      f: make(),
      g: make(),
      o: make(),
    }
    const gates = new Float64Array(4 * width)
    for (let t = 0; t < steps; t++) {
      for (let b = 0; b < sequences; b++) {
        const row = t * sequences + b
        const fresh = episodeStarts[row] === 1
        const state = (which * sequences + b) * width
        for (let k = 0; k < 4 * width; k++) {
          let sum = p[inputBias.offset + k]! + p[hiddenBias.offset + k]!
          for (let n = 0; n < inputs; n++) {
            sum += p[inputWeights.offset + k * inputs + n]! * input[row * inputs + n]!
          }
          if (!fresh) {
            for (let n = 0; n < width; n++) {
              const before = t === 0 ? hidden[state + n]! : trace.h[(row - sequences) * width + n]!
              sum += p[hiddenWeights.offset + k * width + n]! * before
            }
          }
          gates[k] = sum
        }
        for (let n = 0; n < width; n++) {
          const at = row * width + n
          const before = fresh ? 0 : t === 0 ? cell[state + n]! : trace.c[at - sequences * width]!
          const i = sigmoid(gates[n]!)
          const f = sigmoid(gates[width + n]!)
          const g = tanh(gates[2 * width + n]!)
          const o = sigmoid(gates[3 * width + n]!)
          const c = f * before + i * g
          trace.i[at] = i
          trace.f[at] = f
          trace.g[at] = g
          trace.o[at] = o
          trace.c[at] = c
          trace.tanhC[at] = tanh(c)
          trace.h[at] = o * trace.tanhC[at]!
        }
      }
    }
    return trace
  }

  /** Backpropagation through time: `dh` holds the gradient from above and is used up. Returns that of the input. */
  #lstmBack(
    { inputs, inputWeights, hiddenWeights, inputBias, hiddenBias }: LstmTensors,
    input: ArrayLike<number>,
    trace: LstmTrace,
    dh: Float64Array,
    { steps, lanes: sequences, episodeStarts, hidden, cell }: Sequences,
    which: number,
  ): Float64Array {
    const { hidden: width } = this.layout.shape
    const p = this.#parameters
    const d = this.#gradient
    const dInput = new Float64Array(steps * sequences * inputs)
    const dc = new Float64Array(sequences * width)
    const dGates = new Float64Array(4 * width)
    for (let t = steps - 1; t >= 0; t--) {
      for (let b = 0; b < sequences; b++) {
        const row = t * sequences + b
        const fresh = episodeStarts[row] === 1
        const state = (which * sequences + b) * width
        for (let n = 0; n < width; n++) {
          const at = row * width + n
          const [i, f, g, o, tanhC] = [
            trace.i[at]!,
            trace.f[at]!,
            trace.g[at]!,
            trace.o[at]!,
            trace.tanhC[at]!,
          ]
          const before = fresh ? 0 : t === 0 ? cell[state + n]! : trace.c[at - sequences * width]!
          const dCell = dc[b * width + n]! + dh[at]! * o * (1 - tanhC * tanhC)
          dGates[n] = dCell * g * i * (1 - i)
          dGates[width + n] = dCell * before * f * (1 - f)
          dGates[2 * width + n] = dCell * i * (1 - g * g)
          dGates[3 * width + n] = dh[at]! * tanhC * o * (1 - o)
          // The state before an episode's first step is a constant zero.
          dc[b * width + n] = fresh ? 0 : dCell * f
        }
        for (let k = 0; k < 4 * width; k++) {
          const gate = dGates[k]!
          d[inputBias.offset + k]! += gate
          d[hiddenBias.offset + k]! += gate
          for (let n = 0; n < inputs; n++) {
            d[inputWeights.offset + k * inputs + n]! += gate * input[row * inputs + n]!
            dInput[row * inputs + n]! += gate * p[inputWeights.offset + k * inputs + n]!
          }
          if (fresh) continue
          for (let n = 0; n < width; n++) {
            const before = t === 0 ? hidden[state + n]! : trace.h[(row - sequences) * width + n]!
            d[hiddenWeights.offset + k * width + n]! += gate * before
            if (t > 0) dh[(row - sequences) * width + n]! += gate * p[hiddenWeights.offset + k * width + n]!
          }
        }
      }
    }
    return dInput
  }

  #linear({ weights, bias }: LayerTensors, input: Float64Array, rows: number): Float64Array {
    const [outputs, inputs] = weights.shape as [number, number]
    const p = this.#parameters
    const out = new Float64Array(rows * outputs)
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < outputs; k++) {
        let sum = p[bias.offset + k]!
        for (let n = 0; n < inputs; n++) sum += p[weights.offset + k * inputs + n]! * input[r * inputs + n]!
        out[r * outputs + k] = sum
      }
    }
    return out
  }

  /** Adds to the gradient of the layer; returns that of its input. */
  #linearBack(
    { weights, bias }: LayerTensors,
    input: Float64Array,
    dOut: Float64Array,
    rows: number,
  ): Float64Array {
    const [outputs, inputs] = weights.shape as [number, number]
    const p = this.#parameters
    const d = this.#gradient
    const dIn = new Float64Array(rows * inputs)
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < outputs; k++) {
        const from = dOut[r * outputs + k]!
        d[bias.offset + k]! += from
        for (let n = 0; n < inputs; n++) {
          d[weights.offset + k * inputs + n]! += from * input[r * inputs + n]!
          dIn[r * inputs + n]! += from * p[weights.offset + k * inputs + n]!
        }
      }
    }
    return dIn
  }

  #net(layers: readonly LayerTensors[], input: Float64Array, rows: number): NetTrace {
    const relu = this.layout.shape.activation === 'relu'
    const trace = [input]
    for (const layer of layers) {
      trace.push(this.#linear(layer, trace.at(-1)!, rows).map((x) => (relu ? Math.max(0, x) : tanh(x))))
    }
    return trace
  }

  #netBack(layers: readonly LayerTensors[], trace: NetTrace, dTop: Float64Array, rows: number): Float64Array {
    const relu = this.layout.shape.activation === 'relu'
    let d = dTop
    for (let k = layers.length - 1; k >= 0; k--) {
      const y = trace[k + 1]!
      d = d.map((value, i) => value * (relu ? (y[i]! > 0 ? 1 : 0) : 1 - y[i]! * y[i]!))
      d = this.#linearBack(layers[k]!, trace[k]!, d, rows)
    }
    return d
  }
}

/** The sequences `chosen`, side by side. */
function gathered(all: Experience, chosen: readonly number[], { shape, cells }: Layout): Minibatch {
  const { steps, lanes } = all
  /** Row t c + s of the minibatch, c sequences wide, as a row of `all`. */
  const rows = Array.from({ length: steps }, (_, t) =>
    chosen.map((q) => (Math.floor(q / lanes) * steps + t) * lanes + (q % lanes)),
  ).flat()
  /** [cells, sequences] rows of `hidden` numbers. */
  const states = Array.from({ length: cells }, (_, c) =>
    chosen.map((q) => (Math.floor(q / lanes) * cells + c) * lanes + (q % lanes)),
  ).flat()
  const wide = (from: ArrayLike<number>, at: readonly number[], width: number) =>
    Float64Array.from(
      { length: at.length * width },
      (_, i) => from[at[Math.floor(i / width)]! * width + (i % width)]!,
    )
  const { held } = all
  return {
    steps,
    lanes: chosen.length,
    observations: wide(all.observations, rows, shape.inputs),
    episodeStarts: Uint8Array.from(rows, (row) => all.episodeStarts[row]!),
    valid: Uint8Array.from(rows, (row) => all.valid[row]!),
    actions: Int32Array.from(rows, (row) => all.actions[row]!),
    oldLogProbs: wide(all.oldLogProbs, rows, 1),
    advantages: wide(all.advantages, rows, 1),
    returns: wide(all.returns, rows, 1),
    hidden: wide(all.hidden, states, shape.hidden),
    cell: wide(all.cell, states, shape.hidden),
    held: held === null ? null : Int32Array.from(rows, (row) => held[row]!),
  }
}

interface LossGradient {
  readonly figures: LossFigures
  readonly dLogits: Float64Array
  readonly dValues: Float64Array
}

/** The PPO loss and its gradient with respect to logits and values; masked actions have probability 0. */
function lossGradient(
  batch: Minibatch,
  settings: LossSettings,
  logits: Float64Array,
  values: Float64Array,
  actions: number,
): LossGradient {
  const { valid, returns, oldLogProbs } = batch
  const { clip, valueCoefficient, entropyCoefficient, holdPrior, allowed } = settings
  const rows = valid.length
  const count = valid.reduce((sum, one) => sum + one, 0)
  const advantages = settings.normaliseAdvantage ? normalised(batch, count) : batch.advantages
  const dLogits = new Float64Array(rows * actions)
  const dValues = new Float64Array(rows)
  const logProbs = new Float64Array(actions)
  let [policyLoss, valueLoss, entropyMean, approxKl, clipped] = [0, 0, 0, 0, 0]
  for (let r = 0; r < rows; r++) {
    if (valid[r] === 0) continue
    const at = r * actions
    let most = Number.NEGATIVE_INFINITY
    for (let a = 0; a < actions; a++) {
      const prior = batch.held?.[r] === a ? holdPrior : 0
      logProbs[a] = allowed[a] === 1 ? logits[at + a]! + prior : Number.NEGATIVE_INFINITY
      most = Math.max(most, logProbs[a]!)
    }
    let sum = 0
    for (let a = 0; a < actions; a++) if (allowed[a] === 1) sum += exp(logProbs[a]! - most)
    const norm = most + log(sum)
    let entropy = 0
    for (let a = 0; a < actions; a++) {
      if (allowed[a] === 0) continue
      logProbs[a]! -= norm
      entropy -= exp(logProbs[a]!) * logProbs[a]!
    }
    const taken = batch.actions[r]!
    const logRatio = logProbs[taken]! - oldLogProbs[r]!
    const ratio = exp(logRatio)
    const advantage = advantages[r]!
    const plain = ratio * advantage
    const limited = Math.min(1 + clip, Math.max(1 - clip, ratio)) * advantage
    policyLoss -= Math.min(plain, limited) / count
    // The minimum passes a gradient only where the plain term is the smaller, or both are equal within the clip range.
    const dLogProb = plain <= limited ? -plain / count : 0
    const error = values[r]! - returns[r]!
    valueLoss += (error * error) / count
    entropyMean += entropy / count
    approxKl += (ratio - 1 - logRatio) / count
    if (Math.abs(ratio - 1) > clip) clipped += 1 / count
    dValues[r] = (valueCoefficient * 2 * error) / count
    for (let a = 0; a < actions; a++) {
      if (allowed[a] === 0) continue
      const probability = exp(logProbs[a]!)
      dLogits[at + a] =
        dLogProb * ((a === taken ? 1 : 0) - probability) +
        (entropyCoefficient / count) * probability * (logProbs[a]! + entropy)
    }
  }
  const loss = policyLoss + valueCoefficient * valueLoss - entropyCoefficient * entropyMean
  const figures = { loss, policyLoss, valueLoss, entropy: entropyMean, approxKl, clipFraction: clipped }
  return { figures, dLogits, dValues }
}

/** (A - mean) / (std + 1e-8) over the valid steps, n - 1. */
function normalised({ advantages, valid }: Minibatch, count: number): Float64Array {
  let sum = 0
  for (let r = 0; r < valid.length; r++) if (valid[r] === 1) sum += advantages[r]!
  const mean = sum / count
  let squares = 0
  for (let r = 0; r < valid.length; r++)
    if (valid[r] === 1) squares += (advantages[r]! - mean) * (advantages[r]! - mean)
  const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0
  return Float64Array.from(advantages, (a) => (a - mean) / (deviation + 1e-8))
}
