import { expect, test } from 'vitest'
import { mergedTimes, newYorkTime, numberAxis, timeAxis } from './axis.js'
import { barsOf } from './bars.js'
import { heatOf } from './heat.js'
import { histogramOf } from './histogram.js'
import { lineChart } from './line.js'
import { scaleOf } from './scale.js'
import { shownIn, signed, tickIn } from './units.js'

const OPEN = Date.parse('2025-01-02T14:31:00Z')
const DAY = 86_400_000
/** Minutes of weekdays from Thursday, the second of January, on. */
const sessions = (days: number, perDay = 390): Float64Array =>
  Float64Array.from({ length: days * perDay }, (_, k) => {
    const day = Math.floor(k / perDay)
    return OPEN + (day + 2 * Math.floor((day + 3) / 5)) * DAY + (k % perDay) * 60_000
  })
const table = { name: 't', columns: [{ name: 'x' }], rows: [] }

test('an axis of time has no place for nights: its labels are hours, days or months, where they begin', () => {
  const labels = (times: ArrayLike<number>) =>
    timeAxis(times).ticks.map(({ label, at }) => `${label} ${at.toFixed(2)}`)
  expect(labels(sessions(1))).toEqual([
    '09:31 0.00',
    '10:00 0.07',
    '11:00 0.23',
    '12:00 0.38',
    '13:00 0.54',
    '14:00 0.69',
    '15:00 0.85',
    '16:00 1.00',
  ])
  expect(labels(sessions(3))).toEqual(['2 Jan 0.00', '3 Jan 0.33', '6 Jan 0.67'])
  expect(labels(sessions(124)).map((label) => label.replace(/ [\d.]+$/, ''))).toEqual([
    'Jan 2025',
    'Feb',
    'Mar',
    'Apr',
    'May',
    'Jun',
  ])
  // The clock of New York changed on Sunday, the ninth of March.
  expect([
    newYorkTime(Date.parse('2025-03-07T14:31:00Z')),
    newYorkTime(Date.parse('2025-03-10T13:31:00Z')),
  ]).toEqual(['2025-03-07 09:31', '2025-03-10 09:31'])
  expect([
    timeAxis([]).ticks,
    timeAxis([OPEN]).ticks.length,
    numberAxis([]).ticks,
    newYorkTime(Number.NaN),
  ]).toEqual([[], 1, [], '-'])
})

test('lists of times become one, each time once', () => {
  const lists = [[1, 3, 5], [], [2, 3, 9]].map((list) => Float64Array.from(list))
  expect([...mergedTimes(lists)]).toEqual([1, 2, 3, 5, 9])
})

test('scales have round ends around their values', () => {
  expect(scaleOf(4992, 8501).ticks).toEqual([4000, 5000, 6000, 7000, 8000, 9000])
  expect(scaleOf(0, 0.0123).ticks.map((tick) => tickIn('part', tick, 0.005))).toEqual([
    '0.0 %',
    '0.5 %',
    '1.0 %',
    '1.5 %',
  ])
  const one = scaleOf(5000, 5000)
  expect([one.from < 5000, one.to > 5000]).toEqual([true, true])
})

test('values are shown with the digits of their unit, and zero has no sign', () => {
  expect(['dollars', 'part', 'shares', 'number'].map((unit) => shownIn(unit as 'part', -1e-9))).toEqual([
    ...['$0.00', '0.00 %', '0', '0.00'],
  ])
  // Parts of a share are what was held, and sums of them have no digits of binary fractions.
  expect([-1200, 0.1 + 0.2, 0.5, 0.00000001, 10].map((shares) => shownIn('shares', shares))).toEqual([
    ...['-1,200', '0.3', '0.5', '0.00000001', '10'],
  ])
  expect([
    signed('dollars', 1234.5),
    signed('part', 0.0123),
    signed('shares', -5),
    signed('dollars', Number.NaN),
  ]).toEqual([...['+$1,234.50', '+1.23 %', '-5', '-']])
  expect([tickIn('dollars', -2500, 500), tickIn('dollars', 0.5, 0.5)]).toEqual(['-$2,500', '$0.50'])
  expect([tickIn('part', 0.0025, 0.0025), tickIn('shares', 2.5, 2.5)]).toEqual(['0.25 %', '2.5'])
})

test('a line goes through its points: the box is 4000 by 1000, from the top', () => {
  const { text } = lineChart({
    ...{
      title: 'Equity',
      summary: 's',
      unit: 'dollars',
      axis: numberAxis([0, 1, 2, 4]),
      form: 'line',
      table,
    },
    series: [{ name: 'e', values: [0, 10, 10, 5] }],
  })
  // The scale is 0 to 10: up to the top in a quarter, along, and half down over the second half.
  expect(text).toContain('d="M0 1000l1000-1000h1000l2000 500"')
  expect(text).toContain('role="img" aria-label="Equity: s"')
  const step = lineChart({
    ...{ title: 'P', summary: 's', unit: 'shares', axis: numberAxis([0, 1, 2]), form: 'step', table },
    series: [{ name: 'p', values: [0, 10, Number.NaN] }],
  })
  expect(step.text).toContain('d="M0 1000h2000v-1000"')
  const falls = lineChart({
    ...{
      title: 'D',
      summary: 's',
      unit: 'part',
      axis: numberAxis([0, 1]),
      form: 'area',
      isDown: true,
      table,
    },
    series: [{ name: 'd', values: [0, 0.01] }],
    marks: [
      { value: 0.02, name: 'allowed' },
      { value: 0.5, name: 'far off' },
    ],
  })
  expect(falls.text).toContain('class="fill s0" d="M0 0l4000 500V0H0z"')
  expect([falls.text.includes('>allowed</text>'), falls.text.includes('far off')]).toEqual([true, false])
  const never = { title: 'D', summary: 's', unit: 'part', form: 'area', isDown: true, table } as const
  const flat = lineChart({
    ...{ ...never, axis: numberAxis([0, 1]) },
    series: [{ name: 'd', values: [0, 0] }],
  })
  expect([flat.text.includes('>1.0 %</text>'), flat.text.includes('>100')]).toEqual([true, false])
  const none = { title: 'N', summary: '', unit: 'part', axis: numberAxis([0]), form: 'line', table } as const
  expect(lineChart({ ...none, series: [{ name: 'n', values: [Number.NaN] }] }).text).toBe(
    '<p class="none">N: there is no point to draw.</p>',
  )
})

test('names of lines across stand on no other, and sixteen lines look different', () => {
  const values = [...Array(16).keys()]
  const { text } = lineChart({
    ...{ title: 't', summary: 's', unit: 'dollars', form: 'line', height: 240 },
    axis: numberAxis([0, 1]),
    series: values.map((k) => ({ name: `${k}`, values: [-9360, 0] })),
    marks: [
      { value: 0, name: 'start' },
      { value: 1000, name: 'asked for' },
    ],
    table: { name: 't', columns: [], rows: [] },
  })
  const bases = [...text.matchAll(/class="halo"[^>]* y="([\d.]+)"/g)].map((match) => Number(match[1]))
  expect(bases).toHaveLength(2)
  expect(bases[0]! - bases[1]!).toBeGreaterThanOrEqual(13)
  const looks = [...text.matchAll(/class="(line s\d d\d) w\d" d="M0 4H28"/g)].map((match) => match[1])
  expect(new Set(looks).size).toBe(16)
})

test('bars share one zero; what has no value has no bar, and its reason', () => {
  const { text } = barsOf({
    ...{ name: 'n', heading: 'policy', values: 'net result', unit: 'dollars' },
    bars: [
      { name: 'up', value: 30 },
      { name: 'down', value: -10 },
      { name: 'none', value: null, words: 'not run' },
      { name: 'no number', value: Number.NaN },
    ],
  })
  expect(
    [...text.matchAll(/<rect class="(\w+)" x="([\d.]+%)" y="2" width="([\d.]+%)"/g)].map((match) =>
      match.slice(1),
    ),
  ).toEqual([
    ['up', '25%', '75%'],
    ['down', '0%', '25%'],
  ])
  expect(text.match(/<span class="n">([^<]*)/g)).toEqual(
    ['+$30.00', '-$10.00', '-', '-'].map((shown) => `<span class="n">${shown}`),
  )
  expect(text).toContain('not run')
})

test('a histogram counts every value once, and losses lie below zero', () => {
  const values = [-15, -5, -0.1, 0, 4, 5, 12, 19.9, 20, Number.NaN]
  const { text } = histogramOf({ title: 'H', unit: 'dollars', counted: 'sessions', values })
  const rows = [...text.matchAll(/<tr><th scope="row">([^<]*)<\/th><td class="n">(\d+)<\/td>/g)]
  expect(rows.map((row) => `${row[1]}: ${row[2]}`)).toEqual([
    '-$20 to -$10: 1',
    '-$10 to $0: 2',
    '$0 to $10: 3',
    '$10 to $20: 3',
  ])
  expect([text.match(/class="down"/g)?.length, text.match(/class="up"/g)?.length]).toEqual([2, 2])
})

test('a heat map has a number with its sign in every cell, and its shade by size', () => {
  const { text } = heatOf({
    ...{ title: 'H', unit: 'dollars', heading: 'time', rows: ['09:30', '10:00'], columns: ['Mon', 'Tue'] },
    values: [
      [100, -50],
      [null, 0.4],
    ],
  })
  expect([...text.matchAll(/<text class="on (\w+)"[^>]*>([^<]*)/g)].map((match) => match.slice(1))).toEqual([
    ['plus3', '+100'],
    ['minus2', '\u221250'],
    ['even', '0'],
  ])
  expect(text).toContain('aria-label="H: best Mon 09:30 with +$100.00, worst Tue 09:30 with -$50.00"')
  expect(text).toContain('<td class="n">-</td>')
})
