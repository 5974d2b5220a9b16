/** One decision whole: what was seen, what was chosen from, what the guard said, and what came of it. */
import { badData, usage } from '../../base/errors.js'
import { parseTime } from '../../base/stamp.js'
import { formatTime, newYork } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { ACTION_COUNT, firstAlone, targetOf } from '../../env/actions.js'
import type { FeatureSet } from '../../env/feature-set.js'
import { FeatureTable } from '../../env/features.js'
import { inputNames, OBSERVATION_SIZE, observe } from '../../env/observation.js'
import { ANSWERS, RULES } from '../../risk/rules.js'
import { Backtest, type BacktestOptions } from '../../trading/backtest.js'
import { both, type Listener } from '../../trading/listener.js'
import type { Thought } from '../../trading/policy.js'
import { RECORD_TYPES, RecordWriter } from '../../trading/records.js'

/** A time as ISO 8601, or as the clock in New York shows it. Throws 64. */
export function decisionTime(text: string): number {
  const parsed = parseTime(text, newYork)
  if ('error' in parsed)
    throw usage(`expected a time such as 2025-08-01T14:30:00Z or '2025-08-01 10:30'`, { got: quote(text) })
  return parsed.epochMs
}

interface Account {
  readonly cash: number
  readonly positions: Readonly<Record<string, number>>
  readonly equity: number
  readonly drawdown: number
}

/** The `decision` record: its keys, in their order. */
export interface Decision {
  readonly type: 'decision'
  readonly time: string
  readonly run: string
  readonly policy: string
  readonly bars: readonly Readonly<Record<string, string | number>>[]
  readonly inputs: Readonly<Record<string, number>>
  readonly model: Thought | null
  readonly action: number
  readonly targets: Readonly<Record<string, number>>
  readonly guard: readonly Readonly<Record<string, unknown>>[]
  readonly orders: readonly Line[]
  readonly fills: readonly Line[]
  readonly risk: readonly Line[]
  readonly before: Account
  readonly after: Account
}

type Line = Readonly<Record<string, unknown>>

interface Asked extends Omit<BacktestOptions, 'listener'> {
  readonly run: string
  readonly set: FeatureSet
}

/** Runs up to the decision at `timeMs`, and one further. Throws 65 for a time at which none is taken, naming the nearest ones. */
export function explained(timeMs: number, { run: name, set, ...options }: Asked): Decision {
  const { market, rules, policy, warmup } = options
  const t = decisionAt(timeMs, options)
  let lines: string[] = []
  const writer = new RecordWriter({
    ...{ run: name, market, rules, types: new Set(RECORD_TYPES) },
    write: (line) => lines.push(line),
  })
  const guard: Line[] = []
  let action = -1
  const listener = both(writer, {
    ...DEAF,
    settled: (_t, _state, outcome) => {
      action = outcome.action
      guard.length = 0
      for (const [k, symbol] of market.traded.entries()) {
        const number = outcome.rule[k]!
        const rule = RULES[number]!
        guard.push({
          ...{ symbol, wanted: outcome.wanted[k]!, allowed: outcome.allowed[k]!, rule: rule.name },
          answer: number === 0 ? 'allow' : ANSWERS[outcome.answer[k]!]!,
          // The rule says what it looked at when it speaks, not while it goes on.
          value: number !== 0 && outcome.told[k] === 1 ? outcome.value[k]! : null,
          limit: rule.limit(rules),
        })
      }
    },
  })
  const run = new Backtest({ ...options, listener })
  const { state } = run
  if (t > warmup) run.advance(t - warmup)
  if (run.ending !== null) {
    throw badData(`the run ended before, by ${run.ending}`, {
      hint: `its last decision was at ${formatTime(market.endOf(run.next - 1))}`,
    })
  }
  lines = []
  const account = (): Account => ({
    cash: state.account.cash,
    positions: bySymbol((k) => state.account.position[k]!),
    equity: state.equity,
    drawdown: (state.peak - state.equity) / state.peak,
  })
  const bySymbol = <T>(of: (k: number) => T): Record<string, T> =>
    Object.fromEntries(market.traded.map((symbol, k) => [symbol, of(k)]))
  const before = account()
  const inputs = inputsOf(t, { ...options, set }, run)
  run.advance(1)
  const records = lines.map((line) => JSON.parse(line) as Line)
  const of = (type: string) => records.filter((record) => record.type === type)
  return {
    type: 'decision',
    time: formatTime(market.endOf(t)),
    run: name,
    policy: policy.name,
    bars: market.traded.map((symbol, k) => ({
      ...{ symbol, time: formatTime(market.time[t]!), open: market.open[k]![t]!, high: market.high[k]![t]! },
      ...{ low: market.low[k]![t]!, close: market.close[k]![t]!, volume: market.volume[k]![t]! },
    })),
    inputs,
    model: policy.thought?.() ?? null,
    action,
    targets: bySymbol((k) => targetOf(action, k)),
    guard,
    orders: of('order'),
    fills: of('fill'),
    risk: of('risk'),
    before,
    after: account(),
  }
}

const DEAF: Listener = { refused() {}, ordered() {}, reported() {}, settled() {}, marked() {} }

/** The bar whose end is this time. */
function decisionAt(timeMs: number, { market, warmup }: Pick<BacktestOptions, 'market' | 'warmup'>): number {
  // The last bar is there to settle on.
  const last = market.length - 2
  let [low, high] = [warmup, last]
  while (low < high) {
    const middle = (low + high) >> 1
    if (market.endOf(middle) < timeMs) low = middle + 1
    else high = middle
  }
  if (market.endOf(low) === timeMs) return low
  const near = [low - 1, low].filter((t) => t >= warmup && t <= last).map((t) => formatTime(market.endOf(t)))
  throw badData(`no decision was taken at ${formatTime(timeMs)}`, {
    hint: `the nearest are at ${near.join(' and ')}`,
  })
}

/** The 26 numbers at bar `t`, of one symbol the first 13, by their names, whether the policy looks at them or not. */
function inputsOf(
  t: number,
  { market, features, set }: Omit<Asked, 'run' | 'listener'>,
  { state }: Backtest,
) {
  const seen = new Float32Array(OBSERVATION_SIZE)
  observe(features ?? new FeatureTable(market, set), t, state.account.position, state.size, seen)
  return Object.fromEntries(inputNames(market.traded, set.columns).map((name, i) => [name, seen[i]!]))
}

/** A decision for people: 80 columns. */
export function decisionTable(decision: Decision, paint: Paint): string {
  const { time, policy, bars, inputs, model, action, targets, guard, orders, fills, risk, before, after } =
    decision
  const title = (words: string) => ['', paint.bold(words)]
  const names = Object.entries(inputs)
  const half = Math.ceil(names.length / 2)
  const cell = ([name, value]: readonly [string, number]) =>
    `  ${name.padEnd(22)}${short(value).padStart(12)}`
  const accountWords = ({ cash, positions, equity, drawdown }: Account): string =>
    `equity ${equity.toFixed(2)}, cash ${cash.toFixed(2)}, ${held(positions)}, drawdown ${(100 * drawdown).toFixed(2)} %`
  const lines = [
    `${inLine(policy)} at ${time}`,
    ...title(`bars that have just ended, begun at ${bars[0]?.time}`),
    ...bars.map(({ symbol, time: _, ...numbers }) => {
      const fields = Object.entries(numbers).map(([name, value]) => `${name} ${value}`)
      return `  ${symbol} ${fields.join(', ')}`
    }),
    ...title('inputs'),
    ...names.slice(0, half).map((one, i) => {
      const other = names[half + i]
      return other === undefined ? cell(one) : `${cell(one)}    ${cell(other).trimStart()}`
    }),
    ...(model === null
      ? []
      : [
          ...title(
            `model: value ${model.value === null ? '-' : short(model.value)}, ${short(model.holdPrior)} added to the logit of ${model.held}`,
          ),
          ...actionLines(model, Object.keys(targets)),
        ]),
    ...title(`action ${action}: ${words(action, Object.keys(targets))}`),
    ...guard.map(({ symbol, wanted, allowed, rule, answer, value, limit }) =>
      rule === 'allow'
        ? `  guard: ${symbol} ${wanted} shares, allowed`
        : `  guard: ${symbol} ${answer} by ${rule}: ${allowed} of ${wanted} shares${value === null ? '' : `, value ${short(value as number)}`}${limit === null ? '' : `, limit ${limit}`}`,
    ),
    ...orders.map(({ side, qty, symbol, reason }) => `  order: ${side} ${qty} ${symbol} (${reason})`),
    ...fills.map(
      ({ side, qty, symbol, price, time: at, commission, slippage }) =>
        `  fill: ${side} ${qty} ${symbol} at ${short(price as number)}, ${at}, costs ${short((commission as number) + (slippage as number))}`,
    ),
    ...risk.map(({ rule, action: answer }) => `  risk: ${rule} ${answer}`),
    ...(orders.length + fills.length === 0 ? ['  no order'] : []),
    ...title('account'),
    `  before: ${accountWords(before)}`,
    `  after:  ${accountWords(after)}`,
  ]
  return lines.map((line) => `${line}\n`).join('')
}

const ACTIONS = Array.from({ length: ACTION_COUNT }, (_, a) => a)

const actionLines = ({ logits, mask, probabilities }: Thought, symbols: readonly string[]): string[] =>
  // Of one symbol the actions that leave the second one flat.
  ACTIONS.filter((a) => symbols.length > 1 || a === firstAlone(a)).map((a) =>
    mask[a] === 1
      ? `  ${a} ${words(a, symbols).padEnd(24)} logit ${short(logits[a]!).padStart(12)}   probability ${probabilities[a]!.toFixed(4)}`
      : `  ${a} ${words(a, symbols).padEnd(24)} masked`,
  )

const words = (action: number, symbols: readonly string[]): string =>
  symbols.map((symbol, k) => `${symbol} ${['short', 'flat', 'long'][targetOf(action, k) + 1]}`).join(', ')

const held = (positions: Account['positions']): string =>
  Object.entries(positions)
    .map(([symbol, shares]) => `${symbol} ${shares}`)
    .join(', ')

const short = (value: number): string => String(Number(value.toPrecision(6)))
