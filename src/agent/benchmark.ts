/** How fast an engine trains: the arithmetic of one rollout and its update, on observations that mean nothing. */
import { stream } from '../base/rng.js'
import type { Engine, Experience } from './engines/engine.js'
import type { NetworkShape } from './network/network.js'
import { layoutOf } from './network/network.js'
import { TRADING, type TrainingSettings } from './ppo/settings.js'

/** What an engine can do on this machine. */
export interface Speed {
  /** Steps a second of training, environments left out. */
  readonly stepsPerSecond: number
  /** Milliseconds of one minibatch: loss, gradient and Adam. */
  readonly minibatchMs: number
  /** Microseconds of one policy step of a single environment. */
  readonly policyUs: number
}

/** The default network at another width. */
const shapeAt = (hidden: number): NetworkShape => {
  const { lstm, layers, net, activation } = TRADING
  return { inputs: 26, hidden, actions: 9, lstm, layers, net, activation }
}

/** How many environments play and how many of their steps a minibatch has: what fills a GPU, or leaves it idle. */
export interface Load {
  readonly envs: number
  readonly batch: number
}

/** Of the default settings. */
export const DEFAULT_LOAD: Load = { envs: TRADING.envs, batch: TRADING.batch }

/** What is learnt from, and how; the settings of a run have more. */
type Amount = Pick<TrainingSettings, 'steps' | 'envs' | 'rolloutSteps' | 'batch' | 'bptt' | 'epochs'>

/** `clock` gives milliseconds; each figure is the median of several. Yields now and then. */
export function* measure(
  engine: Engine,
  clock: () => number,
  { budgetMs = 1000, load = DEFAULT_LOAD }: { readonly budgetMs?: number; readonly load?: Load } = {},
): Generator<void, Speed> {
  const amount = { ...TRADING, ...load, steps: load.envs * TRADING.rolloutSteps }
  const minibatchMs = yield* median(clock, budgetMs, minibatch(engine, amount), () => settled(engine))
  const rolloutMs = yield* median(clock, budgetMs / 4, policyStep(engine, load.envs, true))
  const singleMs = yield* median(clock, budgetMs / 4, policyStep(engine, 1, false))
  const totalMs = trainingMs(amount, rolloutMs, minibatchMs)
  return { stepsPerSecond: (1000 * amount.steps) / totalMs, minibatchMs, policyUs: 1000 * singleMs }
}

/** Minibatches that are timed before a run, or as many as fit in the time; the first is for the engine to warm up. */
const TIMED = 10
const PATIENCE_MS = 2000

/**
 * Milliseconds that the arithmetic of a run takes, by ten minibatches and steps of it: environments and evaluations are left
 * out. It leaves other weights behind, and the moments of Adam as they are in a new engine. Yields now and then.
 */
export function* costOf(engine: Engine, amount: Amount, clock: () => number): Generator<void, number> {
  function* each(work: () => void, settle: () => void): Generator<void, number> {
    work()
    settle()
    const start = clock()
    let done = 0
    while (done < TIMED && (done === 0 || clock() - start < PATIENCE_MS)) {
      work()
      done++
      yield
    }
    settle()
    return (clock() - start) / done
  }
  const minibatchMs = yield* each(minibatch(engine, amount), () => settled(engine))
  const rolloutMs = yield* each(policyStep(engine, amount.envs, true), () => {})
  const { size } = engine.layout
  engine.writeMoments({ first: new Float32Array(size), second: new Float32Array(size), steps: 0 })
  return trainingMs(amount, rolloutMs, minibatchMs)
}

function trainingMs(
  { steps, envs, rolloutSteps, batch, epochs }: Amount,
  rolloutMs: number,
  minibatchMs: number,
): number {
  const each = envs * rolloutSteps
  return Math.ceil(steps / each) * (rolloutSteps * rolloutMs + epochs * Math.ceil(each / batch) * minibatchMs)
}

/** A minibatch and its step of Adam, of a network that knows nothing. */
function minibatch(engine: Engine, { batch, bptt }: Amount): () => void {
  const { shape, size } = engine.layout
  const rng = stream(1, 'benchmark', shape.hidden)
  engine.writeParameters(Float32Array.from({ length: size }, () => 0.1 * rng.normal()))
  const sequences = Array.from({ length: batch / bptt }, (_, q) => q)
  engine.load(problem(engine, bptt, sequences.length))
  const allowed = new Uint8Array(shape.actions).fill(1)
  const loss = {
    clip: 0.2,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    normaliseAdvantage: true,
    holdPrior: 4,
    allowed,
  }
  const adam = { rate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm: 0.5 }
  return () => {
    engine.gradient(sequences, loss)
    engine.adamStep(adam)
  }
}

function problem({ layout }: Engine, steps: number, lanes: number): Experience {
  const { inputs, hidden, actions } = layout.shape
  const rng = stream(2, 'benchmark')
  const rows = steps * lanes
  const numbers = (count: number) => Float32Array.from({ length: count }, () => rng.normal())
  return {
    steps,
    lanes,
    blocks: 1,
    observations: numbers(rows * inputs),
    episodeStarts: new Uint8Array(rows),
    valid: new Uint8Array(rows).fill(1),
    actions: Int32Array.from({ length: rows }, () => rng.int(actions)),
    held: Int32Array.from({ length: rows }, () => rng.int(actions)),
    oldLogProbs: new Float32Array(rows).fill(-Math.log(actions)),
    advantages: numbers(rows),
    returns: numbers(rows),
    hidden: numbers(layout.cells * lanes * hidden),
    cell: numbers(layout.cells * lanes * hidden),
  }
}

function policyStep(engine: Engine, count: number, withValues: boolean): () => void {
  const { shape, cells } = engine.layout
  const rng = stream(3, 'benchmark')
  const step = {
    count,
    observations: Float32Array.from({ length: count * shape.inputs }, () => rng.normal()),
    episodeStarts: new Uint8Array(count),
    hidden: new Float32Array(cells * count * shape.hidden),
    cell: new Float32Array(cells * count * shape.hidden),
    logits: new Float32Array(count * shape.actions),
    values: withValues ? new Float32Array(count) : null,
  }
  return () => engine.policyStep(step)
}

/** Waits for a device, and takes from it what it keeps until it is read. */
function settled(engine: Engine): void {
  engine.readFigures()
  engine.readNorms()
}

/** Median milliseconds of a call, in rounds long enough for the clock. `settle` waits for a device that is still at work. */
function* median(
  clock: () => number,
  budgetMs: number,
  work: () => void,
  settle: () => void = () => {},
): Generator<void, number> {
  const until = clock() + budgetMs / 5
  let calls = 0
  // The compiler warms up, and the calls of a round are counted.
  while (clock() < until || calls < 2) {
    work()
    settle()
    if (++calls % 64 === 0) yield
  }
  const each = Math.max(1, Math.floor(calls / 4))
  const rounds: number[] = []
  const end = clock() + budgetMs
  while (clock() < end || rounds.length < 3) {
    const start = clock()
    for (let n = 0; n < each; n++) work()
    settle()
    rounds.push((clock() - start) / each)
    yield
  }
  return rounds.sort((a, b) => a - b)[Math.floor(rounds.length / 2)]!
}

/** Of the default network at another width. */
export const benchmarkLayout = (hidden: number) => layoutOf(shapeAt(hidden))
