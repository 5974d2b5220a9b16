/** `--require` and `--gate`: figures that a summary must reach, and the `verdict` record that says so. */
import { usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { choice, option, under } from '../../cli/options.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { GATES, judged, type Requirement, requirements, type Summary } from '../../evaluate/requirements.js'

const GATE_NAMES = Object.keys(GATES) as (keyof typeof GATES)[]

export const gateOptions = under('Gate', {
  require: option<readonly Requirement[] | undefined>(
    'LIST',
    "figures that must be reached: 'dsr>0.95,maxdd<0.02,trades>100'",
    {},
    requirements,
  ),
  gate: choice('NAME', GATE_NAMES, `figures under one name; ${GATES.demo} is`),
})

export const gateWords: readonly string[] = [
  '--require judges the summary: each figure against its number, all must hold, and the status is 0 or 1. Figures are those of the summary: pnl, net_pnl_2x_cost (at twice the costs), maxdd (the part lost since a peak, positive), trades, sessions, sharpe, t, psr, dsr, dsr_neff, pbo, p_random, windows_positive (part of the windows that earned), uptime and more. A figure that is absent is not reached, and the reason says why: a backtest has no uptime. The verdict record, or the last lines of the table, has every figure with its reason.',
  '--gate demo asks for a net result of $1,000 or more, a drawdown of 2 % at most and an uptime above 99 %. $1,000 on $2,000 of positions within $100 is about 50 % in 8 weeks, which hardly anything honest earns: the gate says that a demonstration went well, and nothing of skill.',
]

export interface GateFlags {
  readonly require: readonly Requirement[] | undefined
  readonly gate: keyof typeof GATES | undefined
}

/** A gate by its name, or by its words. */
export interface Gate {
  readonly name: string
  readonly required: readonly Requirement[]
}

/** Refuses a gate that is named and told, before hours are spent. */
export function gateOf({ require, gate }: GateFlags): Gate | null {
  if (require !== undefined && gate !== undefined) throw usage('--require and --gate exclude each other')
  if (gate !== undefined) return { name: gate, required: requirements(GATES[gate]) }
  return require === undefined
    ? null
    : {
        name: require.map(({ figure, operator, bound }) => `${figure}${operator}${bound}`).join(),
        required: require,
      }
}

/** The `verdict` record of a summary, or its lines; 1 where the gate is not met. */
export function judge(
  context: Context,
  gate: Gate,
  summary: Summary & { readonly run?: unknown },
  paint: Paint | null,
): string {
  const { pass, reasons } = judged(gate.required, summary)
  if (!pass) context.exitWith(1)
  if (paint === null) {
    const record = { type: 'verdict', run: summary.run ?? null, gate: gate.name, pass, reasons }
    return `${JSON.stringify(record)}\n`
  }
  const head = pass ? paint.green('PASS') : paint.red('FAIL')
  return `\n${head} ${inLine(gate.name)}\n${reasons.map((reason) => `  ${inLine(reason)}\n`).join('')}`
}
