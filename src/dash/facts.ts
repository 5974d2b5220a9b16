/** What is said of a source, as texts: one wording for pages, their events, and the terminal. */

import { dollars, grouped, percent } from '../base/words.js'
import { newYorkTime } from '../page/charts/axis.js'
import type { LimitUse, Marked } from './course.js'
import { isAwaited, type Source } from './source.js'

export type Level = 'good' | 'warn' | 'bad' | 'none'

/** One thing that is said; the key is the same as long as the thing is. */
export interface Fact {
  readonly key: string
  readonly name: string
  readonly text: string
  readonly level: Level
}

/** A dash where nothing is known. */
export const NOTHING = '–'

/** A source whose run has not ended and whose file is not written any more. */
export interface Staleness {
  /** Milliseconds without a line after which a run that goes on is stale. */
  readonly staleMs: number
  /** Milliseconds after which a run that did not end is no longer expected to go on. */
  readonly forgottenMs: number
}

export const STALENESS: Staleness = { staleMs: 300_000, forgottenMs: 86_400_000 }

/** Whether a run goes on as far as its file says; one on past bars that lacks a summary does not. */
export type Pulse = 'live' | 'stale' | 'ended' | 'unfinished'

/** How a source stands at `nowMs`, by the clock of the host. */
export function pulseOf(source: Source, nowMs: number, { staleMs, forgottenMs }: Staleness): Pulse {
  const { training, course, tail } = source
  if (training !== null) return training.state === 'running' ? 'live' : 'ended'
  if (course.standing.ended !== null || (source.content === 'records' && course.run === null)) return 'ended'
  const ageMs = nowMs - tail.changedMs
  const isJournal = source.content === 'journal'
  if (ageMs <= staleMs && !(isJournal && source.isDeserted)) return 'live'
  return ageMs <= forgottenMs && isJournal ? 'stale' : 'unfinished'
}

/** `running`, `ended: session`, `stale`: how a source stands, in words. */
export function stateWords(source: Source, pulse: Pulse): string {
  if (source.tail.state === 'gone') return 'file is gone'
  if (source.tail.state === 'unreadable') return `cannot be read: ${source.tail.words}`
  if (source.tail.part < 1) return `reading, ${percent(source.tail.part, 0)}`
  const { training, course } = source
  if (isAwaited(source)) return 'not there yet'
  if (course.standing.halted !== null) return `halted: ${course.standing.halted}`
  if (training !== null) return training.state
  if (course.standing.ended !== null) return `ended: ${course.standing.ended}`
  if (source.content === 'empty') return 'nothing yet'
  const stale = source.isDeserted ? 'cut off: its process is gone' : 'stale: not written any more'
  return { live: 'running', stale, ended: 'read', unfinished: 'unfinished' }[pulse]
}

/** How good that is. */
export function stateLevel(source: Source, pulse: Pulse): Level {
  const { tail, course, training } = source
  if (tail.state === 'unreadable' || course.standing.halted !== null || source.damaged > 0) return 'bad'
  if (training?.state === 'diverged') return 'bad'
  if (pulse === 'stale' && source.isDeserted) return 'bad'
  if (tail.state === 'gone' || pulse === 'stale') return 'warn'
  return pulse === 'live' && source.content !== 'empty' ? 'good' : 'none'
}

const fact = (key: string, name: string, text: string, level: Level = 'none'): Fact => ({
  key,
  name,
  text,
  level,
})

const money = (value: number | null): string => (value === null ? NOTHING : dollars(value))
const sign = (value: number | null): Level =>
  value === null || value === 0 ? 'none' : value > 0 ? 'good' : 'bad'

/** The first things to see of a run. */
export function headFacts(source: Source): Fact[] {
  const { course } = source
  const { marked } = course
  const shown: Marked | null = marked
  return [
    fact('equity', 'Equity', money(shown?.equity ?? null)),
    fact('pnl', 'P&L', money(shown?.pnlTotal ?? null), sign(shown?.pnlTotal ?? null)),
    fact('day', 'P&L of the day', money(shown?.pnlDay ?? null), sign(shown?.pnlDay ?? null)),
    fact('drawdown', 'Drawdown', shown?.drawdown == null ? NOTHING : percent(shown.drawdown)),
    fact('worst', 'Worst drawdown', course.equity.count === 0 ? NOTHING : percent(course.worst)),
  ]
}

/** How it stands. */
export function standingFacts(source: Source, pulse: Pulse): Fact[] {
  const { course, tail } = source
  const { standing, marked } = course
  const { connection, account, uptime, halted } = standing
  return [
    fact('state', 'State', stateWords(source, pulse), stateLevel(source, pulse)),
    fact('halt', 'Kill switch', halted ?? 'off', halted === null ? 'none' : 'bad'),
    fact('account', 'Account', account ?? NOTHING),
    fact('connection', 'Connection', connection ?? NOTHING, connectionLevel(connection)),
    fact('age', 'Data age at the last decision', ageWords(standing.dataAge), ageLevel(standing.dataAge)),
    fact('uptime', 'Uptime', uptime === null ? NOTHING : percent(uptime)),
    fact('bar', 'Marked at', marked === null ? NOTHING : newYorkTime(marked.timeMs)),
    fact('written', 'Last written', tail.changedMs === 0 ? NOTHING : newYorkTime(tail.changedMs)),
    fact('cash', 'Cash', money(marked?.cash ?? null)),
    fact('orders', 'Orders, fills', `${grouped(course.orders.count, 0)}, ${grouped(course.fills.count, 0)}`),
    fact('lines', 'Lines', grouped(source.lines, 0)),
    fact('damaged', 'Damaged lines', damageWords(source), source.damaged > 0 ? 'bad' : 'none'),
  ]
}

/** How many lines are damaged, and how the first one is. */
export const damageWords = ({ damaged, damage }: Source): string =>
  damaged === 0 ? '0' : `${grouped(damaged, 0)}; ${damage}`

function connectionLevel(connection: string | null): Level {
  if (connection === null) return 'none'
  return connection === 'ready' ? 'good' : 'warn'
}

const ageWords = (age: number | string | null): string =>
  age === null
    ? NOTHING
    : typeof age === 'number'
      ? `${grouped(age / 1000, age < 10_000 ? 1 : 0)} s`
      : `not trusted: ${age}`

const ageLevel = (age: number | string | null): Level => (typeof age === 'string' ? 'warn' : 'none')

/** Of a limit: what is used, what it is, and which part that is. */
export function limitWords({ used, limit, unit }: LimitUse): {
  readonly used: string
  readonly limit: string
  readonly part: string
  readonly level: Level
} {
  const words = (value: number): string =>
    unit === 'dollars' ? dollars(value) : unit === 'part' ? percent(value) : grouped(value, 0)
  const isLimit = limit !== null && Number.isFinite(limit) && limit > 0
  const part = isLimit ? used / limit : null
  return {
    used: words(used),
    limit: limit === null ? NOTHING : Number.isFinite(limit) ? words(limit) : 'none',
    part: part === null ? NOTHING : percent(part, 0),
    level: part === null ? 'none' : part >= 1 ? 'bad' : part >= 0.8 ? 'warn' : 'none',
  }
}

/** The state of a training. */
export function trainingFacts(source: Source, pulse: Pulse): Fact[] {
  const { learning, training } = source
  const { step, best, figures } = learning
  const total = training?.totalSteps ?? null
  const figure = (key: string, digits: number) => {
    const value = figures.get(key)
    return value === undefined ? NOTHING : grouped(value, digits)
  }
  return [
    fact('state', 'State', stateWords(source, pulse), stateLevel(source, pulse)),
    fact('step', 'Step', step === null ? NOTHING : grouped(step, 0)),
    fact('total', 'Steps planned', total === null ? NOTHING : grouped(total, 0)),
    fact(
      'best',
      'Best validation',
      best === null ? NOTHING : `${grouped(best.reward, 2)} at step ${grouped(best.step, 0)}`,
    ),
    fact('fps', 'Steps a second', figure('time/fps', 0)),
    fact('reward', 'Mean reward', figure('rollout/ep_rew_mean', 2)),
    fact('damaged', 'Damaged lines', damageWords(source), source.damaged > 0 ? 'bad' : 'none'),
  ]
}
