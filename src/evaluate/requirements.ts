/** A gate: figures that must be reached, each judged with its reason. A figure that is absent is not reached. */
import { usage } from '../base/errors.js'
import { nearest } from '../base/suggest.js'
import { quote } from '../base/words.js'
import { isObject } from '../stream/json.js'

/** `dsr>0.95` apart. */
export interface Requirement {
  readonly figure: FigureName
  readonly operator: Operator
  readonly bound: number
}

export type Operator = '>' | '>=' | '<' | '<='

/** What came of a gate: `verdict` in the records. */
export interface GateVerdict {
  readonly pass: boolean
  /** One for each requirement, in their order. */
  readonly reasons: readonly string[]
}

/** A summary, as any command writes it. */
export type Summary = Readonly<Record<string, unknown>>

/** The keys of a summary in which a figure is looked for, the first that is there. */
const FIGURES = {
  pnl: ['pnl'],
  net_pnl_2x_cost: ['pnl_at_cost.2x'],
  total_return: ['total_return'],
  annual_return: ['annual_return'],
  maxdd: ['max_drawdown'],
  trades: ['trades'],
  sessions: ['sessions', 'n'],
  sharpe: ['sharpe'],
  sortino: ['sortino'],
  calmar: ['calmar'],
  t: ['t_sessions'],
  psr: ['psr'],
  psr_h0: ['psr_h0'],
  dsr: ['dsr'],
  dsr_neff: ['dsr_neff'],
  min_trl: ['min_trl'],
  pbo: ['pbo'],
  p_random: ['p_random'],
  windows: ['windows'],
  windows_positive: ['windows_positive'],
  uptime: ['uptime'],
  missing: ['missing'],
  trials: ['trials'],
} as const satisfies Record<string, readonly string[]>

export type FigureName = keyof typeof FIGURES
export const FIGURE_NAMES = Object.keys(FIGURES) as FigureName[]

/** Other names of the same. */
const ALIASES: ReadonlyMap<string, FigureName> = new Map([
  ['net_pnl', 'pnl'],
  ['max_drawdown', 'maxdd'],
  ['t_sessions', 't'],
])

/** Gates by their names. */
export const GATES = {
  // $1,000 on $2,000 of positions is about 50 %: a demonstration, and no proof of skill.
  demo: 'pnl>=1000,maxdd<=0.02,uptime>0.99',
} as const

/** The requirements of a text such as `dsr>0.95,maxdd<0.02`. Throws 64 for what is none. */
export function requirements(text: string): Requirement[] {
  return text.split(',').map((word) => {
    const [, name, operator, bound] = /^\s*([a-z_0-9]+)\s*(>=|<=|>|<)\s*(\S+)\s*$/i.exec(word) ?? []
    if (name === undefined)
      throw usage('expected FIGURE>NUMBER or FIGURE<NUMBER, with commas between', { got: quote(word) })
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bound!) ? Number(bound) : Number.NaN
    if (!Number.isFinite(value)) throw usage(`${name}: expected a number`, { got: quote(bound) })
    return { figure: figureNamed(name.toLowerCase()), operator: operator as Operator, bound: value }
  })
}

function figureNamed(name: string): FigureName {
  const figure = ALIASES.get(name) ?? FIGURE_NAMES.find((one) => one === name)
  if (figure !== undefined) return figure
  const near = nearest(name, [...FIGURE_NAMES, ...ALIASES.keys()])
  throw usage(`no figure is called ${quote(name)}`, {
    hint: near === undefined ? `the figures are ${FIGURE_NAMES.join(', ')}` : `did you mean ${near}?`,
  })
}

/** Holds a summary against the requirements. */
export function judged(required: readonly Requirement[], summary: Summary): GateVerdict {
  const results = required.map((one) => judge(one, summary))
  return { pass: results.every(({ met }) => met), reasons: results.map(({ words }) => words) }
}

function judge({ figure, operator, bound }: Requirement, summary: Summary): { met: boolean; words: string } {
  const wanted = `${figure} ${operator} ${bound}`
  const value = figureIn(summary, figure)
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    const got = typeof value === 'number' ? String(value) : quote(value)
    const why = value == null ? whyAbsent(summary, figure) : `it is no finite number: ${got}`
    return { met: false, words: `not met: ${wanted}: ${why}` }
  }
  const met = OPERATORS[operator](value, bound)
  return { met, words: `${met ? 'met' : 'not met'}: ${wanted}: it is ${shown(value, bound)}` }
}

const OPERATORS: Readonly<Record<Operator, (value: number, bound: number) => boolean>> = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
}

/** As many digits as tell the value from its bound. */
function shown(value: number, bound: number): string {
  for (let digits = 4; digits < 17; digits++) {
    const text = value.toPrecision(digits)
    if (Number(text) !== bound || value === bound) return String(Number(text))
  }
  return String(value)
}

function figureIn(summary: Summary, figure: FigureName): unknown {
  const keys: readonly string[] = FIGURES[figure]
  const value = keys.map((key) => at(summary, key)).find((one) => one !== undefined)
  // A drawdown is a part that was lost, whichever sign a summary gives it.
  return figure === 'maxdd' && typeof value === 'number' ? Math.abs(value) : value
}

const at = (summary: Summary, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], summary)

function whyAbsent({ reasons, command }: Summary, figure: FigureName): string {
  const keys: readonly string[] = FIGURES[figure]
  const said = isObject(reasons) ? keys.map((key) => reasons[key]) : []
  const reason = said.find((one) => typeof one === 'string')
  if (reason !== undefined) return reason
  return `${typeof command === 'string' ? command : 'this summary'} has no such figure`
}
