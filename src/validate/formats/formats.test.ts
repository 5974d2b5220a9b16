/** What each format makes of a report, and of text that its own marks stand in. */
import { expect, test } from 'vitest'
import { daysFromCivil } from '../../base/time.js'
import type { Quality } from '../../market/quality.js'
import { CHECKS } from '../checks.js'
import { keptOf, type Report } from '../report.js'
import { htmlOf } from './html.js'
import { jsonOf } from './json.js'
import { junitOf } from './junit.js'
import { lastSuccessIn, promOf } from './prom.js'

const DAY = daysFromCivil(2025, 7, 30)
const NASTY = 'a]]>&<b>"\'\u0000\u001b[31m\ud800\u202e\r\nz'

const record = (more: Partial<Quality>): Quality => ({
  ...{ type: 'quality', date: '2025-07-30', ruleset: 'eod/1 1m', symbol: 'NVDA', check: 'spike' },
  ...{ severity: 'error', from: '2025-07-30T14:00:00Z', to: '2025-07-30T14:00:00Z', count: 1 },
  ...{ observed: null, expected: null, samples: [], fix: null },
  ...more,
})

const report = (more: Partial<Report> = {}): Report => ({
  symbols: ['NVDA', 'MSFT'],
  atMs: Date.parse('2025-07-30T21:30:00Z'),
  dates: [{ day: DAY, rows: 780 }],
  judged: ['NVDA', 'MSFT'].map((symbol) => ({ symbol, day: DAY, interval: '1m', rows: 390 })),
  findings: [
    { words: NASTY, record: record({ fix: 'jules fetch | jules load' }) },
    { words: 'two more', record: record({ count: 2, samples: ['x'] }) },
    { words: 'little', record: record({ symbol: 'MSFT', check: 'volume-outlier', severity: 'warn' }) },
    { words: 'apart', record: record({ symbol: null, check: 'correlation', severity: 'warn' }) },
  ],
  skipped: new Map([['session-total', [DAY]]]),
  ...{ silenced: 3, miscalibrated: [], closed: null, isStrict: false, error: null, status: 1 },
  ...more,
})
const clean = report({ findings: [], silenced: 0, status: 0 })

/** Tags in pairs, quoted attributes, no character that XML has not. */
function wellFormed(xml: string): void {
  expect(xml).not.toMatch(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/)
  expect(xml.replace(/&(amp|lt|gt|quot|#39|#13);/g, '')).not.toContain('&')
  const open: string[] = []
  const left = xml.replace(/<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g, (_, end, name, __, alone) => {
    if (end) expect(open.pop()).toBe(name)
    else if (!alone) open.push(name)
    return ''
  })
  expect([left.replace('<?xml version="1.0" encoding="UTF-8"?>', '').includes('<'), open]).toEqual([
    false,
    [],
  ])
}

test('JUnit: a suite a symbol and day, errors as failures, warnings as output, and what cannot be written made visible', () => {
  const xml = junitOf(report())
  wellFormed(xml)
  expect(xml.match(/<testsuite .*>/g)).toEqual([
    expect.stringMatching(/name="NVDA 2025-07-30 1m" tests="\d+" failures="1" errors="0" skipped="1"/),
    expect.stringMatching(/name="MSFT 2025-07-30 1m" tests="\d+" failures="0" errors="0" skipped="1"/),
    expect.stringMatching(/name="all 2025-07-30" tests="\d+" failures="0" errors="0" skipped="0"/),
  ])
  expect(xml).toContain(
    'message="a]]&gt;&amp;&lt;b&gt;&quot;&#39;\\u0000\\u001b[31m\ufffd\\u202e&#13;\nz (and 1 more)"',
  )
  expect(xml).toContain('name="volume-outlier">\n      <system-out>warning: little</system-out>')
  // Each check is one case of each day, whether it finds anything or not.
  const names = [...xml.matchAll(/<testcase classname="NVDA.*" name="([a-z-]+)"/g)].map((match) => match[1])
  expect(names).toEqual(CHECKS.filter(({ of }) => of === 'day').map(({ id }) => id))
  expect(junitOf(report({ isStrict: true }))).toContain('<failure type="warn" message="little">')
  const broken = junitOf(report({ error: 'no <bars>', status: 69 }))
  wellFormed(broken)
  expect(broken).toContain('<error message="no &lt;bars&gt;"/>')
  expect(junitOf(clean)).toMatch(
    /<testsuites name="jules eod-validate" tests="\d+" failures="0" errors="0" skipped="2">/,
  )
})

test('HTML: words are text, nothing is loaded or run, and the first line says what is so', () => {
  const page = htmlOf(report())
  expect(page).toContain('a]]&gt;&amp;&lt;b&gt;&quot;&#39;\\u0000')
  expect(page).toContain('<code>jules fetch | jules load</code>')
  // What is named by # is in the page itself.
  expect(page).not.toMatch(/<script|https?:|url\((?!#)|<b>| style=/)
  expect(page).toMatch(
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'">/,
  )
  const states: [Report, string][] = [
    [report(), 'bad">These bars are not to be trusted'],
    [clean, 'good">Clean'],
    [report({ findings: report().findings.slice(2), status: 0 }), 'warn">No errors'],
    [report({ error: 'no bars', status: 69 }), 'bad">Not judged to the end: no bars'],
    [report({ ...clean, closed: 'Thanksgiving' }), 'good">Market closed (Thanksgiving)'],
  ]
  for (const [given, words] of states) expect(htmlOf(given)).toContain(`class="state ${words}`)
})

test('Prometheus: every check, escaped labels, and the last success from one file to the next', () => {
  const atMs = Date.parse('2025-07-30T21:30:00Z')
  const good = promOf({
    atMs,
    status: 0,
    lastSuccess: null,
    report: report({ symbols: ['A\\"\n'], status: 0 }),
  })
  expect(lastSuccessIn(good)).toBe(atMs / 1000)
  expect(good).toContain('jules_eod_validate_rows{symbol="A\\\\\\"\\n"} 0\n')
  for (const { id, severity } of CHECKS)
    expect(good).toContain(`jules_eod_validate_findings{check="${id}",severity="${severity}"} `)
  expect(good).toContain('jules_eod_validate_findings{check="spike",severity="error"} 2\n')
  const bad = promOf({ atMs: atMs + 86_400_000, status: 69, lastSuccess: lastSuccessIn(good), report: null })
  expect([lastSuccessIn(bad), bad.includes('_findings')]).toEqual([atMs / 1000, false])
  expect(bad).toContain('jules_eod_validate_exit_status 69\n')
  expect(lastSuccessIn(promOf({ atMs, status: 1, lastSuccess: null, report: null }))).toBeNull()
  // Each metric is described once, and its samples stand together below.
  const names = [...good.matchAll(/^# TYPE (\S+) gauge$/gm)].map((match) => match[1])
  expect(names).toEqual([...new Set(names)])
  const samples = good.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(
    samples.filter(
      (line) => !/^[a-z_]+(\{[a-z]+="([^"\\\n]|\\[\\"n])*"(,[a-z]+="[^"]*")?\})? \d+$/.test(line),
    ),
  ).toEqual([])
})

test('JSON: one document with everything', () => {
  const document = JSON.parse(jsonOf(report()))
  expect(Object.keys(document).join()).toBe(
    'ruleset,time,dates,symbols,rows,findings,errors,warnings,silenced,skipped,miscalibrated,closed,error,status',
  )
  expect(document).toMatchObject({
    ...{
      dates: ['2025-07-30'],
      rows: { NVDA: 390, MSFT: 390 },
      errors: 2,
      warnings: 2,
      silenced: 3,
      status: 1,
    },
    skipped: { 'session-total': ['2025-07-30'] },
  })
  expect(document.findings).toEqual(report().findings.map(({ record: one }) => one))
})

test('what a store keeps: the findings, one with a key, and a run for each date and rule set', () => {
  const { dates, rulesets, records } = keptOf(report())
  expect([dates, rulesets]).toEqual([['2025-07-30'], ['eod/1', 'eod/1 1m']])
  expect(records.map(({ check, count, severity }) => [check, count, severity])).toEqual([
    ['spike', 3, 'error'],
    ['volume-outlier', 1, 'warn'],
    ['correlation', 1, 'warn'],
    ['run', 4, 'error'],
  ])
  expect(records.at(-1)!.observed).toEqual({
    ...{ rows: { NVDA: 390, MSFT: 390 }, errors: 2, warnings: 2, skipped: ['session-total'], status: 1 },
  })
  expect(keptOf(clean).records.map(({ check, severity }) => [check, severity])).toEqual([['run', 'info']])
})
