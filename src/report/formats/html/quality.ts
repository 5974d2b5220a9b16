/** The quality of the data: a calendar of the days that were judged, and what was found on them. */
import { daysFromCivil, daysInMonth } from '../../../base/time.js'
import { grouped } from '../../../base/words.js'
import { Html, html } from '../../../page/markup.js'
import { numbersOf } from '../../../page/table.js'
import type { QualityReport } from '../../model.js'
import { countWords, none } from './section.js'

/** Findings that a page lists. */
const MOST_FINDINGS = 200
/** Months of a calendar: three years. */
const MOST_MONTHS = 36
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)

type Day = QualityReport['days'][number]

/** The section of the data; a sentence where it was not judged. */
export function quality(report: QualityReport | null): Html {
  if (report === null)
    return none(
      'No findings of eod-validate are among the inputs, so that the quality of the data is not known.',
    )
  const { errors, warnings, findings, days } = report
  const listed = findings.slice(0, MOST_FINDINGS)
  const some =
    listed.length < findings.length
      ? `the first ${listed.length} of ${grouped(findings.length, 0)} findings`
      : countWords(findings.length, 'finding')
  return html`<p>${`${countWords(errors, 'error')}, ${countWords(warnings, 'warning')}.`}</p>
${calendar(days)}
${
  listed.length === 0
    ? null
    : numbersOf({
        name: some,
        columns: [
          ...[{ name: 'date' }, { name: 'symbol' }, { name: 'check' }, { name: 'severity' }],
          ...[
            { name: 'count', isNumber: true },
            { name: 'found', isWords: true },
            { name: 'way out', isWords: true },
          ],
        ],
        rows: listed.map(({ date, symbol, check, severity, count, words, fix }) => [
          ...[date, symbol, check, severity, grouped(count, 0), words],
          fix === null ? '-' : html`<code>${fix}</code>`,
        ]),
      })
}`
}

function calendar(days: readonly Day[]): Html {
  const byMonth = new Map<string, Map<number, Day>>()
  for (const day of days) {
    if (!/^\d{4}-\d\d-\d\d$/.test(day.date)) continue
    const month = day.date.slice(0, 7)
    const known = byMonth.get(month) ?? new Map<number, Day>()
    known.set(Number(day.date.slice(8)), day)
    byMonth.set(month, known)
  }
  if (byMonth.size === 0) return none('No day is marked.')
  return html`<div class="calendar">${[...byMonth]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(-MOST_MONTHS)
    .map(([month, known]) => monthOf(month, known))}</div>
<p class="dim">✗ errors, ! warnings; a day in a box without a sign was judged and is clean.</p>`
}

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday']

function monthOf(month: string, known: ReadonlyMap<number, Day>): Html {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const weeks: Html[][] = []
  for (let date = 1; date <= daysInMonth(year, number); date++) {
    // Day 0 was a Thursday; 0 is Monday.
    const weekday = (daysFromCivil(year, number, date) + 3) % 7
    if (weekday > 4) continue
    if (weeks.length === 0 || weekday === 0) weeks.push([])
    const week = weeks.at(-1)!
    while (week.length < weekday) week.push(new Html('<td></td>'))
    week.push(cell(date, known.get(date)))
  }
  return html`<table><caption>${MONTHS[number - 1] ?? ''} ${year}</caption><thead><tr>${WEEKDAYS.map(
    (name) => html`<th scope="col"><abbr title="${name}">${name.slice(0, 1)}</abbr></th>`,
  )}</tr></thead><tbody>
${weeks.map((week) => html`<tr>${week}</tr>\n`)}</tbody></table>`
}

function cell(date: number, day: Day | undefined): Html {
  if (day === undefined) return html`<td class="dim">${date}</td>`
  const { errors, warnings } = day
  if (errors > 0)
    return html`<td class="error">${date}<span aria-hidden="true">✗</span><span class="unseen">, ${countWords(errors, 'error')}</span></td>`
  if (warnings > 0)
    return html`<td class="warning">${date}<span aria-hidden="true">!</span><span class="unseen">, ${countWords(warnings, 'warning')}</span></td>`
  return html`<td class="fine">${date}<span class="unseen">, clean</span></td>`
}
