/**
 * What a device does for recurrent PPO, in the order of the reference engine; backpropagation is written by hand, which takes a
 * third of the operations that a tape would. Parameters, gradient and Adam's moments are flat, so that clipping and the optimiser
 * are two dozen operations. An experience goes to the device once; a minibatch brings its choice of rows, and nothing comes
 * back until it is asked for.
 */
import type { LayerTensors, Layout, LstmTensors, Tensor as Place } from '../../network/network.js'
import type { AdamSettings, LossSettings } from '../engine.js'
import type { LstmGradient, LstmRun, Ops } from './ops.js'
import { type Cut, rowColumns, type Tables } from './pieces.js'

/** Stands for minus infinity among logits, and survives a multiplication by zero. */
const NEVER = -1e9

/** What is kept on the device. */
type Kept = 'parameters' | 'gradient' | 'first' | 'second'

/** Signs of the figures of a minibatch as the device keeps them: policy loss, value loss, entropy, approximate KL, clipped. */
export const FIGURE_SIGNS = [-1, 1, -1, 1, 1] as const

/** A step of Adam with what depends on the number of steps so far. */
export interface AdamStep extends AdamSettings {
  /** rate / (1 - beta1^n) */
  readonly corrected: number
  /** sqrt(1 - beta2^n) */
  readonly root: number
}

/** Rows of the minibatch as columns, [rows, width] each. */
interface Columns<T> {
  readonly chosen: T
  readonly held: T
  readonly oldLogProbs: T
  readonly advantages: T
  readonly returns: T
  /** One over the number of valid rows in those, 0 in others. */
  readonly weight: T
}

/** Where a gradient is put on its way down, and whether it goes on into the LSTM. */
interface Teaching<T> {
  readonly parameters: ReadonlyMap<Place, T>
  readonly parts: Map<Place, T>
  readonly through: boolean
}

/** The arithmetic of one network on a device. */
export class Program<T, R extends Float32Array | Promise<Float32Array>> {
  readonly #ops: Ops<T, R>
  readonly #layout: Layout
  readonly #kept: Record<Kept, T>
  #tables: readonly [rows: T, states: T] | null = null
  /** Of each minibatch, and of each step of Adam, until they are read. */
  #figures: T[] = []
  #norms: T[] = []

  constructor(ops: Ops<T, R>, layout: Layout) {
    this.#ops = ops
    this.#layout = layout
    const zeros = () => ops.upload(new Float32Array(layout.size), [layout.size])
    this.#kept = { parameters: zeros(), gradient: zeros(), first: zeros(), second: zeros() }
  }

  read(what: Kept): R {
    return this.#ops.read(this.#kept[what])
  }

  write(what: Kept, values: Float32Array): void {
    this.#replace(what, this.#ops.upload(values, [values.length]))
  }

  /** [minibatches, figures]; at least one has not been read. */
  readFigures(): R {
    return this.#drained(this.#figures)
  }

  /** [steps]; at least one has not been read. */
  readNorms(): R {
    return this.#drained(this.#norms)
  }

  load({ rows, rowCount, states, stateCount }: Tables): void {
    this.#forget()
    const ops = this.#ops
    this.#tables = [
      ops.upload(rows, [rowCount, rows.length / rowCount]),
      ops.upload(states, [stateCount, states.length / stateCount]),
    ]
  }

  gradient({ steps, pieces, numbers }: Cut, settings: LossSettings): void {
    const ops = this.#ops
    const layout = this.#layout
    const { shape } = layout
    const { hidden } = shape
    const [gradient, figures] = ops.tidy(() => {
      const parameters = this.#parameters()
      const all = ops.upload(numbers, [numbers.length])
      const [mean, scale, over, stateRows, rowNumbers] = tuple(
        ops.split(all, [1, 1, 1, pieces, steps * pieces], 0),
        5,
      )
      const [rowTable, stateTable] = this.#tables!
      const columns = ops.split(ops.gather(rowTable, rowNumbers), rowColumns(layout), 1)
      const [observations, chosen, held, oldLogProbs, raw, returns, valid] = tuple(columns, 7)
      const states = ops.split(
        ops.gather(stateTable, stateRows),
        Array.from({ length: 2 * layout.cells }, () => hidden),
        1,
      )
      const runs = this.#forward(ops.reshape(observations, [steps, -1, shape.inputs]), states, parameters, {
        steps,
        pieces,
      })
      const tops = runs.at(-1)!.outputs.map((top) => ops.reshape(top, [-1, hidden]))
      const policy = this.#net(layout.policyNet, tops[0]!, parameters)
      const value = this.#net(layout.valueNet, tops.at(-1)!, parameters)
      const loss = this.#loss(
        {
          chosen,
          held,
          oldLogProbs,
          advantages: ops.mul(ops.sub(raw, mean), scale),
          returns,
          weight: ops.mul(valid, over),
        },
        settings,
        this.#linear(layout.policyHead, policy.at(-1)!, parameters),
        this.#linear(layout.valueHead, value.at(-1)!, parameters),
      )
      const parts = new Map<Place, T>()
      const teaches = (through: boolean) => ({ parameters, parts, through })
      const separate = shape.lstm === 'separate'
      const dTop = this.#netBack(layout.policyHead, layout.policyNet, policy, loss.dLogits, teaches(true))!
      // Under a shared LSTM the value's gradient stops at it.
      const dBottom = this.#netBack(
        layout.valueHead,
        layout.valueNet,
        value,
        loss.dValues,
        teaches(shape.lstm !== 'shared'),
      )
      const dTops = separate ? [dTop, dBottom!] : [dBottom === null ? dTop : ops.add(dTop, dBottom)]
      this.#back(
        runs,
        dTops.map((d) => ops.reshape(d, [steps, -1, hidden])),
        parts,
      )
      const flat = layout.tensors.map((place) => {
        const part = parts.get(place)!
        return place.shape.length === 1 ? part : ops.reshape(part, [-1])
      })
      return [ops.concat(flat, 0), loss.figures]
    }) as [T, T]
    this.#replace('gradient', gradient)
    this.#figures.push(figures)
  }

  adamStep({ beta1, beta2, epsilon, maxNorm, corrected, root }: AdamStep): void {
    const ops = this.#ops
    const [parameters, first, second, norm] = ops.tidy(() => {
      const kept = this.#kept
      const numbers = ops.split(ops.upload(Float32Array.of(corrected, root), [2]), [1, 1], 0)
      const [step, deviation] = tuple(numbers, 2)
      const length = ops.reshape(ops.sqrt(ops.sumRows(ops.square(kept.gradient))), [1])
      const scale = ops.minimum(
        ops.div(ops.constant(maxNorm), ops.add(length, ops.constant(1e-6))),
        ops.constant(1),
      )
      const g = ops.mul(kept.gradient, scale)
      const m = ops.add(ops.mul(kept.first, ops.constant(beta1)), ops.mul(g, ops.constant(1 - beta1)))
      const v = ops.add(
        ops.mul(kept.second, ops.constant(beta2)),
        ops.mul(ops.square(g), ops.constant(1 - beta2)),
      )
      const below = ops.add(ops.div(ops.sqrt(v), deviation), ops.constant(epsilon))
      return [ops.sub(kept.parameters, ops.div(ops.mul(m, step), below)), m, v, length]
    }) as [T, T, T, T]
    this.#replace('parameters', parameters)
    this.#replace('first', first)
    this.#replace('second', second)
    this.#norms.push(norm)
  }

  dispose(): void {
    this.#forget()
    for (const tensor of Object.values(this.#kept)) this.#ops.dispose(tensor)
    this.#ops.close()
  }

  #replace(what: Kept, tensor: T): void {
    this.#ops.dispose(this.#kept[what])
    this.#kept[what] = tensor
  }

  /** The experience and what nobody read of it. */
  #forget(): void {
    for (const tensor of [...(this.#tables ?? []), ...this.#figures, ...this.#norms])
      this.#ops.dispose(tensor)
    this.#tables = null
    this.#figures = []
    this.#norms = []
  }

  /** One after the other, in one array; none are left. */
  #drained(list: T[]): R {
    const ops = this.#ops
    const all = list.splice(0)
    // TensorFlow joins two or more.
    const one = all.length === 1 ? all[0]! : ops.concat(all, 0)
    const values = ops.read(one)
    for (const tensor of new Set([...all, one])) ops.dispose(tensor)
    return values
  }

  /** Each tensor of the network, in its shape. */
  #parameters(): ReadonlyMap<Place, T> {
    const { tensors } = this.#layout
    const parts = this.#ops.split(
      this.#kept.parameters,
      tensors.map(({ size }) => size),
      0,
    )
    return new Map(
      tensors.map((place, i) => [
        place,
        place.shape.length === 1 ? parts[i]! : this.#ops.reshape(parts[i]!, place.shape),
      ]),
    )
  }

  /** All stacks, layer by layer. */
  #forward(
    observations: T,
    states: readonly T[],
    parameters: ReadonlyMap<Place, T>,
    { steps, pieces }: Pick<Cut, 'steps' | 'pieces'>,
  ): readonly LstmRun<T>[] {
    const ops = this.#ops
    const { stacks, shape } = this.#layout
    const runs: LstmRun<T>[] = []
    for (let l = 0; l < shape.layers; l++) {
      const layers = stacks.map((stack, s) => {
        const { inputWeights, hiddenWeights, inputBias, hiddenBias } = stack[l]!
        const state = 2 * (s * shape.layers + l)
        const weights = [inputWeights, hiddenWeights].map((place) => parameters.get(place)!)
        return {
          input: l === 0 ? observations : runs[l - 1]!.outputs[s]!,
          hidden: states[state]!,
          cell: states[state + 1]!,
          weights: ops.transpose(ops.concat(weights, 1)),
          bias: ops.add(parameters.get(inputBias)!, parameters.get(hiddenBias)!),
        }
      })
      const { inputs } = stacks[0]![l]!
      runs.push(ops.lstm(layers, { steps, pieces, inputs, hidden: shape.hidden }))
    }
    return runs
  }

  #back(runs: readonly LstmRun<T>[], dTops: readonly T[], parts: Map<Place, T>): void {
    const { stacks } = this.#layout
    let dOutputs = dTops
    for (let l = runs.length - 1; l >= 0; l--) {
      const gradients = runs[l]!.back(dOutputs, l > 0)
      for (const [s, gradient] of gradients.entries()) this.#lstmParts(stacks[s]![l]!, gradient, parts)
      if (l > 0) dOutputs = gradients.map(({ input }) => input!)
    }
  }

  #lstmParts(tensors: LstmTensors, { weights, bias }: LstmGradient<T>, parts: Map<Place, T>): void {
    const { hidden } = this.#layout.shape
    const sides = this.#ops.split(this.#ops.transpose(weights), [tensors.inputs, hidden], 1)
    parts.set(tensors.inputWeights, sides[0]!)
    parts.set(tensors.hiddenWeights, sides[1]!)
    parts.set(tensors.inputBias, bias)
    parts.set(tensors.hiddenBias, bias)
  }

  #linear({ weights, bias }: LayerTensors, input: T, parameters: ReadonlyMap<Place, T>): T {
    const ops = this.#ops
    return ops.add(ops.matMul(input, parameters.get(weights)!, false, true), parameters.get(bias)!)
  }

  /** The output of each layer, that of the LSTM first. */
  #net(layers: readonly LayerTensors[], input: T, parameters: ReadonlyMap<Place, T>): readonly T[] {
    const trace = [input]
    for (const layer of layers) {
      const sums = this.#linear(layer, trace.at(-1)!, parameters)
      trace.push(this.#layout.shape.activation === 'relu' ? this.#ops.relu(sums) : this.#ops.tanh(sums))
    }
    return trace
  }

  /** From the gradient of a head's output down to that of the LSTM's; null where it goes no further than the layers. */
  #netBack(
    head: LayerTensors,
    layers: readonly LayerTensors[],
    trace: readonly T[],
    dOut: T,
    { parameters, parts, through }: Teaching<T>,
  ): T | null {
    const ops = this.#ops
    const back = this.#layout.shape.activation === 'relu' ? 'reluBack' : 'tanhBack'
    const all = [...layers, head]
    let d = dOut
    for (let k = all.length - 1; k >= 0; k--) {
      const { weights, bias } = all[k]!
      parts.set(weights, ops.matMul(d, trace[k]!, true, false))
      parts.set(bias, ops.sumRows(d))
      if (k === 0 && !through) return null
      d = ops.matMul(d, parameters.get(weights)!, false, false)
      if (k > 0) d = ops[back](trace[k]!, d)
    }
    return d
  }

  /** The objective, see `Engine.gradient`: its figures, and its gradient with respect to logits and values. */
  #loss(
    { chosen, held, oldLogProbs, advantages, returns, weight }: Columns<T>,
    { clip, valueCoefficient, entropyCoefficient, holdPrior, allowed }: LossSettings,
    logits: T,
    values: T,
  ): { readonly figures: T; readonly dLogits: T; readonly dValues: T } {
    const ops = this.#ops
    const favoured = ops.add(logits, ops.mul(held, ops.constant(holdPrior)))
    const masked = ops.add(favoured, ops.constant(...Array.from(allowed, (one) => (one === 1 ? 0 : NEVER))))
    const logProbs = ops.logSoftmax(masked)
    const probabilities = ops.exp(logProbs)
    const minusEntropy = ops.sumColumns(ops.mul(probabilities, logProbs))
    const logRatio = ops.sub(ops.sumColumns(ops.mul(logProbs, chosen)), oldLogProbs)
    const ratio = ops.exp(logRatio)
    const gain = ops.mul(ratio, advantages)
    const limited = ops.mul(ops.clip(ratio, 1 - clip, 1 + clip), advantages)
    const error = ops.sub(values, returns)
    // The minimum passes a gradient only where the plain term is the smaller, or both are equal within the clip range.
    const passed = ops.mul(gain, ops.lessEqual(gain, limited))
    const dPolicy = ops.mul(passed, ops.sub(probabilities, chosen))
    const dEntropy = ops.mul(
      ops.mul(probabilities, ops.constant(entropyCoefficient)),
      ops.sub(logProbs, minusEntropy),
    )
    const over = ops.sub(ratio, ops.constant(1))
    const clipped = ops.greater(ops.abs(over), ops.constant(clip))
    const figures = [
      ops.minimum(gain, limited),
      ops.square(error),
      minusEntropy,
      ops.sub(over, logRatio),
      clipped,
    ]
    return {
      figures: ops.matMul(weight, ops.concat(figures, 1), true, false),
      dLogits: ops.mul(ops.add(dPolicy, dEntropy), weight),
      dValues: ops.mul(ops.mul(error, weight), ops.constant(2 * valueCoefficient)),
    }
  }
}

/** Throws where there are not so many. */
function tuple<T>(list: readonly T[], count: 2): readonly [T, T]
function tuple<T>(list: readonly T[], count: 5): readonly [T, T, T, T, T]
function tuple<T>(list: readonly T[], count: 7): readonly [T, T, T, T, T, T, T]
function tuple<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length !== count) throw new Error(`${list.length} parts instead of ${count}`)
  return list
}
