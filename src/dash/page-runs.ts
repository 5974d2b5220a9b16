/** The page of all runs, whatever they are: a table, and up to four of them beside each other. */
import { counted, grouped } from '../base/words.js'
import { type Html, html } from '../page/markup.js'
import { tableOf } from '../page/table.js'
import type { Dashboard } from './dashboard.js'
import { damageWords, headFacts, standingFacts } from './facts.js'
import { comparedSection, isTraining, MOST_COMPARED } from './page-training.js'
import { curveOf, text } from './pieces.js'
import type { Source } from './source.js'

/** All runs; those that were asked for are compared. */
export function runsPage(dashboard: Dashboard, asked: readonly string[]): Html {
  const { list, left } = dashboard.sources
  if (list.length === 0)
    return html`<section><h2>No runs</h2><p>There is no file of a run yet. What appears is shown at once.</p></section>`
  const chosen = asked
    .flatMap((id) => dashboard.sources.get(id) ?? [])
    .filter((source, i, all) => all.indexOf(source) === i)
    .slice(0, MOST_COMPARED)
  return html`${comparison(chosen)}
<section><h2>${counted(list.length, 'file')}</h2>
<p class="dim">Choose up to ${MOST_COMPARED} to compare. Figures of one are never added to those of another.${left === 0 ? null : ` ${counted(left, 'older file')} not followed: name one on the command line to see it.`}</p>
${tableOf({
  name: 'All runs',
  columns: [
    { name: 'Run' },
    { name: 'Kind' },
    { name: 'State' },
    ...['P&L', 'Worst drawdown'].map((name) => ({ name, isNumber: true })),
    { name: 'Last written' },
    { name: 'Compare' },
  ],
  rows: list.map((source) => rowOf(dashboard, source, chosen)),
})}</section>
<section><h2>Files</h2>${tableOf({
    name: 'Files',
    columns: [{ name: 'File' }, { name: 'Lines', isNumber: true }, { name: 'Damaged' }],
    rows: list.map((source) => [
      source.options.path,
      cellOf(source, 'lines', grouped(source.lines, 0)),
      cellOf(source, 'damaged', damageWords(source)),
    ]),
  })}</section>`
}

const cellOf = (
  source: Source,
  key: string,
  words: string,
  level: 'none' | 'good' | 'warn' | 'bad' = 'none',
) => html`<span data-source="${source.id}">${text(key, words, level)}</span>`

/** What a file holds, in a word. */
export function kindOf(source: Source): string {
  if (source.content === 'journal') return 'paper'
  if (isTraining(source)) return 'training'
  if (source.options.place === 'backtest') return 'backtest'
  if (source.course.run !== null) return 'records'
  return source.quality.count > 0 ? 'data quality' : 'records'
}

function rowOf(dashboard: Dashboard, source: Source, chosen: readonly Source[]): (string | Html)[] {
  const facts = new Map(
    [...headFacts(source), ...standingFacts(source, dashboard.pulse(source))].map((fact) => [fact.key, fact]),
  )
  const cell = (key: string): Html => {
    const { text: words, level } = facts.get(key)!
    return cellOf(source, key, words, level)
  }
  const ids = chosen.map(({ id }) => id)
  const isChosen = ids.includes(source.id)
  const next = isChosen ? ids.filter((id) => id !== source.id) : [...ids, source.id]
  const href = `/runs${next.length === 0 ? '' : `?${next.map((id) => `run=${id}`).join('&')}`}`
  const link =
    !isChosen && ids.length === MOST_COMPARED
      ? ''
      : html`<a href="${href}" aria-label="${isChosen ? 'remove' : 'add'} ${source.name}">${isChosen ? 'remove' : 'add'}</a>`
  const page = isTraining(source) ? '/training' : source.course.run !== null ? '/' : null
  return [
    page === null ? source.name : html`<a href="${page}?run=${source.id}">${source.name}</a>`,
    kindOf(source),
    ...['state', 'pnl', 'worst', 'written'].map(cell),
    link,
  ]
}

function comparison(chosen: readonly Source[]): Html | null {
  if (chosen.length === 0) return null
  const trainings = chosen.filter(isTraining)
  const money = chosen.filter(({ course }) => course.equity.count > 0)
  return html`${
    money.length === 0
      ? null
      : html`<section><h2>${money.length === 1 ? 'One run' : `${money.length} runs`} compared</h2>
<div data-compared="${money.map(({ id }) => id).join(' ')}">${curveOf({
          ...{ title: 'Equity', unit: 'dollars', form: 'line', axis: 'time', group: 'compared' },
          series: money.map((source) => ({ name: source.name, course: source.course.equity })),
        })}</div>
${tableOf({
  name: 'Runs compared',
  columns: [{ name: 'Figure' }, ...money.map(({ name }) => ({ name, isNumber: true }))],
  rows: headFacts(money[0]!).map(({ key, name }) => [
    name,
    ...money.map((source) => {
      const { text: words, level } = headFacts(source).find((fact) => fact.key === key)!
      return cellOf(source, key, words, level)
    }),
  ]),
})}</section>`
  }${trainings.length === 0 ? null : comparedSection(trainings)}`
}
