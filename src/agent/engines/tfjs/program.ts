/**
 * Recurrent PPO on the operations of tfjs-core, for any of its backends: the products of all steps at once, the recurrence
 * step by step, and backpropagation written by hand, which takes a third of the launches that a tape would. Parameters,
 * gradient and Adam's moments are flat tensors, so that clipping and the optimiser are a dozen operations. float32.
 */
import type * as TensorFlow from '@tensorflow/tfjs-core'
import type { LayerTensors, Layout, LstmTensors, Tensor as Place } from '../../network/network.js'
import type { AdamSettings, LossFigures, LossSettings, Minibatch, PolicyStep } from '../engine.js'

/** What a backend package exports. */
export type Tf = typeof TensorFlow
type Tensor = TensorFlow.Tensor
type Numbers = ArrayLike<number>

/** Stands for minus infinity among logits, and survives a multiplication by zero. */
const NEVER = -1e9

interface LstmTrace {
  readonly input: Tensor
  readonly h: Tensor[]
  readonly before: Tensor[]
  readonly cellBefore: Tensor[]
  readonly tanhCell: Tensor[]
  readonly gates: readonly [Tensor, Tensor, Tensor, Tensor][]
  readonly cell: Tensor
  /** [rows, H] */
  readonly out: Tensor
}

interface Sequences {
  readonly steps: number
  readonly sequences: number
  /** [steps, sequences, 1] each: 0 where an episode starts, else 1. */
  readonly keep: readonly Tensor[]
  readonly hidden: readonly Tensor[]
  readonly cell: readonly Tensor[]
}

/** The engine itself, in the thread; each call resolves when the backend is done. */
export class TfjsProgram {
  readonly layout: Layout
  readonly #tf: Tf
  #parameters: Tensor
  #gradient: Tensor
  #first: Tensor
  #second: Tensor
  #steps = 0

  constructor(tf: Tf, layout: Layout) {
    this.#tf = tf
    this.layout = layout
    const flat = () => tf.zeros([layout.size])
    this.#parameters = flat()
    this.#gradient = flat()
    this.#first = flat()
    this.#second = flat()
  }

  readParameters = (): Promise<Float32Array> => read(this.#parameters)
  readGradient = (): Promise<Float32Array> => read(this.#gradient)

  async writeParameters(values: Numbers): Promise<void> {
    this.#parameters = this.#replaced(this.#parameters, values)
  }

  async readMoments() {
    return { first: await read(this.#first), second: await read(this.#second), steps: this.#steps }
  }

  async writeMoments({
    first,
    second,
    steps,
  }: {
    first: Numbers
    second: Numbers
    steps: number
  }): Promise<void> {
    this.#first = this.#replaced(this.#first, first)
    this.#second = this.#replaced(this.#second, second)
    this.#steps = steps
  }

  /** The outputs of a policy step; `hidden` and `cell` are those after it. */
  async policyStep(
    step: Omit<PolicyStep, 'logits'>,
  ): Promise<{ logits: Float32Array; values: Float32Array; hidden: Float32Array; cell: Float32Array }> {
    const tf = this.#tf
    const { count, observations, episodeStarts, hidden, cell } = step
    const outputs = tf.tidy(() => {
      const batch = this.#sequences({ steps: 1, sequences: count, episodeStarts, hidden, cell })
      const input = tf.tensor2d(Float32Array.from(observations), [count, this.layout.shape.inputs])
      const traces = this.layout.stacks.map((_, s) => this.#stack(s, input, batch))
      const [top, bottom] = [traces[0]!.at(-1)!.out, traces.at(-1)!.at(-1)!.out]
      const logits = this.#linear(this.layout.policyHead, this.#net(this.layout.policyNet, top).at(-1)!)
      const values = this.#linear(this.layout.valueHead, this.#net(this.layout.valueNet, bottom).at(-1)!)
      const all = traces.flat()
      return [
        logits,
        values,
        tf.concat(all.map(({ out }) => out)),
        tf.concat(all.map(({ cell: last }) => last)),
      ]
    })
    const [logits, values, newHidden, newCell] = (await Promise.all(outputs.map(read))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    tf.dispose(outputs)
    return { logits, values, hidden: newHidden, cell: newCell }
  }

  async gradMinibatch(batch: Minibatch, settings: LossSettings): Promise<LossFigures> {
    const tf = this.#tf
    const { layout } = this
    const rows = batch.steps * batch.sequences
    const [figures, gradient] = tf.tidy(() => {
      const sequences = this.#sequences(batch)
      const input = tf.tensor2d(Float32Array.from(batch.observations), [rows, layout.shape.inputs])
      const traces = layout.stacks.map((_, s) => this.#stack(s, input, sequences))
      const policy = this.#net(layout.policyNet, traces[0]!.at(-1)!.out)
      const value = this.#net(layout.valueNet, traces.at(-1)!.at(-1)!.out)
      const logits = this.#linear(layout.policyHead, policy.at(-1)!)
      const values = tf.reshape(this.#linear(layout.valueHead, value.at(-1)!), [rows])
      const loss = this.#loss(batch, settings, logits, values)
      const parts = new Map<Place, Tensor>()
      const dTop = this.#netBack(layout.policyHead, layout.policyNet, policy, loss.dLogits, parts)
      const dBottom = this.#netBack(
        layout.valueHead,
        layout.valueNet,
        value,
        tf.reshape(loss.dValues, [rows, 1]),
        parts,
      )
      const tops = {
        separate: () => [dTop, dBottom],
        shared: () => [dTop],
        joint: () => [tf.add(dTop, dBottom)],
      }[layout.shape.lstm]()
      for (const [s, dOut] of tops.entries()) this.#stackBack(s, traces[s]!, dOut, sequences, parts)
      const flat = layout.tensors.map((place) => tf.reshape(parts.get(place)!, [place.size]))
      return [loss.figures, tf.concat(flat)] as const
    })
    tf.dispose(this.#gradient)
    this.#gradient = gradient
    const [policyLoss = 0, valueLoss = 0, entropy = 0, approxKl = 0, clipFraction = 0] = await read(figures)
    tf.dispose(figures)
    const loss = policyLoss + settings.valueCoefficient * valueLoss - settings.entropyCoefficient * entropy
    return { loss, policyLoss, valueLoss, entropy, approxKl, clipFraction }
  }

  async adamStep({ rate, beta1, beta2, epsilon, maxNorm }: AdamSettings): Promise<number> {
    const tf = this.#tf
    this.#steps++
    const corrected = rate / (1 - beta1 ** this.#steps)
    const root2 = Math.sqrt(1 - beta2 ** this.#steps)
    const old = [this.#parameters, this.#first, this.#second]
    const [parameters, first, second, norm] = tf.tidy(() => {
      const length = tf.sqrt(tf.sum(tf.square(this.#gradient)))
      const scale = tf.minimum(1, tf.div(maxNorm, tf.add(length, 1e-6)))
      const g = tf.mul(this.#gradient, scale)
      const m = tf.add(tf.mul(this.#first, beta1), tf.mul(g, 1 - beta1))
      const v = tf.add(tf.mul(this.#second, beta2), tf.mul(tf.square(g), 1 - beta2))
      const change = tf.div(tf.mul(m, corrected), tf.add(tf.div(tf.sqrt(v), root2), epsilon))
      return [tf.sub(this.#parameters, change), m, v, length] as const
    })
    this.#parameters = parameters
    this.#first = first
    this.#second = second
    tf.dispose(old)
    const [found = Number.NaN] = await read(norm)
    tf.dispose(norm)
    return found
  }

  dispose(): void {
    this.#tf.dispose([this.#parameters, this.#gradient, this.#first, this.#second])
  }

  #replaced(old: Tensor, values: Numbers): Tensor {
    this.#tf.dispose(old)
    return this.#tf.tensor1d(Float32Array.from(values))
  }

  #at({ offset, size, shape }: Place): Tensor {
    const tf = this.#tf
    return tf.reshape(tf.slice(this.#parameters, [offset], [size]), [...shape])
  }

  #sequences({
    steps,
    sequences,
    episodeStarts,
    hidden,
    cell,
  }: Pick<Minibatch, 'steps' | 'sequences' | 'episodeStarts' | 'hidden' | 'cell'>): Sequences {
    const tf = this.#tf
    const width = this.layout.shape.hidden
    const states = (values: Numbers) =>
      Array.from({ length: this.layout.cells }, (_, c) =>
        tf.tensor2d(part(values, c * sequences * width, sequences * width), [sequences, width]),
      )
    const keep = Array.from({ length: steps }, (_, t) =>
      tf.tensor2d(
        part(episodeStarts, t * sequences, sequences).map((start) => 1 - start),
        [sequences, 1],
      ),
    )
    return { steps, sequences, keep, hidden: states(hidden), cell: states(cell) }
  }

  #stack(s: number, input: Tensor, batch: Sequences): LstmTrace[] {
    const traces: LstmTrace[] = []
    for (const [l, tensors] of this.layout.stacks[s]!.entries()) {
      const from = l === 0 ? input : traces[l - 1]!.out
      traces.push(this.#lstm(tensors, from, batch, s * this.layout.shape.layers + l))
    }
    return traces
  }

  #lstm(
    tensors: LstmTensors,
    input: Tensor,
    { steps, sequences, keep, hidden, cell }: Sequences,
    which: number,
  ): LstmTrace {
    const tf = this.#tf
    const width = this.layout.shape.hidden
    const weights = this.#at(tensors.hiddenWeights)
    const bias = tf.add(this.#at(tensors.inputBias), this.#at(tensors.hiddenBias))
    const sums = tf.add(
      tf.matMul(
        input as TensorFlow.Tensor2D,
        this.#at(tensors.inputWeights) as TensorFlow.Tensor2D,
        false,
        true,
      ),
      bias,
    )
    const trace = {
      h: [] as Tensor[],
      before: [] as Tensor[],
      cellBefore: [] as Tensor[],
      tanhCell: [] as Tensor[],
    }
    const all: [Tensor, Tensor, Tensor, Tensor][] = []
    let h = hidden[which]!
    let c = cell[which]!
    for (let t = 0; t < steps; t++) {
      const before = tf.mul(h, keep[t]!)
      const cellBefore = tf.mul(c, keep[t]!)
      const recurrent = tf.matMul(before as TensorFlow.Tensor2D, weights as TensorFlow.Tensor2D, false, true)
      const gates = tf.add(tf.slice(sums, [t * sequences, 0], [sequences, 4 * width]), recurrent)
      const [si, sf, sg, so] = tf.split(gates, 4, 1) as [Tensor, Tensor, Tensor, Tensor]
      const [i, f, g, o] = [tf.sigmoid(si), tf.sigmoid(sf), tf.tanh(sg), tf.sigmoid(so)]
      c = tf.add(tf.mul(f, cellBefore), tf.mul(i, g))
      const tanhCell = tf.tanh(c)
      h = tf.mul(o, tanhCell)
      trace.h.push(h)
      trace.before.push(before)
      trace.cellBefore.push(cellBefore)
      trace.tanhCell.push(tanhCell)
      all.push([i, f, g, o])
    }
    return { input, ...trace, gates: all, cell: c, out: tf.concat(trace.h) }
  }

  #stackBack(
    s: number,
    traces: readonly LstmTrace[],
    dTop: Tensor,
    batch: Sequences,
    parts: Map<Place, Tensor>,
  ): void {
    const stack = this.layout.stacks[s]!
    let dOut = dTop
    for (let l = stack.length - 1; l >= 0; l--)
      dOut = this.#lstmBack(stack[l]!, traces[l]!, dOut, batch, l > 0, parts)
  }

  /** Backpropagation through time; returns the gradient of the input where it is `needed`. */
  #lstmBack(
    tensors: LstmTensors,
    trace: LstmTrace,
    dOut: Tensor,
    { steps, sequences, keep }: Sequences,
    needed: boolean,
    parts: Map<Place, Tensor>,
  ): Tensor {
    const tf = this.#tf
    const width = this.layout.shape.hidden
    const weights = this.#at(tensors.hiddenWeights) as TensorFlow.Tensor2D
    const all: Tensor[] = []
    let dNext: Tensor = tf.zeros([sequences, width])
    let dCell: Tensor = dNext
    for (let t = steps - 1; t >= 0; t--) {
      const [i, f, g, o] = trace.gates[t]!
      const tanhCell = trace.tanhCell[t]!
      const d = tf.add(tf.slice(dOut, [t * sequences, 0], [sequences, width]), dNext)
      const cell = tf.add(dCell, tf.mul(tf.mul(d, o), tf.sub(1, tf.square(tanhCell))))
      const gates = tf.concat(
        [
          tf.mul(tf.mul(cell, g), tf.mul(i, tf.sub(1, i))),
          tf.mul(tf.mul(cell, trace.cellBefore[t]!), tf.mul(f, tf.sub(1, f))),
          tf.mul(tf.mul(cell, i), tf.sub(1, tf.square(g))),
          tf.mul(tf.mul(d, tanhCell), tf.mul(o, tf.sub(1, o))),
        ],
        1,
      )
      all.unshift(gates)
      // The state before an episode's first step is a constant zero.
      dCell = tf.mul(tf.mul(cell, f), keep[t]!)
      dNext = tf.mul(tf.matMul(gates as TensorFlow.Tensor2D, weights), keep[t]!)
    }
    const gates = tf.concat(all) as TensorFlow.Tensor2D
    const before = tf.concat(trace.before) as TensorFlow.Tensor2D
    const bias = tf.sum(gates, 0)
    parts.set(tensors.inputWeights, tf.matMul(gates, trace.input as TensorFlow.Tensor2D, true, false))
    parts.set(tensors.hiddenWeights, tf.matMul(gates, before, true, false))
    parts.set(tensors.inputBias, bias)
    parts.set(tensors.hiddenBias, bias)
    return needed ? tf.matMul(gates, this.#at(tensors.inputWeights) as TensorFlow.Tensor2D) : dNext
  }

  #linear({ weights, bias }: LayerTensors, input: Tensor): Tensor {
    const tf = this.#tf
    const product = tf.matMul(
      input as TensorFlow.Tensor2D,
      this.#at(weights) as TensorFlow.Tensor2D,
      false,
      true,
    )
    return tf.add(product, this.#at(bias))
  }

  #net(layers: readonly LayerTensors[], input: Tensor): Tensor[] {
    const tf = this.#tf
    const trace = [input]
    for (const layer of layers) {
      const sums = this.#linear(layer, trace.at(-1)!)
      trace.push(this.layout.shape.activation === 'relu' ? tf.relu(sums) : tf.tanh(sums))
    }
    return trace
  }

  /** From the gradient of a head's output down to that of the LSTM's. */
  #netBack(
    head: LayerTensors,
    layers: readonly LayerTensors[],
    trace: readonly Tensor[],
    dOut: Tensor,
    parts: Map<Place, Tensor>,
  ): Tensor {
    const tf = this.#tf
    let d = this.#linearBack(head, trace.at(-1)!, dOut, parts)
    for (let k = layers.length - 1; k >= 0; k--) {
      const y = trace[k + 1]!
      const slope =
        this.layout.shape.activation === 'relu'
          ? tf.cast(tf.greater(y, 0), 'float32')
          : tf.sub(1, tf.square(y))
      d = this.#linearBack(layers[k]!, trace[k]!, tf.mul(d, slope), parts)
    }
    return d
  }

  #linearBack(
    { weights, bias }: LayerTensors,
    input: Tensor,
    dOut: Tensor,
    parts: Map<Place, Tensor>,
  ): Tensor {
    const tf = this.#tf
    parts.set(weights, tf.matMul(dOut as TensorFlow.Tensor2D, input as TensorFlow.Tensor2D, true, false))
    parts.set(bias, tf.sum(dOut, 0))
    return tf.matMul(dOut as TensorFlow.Tensor2D, this.#at(weights) as TensorFlow.Tensor2D)
  }

  #loss(
    batch: Minibatch,
    settings: LossSettings,
    logits: Tensor,
    values: Tensor,
  ): { figures: Tensor; dLogits: Tensor; dValues: Tensor } {
    const tf = this.#tf
    const { actions } = this.layout.shape
    const { clip, valueCoefficient, entropyCoefficient, holdPrior } = settings
    const rows = batch.valid.length
    const column = (numbers: Numbers) => tf.tensor1d(Float32Array.from(numbers))
    const wide = (one: Tensor) => tf.reshape(one, [rows, 1])
    const { advantages, over } = normalised(batch, settings)
    const valid = column(batch.valid)
    const allowed = column(settings.allowed)
    const taken = tf.oneHot(tf.tensor1d(batch.actions, 'int32'), actions)
    const chosen = tf.cast(taken, 'float32')
    const held =
      batch.held === null ? null : tf.cast(tf.oneHot(tf.tensor1d(batch.held, 'int32'), actions), 'float32')
    const favoured = held === null ? logits : tf.add(logits, tf.mul(held, holdPrior))
    const masked = tf.add(tf.mul(favoured, allowed), tf.mul(tf.sub(1, allowed), NEVER))
    const shifted = tf.sub(masked, tf.max(masked, 1, true))
    const logProbs = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)))
    const probabilities = tf.mul(tf.exp(logProbs), allowed)
    const entropy = tf.neg(tf.sum(tf.mul(probabilities, logProbs), 1))
    const logRatio = tf.sub(tf.sum(tf.mul(logProbs, chosen), 1), column(batch.oldLogProbs))
    const ratio = tf.exp(logRatio)
    const gain = tf.mul(ratio, advantages)
    const limited = tf.mul(tf.clipByValue(ratio, 1 - clip, 1 + clip), advantages)
    const passes = tf.cast(tf.lessEqual(gain, limited), 'float32')
    const error = tf.sub(values, column(batch.returns))
    const weight = tf.mul(valid, over)
    const dLogProb = tf.mul(tf.mul(tf.neg(gain), passes), weight)
    const dLogits = tf.mul(
      tf.add(
        tf.mul(wide(dLogProb), tf.sub(chosen, probabilities)),
        tf.mul(
          tf.mul(wide(tf.mul(weight, entropyCoefficient)), probabilities),
          tf.add(logProbs, wide(entropy)),
        ),
      ),
      allowed,
    )
    const clipped = tf.cast(tf.greater(tf.abs(tf.sub(ratio, 1)), clip), 'float32')
    const figures = [
      tf.neg(tf.minimum(gain, limited)),
      tf.square(error),
      entropy,
      tf.sub(tf.sub(ratio, 1), logRatio),
      clipped,
    ].map((one) => tf.sum(tf.mul(one, weight)))
    return {
      figures: tf.stack(figures),
      dLogits,
      dValues: tf.mul(tf.mul(error, weight), 2 * valueCoefficient),
    }

    /** Advantages as the loss takes them, and one over the number of valid steps. Sums in float64. */
    function normalised({ valid: ones, advantages: raw }: Minibatch, { normaliseAdvantage }: LossSettings) {
      let [count, sum] = [0, 0]
      for (let r = 0; r < rows; r++) {
        count += ones[r]!
        sum += ones[r]! * raw[r]!
      }
      const mean = normaliseAdvantage ? sum / count : 0
      let squares = 0
      for (let r = 0; r < rows; r++) squares += ones[r]! * (raw[r]! - mean) * (raw[r]! - mean)
      const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0
      const scale = normaliseAdvantage ? 1 / (deviation + 1e-8) : 1
      return { advantages: column(Float32Array.from(raw, (a) => (a - mean) * scale)), over: 1 / count }
    }
  }
}

async function read(tensor: Tensor): Promise<Float32Array> {
  // A copy: some backends hand out their own memory.
  return Float32Array.from(await tensor.data())
}

const part = (values: Numbers, from: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => values[from + i]!)
