/** The page of what was found about data: a calendar by month, and the newest findings in words. */
import { civilFromDays, daysFromCivil, formatDate } from '../base/time.js'
import { counted } from '../base/words.js'
import { type Html, html } from '../page/markup.js'
import { tableOf } from '../page/table.js'
import type { Dashboard } from './dashboard.js'
import type { Quality, QualityDay } from './quality.js'

/** What a store says: findings, or why there are none. */
export interface StoredQuality {
  /** Where it is, for people. */
  readonly name: string
  /** Null where it could not be asked. */
  readonly quality: Quality | null
  /** What went wrong, and the way out; empty where nothing did, or it is not known yet. */
  readonly words: string
}

const MOST_MONTHS = 12
const MOST_ROWS = 100

/** Findings of files, and of a store where one is looked at. */
export function qualityPage(dashboard: Dashboard, stored: StoredQuality | null): Html {
  const files = dashboard.sources.list.filter(({ quality }) => quality.count > 0)
  const none =
    files.length === 0 && stored === null
      ? html`<section><h2>Nothing is known of the data</h2><p>No quality records are among the files. <code>jules eod-validate -f ndjson</code> writes them; <code>jules dash --store</code> reads those of the store.</p></section>`
      : null
  return html`${none}${stored === null ? null : storeSection(stored)}${files.map((source) =>
    section(source.options.path, source.quality),
  )}`
}

function storeSection({ name, quality, words }: StoredQuality): Html {
  const place = `store ${name}`
  if (words !== '')
    return html`<section><h2>The store cannot be read</h2><p class="bad">${words}</p><p class="dim">${place}</p></section>`
  if (quality === null)
    return html`<section><h2>The store</h2><p>It is being asked; what it says is shown at once.</p></section>`
  if (quality.count === 0)
    return html`<section><h2>The store has no findings</h2><p>No date has been checked there yet. <code>jules eod-validate</code> records what it finds.</p><p class="dim">${place}</p></section>`
  return section(place, quality)
}

function section(place: string, { days, rows }: Quality): Html {
  const all = [...days.values()]
  const errors = all.filter((day) => day.errors > 0).length
  const warned = all.filter((day) => day.errors === 0 && day.warnings > 0).length
  const months = monthsOf(days)
  const left = months.length - MOST_MONTHS
  return html`<section><h2>${counted(days.size, 'date')} checked, ${errors} with errors, ${warned} with warnings</h2>
<p class="dim">${place}</p>
<p>E: an error, W: a warning, a dot: nothing was found. Dates without a mark were not checked.${left > 0 ? ` ${counted(left, 'older month')} not shown.` : null}</p>
<div class="calendar">${months.slice(0, MOST_MONTHS).map(([month, some]) => calendar(month, some))}</div>
${
  rows.length === 0
    ? null
    : tableOf({
        name: 'Last findings',
        columns: [
          { name: 'Date' },
          ...['Symbol', 'Check', 'Severity'].map((name) => ({ name })),
          { name: 'Count', isNumber: true },
          { name: 'What to do', isWords: true },
        ],
        rows: rows
          .slice(0, MOST_ROWS)
          .map(({ date, symbol, check, severity, count, fix }) => [
            date,
            symbol,
            check,
            severity,
            count === null ? '' : String(count),
            fix,
          ]),
      })
}</section>`
}

type Days = ReadonlyMap<string, QualityDay>

/** The months, the newest first. */
function monthsOf(days: Days): [string, Days][] {
  const months = new Map<string, Map<string, QualityDay>>()
  for (const [date, day] of [...days].sort(([a], [b]) => (a < b ? 1 : -1))) {
    const month = date.slice(0, 7)
    const there = months.get(month) ?? new Map<string, QualityDay>()
    months.set(month, there.set(date, day))
  }
  return [...months]
}

const WEEK = ['Mo', 'Tu', 'We', 'Th', 'Fr', 'Sa', 'Su']

function calendar(month: string, days: Days): Html {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const first = daysFromCivil(year, number, 1)
  const cells: (number | null)[] = []
  // 1970-01-01 was a Thursday.
  for (let blank = (first + 3) % 7; blank > 0; blank--) cells.push(null)
  for (let day = first; civilFromDays(day).month === number; day++) cells.push(day)
  const weeks = Array.from({ length: Math.ceil(cells.length / 7) }, (_, w) => cells.slice(7 * w, 7 * w + 7))
  return html`<table><caption>${month}</caption><thead><tr>${WEEK.map((day) => html`<th scope="col">${day}</th>`)}</tr></thead>
<tbody>${weeks.map((week) => html`<tr>${week.map((day) => (day === null ? html`<td></td>` : cell(day, days.get(formatDate(day)))))}</tr>`)}</tbody></table>`
}

function cell(day: number, found: QualityDay | undefined): Html {
  const { day: number } = civilFromDays(day)
  if (found === undefined) return html`<td>${number}</td>`
  const [kind, sign, words] =
    found.errors > 0
      ? ['error', 'E', counted(found.errors, 'error')]
      : found.warnings > 0
        ? ['warning', 'W', counted(found.warnings, 'warning')]
        : ['fine', '\u00b7', 'nothing found']
  return html`<td class="${kind}">${number} <abbr title="${words}">${sign}</abbr></td>`
}
