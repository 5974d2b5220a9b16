/** The page of what is traded now: equity, positions, orders, limits, the age of data, halts. */
import { counted } from '../base/words.js'
import { type Html, html } from '../page/markup.js'
import { tableOf } from '../page/table.js'
import type { LimitUse, Marked } from './course.js'
import { type Dashboard, rowOf } from './dashboard.js'
import { headFacts, limitWords, NOTHING, standingFacts } from './facts.js'
import { curveOf, factsOf, lightsOf, MOST_SHOWN, rowsOf, text } from './pieces.js'
import { isAwaited, type Source } from './source.js'

/** Runs that are shown whole. */
const MOST_WHOLE = 4
const MOST_LINKS = 40

/** The runs that were asked for; else those that go on, else the newest. */
export function livePage(dashboard: Dashboard, asked: readonly string[]): Html {
  const runs = dashboard.sources.list.filter(({ course }) => course.run !== null)
  const chosen = runs.filter(({ id }) => asked.includes(id))
  const going = runs.filter((source) => ['live', 'stale'].includes(dashboard.pulse(source)))
  const shown = (chosen.length > 0 ? chosen : going.length > 0 ? going : runs.slice(0, 1)).slice(
    0,
    MOST_WHOLE,
  )
  const others = runs.filter((source) => !shown.includes(source))
  const missing = missingSections(dashboard)
  if (shown.length === 0)
    return html`${missing}<section><h2>Nothing is traded</h2><p>No journal and no records of a run are there yet. <code>jules paper</code> writes a journal; a file that appears is shown at once.</p></section>`
  return html`${missing}${shown.map((source) => runSection(dashboard, source))}${
    others.length === 0
      ? null
      : html`<section><h2>Other runs</h2><ul>${others.slice(0, MOST_LINKS).map((source) => html`<li><a href="/?run=${source.id}">${source.name}</a></li>`)}</ul></section>`
  }`
}

/** What is missing must not look like nothing. */
const missingSections = ({ sources }: Dashboard): Html =>
  html`${unreadSection(sources)}${awaitedSection(sources)}`

function unreadSection({ list }: Dashboard['sources']): Html | null {
  const unread = list.filter(({ tail }) => tail.state === 'unreadable')
  if (unread.length === 0) return null
  return html`<section><h2>${counted(unread.length, 'file')} cannot be read</h2><ul>${unread.map(({ options, tail }) => html`<li class="bad">${options.path}: ${tail.words}</li>`)}</ul></section>`
}

function awaitedSection({ list }: Dashboard['sources']): Html | null {
  const awaited = list.filter(isAwaited)
  if (awaited.length === 0) return null
  return html`<section><h2>${counted(awaited.length, 'file')} waited for</h2><ul>${awaited.map(({ options, tail }) => html`<li class="warn">${options.path}: ${tail.words}; it is shown as soon as it is made</li>`)}</ul></section>`
}

function runSection(dashboard: Dashboard, source: Source): Html {
  const { course, id, options } = source
  const { marked, standing } = course
  const kind = source.content === 'journal' ? 'on paper' : 'records'
  return html`<section data-source="${id}" aria-labelledby="h-${id}">
<h2 id="h-${id}">${source.name} <span class="tag">${kind}</span></h2>
<p class="dim">${options.path}</p>
${lightsOf(headFacts(source))}
<div class="grid2">
<div data-chart="equity">${curveOf({
    ...{ title: 'Equity', unit: 'dollars', form: 'line', axis: 'time', group: id },
    series: [{ name: 'Equity', course: course.equity }],
  })}</div>
<div data-chart="drawdown">${curveOf({
    ...{ title: 'Drawdown', unit: 'part', form: 'area', axis: 'time', group: id, isDown: true },
    series: [{ name: 'Drawdown', course: course.drawdown }],
  })}</div>
</div>
<div class="grid2">
<div class="box"><h3>How it stands</h3>${factsOf(standingFacts(source, dashboard.pulse(source)))}</div>
<div class="box"><h3>Positions</h3>${positionsOf(marked)}</div>
<div class="box"><h3>Limits used</h3>${limitsOf(standing.limits)}</div>
</div>
${rowsOf('open', 'Open orders', standing.openOrders.map(rowOf))}
${rowsOf('fills', 'Last fills', newest(course.fills.items))}
${rowsOf('orders', 'Last orders', newest(course.orders.items))}
${rowsOf('risks', 'What the guard said', newest(course.risks.items))}</section>`
}

const newest = (items: Source['course']['fills']['items']) => items.slice(-MOST_SHOWN).reverse().map(rowOf)

function positionsOf(marked: Marked | null): Html {
  if (marked === null || marked.positions.length === 0) return html`<p class="none">none known</p>`
  return tableOf({
    name: 'Positions',
    columns: [{ name: 'Symbol' }, { name: 'Shares', isNumber: true }, { name: 'Mark', isNumber: true }],
    rows: marked.positions.map(({ symbol, shares, mark }) => [
      symbol,
      text(`shares-${symbol}`, String(shares)),
      text(`mark-${symbol}`, mark === null ? NOTHING : String(mark)),
    ]),
  })
}

function limitsOf(limits: readonly LimitUse[]): Html {
  if (limits.length === 0)
    return html`<p class="none">The file does not say: journals and state records do.</p>`
  return tableOf({
    name: 'Limits used',
    columns: [{ name: 'Limit' }, ...['Used', 'Of', 'Part'].map((name) => ({ name, isNumber: true }))],
    rows: limits.map((use) => {
      const { used, limit, part, level } = limitWords(use)
      return [use.name, text(`used-${use.name}`, used, level), limit, text(`part-${use.name}`, part, level)]
    }),
  })
}
