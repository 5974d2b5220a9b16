/**
 * The CPU engine: AssemblyScript kernels on one block of shared WebAssembly memory. Every number of a gradient is summed by one
 * thread in a fixed order, so any number of threads gives the same bits. Hidden and layer widths are multiples of 8.
 */
import { Failure } from '../../../base/errors.js'
import type { Layout } from '../../network/network.js'
import { corrections } from '../adam.js'
import { advantageScale } from '../advantages.js'
import {
  type AdamSettings,
  type Engine,
  type Experience,
  type LossFigures,
  type LossSettings,
  type PolicyStep,
  UNFUSED,
} from '../engine.js'
import { Crew, MOST_PARTS } from './crew.js'
import { compileKernels, fuses, KERNELS, type Kernels, startKernels } from './kernels.js'
import {
  type BatchPlan,
  FIGURES,
  inputColumns,
  lstmColumns,
  type PackedWeights,
  packedWeights,
  planBatch,
  policyLayers,
  up,
  valueLayers,
} from './plan.js'
import { JOB, type Phase, Program, type ProgramPlaces } from './program.js'

const PAGE = 65_536
/** 1 GiB, reserved and not used: memory that grew under the feet of a thread would be seen by it too late. */
const PAGES = 16_384

/** Environments from which on a step of the policy is worth waking the threads for. */
const SHARED_STEP = 8

const WORKER = new URL('./worker.js', import.meta.url)

/** `kernels` and `worker` are elsewhere where the source itself is run, as in tests. */
export interface CpuOptions {
  /** Threads that compute gradients, this one included. */
  readonly threads?: number
  readonly kernels?: URL
  readonly worker?: URL
  /** The addon of the native kernels, such as `ADDON`: the same bits, sooner. */
  readonly native?: URL | null
}

/**
 * Makes the default engine, float32. Throws 64 for widths that are no multiples of 8, and later for a minibatch that 1 GiB does
 * not hold; 69 where the memory cannot be reserved, or native kernels be had.
 */
export async function cpuEngine(
  layout: Layout,
  { threads = 1, kernels: file = KERNELS, worker = WORKER, native = null }: CpuOptions = {},
): Promise<Engine> {
  const { hidden, net } = layout.shape
  if ([hidden, ...net].some((width) => width % 8 !== 0)) {
    throw new Failure('usage', 'the cpu engine needs widths that are multiples of 8')
  }
  const memory = reserved()
  const module = await compileKernels(file)
  const kernels = await startKernels(module, memory, native)
  return new CpuEngine(layout, { memory, module, native, kernels, threads, worker })
}

function reserved(): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
  } catch (error) {
    throw new Failure('unavailable', 'the cpu engine cannot reserve its memory', {
      hint: 'it asks for 1 to 10 GiB of address space and uses little of it: see ulimit -v and vm.overcommit_memory',
      cause: error,
    })
  }
}

interface Parts {
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  readonly native: URL | null
  readonly kernels: Kernels
  readonly threads: number
  readonly worker: URL
}

class CpuEngine implements Engine {
  readonly name: string
  readonly layout: Layout
  readonly #k: Kernels
  readonly #program: Program
  readonly #weights: PackedWeights
  readonly #job: number
  readonly #allowed: number
  readonly #size: number
  readonly #gradient: number
  readonly #first: number
  readonly #second: number
  readonly #plans = new Map<string, BatchPlan>()
  readonly #crew: Crew | null
  /** Into how many parts a phase is cut. */
  readonly #parts: number
  readonly #f32: Float32Array
  readonly #u8: Uint8Array
  readonly #i32: Int32Array
  readonly #f64: Float64Array
  #stale = true
  #top = PAGE
  #steps = 0
  #experience: Experience | null = null
  #figures: LossFigures[] = []
  #norms: number[] = []

  constructor(layout: Layout, { memory, module, native, kernels, threads, worker }: Parts) {
    this.name = fuses(kernels) ? 'cpu' : UNFUSED
    this.layout = layout
    this.#k = kernels
    this.#f32 = new Float32Array(memory.buffer)
    this.#u8 = new Uint8Array(memory.buffer)
    this.#i32 = new Int32Array(memory.buffer)
    this.#f64 = new Float64Array(memory.buffer)
    this.#size = up(layout.size, 4)
    const parameters = this.#floats(this.#size)
    this.#gradient = this.#floats(this.#size)
    this.#first = this.#floats(this.#size)
    this.#second = this.#floats(this.#size)
    this.#weights = packedWeights(layout, parameters, this.#floats)
    this.#job = this.#floats(16)
    this.#allowed = this.#floats(up(layout.shape.actions, 8))
    const { hidden, net } = layout.shape
    const columns = layout.stacks.flat().map((tensors) => lstmColumns(tensors, hidden))
    const scratch = kernels.gemmScratch(Math.max(4 * hidden, ...columns, ...net)) / 4
    const places = (): ProgramPlaces => ({
      weights: this.#weights,
      gradient: this.#gradient,
      job: this.#job,
      allowed: this.#allowed,
      scratch: this.#floats(scratch),
    })
    this.#program = new Program(layout, memory, kernels, places())
    const helpers = Array.from({ length: Math.max(0, threads - 1) }, places)
    this.#parts = Math.min(MOST_PARTS, helpers.length + 1)
    this.#crew =
      helpers.length === 0
        ? null
        : new Crew(worker, { memory, module, native: native?.href ?? null, layout }, helpers)
  }

  readParameters = (): Float32Array => this.#read(this.#weights.parameters, this.layout.size)
  readGradient = (): Float32Array => this.#read(this.#gradient, this.layout.size)

  writeParameters(values: ArrayLike<number>): void {
    this.#f32.set(values, this.#weights.parameters >> 2)
    this.#stale = true
  }

  readMoments() {
    return {
      first: this.#read(this.#first, this.layout.size),
      second: this.#read(this.#second, this.layout.size),
      steps: this.#steps,
    }
  }

  writeMoments({ first, second, steps }: Parameters<Engine['writeMoments']>[0]): void {
    this.#f32.set(first, this.#first >> 2)
    this.#f32.set(second, this.#second >> 2)
    this.#steps = steps
  }

  dispose(): void {
    this.#crew?.dispose()
  }

  policyStep({ count, observations, episodeStarts, hidden, cell, logits, values }: PolicyStep): void {
    const { actions, hidden: width } = this.layout.shape
    const plan = this.#plan(1, count)
    this.#pack()
    this.#observe(plan, observations, episodeStarts)
    const f32 = this.#f32
    const size = count * width
    const stacks = values === null ? 1 : plan.stacks.length
    for (let s = 0, cell0 = 0; s < stacks; s++) {
      for (const lstm of plan.stacks[s]!) {
        copy(hidden, cell0, f32, lstm.firstHidden >> 2, size)
        copy(cell, cell0, f32, lstm.firstCell >> 2, size)
        cell0 += size
      }
    }
    if (values === null || count < SHARED_STEP) this.#program.step(plan, { row: 0, count }, values !== null)
    else this.#run(plan, 'step')
    for (let s = 0, cell0 = 0; s < stacks; s++) {
      for (const lstm of plan.stacks[s]!) {
        copy(f32, lstm.h >> 2, hidden, cell0, size)
        copy(f32, lstm.cell >> 2, cell, cell0, size)
        cell0 += size
      }
    }
    const ld = up(actions, 8)
    const policy = plan.policy.at(-1)!.out >> 2
    for (let r = 0; r < count; r++) copy(f32, policy + r * ld, logits, r * actions, actions)
    if (values === null) return
    const value = plan.value.at(-1)!.out >> 2
    for (let r = 0; r < count; r++) values[r] = f32[value + 8 * r]!
  }

  load(experience: Experience): void {
    this.#experience = experience
    this.#figures = []
    this.#norms = []
  }

  readFigures = (): LossFigures[] => this.#figures.splice(0)
  readNorms = (): number[] => this.#norms.splice(0)

  gradient(chosen: readonly number[], settings: LossSettings): void {
    const experience = this.#experience!
    const plan = this.#plan(experience.steps, chosen.length)
    this.#pack()
    this.#gather(plan, experience, chosen)
    this.#writeJob(plan, settings)
    this.#run(plan, 'through time')
    this.#run(plan, 'weights')
    this.#figures.push(this.#figuresOf(plan, settings))
  }

  #run(plan: BatchPlan, phase: Phase): void {
    const work = (part: number) => this.#program.run(plan, phase, part, this.#parts)
    if (this.#crew === null) work(0)
    else this.#crew.run({ plan: plan.id, phase }, this.#parts, work)
  }

  adamStep(settings: AdamSettings): void {
    const { beta1, beta2, epsilon, maxNorm } = settings
    const norm = Math.sqrt(this.#k.sumSquares(this.#gradient, this.#size))
    this.#steps++
    this.#stale = true
    const { corrected, root } = corrections(settings, this.#steps)
    this.#k.adam(
      this.#weights.parameters,
      this.#gradient,
      this.#first,
      this.#second,
      this.#size,
      Math.min(1, maxNorm / (norm + 1e-6)),
      beta1,
      beta2,
      corrected,
      root,
      epsilon,
    )
    this.#norms.push(norm)
  }

  /** Means of the rows' figures, added in their order. */
  #figuresOf({ rows, figures }: BatchPlan, settings: LossSettings): LossFigures {
    const sums: [number, number, number, number, number] = [0, 0, 0, 0, 0]
    const from = figures >> 3
    for (let at = 0; at < rows * FIGURES; at += FIGURES) {
      for (let n = 0; n < FIGURES; n++) sums[n]! += this.#f64[from + at + n]!
    }
    const count = this.#f64[(this.#job >> 3) + JOB.count]!
    const [policyLoss, valueLoss, entropy, approxKl, clipFraction] = sums
    return {
      loss:
        (policyLoss + settings.valueCoefficient * valueLoss - settings.entropyCoefficient * entropy) / count,
      policyLoss: policyLoss / count,
      valueLoss: valueLoss / count,
      entropy: entropy / count,
      approxKl: approxKl / count,
      clipFraction: clipFraction / count,
    }
  }

  /** The sequences `chosen`, side by side, where the kernels read them. */
  #gather(plan: BatchPlan, from: Experience, chosen: readonly number[]): void {
    const { shape, cells } = this.layout
    const { inputs, hidden: width } = shape
    const { steps, lanes, observations, held } = from
    const columns = inputColumns(inputs)
    const count = chosen.length
    const f32 = this.#f32
    const [valid, starts] = [plan.valid, plan.starts]
    const [actions, holds, logProbs] = [plan.actions >> 2, plan.held >> 2, plan.oldLogProbs >> 2]
    const [advantages, returns] = [plan.advantages >> 2, plan.returns >> 2]
    const lstms = plan.stacks.flat()
    for (let s = 0; s < count; s++) {
      const lane = chosen[s]! % lanes
      const block = Math.floor(chosen[s]! / lanes)
      for (let t = 0; t < steps; t++) {
        const row = (block * steps + t) * lanes + lane
        const at = t * count + s
        const seen = (plan.observations >> 2) + at * columns
        for (let n = 0, i = row * inputs; n < inputs; n++) f32[seen + n] = observations[i + n]!
        this.#u8[starts + at] = from.episodeStarts[row]!
        this.#u8[valid + at] = from.valid[row]!
        this.#i32[actions + at] = from.actions[row]!
        this.#i32[holds + at] = held === null ? -1 : held[row]!
        f32[logProbs + at] = from.oldLogProbs[row]!
        f32[advantages + at] = from.advantages[row]!
        f32[returns + at] = from.returns[row]!
      }
      for (let c = 0; c < cells; c++) {
        const state = ((block * cells + c) * lanes + lane) * width
        copy(from.hidden, state, f32, (lstms[c]!.firstHidden >> 2) + s * width, width)
        copy(from.cell, state, f32, (lstms[c]!.firstCell >> 2) + s * width, width)
      }
    }
  }

  #observe({ rows, observations: to, starts }: BatchPlan, from: Numbers, episodeStarts: Uint8Array): void {
    const { inputs } = this.layout.shape
    const columns = inputColumns(inputs)
    const f32 = this.#f32
    for (let r = 0, at = 0, row = to >> 2; r < rows; r++, row += columns) {
      for (let n = 0; n < inputs; n++) f32[row + n] = from[at++]!
      this.#u8[starts + r] = episodeStarts[r]!
    }
  }

  #writeJob({ rows, valid, advantages }: BatchPlan, settings: LossSettings): void {
    const job = this.#f64.subarray(this.#job >> 3, (this.#job >> 3) + 16)
    const { count, mean, scale } = advantageScale(
      this.#u8.subarray(valid, valid + rows),
      this.#f32.subarray(advantages >> 2, (advantages >> 2) + rows),
      settings,
    )
    job[JOB.count] = count
    job[JOB.mean] = mean
    job[JOB.scale] = scale
    job[JOB.clip] = settings.clip
    job[JOB.valueCoefficient] = settings.valueCoefficient
    job[JOB.entropyCoefficient] = settings.entropyCoefficient
    job[JOB.holdPrior] = settings.holdPrior
    this.#u8.set(settings.allowed, this.#allowed)
  }

  /** Brings the packed weights up to date. */
  #pack(): void {
    if (!this.#stale) return
    this.#stale = false
    const { layout } = this
    const { hidden: width } = layout.shape
    const row = 4 * width
    const k = this.#k
    const { parameters, stacks, policy, value } = this.#weights
    const at = ({ offset }: { offset: number }) => parameters + 4 * offset
    for (const [s, stack] of layout.stacks.entries()) {
      for (const [l, tensors] of stack.entries()) {
        const { inputs } = tensors
        const packed = stacks[s]![l]!
        const panel = 32 * (width + inputs + 1)
        const input = packed.forward + 32 * width
        k.packTransposed(at(tensors.hiddenWeights), row, width, 4 * width, packed.forward, panel)
        k.packTransposed(at(tensors.inputWeights), row, inputs, 4 * inputs, input, panel)
        k.pack(at(tensors.hiddenWeights), row, width, 4 * width, packed.hiddenBack, 32 * row)
        if (l > 0) k.pack(at(tensors.inputWeights), row, inputs, 4 * inputs, packed.inputBack, 32 * row)
        // The two biases act as one.
        const biases = (input >> 2) + 8 * inputs
        const [one, other] = [at(tensors.inputBias) >> 2, at(tensors.hiddenBias) >> 2]
        for (let g = 0; g < row; g++) {
          this.#f32[biases + (g >> 3) * (panel >> 2) + (g & 7)] = this.#f32[one + g]! + this.#f32[other + g]!
        }
      }
    }
    const layers = [...policyLayers(layout), ...valueLayers(layout)]
    const places = [...policy, ...value]
    for (const [i, { weights, bias }] of layers.entries()) {
      const [outputs = 0, inputs = 0] = weights.shape
      const packed = places[i]!
      k.packTransposed(at(weights), outputs, inputs, 4 * inputs, packed.weights, 32 * inputs)
      this.#f32.copyWithin(packed.bias >> 2, at(bias) >> 2, (at(bias) >> 2) + outputs)
    }
  }

  /** Places for a minibatch of this size, made when it is first seen. */
  #plan(steps: number, sequences: number): BatchPlan {
    const key = `${steps}x${sequences}`
    let plan = this.#plans.get(key)
    if (plan === undefined) {
      const size = { id: this.#plans.size, steps, sequences }
      plan = planBatch(this.layout, size, this.#floats, (address) => {
        this.#f32[address >> 2] = 1
      })
      this.#crew?.announce(plan)
      this.#plans.set(key, plan)
    }
    return plan
  }

  /** Address of zeroed floats, 64-byte aligned. */
  #floats = (count: number): number => {
    const at = this.#top
    this.#top = up(at + 4 * count, 64)
    if (this.#top > PAGES * PAGE) {
      throw new Failure('usage', 'this network and minibatch need more than 1 GiB of memory', {
        hint: 'use a smaller --batch-size or --hidden',
      })
    }
    return at
  }

  #read(address: number, count: number): Float32Array {
    return Float32Array.from(this.#f32.subarray(address >> 2, (address >> 2) + count))
  }
}

type Numbers = Float32Array | Float64Array

/** Short runs by a loop: a view costs more than the copy. */
function copy(from: Numbers, at: number, to: Numbers, offset: number, count: number): void {
  if (count > 256) to.set(from.subarray(at, at + count), offset)
  else for (let n = 0; n < count; n++) to[offset + n] = from[at + n]!
}
