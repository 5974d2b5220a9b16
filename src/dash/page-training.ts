/** The page of what is learnt: every training with how far it is, curves of one, and several held against each other. */
import { type Html, html } from '../page/markup.js'
import { tableOf } from '../page/table.js'
import type { Dashboard } from './dashboard.js'
import { trainingFacts } from './facts.js'
import { CURVES } from './learning.js'
import { curveOf, lightsOf, text } from './pieces.js'
import type { Source } from './source.js'

/** As many as lines can be told apart. */
export const MOST_COMPARED = 4
const MOST_ROWS = 50

/** The trainings that were asked for; else those under way, else the newest. */
export function trainingPage(dashboard: Dashboard, asked: readonly string[]): Html {
  const all = dashboard.sources.list.filter(isTraining)
  if (all.length === 0)
    return html`<section><h2>Nothing was trained</h2><p>No folder of a training and no metrics are there yet. <code>jules train</code> makes one; it is shown at once.</p></section>`
  const chosen = all.filter(({ id }) => asked.includes(id))
  const going = all.filter((source) => dashboard.pulse(source) === 'live')
  const shown = (chosen.length > 0 ? chosen : going.length > 0 ? going : all.slice(0, 1)).slice(
    0,
    MOST_COMPARED,
  )
  return html`${shown.length > 1 ? comparedSection(shown) : trainingSection(dashboard, shown[0]!)}
<section><h2>All trainings</h2>${tableOf({
    name: 'All trainings',
    columns: [
      { name: 'Run' },
      { name: 'State' },
      ...['Step', 'Steps planned', 'Best validation', 'Mean reward', 'Steps a second'].map((name) => ({
        name,
        isNumber: true,
      })),
    ],
    rows: all.slice(0, MOST_ROWS).map((source) => rowOf(dashboard, source)),
  })}</section>`
}

/** Whether a source is one of a training. */
export const isTraining = ({ learning, training }: Source): boolean => learning.count > 0 || training !== null

function rowOf(dashboard: Dashboard, source: Source): Html[] {
  const facts = new Map(trainingFacts(source, dashboard.pulse(source)).map((fact) => [fact.key, fact]))
  const cell = (key: string): Html => {
    const { text: words, level } = facts.get(key)!
    return html`<span data-source="${source.id}">${text(`t-${key}`, words, level)}</span>`
  }
  return [
    html`<a href="/training?run=${source.id}">${source.name}</a>`,
    ...['state', 'step', 'total', 'best', 'reward', 'fps'].map(cell),
  ]
}

function trainingSection(dashboard: Dashboard, source: Source): Html {
  const { id, learning } = source
  const known = Object.entries(CURVES).filter(([key]) => learning.curves.get(key)!.count > 0)
  return html`<section data-source="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${source.name}</h2>
<p class="dim">${source.options.path}</p>
${lightsOf(trainingFacts(source, dashboard.pulse(source)), 't-')}
<div class="grid2">${known.map(
    ([key, title]) =>
      html`<div data-chart="${key}">${curveOf({
        ...{ title, unit: 'number', form: 'line', axis: 'number', height: 200, group: id },
        series: [{ name: title, course: learning.curves.get(key)! }],
      })}</div>`,
  )}</div></section>`
}

/** Several trainings in one chart a figure. */
export function comparedSection(sources: readonly Source[]): Html {
  const known = Object.entries(CURVES).filter(([key]) =>
    sources.some(({ learning }) => learning.curves.get(key)!.count > 0),
  )
  return html`<section><h2>${sources.length} trainings compared</h2>
<div class="grid2">${known.map(
    ([key, title]) =>
      html`<div data-compared="${sources.map(({ id }) => id).join(' ')}">${curveOf({
        ...{ title, unit: 'number', form: 'line', axis: 'number', height: 220, group: 'compared' },
        series: sources.map((source) => ({ name: source.name, course: source.learning.curves.get(key)! })),
      })}</div>`,
  )}</div></section>`
}
