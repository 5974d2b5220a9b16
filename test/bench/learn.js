/**
 * `npm run bench:learn`: does it learn? The tasks that need memory at their published settings, with and without memory, and
 * trading on generated bars with a planted signal and without one, judged on sessions that training has not seen. SEEDS makes
 * it smaller, ONLY=tasks or ONLY=trading halves it. Takes half an hour on two cores. ONLY=defaults changes the defaults of
 * trading one by one instead: the figures of jules-training(7).
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cpuEngine } from '../../dist/agent/engines/cpu/engine.js'
import { layoutOf } from '../../dist/agent/network/network.js'
import { TASK_SETTINGS } from '../../dist/agent/ppo/settings.js'
import { Training } from '../../dist/agent/ppo/training.js'
import { episodes } from '../../dist/agent/ppo/validation.js'
import { TASKS } from '../../dist/agent/tasks/memory.js'
import { median } from './measure.js'

const SEEDS = Number(process.env.SEEDS ?? 5)
const { ONLY } = process.env

/** An engine whose state is zeroed before each step: the same network without memory. */
function forgetful(engine) {
  const fresh = (starts) => new Uint8Array(starts.length).fill(1)
  return new Proxy(engine, {
    get: (target, name) => {
      if (name === 'policyStep')
        return (step) => target.policyStep({ ...step, episodeStarts: fresh(step.episodeStarts) })
      if (name === 'load')
        return (all) =>
          target.load(Object.create(all, { episodeStarts: { value: fresh(all.episodeStarts) } }))
      const value = target[name]
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** Mean rewards of the last 100 episodes and of evaluations, by step. */
async function learn(name, seed, { memory = true } = {}) {
  const settings = { ...TASK_SETTINGS[name], seed }
  const task = TASKS.find((one) => one.name === name)
  const layout = layoutOf({ inputs: task.inputs, actions: task.actions, ...settings })
  const engine = await cpuEngine(layout, { threads: 2 })
  const training = new Training({
    engine: memory ? engine : forgetful(engine),
    phases: [{ name, task, settings }],
    evaluate: episodes(task, seed),
    evaluateEvery: 10_000,
    checkpointEvery: 1e12,
    earlyStop: null,
    initial: null,
  })
  const seen = []
  await training.run({
    pause: async () => false,
    checkpoint: async () => {},
    iteration: async ({ step, progress, score }) => {
      seen.push({ step, reward: progress.meanReward, score: score?.reward ?? null })
    },
  })
  engine.dispose()
  const at = (step) => seen.findLast((one) => one.step <= step + 2048)?.reward
  const best = Math.max(...seen.filter(({ score }) => score !== null).map(({ score }) => score))
  return { at, best, last: seen.findLast(({ score }) => score !== null).score }
}

const show = (values) => values.map((value) => value.toFixed(2)).join(' ')

async function task(name, goal, figures) {
  for (const memory of [true, false]) {
    const runs = []
    for (let seed = 1; seed <= (memory ? SEEDS : Math.min(2, SEEDS)); seed++)
      runs.push(await learn(name, seed, { memory }))
    console.log(`${name}, ${memory ? `goal ${goal}` : 'state zeroed each step: must fail'}`)
    for (const [what, pick] of Object.entries(figures)) {
      const values = runs.map(pick)
      console.log(
        `  ${what.padEnd(34)} median ${median(values).toFixed(2).padStart(7)}   seeds ${show(values)}`,
      )
    }
  }
}

/** 267 sessions of generated bars, of which training leaves 40 for the test. */
function market(regime, seed = 1) {
  const home = mkdtempSync(join(tmpdir(), 'jules-learn-'))
  const env = { PATH: process.env.PATH, HOME: home }
  const jules = (...args) =>
    execFileSync(resolve('bin/jules'), args, {
      env,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const bars = join(home, 'bars.parquet')
  jules('fetch', '--mock', '--regime', regime, '--seed', String(seed), '--days', '267', '-o', bars)
  let runs = 0
  return {
    /** Trains, and gives a judge of policies on the test sessions. */
    train: (...options) => {
      const run = join(home, `run${runs++}`)
      jules('train', ...options, '-o', run, bars)
      const { from } = JSON.parse(readFileSync(join(run, 'manifest.json'), 'utf8')).test
      const judged = (...policy) =>
        JSON.parse(jules('backtest', ...policy, '--from', from, '--records', 'summary', '-f', 'ndjson', bars))
      return { from, policy: `model:${run}`, judged }
    },
    end: () => rmSync(home, { recursive: true }),
  }
}

function trading(regime, seeds, goal) {
  const { train, end } = market(regime)
  console.log(`trading, --regime ${regime}, 267 sessions to 2025-08-01, default costs; goal ${goal}`)
  for (let seed = 1; seed <= seeds; seed++) {
    const { from, policy, judged } = train('--seed', String(seed))
    const test = judged('--policy', policy)
    const random = judged('--policy', 'random', '--seed', String(seed))
    console.log(
      `  seed ${seed}: ${test.sessions} test sessions from ${from}, net $${test.pnl.toFixed(2)} after $${test.cost.toFixed(2)} of costs, t ${test.t_sessions?.toFixed(2) ?? '-'}; flat $0, random $${random.pnl.toFixed(2)}; ${test.notes.find((note) => note.includes('skill')) ?? ''}`,
    )
  }
  end()
}

const CHANGES = [
  '',
  '--steps 100000',
  '--steps 400000',
  '--epochs 10',
  '--epochs 3',
  '--bptt 16',
  '--gamma 0.99 --gae-lambda 0.95',
  '--lr-schedule const',
  '--ent-coef 0.01',
  '--hold-prior 0',
  '--hidden 32',
  '--hidden 128',
  '--lstm shared',
  '--lstm separate',
  '--alone 0',
  '--alone 0 --lstm joint',
  '--raw-reward',
]

/** What each default is worth: the same training with one option changed, two seeds on four sets of bars. */
function defaults() {
  const markets = ['trend', 'mean-revert'].flatMap((regime) => [5, 9].map((seed) => market(regime, seed)))
  for (const change of CHANGES) {
    const nets = markets.flatMap(({ train }) =>
      [1, 2].map((seed) => {
        const { policy, judged } = train('--seed', String(seed), ...change.split(' ').filter(Boolean))
        return judged('--policy', policy).pnl
      }),
    )
    const mean = nets.reduce((sum, net) => sum + net, 0) / nets.length
    const all = nets.map((net) => net.toFixed(0)).join(' ')
    console.log(
      `${(change || 'the defaults').padEnd(34)} net $${mean.toFixed(0).padStart(5)} on average of ${all}`,
    )
  }
  for (const { end } of markets) end()
}

if (ONLY === 'defaults') defaults()
if (ONLY !== 'trading' && ONLY !== 'defaults') {
  await task('cartpole-novel', 'eval >= 475 by 100k in 5 of 5', {
    'best evaluation by 100k': ({ best }) => best,
    'last evaluation': ({ last }) => last,
    'last 100 episodes at 30k': ({ at }) => at(30_000),
    'last 100 episodes at 50k': ({ at }) => at(50_000),
  })
  await task('tmaze10', 'eval >= 0.8 by 100k in 4 of 5', {
    'best evaluation by 100k': ({ best }) => best,
    'last evaluation': ({ last }) => last,
  })
  await task('recall2', 'last 100 episodes >= 20 at 100k, >= 37 at 200k', {
    'last 100 episodes at 100k': ({ at }) => at(100_000),
    'last 100 episodes at 200k': ({ at }) => at(200_000),
  })
}
if (ONLY !== 'tasks' && ONLY !== 'defaults') {
  trading('mean-revert', Math.min(3, SEEDS), 'net > 0 and t > 2 in 3 of 3')
  trading('noise', 6, 't > 2 in none')
}
