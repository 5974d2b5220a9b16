import { describe, expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { numberAxis, timeAxis } from './axis.js'
import { histogramOf } from './histogram.js'
import { labelRules } from './labels.js'
import { lineChart } from './line.js'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
const OPEN = Date.parse('2025-01-02T14:31:00Z')
const table = { name: 't', columns: [], rows: [] }

/** Advances of DejaVu Sans, the widest of the fonts of the style, in thousandths of its size. */
const ADVANCES: Readonly<Record<string, number>> = {
  ...{ ':': 337, ',': 318, '.': 318, ' ': 318, '-': 361, $: 636, '%': 950 },
  ...{ J: 295, F: 575, M: 863, A: 684, S: 635, O: 787, N: 748, D: 770 },
  ...{
    a: 613,
    n: 634,
    e: 615,
    b: 635,
    r: 411,
    p: 635,
    y: 592,
    u: 634,
    l: 278,
    g: 635,
    c: 550,
    t: 392,
    o: 612,
    v: 592,
  },
}
const sizeOf = (text: string): number =>
  [...text].reduce((sum, one) => sum + 0.012 * (/\d/.test(one) ? 636 : ADVANCES[one]!), 0)

/** What stands along the bottom of a drawing that is `width` wide, with where each begins and ends. */
function standing(markup: string, width: number) {
  const beside = Number(/class="values" width="(\d+)"/.exec(markup)?.[1] ?? 0)
  const texts = markup.matchAll(
    /<text class="tick(?: from(\d+))?" x="([\d.]+)%" y="([\d.]+)" text-anchor="(\w+)">([^<]*)</g,
  )
  const shown = [...texts]
    .filter(([, from]) => Number(from ?? 0) <= width)
    .map(([, , x, y, anchor, label]) => {
      const size = sizeOf(label!)
      const at = (Number(x) / 100) * (width - beside)
      const start = at - size * { start: 0, middle: 0.5, end: 1 }[anchor as 'start' | 'middle' | 'end']
      return { label: label!, y: Number(y), start, end: start + size }
    })
  const lowest = Math.max(...shown.map(({ y }) => y))
  return shown.filter(({ y }) => y === lowest).sort((a, b) => a.start - b.start)
}

const labelsAt = (markup: string, width: number) => standing(markup, width).map(({ label }) => label)

const chartOf = (axis: ReturnType<typeof numberAxis>, most = 5000) =>
  lineChart({
    ...{ title: 't', summary: 's', unit: 'dollars', form: 'line', axis, table },
    series: [
      { name: 'e', values: Array.from({ length: axis.length }, (_, k) => (k % 2 === 0 ? most : -most)) },
    ],
  }).text

/** From the narrowest screen on. */
const WIDTHS = [280, 312, 328, 335, 360, 419, 420, 500, 639, 640, 688, 899, 900, 1100, 1199, 1200, 1380]

function expectRoom(markup: string): void {
  for (const width of WIDTHS) {
    const labels = standing(markup, width)
    expect(labels.length).toBeGreaterThan(0)
    for (const [k, { start, label }] of labels.entries())
      if (k > 0) expect([width, label, start - labels[k - 1]!.end > 3]).toEqual([width, label, true])
  }
}

/** Minutes of weekdays from a Thursday on, and the last few of the day before. */
const minutes = (count: number, firstMs = OPEN): Float64Array =>
  Float64Array.from({ length: count }, (_, k) => {
    const day = Math.floor(k / 390)
    return firstMs + (day + 2 * Math.floor((day + 3) / 5)) * DAY + (k % 390) * MINUTE
  })

describe('labels along a chart never stand over each other, on the narrowest screen and on paper', () => {
  test.each([
    ['one point', 1],
    ['ten minutes', 10],
    ['half an hour and a minute', 31],
    ['two hours', 120],
    ['a session', 390],
    ['a session and its first minutes', 391],
    ['three days', 1170],
    ['three weeks', 5850],
    ['sixty dates', 23_400],
    ['a year', 98_280],
  ])('%s', (_, count) => {
    expectRoom(chartOf(timeAxis(minutes(count))))
    // It begins shortly before an hour, a date, a month.
    expectRoom(chartOf(timeAxis(minutes(count, OPEN + 28 * MINUTE))))
    expectRoom(chartOf(timeAxis([OPEN - DAY, OPEN - DAY + MINUTE, ...minutes(count)])))
  })

  test('times as they come, close together and far apart', () => {
    const rng = stream(7, 'times')
    for (let round = 0; round < 60; round++) {
      let at = OPEN
      const gap = [MINUTE, 20 * MINUTE, DAY / 4, 8 * DAY][round % 4]!
      const times = Array.from({ length: 2 + rng.int(150) }, () => {
        at += MINUTE + Math.floor((rng.uniform() ** 6 * gap * 4) / MINUTE) * MINUTE
        return at
      })
      expectRoom(chartOf(timeAxis(times), 10 ** (1 + (round % 7))))
    }
  })

  test('steps of a training, and the dollars below a histogram', () => {
    for (const last of [1, 999, 30_000, 5_000_000, 1e12]) expectRoom(chartOf(numberAxis([0, last / 3, last])))
    const rng = stream(3, 'values')
    for (const size of [0.4, 30, 4000, 1e6])
      for (const count of [1, 3, 20, 400])
        expectRoom(
          histogramOf({
            ...{ title: 'h', unit: 'dollars', counted: 'sessions' },
            values: Array.from({ length: count }, () => size * (rng.uniform() - 0.5)),
          }).text,
        )
  })
})

test('as many are shown as have room, and those on a narrow chart are whole hours', () => {
  const day = chartOf(timeAxis(minutes(390)))
  const hours = ['10:00', '11:00', '12:00', '13:00', '14:00', '15:00', '16:00']
  expect(labelsAt(day, 335)).toEqual(['10:00', '12:00', '14:00', '16:00'])
  expect(labelsAt(day, 688)).toEqual(hours)
  expect(labelsAt(day, 1200)).toEqual(['09:31', ...hours])
  expect(labelsAt(chartOf(timeAxis(minutes(1170))), 335)).toEqual(['2 Jan', '3 Jan', '6 Jan'])
  expect(labelsAt(chartOf(timeAxis(minutes(98_280))), 335)).toEqual(['Jan 2025', 'May', 'Sep'])
  expect(labelsAt(chartOf(timeAxis(minutes(98_280))), 1200)).toHaveLength(12)
})

test('what a label says of its width has a rule in the style, which asks the drawing', () => {
  const day = chartOf(timeAxis(minutes(98_280)))
  const classes = new Set([...day.matchAll(/class="tick (from\d+)"/g)].map(([, name]) => name!))
  expect(classes.size).toBeGreaterThan(1)
  for (const name of classes)
    expect(labelRules).toContain(
      `@container (min-width: ${name.slice(4)}px) { .${name} { display: inline } }`,
    )
})
