/** A report for a terminal, or for mail: lines of a width, a curve of dots, no colour needed. */
import { plot } from '../../base/plot.js'
import { dollars, percent } from '../../evaluate/shown.js'
import { spanWords } from '../honesty.js'
import type { Report, RunReport } from '../model.js'
import { comparisons, qualityTable, type Table, tablesOf } from './tables.js'

export interface TextStyle {
  /** Letters a line; tables are cut, words are wrapped. */
  readonly width: number
  readonly unicode: boolean
  /** Marks what is good, bad or a heading; the text itself where there is no colour. */
  readonly paint: Paint
  /** Makes control characters of what comes from outside visible. */
  readonly clean: (text: string) => string
}

export type Paint = {
  readonly [name in 'red' | 'green' | 'yellow' | 'bold' | 'dim']: (text: string) => string
}

const CURVE_HEIGHT = 8
const FALL_HEIGHT = 4

/** Equity, and under it the part that was lost since the peak. */
export function curveLines(
  { equity, drawdown }: { readonly equity: ArrayLike<number>; readonly drawdown: ArrayLike<number> },
  { width, unicode }: Pick<TextStyle, 'width' | 'unicode'>,
): string[] {
  let [low, high, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (let i = 0; i < equity.length; i++) {
    low = Math.min(low, equity[i]!)
    high = Math.max(high, equity[i]!)
    worst = Math.max(worst, drawdown[i]!)
  }
  if (low > high) return ['no equity']
  if (low === high) return [`equity ${dollars(low)} throughout`]
  const style = { width, height: FALL_HEIGHT, unicode, range: [-worst, 0], fill: 'above' } as const
  const fall =
    worst === 0
      ? []
      : plot(
          Float64Array.from(drawdown, (part) => -part),
          style,
        )
  return [
    `equity from ${dollars(low)} to ${dollars(high)}`,
    ...plot(equity, { width, height: CURVE_HEIGHT, unicode }),
    worst === 0 ? 'never below its peak' : `drawdown, ${percent(worst)} at most`,
    ...fall,
  ]
}

/** The whole report. */
export function textOf(report: Report, style: TextStyle): string {
  const { runs, notes } = report
  const quality = qualityTable(report)
  const blocks = [
    ...(runs.length > 1 ? sideBySide(report, style) : []),
    ...runs.flatMap((run) => blocksOf(run, style)),
    ...(quality === null ? [] : [tableLines(quality, style)]),
    ...(notes.length === 0 ? [] : [notes.flatMap((note) => wrap(`note: ${note}`, style))]),
  ]
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

/** As many beside each other as there is room for. */
function sideBySide(report: Report, style: TextStyle): string[][] {
  const widest = Math.max(
    ...report.runs.map(({ name, place, money }) => Math.max(name.length, place.length, money.length)),
  )
  const across = Math.max(1, Math.floor((style.width - NAME - 2) / (Math.max(VALUE, widest) + 2)))
  return comparisons(report, across).map((table) => tableLines(table, style))
}

function blocksOf(run: RunReport, style: TextStyle): string[][] {
  const { name, place, money, span, verdict, lights, honesty, figures, curve, notes, manifest } = run
  const { paint } = style
  const head = `${verdict.go ? 'GO' : 'NO-GO'}  ${name === '' ? place : name}: ${money}${span === null ? '' : `, ${spanWords(span)}`}`
  return [
    [
      ...wrap(head, style).map((line) => paint.bold(line)),
      ...verdict.reasons.flatMap(({ met, words }) =>
        wrap(`  ${met ? '+' : '-'} ${words}`, style, '      ').map((line) =>
          met ? paint.green(line) : paint.red(line),
        ),
      ),
    ],
    ...(lights.length === 0 ? [] : [lights.flatMap((light) => lightLines(light, style))]),
    ...(curve === null ? [] : [curveLines(curve, style)]),
    ...figures.map(({ title, figures: group }) => [
      paint.bold(title),
      ...group.flatMap((one) =>
        one.value === null
          ? wrap(
              `  ${one.name.padEnd(NAME)}${'-'.padStart(VALUE)}  ${one.reason}`,
              style,
              ' '.repeat(NAME + VALUE + 4),
            )
          : [`  ${one.name.padEnd(NAME)}${one.shown.padStart(VALUE)}`],
      ),
    ]),
    ...tablesOf(run).map((table) => tableLines(table, style)),
    factLines('What this rests on', honesty, style),
    ...(manifest.length === 0 ? [] : [factLines('Manifest', manifest, style)]),
    ...(notes.length === 0 ? [] : [notes.flatMap((note) => wrap(`note: ${note}`, style))]),
  ]
}

const NAME = 24
const VALUE = 16
const STATES = { good: 'ok', warn: 'look', bad: 'bad', none: '-' } as const

function lightLines({ name, state, shown, words }: RunReport['lights'][number], style: TextStyle): string[] {
  const { green, yellow, red, dim } = style.paint
  const paint = { good: green, warn: yellow, bad: red, none: dim }[state]
  const start = `  ${STATES[state].padEnd(5)}${name.padEnd(12)}`
  const lines = wrap(
    `${start}${shown.padStart(VALUE)}  ${words}`,
    style,
    ' '.repeat(start.length + VALUE + 2),
  )
  return lines.map((line, i) => (i === 0 ? paint(line) : line))
}

const factLines = (title: string, facts: RunReport['honesty'], style: TextStyle): string[] => [
  style.paint.bold(title),
  ...facts.flatMap(({ name, value }) => wrap(`  ${name.padEnd(13)} ${value}`, style, ' '.repeat(16))),
]

/** Columns as wide as they need to be; a last column of words takes what is left, in as many lines as it needs there. */
function tableLines({ title, columns, rows, note }: Table, style: TextStyle): string[] {
  const cells = rows.map((row) => row.map(style.clean))
  const heads = columns.map((column) => style.clean(typeof column === 'string' ? column : column.name))
  const widths = heads.map((head, k) => Math.max(head.length, ...cells.map((row) => row[k]!.length)))
  const isRight = (k: number): boolean => typeof columns[k] !== 'string'
  // Where a last column of words begins, they go on below each other.
  const start = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 2)
  const goesOn = !isRight(heads.length - 1) && start <= style.width / 2 + NAME
  const line = (row: readonly string[]): string => {
    const whole =
      `  ${row.map((cell, k) => (isRight(k) ? cell.padStart(widths[k]!) : cell.padEnd(widths[k]!))).join('  ')}`.trimEnd()
    const lines = goesOn ? wrap(whole, style, ' '.repeat(start)) : [whole]
    return lines.map((one) => cut(one, style.width)).join('\n')
  }
  return [
    style.paint.bold(style.clean(title)),
    ...(heads.every((head) => head === '') ? [] : [style.paint.dim(line(heads))]),
    ...cells.map(line),
    ...(note === undefined ? [] : [`  ${note}`]),
  ]
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`

/** Words in lines of the width, those after the first with an indent; a word that is longer than a line stays whole. */
function wrap(text: string, { width, clean }: TextStyle, indent = '    '): string[] {
  const lines: string[] = []
  let rest = clean(text)
  while (rest.length > width) {
    const at = rest.lastIndexOf(' ', width)
    if (at <= indent.length || rest.slice(0, at).trim() === '') break
    lines.push(rest.slice(0, at))
    rest = `${indent}${rest.slice(at + 1)}`
  }
  return [...lines, rest]
}
