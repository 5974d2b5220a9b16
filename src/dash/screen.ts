/** The live view as lines of text: for a terminal of any size, and one line where there is none. */
import { plot } from '../base/plot.js'
import type { Dashboard } from './dashboard.js'
import { headFacts, limitWords, NOTHING, standingFacts, stateWords, trainingFacts } from './facts.js'
import { isTraining } from './page-training.js'
import { isAwaited, type Source } from './source.js'

export interface ScreenSize {
  /** Characters across, and lines. */
  readonly columns: number
  readonly rows: number
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean
}

/** Lines of a curve at most. */
const HIGHEST = 8

/** Lines for the whole screen, no longer than it is wide, once `seen` has made control characters visible. */
export function screenOf(
  dashboard: Dashboard,
  { columns, rows, unicode }: ScreenSize,
  seen: (text: string) => string,
): string[] {
  const lines: string[] = []
  const put = (text: string) => lines.push(fitted(seen(text), columns, unicode))
  const { list } = dashboard.sources
  const shown = shownOf(dashboard)
  put(`jules dash, ${list.length} files${dashboard.isReady ? '' : ', reading'} (Ctrl-C ends it)`)
  put('')
  for (const { options, tail } of list.filter(isAwaited)) put(`${options.path}: ${tail.words}`)
  if (shown.length === 0) put('nothing is traded or trained')
  // The others of several have a line each.
  const room = rows - lines.length - Math.max(0, shown.length - 1)
  for (const [i, source] of shown.entries()) {
    if (i === 0) for (const text of sectionOf(dashboard, source, { columns, rows: room, unicode })) put(text)
    else put(statusLine(dashboard, source))
  }
  return lines.slice(0, rows)
}

/** What is worth a line: runs and trainings that go on; else the newest of each. */
export function shownOf(dashboard: Dashboard): Source[] {
  const known = dashboard.sources.list.filter((source) => source.course.run !== null || isTraining(source))
  const going = known.filter((source) => ['live', 'stale'].includes(dashboard.pulse(source)))
  return going.length > 0 ? going : known.slice(0, 1)
}

/** One line about a source. */
export function statusLine(dashboard: Dashboard, source: Source): string {
  const facts = isTraining(source)
    ? trainingFacts(source, dashboard.pulse(source)).filter(({ key }) =>
        ['step', 'best', 'fps'].includes(key),
      )
    : headFacts(source).filter(({ key }) => ['equity', 'pnl', 'drawdown'].includes(key))
  const words = facts.map(({ name, text }) => `${name} ${text}`)
  return [source.name, stateWords(source, dashboard.pulse(source)), ...words].join(', ')
}

function sectionOf(dashboard: Dashboard, source: Source, size: ScreenSize): string[] {
  const pulse = dashboard.pulse(source)
  const isLearning = isTraining(source)
  const facts = isLearning
    ? trainingFacts(source, pulse)
    : [...headFacts(source), ...standingFacts(source, pulse)]
  const width = Math.max(...facts.map(({ name }) => name.length))
  const about = facts.map(({ name, text }) => `${name.padEnd(width)}  ${text}`)
  const curve = isLearning
    ? (source.learning.curves.get('eval/mean_reward')?.points().value ?? [])
    : source.course.equity.points().value
  const rest = [...positionLines(source), ...limitLines(source), ...fillLines(source)]
  const height = Math.min(HIGHEST, size.rows - about.length - 3)
  const drawn = curve.length > 1 && height > 1 ? plot(curve, { ...size, width: size.columns, height }) : []
  return [source.name, ...drawn, ...about, ...rest]
}

const positionLines = ({ course }: Source): string[] =>
  (course.marked?.positions ?? []).map(
    ({ symbol, shares, mark }) => `  ${symbol}: ${shares} shares, mark ${mark ?? NOTHING}`,
  )

const limitLines = ({ course }: Source): string[] =>
  course.standing.limits.map((use) => {
    const { used, limit, part } = limitWords(use)
    return `  ${use.name}: ${used} of ${limit}, ${part}`
  })

const fillLines = ({ course }: Source): string[] =>
  [...course.fills.items]
    .reverse()
    .slice(0, 5)
    .map(({ time, symbol, what, detail }) => `  ${time} ${symbol} ${what} ${detail}`)

/** Cut at the edge; a character beyond ASCII is a question mark where a terminal has none. */
function fitted(text: string, columns: number, unicode: boolean): string {
  const shown = unicode ? text : text.replaceAll(NOTHING, '-').replace(/[^\x20-\x7e]/gu, '?')
  const characters = [...shown]
  return characters.length <= columns ? shown : characters.slice(0, columns).join('')
}
