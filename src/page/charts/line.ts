/**
 * A chart of lines: an SVG that needs no script, and beside it the numbers that `client/chart.ts` draws once scripts run. Its text
 * keeps its size at any width, because only the lines are stretched: they stand in an SVG of their own between two of labels.
 */
import { dataBlock, type Html, html } from '../markup.js'
import { numbersOf, type Table } from '../table.js'
import type { Axis } from './axis.js'
import { classFrom, type Shown, shownLabels } from './labels.js'
import { extentOf, type Scale, scaleOf } from './scale.js'
import { thinned } from './thin.js'
import { SHARE_DIGITS, shownIn, tickIn, type Unit } from './units.js'

/** Points of a series that are drawn at most. */
export const MOST_POINTS = 2000

export interface Series {
  readonly name: string
  /** One for each point of the axis; NaN where there is none. */
  readonly values: ArrayLike<number>
}

export interface LineChart {
  readonly title: string
  /** What there is to see, in a sentence, for those who do not see it. */
  readonly summary: string
  readonly unit: Unit
  readonly axis: Axis
  readonly series: readonly Series[]
  /** `area`: filled to zero, one below the other for a drawdown; `step`: a value holds until the next. */
  readonly form: 'line' | 'area' | 'step'
  /** Upside down: zero is at the top, for falls. */
  readonly isDown?: boolean
  /** Lines across: a target, a limit. One far beyond the values is left out, and said so by the caller in words. */
  readonly marks?: readonly { readonly value: number; readonly name: string }[]
  /** Its numbers as a table. */
  readonly table: Table
  /** CSS pixels. */
  readonly height?: number
  /** Charts of one name share a cursor. */
  readonly group?: string
}

/** Width and height of the box of lines, in its own units: enough that rounding to one is not seen. */
const WIDE = 4000
const HIGH = 1000

/** The chart as a figure. */
export function lineChart(chart: LineChart): Html {
  const { title, summary, unit, series, form, height = 240, isDown = false } = chart
  const kept = series.map(({ values }) => thinned(values, MOST_POINTS))
  const extent = extentOf(kept.map((points, k) => Array.from(points, (n) => series[k]!.values[n]!)))
  if (extent === null) return html`<p class="none">${title}: there is no point to draw.</p>`
  // A fall that never was is a line at the top of one percent, not of all.
  const isFlat = form === 'area' && extent[0] === 0 && extent[1] === 0
  const base = isFlat ? [0, unit === 'part' ? 0.01 : 1] : form === 'area' ? [0] : []
  const [low, high] = [Math.min(extent[0], ...base), Math.max(extent[1], ...base)]
  const marks = (chart.marks ?? []).filter(({ value }) => isNear(value, low, high))
  const values = marks.map(({ value }) => value)
  const scale = scaleOf(
    Math.min(low, ...values),
    Math.max(high, ...values),
    Math.max(2, Math.round(height / 55)),
  )
  const labels = scale.ticks.map((tick) => tickIn(unit, tick, scale.step))
  const beside = 14 + Math.ceil(7.6 * Math.max(7, ...labels.map(({ length }) => length)))
  const ticks = shownLabels(chart.axis.ticks, beside)
  const shape: Shape = { chart, scale, height, isDown, kept, ticks }
  return html`<figure class="chart">
<figcaption>${title}${series.length > 1 ? legend(series) : null}</figcaption>
<jules-chart>
<div class="plot" role="img" aria-label="${`${title}: ${summary}`}">${valueLabels(shape, labels, beside)}${plot(shape, marks)}</div>
${dataBlock(chartData(shape, marks))}
</jules-chart>
${numbersOf(chart.table)}
</figure>`
}

interface Shape {
  readonly chart: LineChart
  readonly scale: Scale
  readonly height: number
  readonly isDown: boolean
  /** Points of each series that are drawn. */
  readonly kept: readonly Int32Array[]
  /** Labels along it. */
  readonly ticks: readonly Shown[]
}

/** Whether a line across makes the chart no more than three times as high as its values do. */
const isNear = (value: number, low: number, high: number): boolean =>
  Math.max(high, value) - Math.min(low, value) <= 3 * (high - low)

/** Four colours, each with the four dashes in turn: sixteen lines that differ, and on paper twelve, by their widths. */
const lineClass = (k: number): string => {
  const round = Math.floor(k / 4)
  return `line s${k % 4} d${(k + round) % 4} w${round % 3}`
}

const legend = (series: readonly Series[]): Html =>
  html`<span class="legend">${series.map(
    ({ name }, k) =>
      html`<span><svg class="key" width="28" height="8" aria-hidden="true"><path class="${lineClass(k)}" d="M0 4H28"/></svg>${name}</span>`,
  )}</span>`

/** From the top, in CSS pixels: half a line of text is left free above and below. */
const PAD = 8
const topOf = ({ scale, height, isDown }: Shape, value: number): number => {
  const part = (value - scale.from) / (scale.to - scale.from)
  return PAD + (isDown ? part : 1 - part) * (height - 2 * PAD)
}

function valueLabels(shape: Shape, labels: readonly string[], width: number): Html {
  const { scale, height } = shape
  return html`<svg class="values" width="${width}" height="${height + 24}" aria-hidden="true">${labels.map(
    (label, k) =>
      html`<text x="${width - 8}" y="${(topOf(shape, scale.ticks[k]!) + 4).toFixed(1)}" text-anchor="end">${label}</text>`,
  )}</svg>`
}

/** Where the name of each line across stands: above it, or below it where it would be cut or stand on another. */
function basesOf(lines: readonly number[]): number[] {
  const bases = new Map<number, number>()
  // From the top: the name below the first line leaves the next one the room below it.
  for (const y of [...lines].sort((a, b) => a - b)) {
    const isFree = [...bases.values()].every((base) => Math.abs(base - (y - 5)) >= 13)
    bases.set(y, y > 24 && isFree ? y - 5 : y + 14)
  }
  return lines.map((y) => bases.get(y)!)
}

const percent = (part: number): string => `${Number((100 * part).toFixed(2))}%`

function plot(shape: Shape, marks: NonNullable<LineChart['marks']>): Html {
  const { chart, scale, height, ticks } = shape
  const across = (value: number, kind: string): Html => {
    const y = topOf(shape, value).toFixed(1)
    return html`<line class="${kind}" x1="0" x2="100%" y1="${y}" y2="${y}"/>`
  }
  const bases = basesOf(marks.map(({ value }) => topOf(shape, value)))
  const isZero = (tick: number): boolean => Math.abs(tick) < scale.step / 1000
  return html`<svg class="lines" height="${height + 24}" aria-hidden="true">${scale.ticks.map((tick) =>
    across(tick, isZero(tick) ? 'grid zero' : 'grid'),
  )}${ticks.map(({ at }) => html`<line class="grid" x1="${percent(at)}" x2="${percent(at)}" y1="${height - PAD}" y2="${height - PAD + 5}"/>`)}${marks.map(
    ({ value, name }, k) => {
      return html`${across(value, 'mark')}<text class="halo" x="99.5%" text-anchor="end" y="${bases[k]!.toFixed(1)}">${name}</text>`
    },
  )}<svg y="${PAD}" width="100%" height="${height - 2 * PAD}" viewBox="0 0 ${WIDE} ${HIGH}" preserveAspectRatio="none">${chart.series.map(
    (_, k) => paths(shape, k),
  )}</svg>${ticks.map(
    ({ at, label, from, anchor }) =>
      html`<text class="${classFrom(from)}" x="${percent(at)}" y="${height + 14}" text-anchor="${anchor}">${label}</text>`,
  )}</svg>`
}

/** The lines of a series in their box; one for each stretch without a gap. */
function paths({ chart, scale, isDown, kept }: Shape, k: number): Html {
  const { axis, form } = chart
  const { values } = chart.series[k]!
  const [from, to] = [axis.placeOf(0), axis.placeOf(axis.length - 1)]
  const xOf = (n: number): number =>
    to === from ? WIDE / 2 : Math.round((WIDE * (axis.placeOf(n) - from)) / (to - from))
  const yOf = (value: number): number => {
    const part = (value - scale.from) / (scale.to - scale.from)
    return Math.round(HIGH * (isDown ? part : 1 - part))
  }
  const stretches: string[] = []
  const fills: string[] = []
  let path = ''
  let startX = 0
  let [x, y] = [0, 0]
  const end = (): void => {
    if (path === '') return
    // A point alone is a short line.
    stretches.push(/[lhv]/.test(path) ? path : `${path}h1`)
    if (form === 'area') fills.push(`${path}V${yOf(0)}H${startX}z`)
    path = ''
  }
  for (const n of kept[k]!) {
    if (Number.isNaN(values[n]!)) {
      // One series on the axis of several has values at its own points only.
      if (chart.series.length === 1) end()
      continue
    }
    const [nextX, nextY] = [xOf(n), yOf(values[n]!)]
    const [dx, dy] = [nextX - x, nextY - y]
    if (path === '') {
      path = `M${nextX} ${nextY}`
      startX = nextX
    } else if (form === 'step') path += `${dx === 0 ? '' : `h${dx}`}${dy === 0 ? '' : `v${dy}`}`
    else if (dy === 0) path += dx === 0 ? '' : `h${dx}`
    else if (dx === 0) path += `v${dy}`
    else path += `l${dx}${dy < 0 ? dy : ` ${dy}`}`
    ;[x, y] = [nextX, nextY]
  }
  end()
  return html`${fills.length === 0 ? null : html`<path class="fill s${k % 4}" d="${fills.join('')}"/>`}<path class="${lineClass(k)}" d="${stretches.join('')}"/>`
}

/** Decimals that a value is given with: what is drawn, and shown under the pointer. */
const DIGITS: Readonly<Record<Unit, number>> = { dollars: 2, part: 6, shares: SHARE_DIGITS, number: 4 }

/** The block that `client/chart.ts` reads: points that any of the series keeps. */
function chartData({ chart, kept, isDown }: Shape, marks: NonNullable<LineChart['marks']>): unknown {
  const { axis, series, unit, form, height = 240, group = null, title } = chart
  const points = [...new Set(kept.flatMap((indices) => [...indices]))].sort((a, b) => a - b)
  const { times } = axis
  const isSole = series.length === 1
  return {
    title,
    unit,
    form,
    ...{ isDown, height, group, kind: axis.kind },
    areGaps: true,
    at: gapsOf(points.map(axis.placeOf)),
    ...(times === null ? {} : { times: gapsOf(points.map((n) => times[n]! / 1000)) }),
    series: series.map(({ name, values }, k) => {
      const own = new Set(kept[k])
      const shown = isSole ? points : points.map((n) => (own.has(n) ? n : -1))
      return {
        name,
        values: shown.map((n) =>
          n < 0 || Number.isNaN(values[n]!) ? null : Number(values[n]!.toFixed(DIGITS[unit])),
        ),
      }
    }),
    marks,
  }
}

const gapsOf = (values: readonly number[]): number[] => values.map((value, k) => value - (values[k - 1] ?? 0))

/** `from $5,000.00 to $5,840.16, lowest $4,992.10, highest $5,851.00`: what a line does, in words. */
export function lineWords(unit: Unit, values: ArrayLike<number>): string {
  const extent = extentOf([values])
  if (extent === null) return 'no values'
  const [first, last] = [values[0]!, values[values.length - 1]!]
  return `from ${shownIn(unit, first)} to ${shownIn(unit, last)}, lowest ${shownIn(unit, extent[0])}, highest ${shownIn(unit, extent[1])}`
}
