/** What the store keeps of the days that were looked at, and what it says of those before. */
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { previousSession, sessionsEndingAt } from '../../market/calendar.js'
import { type Fired, miscalibratedOf } from '../../validate/miscalibrated.js'
import { keptOf, type Miscalibrated, type Report } from '../../validate/report.js'
import { withStore } from '../wiring/store.js'
import { type Given, thresholdsOf } from './options.js'

/** How many sessions before are asked for what they had. */
const SESSIONS_BEFORE = 20

interface Keeping {
  readonly given: Given
  /** The store may be asked, and what is found is kept. */
  readonly asks: boolean
  readonly records: boolean
}

/** Keeps the findings, and gives the checks that fire too often. */
export async function keep(
  context: Context,
  report: Report,
  { given, asks, records }: Keeping,
): Promise<readonly Miscalibrated[]> {
  const kept = keptOf(report)
  let before: readonly Fired[] = []
  const first = report.dates[0]
  if (records || (asks && report.findings.length > 0 && first !== undefined)) {
    await withStore(context, given, async (store) => {
      if (first !== undefined) {
        const days = sessionsEndingAt(previousSession(first.day).day, SESSIONS_BEFORE)
        const dates = days.map(({ day }) => formatDate(day))
        before = await store.reported({ dates, rulesets: kept.rulesets })
      }
      if (records) await store.replaceReports(kept, kept.records.map(asRecord))
    })
  }
  return miscalibratedOf(report.findings, { before, thresholds: thresholdsOf(given.threshold) })
}

const asRecord = (record: Report['findings'][number]['record'], i: number) => ({
  ...{ type: record.type, line: i + 1, text: JSON.stringify(record) },
  // What JSON cannot hold is null there.
  object: JSON.parse(JSON.stringify(record)),
})
