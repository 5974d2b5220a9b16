/**
 * JUnit XML, as continuous integration shows it: a testsuite a symbol and day, a testcase a check. An error is a failure; a warning
 * is the output of a case that passes, unless warnings count; a check without enough history is skipped.
 */
import { formatDate } from '../../base/time.js'
import type { Finding } from '../../market/quality.js'
import { escaped } from '../../page/markup.js'
import { CHECKS } from '../checks.js'
import type { Report } from '../report.js'
import { rulesetOf } from '../validate.js'

interface Suite {
  readonly name: string
  readonly day: number
  readonly checks: readonly string[]
  readonly found: readonly Finding[]
}

/** The document. */
export function junitOf(report: Report): string {
  const suites = suitesOf(report).map((suite) => suiteOf(suite, report))
  const tests = suites.reduce((sum, suite) => sum + suite.tests, 0)
  const failures = suites.reduce((sum, suite) => sum + suite.failures, 0)
  const skipped = suites.reduce((sum, suite) => sum + suite.skipped, 0)
  const { error } = report
  const broken =
    error === null
      ? []
      : [
          '  <testsuite name="jules eod-validate" tests="1" failures="0" errors="1" skipped="0">',
          '    <testcase classname="eod-validate" name="look">',
          `      <error message="${escaped(error)}"/>`,
          '    </testcase>',
          '  </testsuite>',
        ]
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="jules eod-validate" tests="${tests + (error === null ? 0 : 1)}" failures="${failures}" errors="${error === null ? 0 : 1}" skipped="${skipped}">`,
    ...suites.flatMap(({ lines }) => lines),
    ...broken,
    '</testsuites>',
    '',
  ].join('\n')
}

/** Those of symbols by date, and behind them one of each date for what is of no symbol alone. */
function suitesOf({ judged, findings }: Report): Suite[] {
  const suites: Suite[] = []
  const left = new Set(findings)
  const take = (wanted: (finding: Finding) => boolean): Finding[] => {
    const found = [...left].filter(wanted)
    for (const one of found) left.delete(one)
    return found
  }
  const ofDay = CHECKS.filter((check) => check.of === 'day').map(({ id }) => id)
  const others = CHECKS.filter((check) => check.of !== 'day').map(({ id }) => id)
  for (const { day, symbol, interval } of judged) {
    const found = take(
      ({ record }) =>
        record.symbol === symbol && record.date === formatDate(day) && record.ruleset === rulesetOf(interval),
    )
    const checks = [...new Set([...ofDay, ...found.map(({ record }) => record.check)])]
    suites.push({ name: `${symbol} ${formatDate(day)} ${interval}`, day, checks, found })
  }
  const days = [
    ...new Set([...judged.map(({ day }) => formatDate(day)), ...findings.map(({ record }) => record.date)]),
  ]
  for (const date of days.sort()) {
    const found = take(({ record }) => record.date === date)
    const checks = [...new Set([...others, ...found.map(({ record }) => record.check)])]
    const day = judged.find((one) => formatDate(one.day) === date)?.day ?? Number.NaN
    suites.push({ name: `all ${date}`, day, checks, found })
  }
  return suites
}

function suiteOf({ name, day, checks, found }: Suite, { skipped: without, isStrict }: Report) {
  let [failures, skipped] = [0, 0]
  const cases = checks.flatMap((check) => {
    const own = found.filter(({ record }) => record.check === check)
    const head = `    <testcase classname="${escaped(name)}" name="${escaped(check)}"`
    if (own.length > 0) {
      const isFailure = isStrict || own.some(({ record }) => record.severity === 'error')
      if (isFailure) failures++
      const text = own.map(linesOf).join('\n')
      const [{ words, record }] = own as [Finding]
      const more = own.length === 1 ? '' : ` (and ${own.length - 1} more)`
      const inside = isFailure
        ? `      <failure type="${record.severity}" message="${escaped(words + more)}">${escaped(text)}</failure>`
        : `      <system-out>${escaped(`warning: ${text}`)}</system-out>`
      return [`${head}>`, inside, '    </testcase>']
    }
    if ([...without].some(([id, days]) => id === check && days.includes(day))) {
      skipped++
      return [`${head}>`, '      <skipped message="too few sessions before"/>', '    </testcase>']
    }
    return [`${head}/>`]
  })
  const counts = `tests="${checks.length}" failures="${failures}" errors="0" skipped="${skipped}"`
  return {
    ...{ tests: checks.length, failures, skipped },
    lines: [`  <testsuite name="${escaped(name)}" ${counts}>`, ...cases, '  </testsuite>'],
  }
}

const linesOf = ({ words, record: { fix } }: Finding): string =>
  fix === null ? words : `${words}\nfix: ${fix}`
