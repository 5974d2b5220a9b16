/**
 * `npm run bench:env`: the environment and the backtest, medians of several runs with their spread. BARS and RUNS make it smaller.
 * Goals are for one quiet core.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stream } from '../../dist/base/rng.js'
import { FEATURE_SETS, FeatureTable } from '../../dist/env/features.js'
import { NO_LIMITS } from '../../dist/risk/limits.js'
import { Backtest } from '../../dist/trading/backtest.js'
import { smaCross } from '../../dist/trading/policies.js'
import { DEFAULT_RULES } from '../../dist/trading/rules.js'
import { TradingEnv } from '../../dist/trading/trading-env.js'
import { walk } from './market.js'
import { median, timed } from './measure.js'

const BARS = Number(process.env.BARS ?? 1_000_000)
const RUNS = Number(process.env.RUNS ?? 5)

function measure(what, goal, work, { unit = 'M/s', perRun = 1 } = {}) {
  const seconds = []
  for (let run = 0; run <= RUNS; run++) {
    const start = process.hrtime.bigint()
    work()
    // The first run warms the compiler up.
    if (run > 0) seconds.push(Number(process.hrtime.bigint() - start) / 1e9)
  }
  const show = (s) => (unit === 'ms' ? (1000 * s).toFixed(1) : (perRun / s / 1e6).toFixed(2))
  console.log(
    `${what.padEnd(46)}${show(median(seconds)).padStart(8)} ${unit}  ${show(Math.min(...seconds))}..${show(Math.max(...seconds))}  (goal ${goal})`,
  )
}

console.log(`${BARS} bars a symbol, medians of ${RUNS} runs, ${process.version}`)
const market = walk(BARS)
// The whole length is wanted: no loss ends a run.
const endless = { ...DEFAULT_RULES.limits, maxDayLoss: 1e12, maxLoss: 1e12 }
const rules = { ...DEFAULT_RULES, limits: endless }

const year = market.slice(0, Math.min(BARS, 252 * 390))
for (const set of FEATURE_SETS) {
  measure(`features ${set.name}, a year x 2`, '<= 30 ms', () => new FeatureTable(year, set), { unit: 'ms' })
}

const steps = Math.min(BARS - 100, 500_000)
const features = new FeatureTable(market, FEATURE_SETS[0])
const env = new TradingEnv({ market, features, rules, episodeSteps: Number.POSITIVE_INFINITY })
const observation = new Float32Array(26)
for (const [name, keep] of [
  ['kept 30 steps', 30],
  ['drawn each step', 1],
]) {
  measure(
    `env step with observation, actions ${name}`,
    '>= 1 M/s',
    () => {
      const rng = stream(2, 'actions')
      env.reset(50)
      let action = 4
      for (let n = 0; n < steps; n++) {
        if (n % keep === 0) action = rng.int(9)
        env.step(action)
        env.observe(observation)
      }
    },
    { perRun: steps },
  )
}

for (const [name, given] of [
  ['limits of trading', rules],
  ['no limits', { ...DEFAULT_RULES, limits: NO_LIMITS }],
]) {
  measure(
    `backtest of sma-cross, ledger, ${name}`,
    '>= 5 M bars/s',
    () => {
      const policy = smaCross()
      const run = new Backtest({ market, features: null, rules: given, policy, longOnly: false, warmup: 50 })
      while (!run.advance(1_000_000));
    },
    { unit: 'M bars/s', perRun: 2 * BARS },
  )
}

const dir = mkdtempSync(join(tmpdir(), 'jules-bench-'))
const processEnv = { PATH: process.env.PATH, HOME: dir }
const jules = resolve('bin/jules')
try {
  // Sessions of 390 bars, half days aside.
  const days = String(Math.ceil(BARS / 388))
  for (const name of ['bars.ndjson', 'bars.parquet']) {
    await timed(jules, ['fetch', '--mock', '--days', days, '-o', join(dir, name)], { env: processEnv })
  }
  const options = ['--policy', 'sma-cross', '--max-day-loss', '1e9', '--max-loss', '1e9', '--capital', '1e6']
  for (const [name, goal] of [
    ['bars.ndjson', '<= 3 s'],
    ['bars.parquet', '<= 2 s'],
  ]) {
    for (const records of ['summary', 'order,fill,risk,summary', 'order,fill,risk,equity,summary']) {
      const results = []
      for (let run = 0; run < Math.min(RUNS, 3); run++) {
        const input = openSync(join(dir, name), 'r')
        const output = openSync('/dev/null', 'w')
        const args = ['backtest', ...options, '--records', records, '-']
        results.push(await timed(jules, args, { env: processEnv, input, output }))
        closeSync(input)
        closeSync(output)
      }
      const seconds = results.map((result) => result.seconds)
      const peak = Math.round(Math.max(...results.map((result) => result.peak)))
      console.log(
        `${`backtest < ${name}, ${records}`.padEnd(60)}${median(seconds).toFixed(2)} s  ${Math.min(...seconds).toFixed(2)}..${Math.max(...seconds).toFixed(2)}  ${peak} MB  (goal ${goal}, <= 600 MB)`,
      )
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
