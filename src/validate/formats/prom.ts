/** The text format of Prometheus, as the textfile collector of node_exporter reads it. */
import { Gauges, type Samples } from '../../base/gauges.js'
import { CHECKS } from '../checks.js'
import { type Report, rowsBySymbol } from '../report.js'

/** What is told of a run that came to no report, too. */
export interface Ended {
  readonly atMs: number
  readonly status: number
  /** Seconds since 1970 of the last run that ended with 0 before this one; null where that is not known. */
  readonly lastSuccess: number | null
  readonly report: Report | null
}

const PREFIX = 'jules_eod_validate'
const SUCCESS = `${PREFIX}_last_success_timestamp_seconds`

/** The file. */
export function promOf({ atMs, status, lastSuccess, report }: Ended): string {
  const atS = Math.floor(atMs / 1000)
  const success = status === 0 ? atS : lastSuccess
  const gauges = new Gauges()
  const gauge: Gauges['add'] = (...of) => gauges.add(...of)
  gauge(`${PREFIX}_last_run_timestamp_seconds`, 'When the last run ended.', [[{}, atS]])
  gauge(
    SUCCESS,
    'When the last run ended that found no fault (exit status 0).',
    success === null ? [] : [[{}, success]],
  )
  gauge(
    `${PREFIX}_exit_status`,
    'Exit status of the last run: 0 clean, 1 findings, else it could not judge.',
    [[{}, status]],
  )
  if (report === null) return gauges.text()
  gauge(
    `${PREFIX}_rows`,
    'Rows that the last run checked, by symbol.',
    rowsBySymbol(report).map(([symbol, rows]) => [{ symbol }, rows]),
  )
  gauge(`${PREFIX}_findings`, 'Findings of the last run, by check and severity.', findingsOf(report))
  gauge(`${PREFIX}_silenced`, 'Findings of the last run that a baseline has silenced.', [
    [{}, report.silenced],
  ])
  return gauges.text()
}

/** When the file says that a run ended well, in seconds; null where it does not. */
export function lastSuccessIn(text: string): number | null {
  const value = new RegExp(`^${SUCCESS} (\\d+)$`, 'm').exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

/** Every check, so that an alert on one that has found nothing has something to look at. */
function findingsOf({ findings }: Report): Samples {
  return CHECKS.map(({ id, severity }) => [
    { check: id, severity },
    findings.filter(({ record }) => record.check === id).length,
  ])
}
