/** Reports made by hand: of nothing, of a few sessions, and with texts that would do harm where they are not text. */
import type { Curve, Report, RunReport } from '../../src/report/model.js'

/** Texts that end an element, an attribute, a script, a terminal's line, or a cell; and none of the characters that XML lacks. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</title></style><svg onload=alert(1)>',
  "=cmd|' /C calc'!A0",
  '\u001b[31mred\u001b]0;title\u0007',
  'a\u202eb\u2066c',
  'half \ud800 of \udc00 two',
  '</script><!--',
  'line\u2028and\u2029paragraph',
].join(' ')

/** A run of which nothing is known. */
export const bareRun = (more: Partial<RunReport> = {}): RunReport => ({
  ...{ name: 'bare', kind: 'records', place: 'records.ndjson', money: 'simulated on past bars' },
  ...{
    symbols: [],
    span: null,
    verdict: { go: false, gate: 'demo', bounds: { pnl: 1000, drawdown: 0.02 }, reasons: [] },
    lights: [],
    honesty: [],
  },
  ...{ figures: [], costs: null, rivals: [], curve: null, drawdowns: [], months: [], sessions: [] },
  ...{
    heat: null,
    actions: null,
    isPartial: false,
    bySymbol: [],
    trades: [],
    risk: { counts: [], events: [], all: 0 },
  },
  ...{ slippage: null, windows: [], learning: null, manifest: [], notes: [] },
  ...more,
})

/** First minute of a session of the winter: 09:31 in New York. */
const OPEN = Date.parse('2025-01-06T14:31:00Z')
const DAY = 86_400_000

/** Equity of `perDay` minutes of each of `days` weekdays, along a wave that rises. */
export function curveOf(days: number, perDay = 390): Curve {
  const n = days * perDay
  const curve: Curve = {
    capital: 5000,
    time: new Float64Array(n),
    equity: new Float64Array(n),
    drawdown: new Float64Array(n),
    positions: [new Float64Array(n), new Float64Array(n)],
  }
  let peak = curve.capital
  for (let k = 0; k < n; k++) {
    const day = Math.floor(k / perDay)
    curve.time[k] = OPEN + (day + 2 * Math.floor(day / 5)) * DAY + (k % perDay) * 60_000
    curve.equity[k] = curve.capital + k * 0.05 + 30 * Math.sin(k / 97) + 5 * Math.sin(k / 7)
    peak = Math.max(peak, curve.equity[k]!)
    curve.drawdown[k] = (peak - curve.equity[k]!) / peak
    curve.positions[0]![k] = Math.sign(Math.round(2 * Math.sin(k / 31))) * 5
    curve.positions[1]![k] = k % 50 < 25 ? 1 : 0
  }
  return curve
}

const dates = ({ time }: Curve): string[] => [
  ...new Set([...time].map((ms) => new Date(ms).toISOString().slice(0, 10))),
]

/** A run with something in each of its parts; `text` stands wherever others give a text. */
export function fullRun({
  days = 3,
  perDay = 390,
  trades = 30,
  text = 'plain',
  ...more
}: Partial<Omit<RunReport, 'trades'>> & {
  readonly days?: number
  readonly perDay?: number
  readonly trades?: number
  readonly text?: string
} = {}): RunReport {
  const curve = curveOf(days, perDay)
  const all = dates(curve)
  const pnl = curve.equity.at(-1)! - curve.capital
  const shown = `$${pnl.toFixed(2)}`
  return bareRun({
    name: `run ${text}`,
    kind: 'backtest',
    place: `runs/${text}`,
    money: `simulated on past bars ${text}`,
    symbols: ['NVDA', `MSFT ${text}`],
    span: [all[0]!, all.at(-1)!],
    verdict: {
      bounds: { pnl: 1000, drawdown: 0.02 },
      go: false,
      gate: `demo ${text}`,
      reasons: [
        { met: true, words: `met: ${text}` },
        { met: false, words: 'generated bars (mock) prove nothing about a market' },
      ],
    },
    lights: (['good', 'warn', 'bad', 'none'] as const).map((state) => ({
      ...{ name: `light ${state}`, state, shown: state === 'none' ? '-' : shown, words: text },
    })),
    honesty: [
      { name: 'money', value: `simulated ${text}` },
      { name: text, value: '1' },
    ],
    figures: [
      {
        title: `Result ${text}`,
        figures: [
          { key: 'pnl', name: 'net result', value: pnl, shown, reason: null },
          { key: 'dsr', name: 'deflated Sharpe', value: null, shown: '-', reason: text },
        ],
      },
    ],
    costs: {
      points: [0, 0.5, 1, 2, 5].map((multiple) => ({ multiple, pnl: pnl + 100 * (1 - multiple) })),
      breakEvenBps: 3.21,
    },
    rivals: [
      { name: `buy-hold ${text}`, pnl: -12.5, words: text },
      { name: 'random', pnl: null, words: 'no random runs were made' },
    ],
    curve,
    drawdowns: [
      {
        ...{ peakMs: curve.time[10]!, troughMs: curve.time[40]!, recoveredMs: curve.time[90]! },
        ...{ fraction: 0.0123, dollars: 62 },
      },
      {
        ...{ peakMs: curve.time[100]!, troughMs: curve.time[140]!, recoveredMs: null },
        ...{ fraction: 0.011, dollars: 55.1 },
      },
    ],
    months: [{ year: 2025, month: 1, pnl, part: pnl / 5000, sessions: days }],
    sessions: all.map((date, k) => ({ date, pnl: 20 * Math.sin(k + 1), part: 0.004 * Math.sin(k + 1) })),
    heat: {
      times: ['09:30', '10:00', '10:30'],
      days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'],
      pnl: [0, 1, 2, 3, 4].map((day) => [0, 1, 2].map((slot) => (day > 3 ? null : 10 * (day - slot)))),
      outside: { pnl: -12.5, bars: 3 },
    },
    actions: Array.from({ length: 9 }, (_, action) => ({
      ...{ action, words: `NVDA ${text} ${action}`, part: (action + 1) / 45 },
    })),
    isPartial: false,
    bySymbol: [
      {
        ...{ symbol: `MSFT ${text}`, pnl: -3, trips: 2, hitRate: null, fees: 1, slippage: 2 },
        turnover: 3_000,
      },
      { symbol: 'NVDA', pnl: 5, trips: 2, hitRate: 0.5, fees: 1, slippage: 2, turnover: 3_000 },
    ],
    trades: Array.from({ length: trades }, (_, k) => ({
      symbol: k % 3 === 0 ? `MSFT ${text}` : 'NVDA',
      side: k % 2 === 0 ? ('long' as const) : ('short' as const),
      shares: 1 + (k % 5),
      entryMs: curve.time[0]! + k * 60_000,
      entryPrice: 190 + (k % 17) / 3,
      exitMs: k === trades - 1 ? null : curve.time[0]! + k * 60_000 + 420_000,
      exitPrice: k === trades - 1 ? null : 190.5 + (k % 13) / 7,
      pnl: 8 * Math.sin(k),
      costs: 0.71,
    })),
    risk: {
      counts: [{ rule: 'session-end', action: 'flatten', count: 2 }],
      events: [
        { timeMs: curve.time[60]!, rule: 'session-end', action: 'flatten', symbol: text, words: text },
        { timeMs: Number.NaN, rule: 'session-end', action: 'flatten', symbol: null, words: 'no time' },
      ],
      all: 2,
    },
    slippage: { seen: 12.3, modelled: 10.1 },
    windows: [
      {
        ...{ window: 1, trained: '2024-01-02 to 2024-06-28', tested: text, sessions: 20, pnl: Number.NaN },
        ...{ sharpe: null, maxDrawdown: null, trades: 0, notes: [text] },
      },
    ],
    learning: {
      step: [2048, 4096, 6144, 8192],
      reward: [Number.NaN, -3, 2, 4],
      validation: [Number.NaN, -30, Number.NaN, 14],
      rivals: [{ name: text, pnl: 3, words: text }],
    },
    manifest: [{ name: 'policy', value: text }],
    notes: [text],
    ...more,
  })
}

/** A report of runs, with findings of the data. */
export const reportOf = (runs: readonly RunReport[], text = 'plain'): Report => ({
  runs,
  quality: {
    errors: 1,
    warnings: 2,
    findings: [
      {
        ...{ date: '2025-01-06', symbol: text, check: 'spike', severity: 'error', count: 1, words: text },
        fix: text,
      },
    ],
    days: [
      { date: '2025-01-06', errors: 1, warnings: 0 },
      { date: '2025-01-07', errors: 0, warnings: 2 },
      { date: '2025-01-08', errors: 0, warnings: 0 },
    ],
  },
  notes: [text],
})
