/**
 * What a report says of runs: numbers and words, no drawing. Every format shows this and nothing else, so that all of them say
 * the same. Times are epoch milliseconds, money is dollars, parts are fractions of 1, dates are of New York.
 */
/** Runs side by side; figures of one are never added to those of another. */
export interface Report {
  readonly runs: readonly RunReport[]
  /** Findings of the data that belong to no run of these: `quality` records among the inputs. */
  readonly quality: QualityReport | null
  /** What the reader must know of the inputs: records that were passed over, a journal that was cut. */
  readonly notes: readonly string[]
}

/** What kind of thing earned: a paper account of a broker, its simulator, a simulation on past bars; or nothing, in a training. */
export type RunKind = 'paper' | 'backtest' | 'evaluation' | 'training' | 'records'

/** One run. */
export interface RunReport {
  readonly name: string
  readonly kind: RunKind
  /** Where it was read from, as it was named. */
  readonly place: string
  /** `simulated on past bars`, `paper account DU123, simulated gateway`: what the dollars are. */
  readonly money: string
  readonly symbols: readonly string[]
  /** First and last New York date of its equity; null where there is none. */
  readonly span: readonly [from: string, to: string] | null
  readonly verdict: GoNoGo
  readonly lights: readonly Light[]
  /** The honesty box. */
  readonly honesty: readonly Fact[]
  /** Every figure that the run has, in groups, as it is shown. */
  readonly figures: readonly FigureGroup[]
  /** Net dollars at multiples of the costs paid, and what else was held against the run. */
  readonly costs: CostCurve | null
  readonly rivals: readonly Rival[]
  readonly curve: Curve | null
  /** The five worst falls, worst first. */
  readonly drawdowns: readonly DrawdownSpan[]
  readonly months: readonly Month[]
  readonly sessions: readonly SessionResult[]
  /** Dollars by time of day and weekday. */
  readonly heat: HeatMap | null
  /** Part of the decisions after which each of the nine joint positions was held; null where positions are not known. */
  readonly actions: readonly ActionUse[] | null
  /** Its positions changed and no execution is there: its records are a selection. */
  readonly isPartial: boolean
  readonly bySymbol: readonly SymbolResult[]
  readonly trades: readonly Trade[]
  readonly risk: RiskReport
  readonly slippage: Slippage | null
  readonly windows: readonly WindowResult[]
  /** Learning curves of a training; null for any other run. */
  readonly learning: Learning | null
  /** Options and inputs of the run, where it has a manifest. */
  readonly manifest: readonly Fact[]
  /** What the run says of itself beside its figures. */
  readonly notes: readonly string[]
}

/** The gate and the belief together: GO needs both. */
export interface GoNoGo {
  readonly go: boolean
  /** `demo`, or the requirements. */
  readonly gate: string
  /** What is asked for, whichever gate it is: net dollars, and the largest part that may be lost from a peak. */
  readonly bounds: { readonly pnl: number; readonly drawdown: number }
  /** Each with whether it speaks for GO. */
  readonly reasons: readonly { readonly met: boolean; readonly words: string }[]
}

/** A traffic light: `none` where the figure is not there, and `words` says why. */
export interface Light {
  readonly name: string
  readonly state: 'good' | 'warn' | 'bad' | 'none'
  /** `$1,234.50`, `-`. */
  readonly shown: string
  /** `of the $1,000 asked for`; why there is none. */
  readonly words: string
}

export interface Fact {
  readonly name: string
  readonly value: string
}

/** A figure by its key in jules-metrics(7); `value` as the summary has it, `shown` as every format shows it. */
export interface ShownFigure {
  readonly key: string
  readonly name: string
  readonly value: number | null
  readonly shown: string
  /** Why there is no value. */
  readonly reason: string | null
}

export interface FigureGroup {
  readonly title: string
  readonly figures: readonly ShownFigure[]
}

export interface CostCurve {
  /** By multiple of the costs that were paid, ascending. */
  readonly points: readonly { readonly multiple: number; readonly pnl: number }[]
  /** Costs of a traded dollar at which nothing is earned, in basis points; null where nothing was traded. */
  readonly breakEvenBps: number | null
}

export interface Rival {
  readonly name: string
  /** Null where it had none, with the reason in words. */
  readonly pnl: number | null
  readonly words: string
}

/** After each decision; all arrays have one length. */
export interface Curve {
  readonly capital: number
  readonly time: Float64Array
  readonly equity: Float64Array
  /** (peak - equity) / peak, 0 or above. */
  readonly drawdown: Float64Array
  /** Signed shares by symbol; empty where records have none. */
  readonly positions: readonly Float64Array[]
}

export interface DrawdownSpan {
  readonly peakMs: number
  readonly troughMs: number
  /** Null where it had not recovered at the end. */
  readonly recoveredMs: number | null
  readonly fraction: number
  readonly dollars: number
}

export interface Month {
  readonly year: number
  /** From 1. */
  readonly month: number
  readonly pnl: number
  /** Of the equity at its beginning. */
  readonly part: number
  readonly sessions: number
}

export interface SessionResult {
  readonly date: string
  readonly pnl: number
  /** Of the equity at its beginning. */
  readonly part: number
}

/** Dollars earned in each half hour of the session on each weekday. */
export interface HeatMap {
  /** `09:30`, `10:00`, ... of New York. */
  readonly times: readonly string[]
  /** `Mon` to `Fri`. */
  readonly days: readonly string[]
  /** By weekday, then time; null where there was no bar. */
  readonly pnl: readonly (readonly (number | null)[])[]
  /** Dollars of the bars that ended outside of these times, and how many of them had any. */
  readonly outside: { readonly pnl: number; readonly bars: number }
}

export interface ActionUse {
  /** From 0 to 8, as in env/actions. */
  readonly action: number
  /** `NVDA short, MSFT flat`. */
  readonly words: string
  readonly part: number
}

export interface SymbolResult {
  readonly symbol: string
  readonly pnl: number
  readonly trips: number
  /** Part of the trips with a result that earned; null where there are none. */
  readonly hitRate: number | null
  readonly fees: number
  readonly slippage: number
  /** Dollars bought and sold. */
  readonly turnover: number
}

/** A position from flat to flat, in the order of its entry. */
export interface Trade {
  readonly symbol: string
  readonly side: 'long' | 'short'
  readonly shares: number
  readonly entryMs: number
  readonly entryPrice: number
  /** Null where it was still held at the end. */
  readonly exitMs: number | null
  readonly exitPrice: number | null
  /** Net of its costs. */
  readonly pnl: number
  readonly costs: number
}

export interface RiskReport {
  readonly counts: readonly { readonly rule: string; readonly action: string; readonly count: number }[]
  /** In order; the first ones where there are too many to show. */
  readonly events: readonly RiskEvent[]
  readonly all: number
}

export interface RiskEvent {
  readonly timeMs: number
  readonly rule: string
  readonly action: string
  readonly symbol: string | null
  readonly words: string
}

/** Dollars. */
export interface Slippage {
  readonly seen: number
  /** What the cost model expects; null where the run has only the one. */
  readonly modelled: number | null
}

export interface WindowResult {
  readonly window: number
  readonly trained: string
  readonly tested: string
  readonly sessions: number
  readonly pnl: number
  readonly sharpe: number | null
  readonly maxDrawdown: number | null
  readonly trades: number
  readonly notes: readonly string[]
}

export interface Learning {
  readonly step: readonly number[]
  /** Mean reward of the last episodes, dollars; NaN where there is none. */
  readonly reward: readonly number[]
  /** Dollars on the validation sessions; NaN where there is none. */
  readonly validation: readonly number[]
  /** Dollars of the simple policies on the validation sessions. */
  readonly rivals: readonly Rival[]
}

export interface QualityReport {
  readonly errors: number
  readonly warnings: number
  readonly findings: readonly QualityFinding[]
  /** By date, the worst severity: what a calendar shows. */
  readonly days: readonly { readonly date: string; readonly errors: number; readonly warnings: number }[]
}

export interface QualityFinding {
  readonly date: string
  readonly symbol: string
  readonly check: string
  readonly severity: 'error' | 'warning'
  readonly count: number
  readonly words: string
  readonly fix: string | null
}
