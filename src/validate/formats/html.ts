/** One page for people: no script, no other file, light and dark, and on paper. */
import { formatTime, SECOND } from '../../base/time.js'
import { counted, grouped } from '../../base/words.js'
import type { Finding } from '../../market/quality.js'
import { escaped } from '../../page/markup.js'
import { countsOf, miscalibratedWords, type Report, rowsBySymbol, spanOf } from '../report.js'
import { rulesetOf } from '../validate.js'

const STYLE = `
:root { color-scheme: light dark }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 3rem; background: #fff; color: #1a1f26;
  font: 16px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.5rem } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
p, dd, dt { margin: 0 }
.dim, dt, thead th { color: #5b6573 }
.good { color: #176b3a } .bad { color: #b3261e } .warn { color: #8a5a00 }
.state, code { background: #f4f6f8 }
.state { margin: 1rem 0; padding: .75rem 1rem; border-left: .35rem solid; font-weight: 600 }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0 } dt { font-size: .85rem }
dd { font-variant-numeric: tabular-nums; font-size: 1.1rem }
table { width: 100%; border-collapse: collapse }
th, td { padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; border-top: 1px solid #8884 }
thead th { border: 0; font-size: .85rem; font-weight: 400 }
td { overflow-wrap: anywhere } .keep { white-space: nowrap }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
code { display: block; margin-top: .25rem; padding: .25rem .5rem; font: .8rem/1.5 ui-monospace, monospace;
  overflow-wrap: anywhere; white-space: pre-wrap }
@media (prefers-color-scheme: dark) {
  body { background: #14181d; color: #e6e9ed } .dim, dt, thead th { color: #9aa5b1 } .state, code { background: #1d232a }
  .good { color: #6fd39a } .bad { color: #ff8a80 } .warn { color: #f2c14e } }
@media (max-width: 40rem) { thead { display: none } tr { display: block; padding: .5rem 0; border-top: 1px solid #8884 }
  td { display: inline-block; padding: 0 .5rem 0 0; border: 0; text-align: left } td.words { display: block } td.n { display: none } }
@media print { :root { color-scheme: light } body { max-width: none; padding: 0; font-size: 10pt }
  body, .dim, dt, thead th, .good, .bad, .warn { background: #fff; color: #000 } tr { break-inside: avoid }
  thead { display: table-header-group } }
`

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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(`${title}: ${stateOf(report).words}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p class="dim">End of day, rules ${escaped(rulesetOf(null))}, looked at ${formatTime(atMs - (atMs % SECOND))
    .replace('T', ' ')
    .replace('Z', ' UTC')}</p>
<p class="state ${stateOf(report).name}">${escaped(stateOf(report).words)}</p>
<dl>
${facts.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`).join('\n')}
</dl>
${listOf('Notes', notes)}${tableOf(findings)}
</body>
</html>
`
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

function tableOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return ''
  const rows = findings.map(({ words, record: { date, symbol, ruleset, check, severity, count, fix } }) => {
    const level = severity === 'error' ? 'bad' : 'warn'
    const interval = ruleset.split(' ')[1] ?? ''
    const repair = fix === null ? '' : `<code>${escaped(fix)}</code>`
    return `<tr><td class="${level} keep">${severity === 'error' ? 'error' : 'warning'}</td><td class="keep">${escaped(date)}</td><td class="keep">${escaped([symbol ?? 'all', interval].join(' ').trim())}</td><td class="keep">${escaped(check)}</td><td class="words">${escaped(words)}${repair}</td><td class="n">${grouped(count, 0)}</td></tr>`
  })
  return `<h2>Findings</h2>
<table>
<thead><tr><th>severity</th><th>date</th><th>symbol</th><th>check</th><th>what, and the repair</th><th class="n">count</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
`
}

const listOf = (heading: string, items: readonly string[]): string =>
  items.length === 0
    ? ''
    : `<h2>${heading}</h2>\n<ul>\n${items.map((item) => `<li>${escaped(item)}</li>`).join('\n')}\n</ul>\n`
