/** A report in Markdown (CommonMark with the tables of GitHub). */
import { spanWords } from '../honesty.js'
import type { Report, RunReport } from '../model.js'
import { comparisons, qualityTable, type Table, tablesOf } from './tables.js'

/** The whole report. */
export function markdownOf(report: Report): string {
  const { runs, notes } = report
  const quality = qualityTable(report)
  const parts = [
    `# Report of ${runs.length === 0 ? 'the data' : runs.map(({ name, place }) => inline(name === '' ? place : name)).join(', ')}`,
    ...(runs.length > 1 ? comparisons(report).map((table) => tableOf(table, 2)) : []),
    ...runs.flatMap((run) => partsOf(run)),
    ...(quality === null ? [] : [tableOf(quality, 2)]),
    ...(notes.length === 0 ? [] : ['## Notes', listOf(notes)]),
  ]
  return `${parts.join('\n\n')}\n`
}

function partsOf(run: RunReport): string[] {
  const { name, place, money, span, verdict, lights, honesty, figures, notes, manifest } = run
  return [
    `## ${verdict.go ? 'GO' : 'NO-GO'}: ${inline(name === '' ? place : name)}`,
    block(`${money}${span === null ? '' : `, ${spanWords(span)}`}`),
    listOf(verdict.reasons.map(({ met, words }) => `${met ? 'yes' : 'no'}: ${words}`)),
    ...(lights.length === 0
      ? []
      : [
          tableOf(
            {
              title: 'At a glance',
              columns: ['', 'state', { name: 'value', right: true }, ''],
              rows: lights.map((light) => [light.name, light.state, light.shown, light.words]),
            },
            3,
          ),
        ]),
    ...figures.map((group) =>
      tableOf(
        {
          title: group.title,
          columns: ['', { name: 'value', right: true }, ''],
          rows: group.figures.map((one) => [one.name, one.shown, one.reason ?? '']),
        },
        3,
      ),
    ),
    ...tablesOf(run).map((table) => tableOf(table, 3)),
    tableOf(
      { title: 'What this rests on', columns: ['', ''], rows: honesty.map((one) => [one.name, one.value]) },
      3,
    ),
    ...(manifest.length === 0
      ? []
      : [
          tableOf(
            { title: 'Manifest', columns: ['', ''], rows: manifest.map((one) => [one.name, one.value]) },
            3,
          ),
        ]),
    ...(notes.length === 0 ? [] : ['### Notes', listOf(notes)]),
  ]
}

function tableOf({ title, columns, rows, note }: Table, level: number): string {
  const heads = columns.map((column) => (typeof column === 'string' ? column : column.name))
  const rules = columns.map((column) => (typeof column === 'string' ? '---' : '---:'))
  const lines = [heads, rules, ...rows].map(
    (cells, i) => `| ${cells.map((cell) => (i === 1 ? cell : inline(cell))).join(' | ')} |`,
  )
  return [
    `${'#'.repeat(level)} ${inline(title)}`,
    '',
    ...lines,
    ...(note === undefined ? [] : ['', block(note)]),
  ].join('\n')
}

const listOf = (items: readonly string[]): string => items.map((item) => `- ${block(item)}`).join('\n')

/** The same at the beginning of a line: no list, rule or heading either. */
const block = (text: string): string => inline(text).replace(/^(\s*)([-=]|\d+(?=\.))/, '$1\\$2')

/** A text from outside as a part of a line: nothing in it is markup, a link, HTML or the end of a cell. */
const inline = (text: string): string =>
  text
    .replace(
      /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[\\`*_{}[\]<>()#+!|~]/g, (mark) => `\\${mark}`)
    .replaceAll('&', '&amp;')
    .replace(/\b(https?|ftp|mailto|www)([:.])/gi, '$1\\$2')
