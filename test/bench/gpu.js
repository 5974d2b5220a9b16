/**
 * `npm run bench:gpu`: what learning costs on TensorFlow, beside the cpu engine with one thread, at the default settings and three
 * widths: operations, uploads and deletions of a minibatch, counted at the binding, and milliseconds, where both engines take turns. On
 * a GPU if there is one; on TensorFlow's kernels for the CPU if JULES_NATIVE_TFJS names a folder with the package, and says which.
 */
import { cpuEngine } from '../../dist/agent/engines/cpu/engine.js'
import { loadBackend, packagesIn } from '../../dist/agent/engines/tfjs/backends.js'
import { tfjsEngine } from '../../dist/agent/engines/tfjs/engine.js'
import { layoutOf } from '../../dist/agent/network/network.js'
import { TRADING } from '../../dist/agent/ppo/settings.js'
import { stream } from '../../dist/base/rng.js'
import { median } from './measure.js'

const RUNS = Number(process.env.RUNS ?? 5)
const WIDTHS = (process.env.WIDTHS ?? '64,256,512').split(',').map(Number)
const packages = process.env.JULES_NATIVE_TFJS ?? null
// TensorFlow's banner and warnings are no figures.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
const withoutGpu = packages !== null
const { batch, bptt, envs, rolloutSteps, epochs } = TRADING
const counts = { executeOp: 0, createTensor: 0, deleteTensor: 0, tensorDataSync: 0 }

/** Counts the calls of the binding; null where there is none, and says why. */
async function counted() {
  try {
    const { tf, device } = await loadBackend('node-gpu', packagesIn(packages), withoutGpu)
    const backend = tf.backend()
    const { binding } = backend
    // Its properties cannot be replaced.
    backend.binding = Object.create(binding)
    for (const name of Object.keys(counts)) {
      const value = (...args) => {
        counts[name]++
        return binding[name](...args)
      }
      Object.defineProperty(backend.binding, name, { value })
    }
    return device
  } catch (error) {
    console.log(`not measured: ${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`)
    return null
  }
}

/** A rollout of numbers that mean nothing, with an episode's start now and then. */
function rollout(layout) {
  const { inputs, hidden, actions } = layout.shape
  const rng = stream(1, 'bench', hidden)
  const rows = envs * rolloutSteps
  const numbers = (count) => Float32Array.from({ length: count }, () => rng.normal())
  const states = (rolloutSteps / bptt) * layout.cells * envs * hidden
  return {
    steps: bptt,
    lanes: envs,
    blocks: rolloutSteps / bptt,
    observations: numbers(rows * inputs),
    episodeStarts: Uint8Array.from({ length: rows }, () => (rng.uniform() < 1 / 390 ? 1 : 0)),
    valid: new Uint8Array(rows).fill(1),
    actions: Int32Array.from({ length: rows }, () => rng.int(actions)),
    held: Int32Array.from({ length: rows }, () => rng.int(actions)),
    oldLogProbs: new Float32Array(rows).fill(-Math.log(actions)),
    advantages: numbers(rows),
    returns: numbers(rows),
    hidden: numbers(states),
    cell: numbers(states),
  }
}

/** Milliseconds of a minibatch over one update. */
function update(engine, experience) {
  const { valueCoefficient, holdPrior, maxNorm } = TRADING
  const allowed = new Uint8Array(engine.layout.shape.actions).fill(1)
  const loss = {
    clip: 0.2,
    valueCoefficient,
    entropyCoefficient: 0.05,
    normaliseAdvantage: true,
    holdPrior,
    allowed,
  }
  const each = batch / bptt
  const sequences = Array.from({ length: experience.lanes * experience.blocks }, (_, q) => q)
  const start = performance.now()
  engine.load(experience)
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let from = 0; from < sequences.length; from += each) {
      engine.gradient(sequences.slice(from, from + each), loss)
      engine.adamStep({ rate: 1e-5, beta1: 0.9, beta2: 0.999, epsilon: 1e-5, maxNorm })
    }
  }
  engine.readFigures()
  engine.readNorms()
  engine.readParameters()
  return (performance.now() - start) / minibatches
}

const minibatches = (epochs * envs * rolloutSteps) / batch
const device = await counted()
if (device === null) process.exitCode = 69
else {
  console.log(
    `device: ${device}; a minibatch is ${batch} steps, an update ${minibatches} of them and one upload of the rollout`,
  )
  for (const hidden of WIDTHS) {
    const { lstm, layers, net, activation } = TRADING
    const layout = layoutOf({ inputs: 26, hidden, actions: 9, lstm, layers, net, activation })
    const experience = rollout(layout)
    const engines = [await tfjsEngine(layout, 'node-gpu', { packages, withoutGpu }), await cpuEngine(layout)]
    const rng = stream(2, 'bench', hidden)
    const parameters = Float32Array.from({ length: layout.size }, () => 0.1 * rng.normal())
    for (const engine of engines) {
      engine.writeParameters(parameters)
      update(engine, experience)
    }
    for (const name of Object.keys(counts)) counts[name] = 0
    update(engines[0], experience)
    const a = (name) => (counts[name] / minibatches).toFixed(1)
    console.log(
      `H ${hidden}: ${a('executeOp')} operations, ${a('createTensor')} uploads, ${a('deleteTensor')} deletions, ${a('tensorDataSync')} readings a minibatch`,
    )
    const times = [[], []]
    for (let run = 0; run < RUNS; run++)
      for (const [i, engine] of engines.entries()) times[i].push(update(engine, experience))
    const ratio = median(times[1].map((cpu, run) => cpu / times[0][run]))
    console.log(
      `H ${hidden}: ${median(times[0]).toFixed(2)} ms a minibatch, cpu engine with one thread ${median(times[1]).toFixed(2)} ms, ${ratio.toFixed(2)}x`,
    )
    for (const engine of engines) engine.dispose()
  }
}
