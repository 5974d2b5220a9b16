/**
 * `npm run bench:train`: training speed with the environment included, and what it rests on. Medians of RUNS runs; the ratio of
 * one thread to two is taken within one run, in turn. Goals are for a quiet machine. Plain PyTorch on one core runs beside it
 * where PYTHON (python3) has torch.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { cpuEngine } from '../../dist/agent/engines/cpu/engine.js'
import { compileKernels, startKernels } from '../../dist/agent/engines/cpu/kernels.js'
import { ADDON, isBuilt } from '../../dist/agent/engines/native/native.js'
import { Actor } from '../../dist/agent/model/actor.js'
import { layoutOf } from '../../dist/agent/network/network.js'
import { Ppo } from '../../dist/agent/ppo/ppo.js'
import { TRADING } from '../../dist/agent/ppo/settings.js'
import { tradingTask } from '../../dist/agent/tasks/trading.js'
import { stream } from '../../dist/base/rng.js'
import { FeatureTable, featureSet } from '../../dist/env/features.js'
import { DEFAULT_RULES } from '../../dist/trading/rules.js'
import { walk } from './market.js'
import { median } from './measure.js'

const RUNS = Number(process.env.RUNS ?? 5)
const SECONDS = Number(process.env.SECONDS ?? 2)
const market = walk(72_000)
const task = tradingTask({
  market,
  features: new FeatureTable(market, featureSet('intraday')),
  rules: DEFAULT_RULES,
  longOnly: false,
  warmup: 50,
  symbols: 'both',
})

async function trainer(settings, threads, native = null) {
  const all = { ...TRADING, steps: 1e9, ...settings }
  const layout = layoutOf({ inputs: task.inputs, actions: task.actions, ...all })
  const engine = await cpuEngine(layout, { threads, native })
  const ppo = new Ppo(engine, task, all)
  ppo.advance()
  ppo.advance()
  return { ppo, dispose: () => engine.dispose() }
}

function speed(ppo) {
  const from = ppo.step
  const start = performance.now()
  while (performance.now() - start < 1000 * SECONDS) ppo.advance()
  return ((ppo.step - from) / (performance.now() - start)) * 1000
}

const show = (values) =>
  `${Math.round(median(values)).toLocaleString('en').padStart(7)} steps/s  ${Math.round(Math.min(...values))}..${Math.round(Math.max(...values))}`

/** One thread and two, one with the native kernels where they are built, and beside them what `peer` measures between their turns. */
async function compare(what, settings, goal, peer) {
  const one = await trainer(settings, 1)
  const two = await trainer(settings, 2)
  const native = isBuilt() ? await trainer(settings, 1, ADDON) : undefined
  const speeds = [[], [], [], []]
  for (let run = 0; run < RUNS; run++) {
    speeds[0].push(speed(one.ppo))
    speeds[1].push(speed(two.ppo))
    if (peer !== undefined) speeds[2].push(peer())
    if (native !== undefined) speeds[3].push(speed(native.ppo))
  }
  one.dispose()
  two.dispose()
  native?.dispose()
  const ratio = (i) => `${median(speeds[0].map((first, run) => speeds[i][run] / first)).toFixed(2)}x`
  console.log(`${what.padEnd(34)} 1 thread  ${show(speeds[0])}  (goal ${goal})`)
  console.log(`${''.padEnd(34)} 2 threads ${show(speeds[1])}  ${ratio(1)}`)
  if (native !== undefined) console.log(`${''.padEnd(34)} native    ${show(speeds[3])}  ${ratio(3)}`)
  if (peer !== undefined) console.log(`${''.padEnd(34)} PyTorch   ${show(speeds[2])}  ${ratio(2)}`)
}

const python = process.env.PYTHON ?? 'python3'
const hasTorch = spawnSync(python, ['-c', 'import torch']).status === 0

/** Speed of the same network in PyTorch on one core; undefined where there is none. */
const torch = (hidden) => {
  if (!hasTorch) return undefined
  return () => {
    const { stdout } = spawnSync(python, ['test/bench/torch_ppo.py', '1', String(hidden)], {
      encoding: 'utf8',
    })
    return median(JSON.parse(stdout).speeds)
  }
}

/** GFLOP/s of the products that training is made of, at a width. */
async function products(hidden) {
  const memory = new WebAssembly.Memory({ initial: 4096, maximum: 16_384, shared: true })
  const { gemm, gemmScratch } = await startKernels(await compileKernels(), memory)
  const numbers = new Float32Array(memory.buffer)
  const rng = stream(1, 'bench')
  for (let i = 0; i < 4_000_000; i++) numbers[i] = rng.uniform() - 0.5
  const [a, b, c, scratch] = [1, 400, 800, 2000].map((page) => 65_536 * page)
  if (scratch + gemmScratch(4 * hidden) > memory.buffer.byteLength) throw new Error('scratch does not fit')
  const row = 4 * hidden
  const width = 4 * hidden
  const work = [
    [
      2 * 16 * row * hidden,
      () => gemm(16, row, hidden, a, width, 4, b, 32 * hidden, 32, c, 4 * row, 1, scratch),
    ],
    [
      2 * 16 * row * hidden,
      () => gemm(16, hidden, row, a, 4 * row, 4, b, 32 * row, 32, c, width, 1, scratch),
    ],
    [2 * 512 * row * hidden, () => gemm(row, hidden, 512, a, 4, 4 * row, b, 32, width, c, width, 1, scratch)],
  ]
  const rates = work.map(([flops, run]) => {
    const results = []
    for (let round = 0; round < 2 * RUNS; round++) {
      const calls = Math.ceil(1e8 / flops)
      const start = performance.now()
      for (let n = 0; n < calls; n++) run()
      results.push((flops * calls) / (performance.now() - start) / 1e6)
    }
    return median(results)
  })
  console.log(
    `products at ${String(hidden).padEnd(22)} ${rates.map((rate) => rate.toFixed(1)).join(', ')} GFLOP/s: forwards, back, weights  (floor ${FLOOR})`,
  )
  // A scalar loop gives about 1.
  if (Math.min(...rates) < FLOOR) process.exitCode = 1
}

const FLOOR = 5

console.log(`${availableParallelism()} cores, ${process.version}, medians of ${RUNS} runs of ${SECONDS} s`)
if (!hasTorch) console.log(`PyTorch skipped: ${python} has none`)
for (const hidden of [64, 128, 256]) await products(hidden)
const published = { epochs: 10, lstm: 'joint', holdPrior: 0, entropy: [0.01, 0.01], rate: [3e-4, 3e-4] }
await compare('LSTM 64, 10 epochs, 16 x 128', published, '20,000, and 1.6x', torch(64))
await compare('LSTM 128, 10 epochs', { ...published, hidden: 128 }, '8,300', torch(128))
await compare('LSTM 256, 10 epochs', { ...published, hidden: 256 }, '3,300', torch(256))
await compare('LSTM 64, 4 epochs', { ...published, epochs: 4 }, '66,000 attainable')
await compare('the default settings', {}, '16,700: 200,000 steps in 12 s')
const sb3 = { ...published, hidden: 32, envs: 1, rolloutSteps: 128, batch: 32, epochs: 4 }
await compare('LSTM 32, 128/32/4, 1 environment', sb3, '20x of 1,045')

const layout = layoutOf({ inputs: task.inputs, actions: task.actions, ...TRADING })
const engine = await cpuEngine(layout)
engine.writeParameters(Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i) / 10))
const actor = new Actor(engine, { normaliser: null, mask: task.mask, holdPrior: 4 })
const seen = Float32Array.from({ length: 26 }, (_, i) => Math.cos(i))
const micros = Array.from({ length: 4 * RUNS }, () => {
  const start = performance.now()
  for (let n = 0; n < 20_000; n++) actor.act(seen, 4)
  return (performance.now() - start) / 20
})
console.log(`policy step at batch 1, LSTM 64      ${median(micros).toFixed(2)} us  (goal 4)`)
