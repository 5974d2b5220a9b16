import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { bareRun, fullRun, HOSTILE, reportOf } from '../../../test/support/report.js'
import { dollars } from '../../base/words.js'
import { thinned } from '../../page/charts/thin.js'
import { htmlOf } from './html.js'

/** Elements of a page in their order, by a tokenizer of its own: names, and attributes in double quotes. */
function elementsOf(page: string): { name: string; attributes: Map<string, string> }[] {
  return [...textOf(page).matchAll(/<([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map((match) => ({
    name: match[1]!,
    attributes: new Map(
      [...match[2]!.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map((attribute) => [
        attribute[1]!,
        attribute[2] ?? '',
      ]),
    ),
  }))
}

/** The page without what is in scripts and styles. */
const textOf = (page: string): string => page.replace(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/g, '$1$3')

const blocksOf = (page: string, name: 'script' | 'style'): { attributes: string; text: string }[] =>
  [...page.matchAll(new RegExp(`<${name}([^>]*)>([\\s\\S]*?)</${name}>`, 'g'))].map((match) => ({
    ...{ attributes: match[1]!, text: match[2]! },
  }))

const dataOf = (page: string): Record<string, unknown>[] =>
  blocksOf(page, 'script')
    .filter(({ attributes }) => attributes.includes('application/json'))
    .map(({ text }) => JSON.parse(text) as Record<string, unknown>)

const pages = {
  full: htmlOf(reportOf([fullRun()])),
  nothing: htmlOf({ runs: [bareRun()], quality: null, notes: [] }),
  'no run': htmlOf({ runs: [], quality: null, notes: [] }),
  two: htmlOf(reportOf([fullRun({ days: 2 }), fullRun({ name: 'paper', kind: 'paper' })])),
  hostile: htmlOf(reportOf([fullRun({ text: HOSTILE }), fullRun({ text: HOSTILE })], HOSTILE)),
}

test.each(Object.entries(pages))('%s: nothing is loaded or run but what the policy names', (_, page) => {
  const policy =
    /^<!doctype html>\n<html lang="en">\n<head>\n<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(
      page,
    )?.[1]
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const run = blocksOf(page, 'script').filter(({ attributes }) => !attributes.includes('application/json'))
  expect(policy).toBe(
    [
      "default-src 'none'",
      `script-src ${run.map(({ text }) => hash(text)).join(' ')}`,
      `style-src ${blocksOf(page, 'style')
        .map(({ text }) => hash(text))
        .join(' ')}`,
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; '),
  )
  expect(run.map(({ attributes }) => attributes)).toEqual(['', ' type="module"', ' type="module"'])
  const elements = elementsOf(page)
  const names = elements.flatMap(({ attributes }) => [...attributes.keys()])
  expect(names.filter((name) => /^(style|on.*|src|srcset|href|action|xlink:.*)$/i.test(name))).toEqual(
    elements.filter(({ name }) => name === 'a').map(() => 'href'),
  )
  for (const { attributes } of elements) expect(attributes.get('href') ?? '#').toMatch(/^#[\w-]+$|^#$/)
  // In what scripts say there is the home of uPlot, in its licence.
  expect(page.match(/https?:\/\/[^\s"'<)]*/g) ?? []).toEqual(['https://github.com/leeoniya/uPlot'])
  // Nothing is named twice, and each anchor leads somewhere.
  const ids = elements.flatMap(({ attributes }) => (attributes.has('id') ? [attributes.get('id')!] : []))
  expect(ids).toEqual([...new Set(ids)])
  const anchors = elements.flatMap(({ attributes }) => attributes.get('href')?.slice(1) ?? [])
  expect(anchors.filter((anchor) => !ids.includes(anchor))).toEqual([])
  expect(textOf(page).match(/NaN|undefined|\[object|Infinity/)).toBeNull()
})

test('hostile texts stay text: every element is one that the page has without them', () => {
  const count = (page: string) => {
    const counts = new Map<string, number>()
    for (const { name } of elementsOf(page)) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }
  const plain = htmlOf(reportOf([fullRun(), fullRun()]))
  expect(count(pages.hostile)).toEqual(count(plain))
  const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800]/u
  expect(unseen.exec(pages.hostile)).toBeNull()
  for (const words of ['&lt;script&gt;alert(1)&lt;/script&gt;', '\\u001b[31mred'])
    expect(pages.hostile.includes(words)).toBe(true)
  // Data blocks give the texts back, with nothing in them that could end the block.
  for (const { text } of blocksOf(pages.hostile, 'script').filter(({ attributes }) =>
    attributes.includes('json'),
  ))
    expect(text).not.toMatch(/[<>&\u2028\u2029]/)
  expect(JSON.stringify(dataOf(pages.hostile))).toContain('<script>alert(1)</script>')
})

test('what is not there is a sentence, and no empty table, list or drawing', () => {
  for (const page of [pages.nothing, pages['no run']]) {
    expect(textOf(page).match(/<(tbody|ul|figure|dl[^>]*)>\s*<\/|<jules-/)).toBeNull()
  }
  for (const words of [
    'The run was held against no other policy.',
    'The run has no equity records, so that there is no curve.',
    'The run has no fill records, so that its trades are not known.',
    'The run has no records of its guard.',
    'the quality of the data is not known',
  ])
    expect([words, pages.nothing.includes(words)]).toEqual([words, true])
  expect(pages['no run'].includes('There is no run in the inputs.')).toBe(true)
  // Of a run that traded, and whose fills are not here, nobody can say that it did not.
  const figures = [{ key: 'trades', name: 'trades', value: 0, shown: '0', reason: null }]
  const idle = htmlOf(reportOf([bareRun({ figures: [{ title: 'Trading', figures }] })]))
  expect(idle).toContain('No position was opened.')
  const findings = htmlOf(reportOf([]))
  expect([findings.includes('<h1>Quality of the data</h1>'), findings.includes('no run')]).toEqual([
    true,
    false,
  ])
})

test('an evaluation is its windows; bars of days stand at the date that they end', () => {
  const windows = fullRun().windows
  const evaluation = htmlOf(reportOf([bareRun({ kind: 'evaluation', windows })]))
  expect([...evaluation.matchAll(/<section id="([\w-]+)">/g)].map((match) => match[1])).toEqual([
    'figures',
    'windows',
    'equity',
    'manifest',
    'notes',
    'quality',
    'inputs',
  ])
  // Six sessions from Monday, 2025-01-06, each marked at the midnight after it.
  const time = Float64Array.from([7, 8, 9, 10, 11, 14], (day) => Date.UTC(2025, 0, day, 5))
  const equity = Float64Array.from([5001, 5002, 5003, 5004, 5005, 5006])
  const curve = { capital: 5000, time, equity, drawdown: new Float64Array(6), positions: [] }
  const dates = ['06', '07', '08', '09', '10', '13'].map((day) => `2025-01-${day}`)
  const sessions = dates.map((date) => ({ date, pnl: 1, part: 0.0002 }))
  const fall = { peakMs: time[0]!, troughMs: time[1]!, recoveredMs: null, fraction: 0.1, dollars: 1 }
  const daily = htmlOf(reportOf([bareRun({ curve, sessions, drawdowns: [fall] })]))
  for (const [k, date] of dates.entries())
    expect(daily).toMatch(
      new RegExp(
        `<th scope="row" class="t">${date}</th>(<td class="n">[^<]*</td>){2}<td class="n">\\${dollars(equity[k]!)}</td>`,
      ),
    )
  expect(daily).toContain('<td class="t">2025-01-06 24:00</td><td class="t">2025-01-07 24:00</td>')
})

test('numbers are those of the report, in tables as in the blocks that are drawn', () => {
  const run = fullRun({ days: 20, trades: 40 })
  const page = htmlOf(reportOf([run]))
  const [equity, drawdown] = dataOf(page)
  const kept = [...thinned(run.curve!.equity, 2000)]
  const series = (block: Record<string, unknown> | undefined) =>
    (block!.series as { values: number[] }[])[0]!.values
  expect(series(equity)).toEqual(kept.map((k) => Number(run.curve!.equity[k]!.toFixed(2))))
  const sums = (gaps: number[]) => gaps.map((_, k) => gaps.slice(0, k + 1).reduce((sum, gap) => sum + gap))
  expect(sums(equity!.at as number[])).toEqual(kept)
  expect(sums(equity!.times as number[])).toEqual(kept.map((k) => run.curve!.time[k]! / 1000))
  expect(Math.max(...series(drawdown))).toBeCloseTo(Math.max(...run.curve!.drawdown), 6)
  for (const { date, pnl } of run.sessions)
    expect(
      page.includes(
        `<th scope="row" class="t">${date}</th><td class="n">${pnl < 0 ? '' : '+'}${dollars(pnl)}</td>`,
      ),
    ).toBe(true)
  const trades = dataOf(page).find((block) => 'trades' in block)!.trades as (number | null)[]
  expect(trades).toHaveLength(8 * 40)
  // The first is a long one of MSFT from 09:31 for seven minutes, the last is still held.
  expect(trades.slice(0, 8)).toEqual([
    0,
    1,
    Date.parse('2025-01-06T14:31:00Z') / 1000,
    190,
    420,
    190.5,
    0,
    0.71,
  ])
  expect(trades.slice(-8)).toEqual([0, -5, 60, 191.6667, null, null, 7.71, 0.71])
})

test('runs stand side by side, say what their dollars are, and are never added up', () => {
  const runs = [
    fullRun({ days: 2 }),
    fullRun({ days: 3, name: 'paper', kind: 'paper', money: 'paper account DU123' }),
  ]
  const page = htmlOf(reportOf(runs))
  const comparison = /<section id="comparison">[\s\S]*?<\/section>/.exec(page)![0]
  expect(comparison).toContain('<span class="tag">paper account DU123</span>')
  const results = runs.map(({ curve }) => curve!.equity.at(-1)! - curve!.capital)
  for (const result of results) expect(comparison).toContain(dollars(result))
  expect(page.includes(dollars(results[0]! + results[1]!))).toBe(false)
  expect(page.includes('id="run2-equity"')).toBe(true)
})

test('six months of minutes with 2,400 trades are less than 600 KB, and what is cut is said', () => {
  const run = fullRun({ days: 124, trades: 2400 })
  expect(Buffer.byteLength(htmlOf(reportOf([run])))).toBeLessThan(600_000)
  const many = htmlOf(reportOf([fullRun({ days: 124, trades: 24_000 })]))
  expect(Buffer.byteLength(many)).toBeLessThan(600_000)
  const listed = (dataOf(many).find((block) => 'trades' in block)!.trades as unknown[]).length / 8
  const words = `The last ${listed.toLocaleString('en-US')} are listed here.`
  expect([many.includes('24,000 round trips from flat to flat, '), many.includes(words)]).toEqual([
    true,
    true,
  ])
})
