/**
 * `npm run bench:evidence`: are the figures of evidence right, and how sharp is the gate dsr > 0.95? Beside ffn, arch and skfolio
 * where PYTHON (python3) has them; then how often the gate opens on noise and on a planted edge, by the number of trials; then on
 * random policies over generated bars, and once on short trainings. REPEATS (500), MARKETS (100) and TRAININGS (200) make it
 * smaller. Takes about three minutes on two cores.
 */
import { spawnSync } from 'node:child_process'
import { cpuEngine } from '../../dist/agent/engines/cpu/engine.js'
import { layoutOf } from '../../dist/agent/network/network.js'
import { kurtosis, mean, skewness, standardDeviation } from '../../dist/base/moments.js'
import { stream } from '../../dist/base/rng.js'
import { FeatureTable, featureSet } from '../../dist/env/features.js'
import { learn } from '../../dist/evaluate/leaks/learnt.js'
import { simpleReturns } from '../../dist/evaluate/metrics.js'
import { overfitting } from '../../dist/evaluate/overfitting.js'
import { seriesFigures } from '../../dist/evaluate/series-figures.js'
import { deflatedSharpe, nullDeviation, probabilisticSharpe } from '../../dist/evaluate/sharpe-evidence.js'
import { sessionEquity } from '../../dist/evaluate/summary.js'
import { testOn } from '../../dist/evaluate/tested.js'
import { trialSpread } from '../../dist/evaluate/trial-spread.js'
import { sessionsEndingAt } from '../../dist/market/calendar.js'
import { mockBars } from '../../dist/market/feeds/mock.js'
import { Market } from '../../dist/market/market.js'
import { NO_LIMITS } from '../../dist/risk/limits.js'
import { Backtest } from '../../dist/trading/backtest.js'
import { randomPolicy } from '../../dist/trading/policies.js'
import { DEFAULT_RULES } from '../../dist/trading/rules.js'
import { median } from './measure.js'

const REPEATS = Number(process.env.REPEATS ?? 500)
const MARKETS = Number(process.env.MARKETS ?? 100)
const GATE = 0.95
const LEAST_REFUSED = 95

const noise = (rng, count, deviation = 0.01, drift = 0) =>
  Float64Array.from({ length: count }, () => drift + deviation * rng.normal())

/** Figures beside those of libraries; a figure that two libraries define otherwise has its reason. */
function compare() {
  const rng = stream(1, 'evidence', 'compare')
  const returns = noise(rng, 504, 0.01, 0.001)
  const leaning = noise(rng, 504)
  for (let i = 1; i < leaning.length; i++) leaning[i] += 0.5 * leaning[i - 1] + 0.0005
  const trialSharpes = noise(rng, 40, 0.04)
  const matrix = Array.from({ length: 20 }, () => noise(rng, 160))
  const python = process.env.PYTHON ?? 'python3'
  const { stdout, status, stderr } = spawnSync(python, ['test/bench/evidence.py'], {
    input: JSON.stringify({
      returns: [...returns],
      leaning: [...leaning],
      trialSharpes: [...trialSharpes],
      // Periods by trials, as pandas has it.
      matrix: Array.from(matrix[0], (_, i) => matrix.map((trial) => trial[i])),
    }),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (status !== 0) {
    console.log(
      `ffn, arch and skfolio skipped: ${python}: ${stderr?.trim().split('\n').at(-1) ?? 'not there'}`,
    )
    return
  }
  const own = seriesFigures(returns, { trials: 40, trialSharpeStd: standardDeviation(trialSharpes) })
  const ownLeaning = seriesFigures(leaning)
  const [low, high] = ownLeaning.sharpe_ci95
  const of = {
    ...own,
    pbo: overfitting(matrix, { blocks: 8 }).pbo.value,
    block: ownLeaning.block,
    'sharpe_ci95 low': low,
    'sharpe_ci95 high': high,
  }
  const biased = 'skfolio takes biased skew and kurtosis'
  const why = {
    arch: { 'sharpe_ci95 low': 'other draws', 'sharpe_ci95 high': 'other draws' },
    skfolio: { psr: biased, dsr: biased },
  }
  for (const line of stdout.trim().split('\n')) {
    const { library, version, figures, skipped } = JSON.parse(line)
    if (skipped !== undefined) {
      console.log(`${library} skipped: ${skipped}`)
      continue
    }
    console.log(`${library} ${version}`)
    for (const [key, theirs] of Object.entries(figures)) {
      const apart = Math.abs(of[key] - theirs)
      const reason = why[library]?.[key]
      console.log(
        `  ${key.padEnd(22)}${of[key].toFixed(9).padStart(14)}${theirs.toFixed(9).padStart(14)}  apart ${apart.toExponential(1)}${reason === undefined ? '' : `  (${reason})`}`,
      )
      if (reason === undefined && !(apart < 1e-9)) {
        console.log(`  ${key} differs`)
        process.exitCode = 1
      }
    }
  }
}

const SESSIONS = 252
const EDGES = [0.1, 0.2, 0.3]

/** What the gate sees of the best of trials, of which only the Sharpe ratios and the best one's moments are kept. */
function best(sharpes, series) {
  let at = 0
  for (let k = 1; k < sharpes.length; k++) if (sharpes[k] > sharpes[at]) at = k
  const values = series(at)
  const sample = { sharpe: sharpes[at], n: values.length, skew: skewness(values), kurtosis: kurtosis(values) }
  const n = sharpes.length
  return {
    at,
    psr: probabilisticSharpe(sample),
    dsr: deflatedSharpe(sample, n, standardDeviation(sharpes)),
    nullVar: deflatedSharpe(sample, n, nullDeviation(sample)),
  }
}

const share = (hits, of = REPEATS) => `${((100 * hits) / of).toFixed(1)} %`.padStart(9)

/** Normal returns; in the columns of an edge one trial of them has that Sharpe ratio a session. */
function power() {
  console.log(
    `\ngate on the best of N trials, ${SESSIONS} sessions of normal returns, ${REPEATS} repeats; an edge is one trial with that Sharpe ratio a session (${EDGES.map((edge) => `${edge} is ${(edge * Math.sqrt(252)).toFixed(1)} a year`).join(', ')}),\nand is found where the gate opens for that very trial`,
  )
  console.log(
    `${'trials'.padStart(8)}  noise: ${'psr>.95'.padStart(9)}${'dsr>.95'.padStart(9)}${'null_var'.padStart(9)}   dsr>.95 finds ${EDGES.map((edge) => `edge ${edge}`.padStart(9)).join('')}`,
  )
  for (const trials of [10, 100, 1000]) {
    const opened = { psr: 0, dsr: 0, nullVar: 0 }
    const found = EDGES.map(() => 0)
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const all = Array.from({ length: trials }, (_, k) =>
        noise(stream(repeat, 'evidence', 'power', trials, k), SESSIONS),
      )
      const sharpes = Float64Array.from(all, (one) => mean(one) / standardDeviation(one))
      const seen = best(sharpes, (at) => all[at])
      for (const key of Object.keys(opened)) if (seen[key] > GATE) opened[key]++
      for (const [e, edge] of EDGES.entries()) {
        const planted = all[0].map((r) => r + 0.01 * edge)
        const with_ = Float64Array.from(sharpes)
        with_[0] = mean(planted) / standardDeviation(planted)
        const { at, dsr } = best(with_, (k) => (k === 0 ? planted : all[k]))
        if (at === 0 && dsr > GATE) found[e]++
      }
    }
    console.log(
      `${String(trials).padStart(8)}         ${share(opened.psr)}${share(opened.dsr)}${share(opened.nullVar)}                 ${found.map((hits) => share(hits)).join('')}`,
    )
  }
}

const MARKET_SESSIONS = 60
const TRIALS = 200

/** Sessions of generated bars of 15 minutes, with nothing to be learnt. */
function noiseMarket(seed) {
  const symbols = ['NVDA', 'MSFT']
  const market = new Market(symbols, '15m')
  const sessions = sessionsEndingAt(20_301, MARKET_SESSIONS)
  const numbers = new Float64Array(10)
  let row = 0
  for (const { batch } of mockBars({ symbols, interval: '15m', sessions, seed, regime: 'noise' })) {
    for (let i = 0; i < batch.length; i++, row++) {
      const k = row % 2
      const { open, high, low, close, volume } = batch
      numbers.set([open[i], high[i], low[i], close[i], volume[i]], 5 * k)
      if (k === 1) market.append(batch.time[i], numbers)
    }
  }
  return market
}

/** Session returns of a policy. */
function sessionReturns(market, rules, policy) {
  const run = new Backtest({ market, features: null, rules, policy, longOnly: false, warmup: 2 })
  run.advance(Number.POSITIVE_INFINITY)
  return simpleReturns(sessionEquity(market, run.ledger, rules.capital))
}

/** What evidence says of the best of trials, however they came about: session returns of each. */
function judged(all) {
  const { dsr, psr } = best(trialSpread(all).sharpes, (at) => all[at])
  return { dsr, psr, pbo: overfitting(all).pbo.value }
}

/** No loss ends a run, so that all trials have all sessions; the second kind loses its costs, and has it easier to be refused. */
function randomTrials() {
  const free = { ...DEFAULT_RULES.costs, commission: 'none', halfSpreadBps: 0 }
  const kinds = [
    ['without costs', { ...DEFAULT_RULES, limits: NO_LIMITS, costs: free }],
    ['at the default costs', { ...DEFAULT_RULES, limits: NO_LIMITS }],
  ]
  console.log(
    `\n${MARKETS} markets of generated noise, ${MARKET_SESSIONS} sessions of 15-minute bars; in each the best of ${TRIALS} random policies`,
  )
  for (const [what, rules] of kinds) {
    const seen = []
    for (let seed = 1; seed <= MARKETS; seed++) {
      const market = noiseMarket(seed)
      const policies = Array.from({ length: TRIALS }, (_, k) =>
        randomPolicy(stream(seed, 'evidence', 'policy', k)),
      )
      seen.push(judged(policies.map((policy) => sessionReturns(market, rules, policy))))
    }
    const refused = (key) => seen.filter((one) => !(one[key] > GATE)).length
    console.log(
      `  ${what.padEnd(22)} dsr>.95 refuses ${refused('dsr')} of ${MARKETS} (goal ${LEAST_REFUSED} of 100), psr>.95 alone ${refused('psr')}; PBO in the middle ${median(seen.map(({ pbo }) => pbo)).toFixed(2)}`,
    )
    if (refused('dsr') < (LEAST_REFUSED / 100) * MARKETS) process.exitCode = 1
  }
}

const TRAININGS = Number(process.env.TRAININGS ?? 200)

/**
 * The same once with short trainings as trials, as a person would search: each learns on the first sessions of one market of noise,
 * without costs, and what it makes of the last ones is its result.
 */
async function trainedTrials() {
  const market = noiseMarket(1)
  const set = featureSet('intraday')
  const free = { ...DEFAULT_RULES.costs, commission: 'none', halfSpreadBps: 0 }
  const rules = { ...DEFAULT_RULES, limits: NO_LIMITS, costs: free }
  const [trainEnd, validationEnd] = [25, 30]
  const testing = {
    market,
    features: (part) => new FeatureTable(part, set),
    rules,
    longOnly: false,
    warmup: 50,
  }
  const all = []
  for (let seed = 1; seed <= TRAININGS; seed++) {
    const { policy, dispose } = await learn(
      { market, set },
      {
        ...{ rules, longOnly: false, warmup: 50, steps: 4096, seed, trainEnd, validationEnd },
        engineOf: (shape) => cpuEngine(layoutOf(shape)),
        pause: async () => false,
      },
    )
    const { sessions } = testOn(testing, { from: trainEnd, to: MARKET_SESSIONS }, policy)
    dispose()
    all.push(Float64Array.from(sessions, ({ pnl }) => pnl / rules.capital))
  }
  const { dsr, psr, pbo } = judged(all)
  const refuses = (figure) => (figure > GATE ? 'passes' : 'refuses')
  console.log(
    `  the best of ${TRAININGS} short trainings: dsr ${dsr?.toFixed(3)} ${refuses(dsr)} it, psr ${psr?.toFixed(3)} ${refuses(psr)} it; PBO ${pbo?.toFixed(2)}`,
  )
  if (dsr > GATE) process.exitCode = 1
}

compare()
power()
randomTrials()
await trainedTrials()
