/** How often values lie where: columns above an axis, and the counts as a table. */
import { type Html, html } from '../markup.js'
import { numbersOf } from '../table.js'
import { classFrom, shownLabels, textWidth, widthFor } from './labels.js'
import { extentOf, scaleOf } from './scale.js'
import { tickIn, type Unit } from './units.js'

export interface Histogram {
  readonly title: string
  readonly unit: Unit
  /** What is counted: `sessions`. */
  readonly counted: string
  readonly values: ArrayLike<number>
}

const HEIGHT = 190
const PAD = 16

/** The histogram as a figure; bins have round ends, and zero is one of them. */
export function histogramOf({ title, unit, counted, values }: Histogram): Html {
  const extent = extentOf([values])
  if (extent === null) return html`<p class="none">${title}: there are no ${counted} to count.</p>`
  const scale = scaleOf(
    extent[0],
    extent[1],
    Math.min(24, Math.max(5, Math.round(2 * Math.sqrt(values.length)))),
  )
  const bins = scale.ticks.length - 1
  const counts = new Array<number>(bins).fill(0)
  for (let k = 0; k < values.length; k++) {
    if (Number.isNaN(values[k]!)) continue
    // A value on an edge belongs to the bin above it.
    const bin = Math.min(bins - 1, Math.floor((values[k]! - scale.from) / scale.step + 1e-9))
    counts[bin] = counts[bin]! + 1
  }
  const most = Math.max(...counts)
  const edge = (k: number): string => tickIn(unit, scale.ticks[k]!, scale.step)
  const ranges = counts.map((_, k) => `${edge(k)} to ${edge(k + 1)}`)
  const x = (k: number): string => `${Number(((100 * k) / bins).toFixed(2))}%`
  const labelled = Math.ceil(bins / 8)
  const edges = scale.ticks.map((_, k) => ({ at: k / bins, label: edge(k) }))
  const labels = shownLabels(
    edges.filter((_, k) => k % labelled === 0),
    0,
  )
  // All of them or none: one left out would be no count.
  const countsFrom = widthFor(textWidth(String(most)), 1 / bins)
  const top = (count: number): number => PAD + (1 - count / most) * (HEIGHT - PAD)
  const summary = `${title}: most often ${ranges[counts.indexOf(most)]}, ${most} of ${values.length} ${counted}`
  return html`<figure class="chart">
<figcaption>${title}</figcaption>
<div class="plot" role="img" aria-label="${summary}"><svg class="lines" height="${HEIGHT + 24}" aria-hidden="true">${counts.map(
    (count, k) =>
      count === 0
        ? null
        : html`<rect class="${scale.ticks[k + 1]! <= scale.step / 1000 ? 'down' : 'up'}" x="${x(k + 0.06)}" width="${x(0.88)}" y="${top(
            count,
          ).toFixed(1)}" height="${(HEIGHT - top(count)).toFixed(1)}"/>${
            countsFrom === null
              ? null
              : html`<text class="${classFrom(countsFrom)}" x="${x(k + 0.5)}" y="${(top(count) - 4).toFixed(1)}" text-anchor="middle">${count}</text>`
          }`,
  )}<line class="grid zero" x1="0" x2="100%" y1="${HEIGHT}" y2="${HEIGHT}"/>${labels.map(
    ({ at, label, from, anchor }) =>
      html`<text class="${classFrom(from)}" x="${x(at * bins)}" y="${HEIGHT + 16}" text-anchor="${anchor}">${label}</text>`,
  )}</svg></div>
${numbersOf({
  name: title,
  columns: [{ name: 'from and to' }, { name: counted, isNumber: true }],
  rows: ranges.map((range, k) => [range, counts[k]!]),
})}
</figure>`
}
