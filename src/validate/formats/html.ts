/** One page for people: no script, no other file, light and dark, and on paper. */
import { formatTime, SECOND } from '../../base/time.js'
import { counted, grouped } from '../../base/words.js'
import type { Finding } from '../../market/quality.js'
import { documentOf } from '../../page/document.js'
import { type Html, html } from '../../page/markup.js'
import { STYLE } from '../../page/style.js'
import { tableOf } from '../../page/table.js'
import { countsOf, miscalibratedWords, type Report, rowsBySymbol, spanOf } from '../report.js'
import { rulesetOf } from '../validate.js'

/** The page. */
export function htmlOf(report: Report): string {
  const { symbols, findings, silenced, miscalibrated, skipped, atMs } = report
  const { errors, warnings } = countsOf(findings)
  const title = [symbols.join(', '), ...(report.dates.length === 0 ? [] : [spanOf(report)])].join(' ')
  const facts: [string, string][] = [
    ...rowsBySymbol(report).map(([symbol, rows]): [string, string] => [
      `rows of ${symbol}`,
      grouped(rows, 0),
    ]),
    ['errors', String(errors)],
    ['warnings', String(warnings)],
    ...(silenced === 0 ? [] : [['silenced', String(silenced)] as [string, string]]),
  ]
  const notes = [
    ...miscalibrated.map(miscalibratedWords),
    ...[...skipped].map(
      ([check, days]) => `${check} was skipped on ${counted(days.length, 'date')}: too few sessions before`,
    ),
  ]
  const state = stateOf(report)
  const looked = formatTime(atMs - (atMs % SECOND))
    .replace('T', ' ')
    .replace('Z', ' UTC')
  return documentOf({
    title: `${title}: ${state.words}`,
    styles: [{ text: STYLE }],
    scripts: [],
    body: html`<header><h1>${title}</h1>
<p class="dim">End of day, rules ${rulesetOf(null)}, looked at ${looked}</p></header>
<main>
<p class="state ${state.name}">${state.words}</p>
<dl class="facts">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
${listOf('Notes', notes)}${found(findings)}</main>
<footer>Made by jules eod-validate.</footer>`,
  })
}

function stateOf({ findings, closed, error, status }: Report): { name: string; words: string } {
  const { errors, warnings } = countsOf(findings)
  if (error !== null) return { name: 'bad', words: `Not judged to the end: ${error}` }
  if (closed !== null) return { name: 'good', words: `Market closed (${closed})` }
  if (errors > 0 || status !== 0)
    return { name: 'bad', words: 'These bars are not to be trusted as they are' }
  if (warnings > 0) return { name: 'warn', words: 'No errors; look at the warnings' }
  return { name: 'good', words: 'Clean: all bars are there and believable' }
}

function found(findings: readonly Finding[]): Html | null {
  if (findings.length === 0) return null
  return html`<section><h2>Findings</h2>
${tableOf({
  name: 'Findings',
  columns: [
    ...[{ name: 'severity' }, { name: 'date' }, { name: 'symbol' }, { name: 'check' }],
    ...[
      { name: 'what, and the repair', isWords: true },
      { name: 'count', isNumber: true },
    ],
  ],
  rows: findings.map(({ words, record: { date, symbol, ruleset, check, severity, count, fix } }) => [
    severity === 'error' ? html`<span class="bad">✗ error</span>` : html`<span class="warn">! warning</span>`,
    date,
    [symbol ?? 'all', ruleset.split(' ')[1] ?? ''].join(' ').trim(),
    check,
    html`${words}${fix === null ? null : html`<code>${fix}</code>`}`,
    grouped(count, 0),
  ]),
})}</section>
`
}

const listOf = (heading: string, items: readonly string[]): Html | null =>
  items.length === 0
    ? null
    : html`<section><h2>${heading}</h2>
<ul>${items.map((item) => html`<li>${item}</li>\n`)}</ul></section>
`
