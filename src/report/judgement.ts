/** Go or no go, with each reason, and the lights of the first screen: what a summary reaches of what is asked for. */
import { GATES, judged, type Requirement, requirements } from '../evaluate/requirements.js'
import { dollars, FIGURES, type FigureKey, percent, plain } from '../evaluate/shown.js'
import { threshold, type Verdict } from '../evaluate/verdict.js'
import { isObject, type JsonObject } from '../stream/json.js'
import type { GoNoGo, Light, Rival } from './model.js'

/** A gate by its name, or by its words. */
export interface Gate {
  readonly name: string
  readonly required: readonly Requirement[]
}

/** GO where the gate is met and the result can be believed. */
export function goNoGo(summary: JsonObject, { name, required }: Gate, belief: Verdict): GoNoGo {
  const { pass, reasons } = judged(required, summary)
  return {
    go: pass && belief.believable,
    gate: name,
    bounds: { pnl: boundOf(required, 'pnl'), drawdown: boundOf(required, 'maxdd') },
    reasons: [
      ...reasons.map((words) => ({ met: words.startsWith('met'), words })),
      ...belief.reasons.map((words) => ({ met: belief.believable, words })),
    ],
  }
}

/** What the demonstration asks for, where a gate does not name a figure. */
const USUAL = new Map(requirements(GATES.demo).map(({ figure, bound }) => [figure, bound]))

const boundOf = (required: readonly Requirement[], figure: 'pnl' | 'maxdd' | 'uptime'): number =>
  required.find((one) => one.figure === figure)?.bound ?? USUAL.get(figure)!

/** The lights, in the order in which they are looked at. */
export function lightsOf(summary: JsonObject, { required }: Gate, rivals: readonly Rival[]): Light[] {
  const reasons = isObject(summary.reasons) ? summary.reasons : {}
  const number = (key: string): number | null => {
    const value = summary[key]
    return typeof value === 'number' && Number.isFinite(value) ? value : null
  }
  const absent = (name: string, key: FigureKey): Light => ({
    name,
    state: 'none',
    shown: '-',
    words: typeof reasons[key] === 'string' ? reasons[key] : `${commandOf(summary)} has no such figure`,
  })
  const light = (
    name: string,
    key: FigureKey,
    judge: (value: number) => Pick<Light, 'state' | 'words'>,
  ): Light => {
    const value = number(key)
    return value === null ? absent(name, key) : { name, shown: FIGURES[key][1](value), ...judge(value) }
  }
  const [wanted, most, least] = [
    boundOf(required, 'pnl'),
    boundOf(required, 'maxdd'),
    boundOf(required, 'uptime'),
  ]
  const sessions = number('sessions') ?? 0
  const trials = number('trials')
  const pnl = number('pnl')
  // A run of a simple policy is no rival of itself.
  const others = rivals.filter(({ name }) => name !== summary.policy)
  const best = others.reduce<Rival | null>(
    (found, rival) =>
      rival.pnl !== null && rival.pnl > (found?.pnl ?? Number.NEGATIVE_INFINITY) ? rival : found,
    null,
  )
  const deflated: FigureKey =
    number('dsr') === null && number('dsr_null_var') !== null ? 'dsr_null_var' : 'dsr'
  return [
    light('Net P&L', 'pnl', (value) => ({
      state: value >= wanted ? 'good' : value > 0 ? 'warn' : 'bad',
      words: `${dollars(wanted)} asked for`,
    })),
    light('Drawdown', 'max_drawdown', (value) => ({
      state: Math.abs(value) <= most ? 'good' : 'bad',
      words: `${percent(most)} at most`,
    })),
    light('Uptime', 'uptime', (value) => ({
      state: value > least ? 'good' : 'bad',
      words: `above ${percent(least)} asked for`,
    })),
    light('t', 't_sessions', (value) => {
      const needed = threshold(sessions, trials)
      return {
        state: value > needed ? 'good' : value > 0 ? 'warn' : 'bad',
        words: `above ${plain(2)(needed)} is more than chance`,
      }
    }),
    light('DSR', deflated, (value) => ({
      state: value > 0.95 ? 'good' : value > 0.5 ? 'warn' : 'bad',
      words: `above 0.95: skill, all trials counted${deflated === 'dsr' ? '' : ' (spread of trials without skill)'}`,
    })),
    light('PBO', 'pbo', (value) => ({
      state: value < 0.2 ? 'good' : value < 0.5 ? 'warn' : 'bad',
      words: 'how often the best in sample is below the middle out of sample',
    })),
    trials === null
      ? { name: 'Trials', state: 'none', shown: '-', words: 'nothing was trained, or nobody has counted' }
      : {
          name: 'Trials',
          state: trials > 1 ? 'warn' : 'good',
          shown: FIGURES.trials[1](trials),
          words: trials > 1 ? 'the result may be the best of them' : 'the only one',
        },
    best === null || pnl === null
      ? { name: 'Best rival', state: 'none', shown: '-', words: 'nothing was held against the run' }
      : {
          name: 'Best rival',
          state: pnl > best.pnl! ? 'good' : 'bad',
          shown: dollars(best.pnl),
          words: pnl > best.pnl! ? `${best.name} earned less` : `${best.name} earned as much or more`,
        },
  ]
}

const commandOf = ({ command }: JsonObject): string =>
  typeof command === 'string' && command !== 'records' ? command : 'this run'
