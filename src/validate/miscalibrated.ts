/** Checks that fire for a symbol session after session: their number is wrong, or nobody mends what they tell. */
import { formatDate, parseDate } from '../base/time.js'
import { nextSession, previousSession, sessionOn } from '../market/calendar.js'
import type { Finding } from '../market/quality.js'
import type { Thresholds } from './check.js'
import { checkNamed } from './checks.js'
import type { Miscalibrated } from './report.js'
import { thresholdOf } from './validate.js'

/** So many sessions running are no chance. */
const SESSIONS = 5

export interface Fired {
  readonly date: string
  readonly symbol: string
  readonly check: string
}

/** Those among the findings that fired on five sessions running, with what was found before. */
export function miscalibratedOf(
  findings: readonly Finding[],
  { before, thresholds }: { readonly before: readonly Fired[]; readonly thresholds: Thresholds },
): Miscalibrated[] {
  const now = findings.flatMap(({ record: { date, symbol, check } }) =>
    symbol === null ? [] : [{ date, symbol, check }],
  )
  const fired = new Map<string, Set<number>>()
  for (const { date, symbol, check } of [...before, ...now]) {
    const key = `${check} ${symbol}`
    fired.set(key, (fired.get(key) ?? new Set()).add(parseDate(date) ?? Number.NaN))
  }
  const keys = [...new Set(now.map(({ check, symbol }) => `${check} ${symbol}`))]
  return keys.flatMap((key) => {
    const [id = '', symbol = ''] = key.split(' ')
    const check = checkNamed(id)
    const days = fired.get(key)!
    const own = now.filter((one) => one.check === id && one.symbol === symbol)
    const runs = own.map(({ date }) => runAround(parseDate(date)!, days))
    const longest = runs.reduce((one, other) => (other.sessions > one.sessions ? other : one))
    if (check === undefined || longest.sessions < SESSIONS) return []
    const { sessions, from, to } = longest
    const threshold = check.threshold === null ? null : thresholdOf(check, thresholds)
    return [{ check: check.id, symbol, sessions, from: formatDate(from), to: formatDate(to), threshold }]
  })
}

/** The sessions running, with this one among them, on which it fired. */
function runAround(day: number, days: ReadonlySet<number>) {
  if (sessionOn(day) === null) return { sessions: 0, from: day, to: day }
  let [from, to, sessions] = [day, day, 1]
  for (let at = previousSession(day).day; days.has(at); at = previousSession(at).day) {
    from = at
    sessions++
  }
  for (let at = nextSession(day).day; days.has(at); at = nextSession(at).day) {
    to = at
    sessions++
  }
  return { sessions, from, to }
}
