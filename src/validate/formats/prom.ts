/** The text format of Prometheus, as the textfile collector of node_exporter reads it: gauges, no stamps. */
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
  const gauges: string[] = []
  const gauge = (name: string, help: string, samples: readonly (readonly [Labels, number])[]) => {
    if (samples.length === 0) return
    gauges.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`)
    for (const [labels, value] of samples) gauges.push(`${name}${labelsOf(labels)} ${value}`)
  }
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
  if (report === null) return `${gauges.join('\n')}\n`
  gauge(
    `${PREFIX}_rows`,
    'Rows that the last run checked, by symbol.',
    rowsBySymbol(report).map(([symbol, rows]) => [{ symbol }, rows]),
  )
  gauge(`${PREFIX}_findings`, 'Findings of the last run, by check and severity.', findingsOf(report))
  gauge(`${PREFIX}_silenced`, 'Findings of the last run that a baseline has silenced.', [
    [{}, report.silenced],
  ])
  return `${gauges.join('\n')}\n`
}

/** When the file says that a run ended well, in seconds; null where it does not. */
export function lastSuccessIn(text: string): number | null {
  const value = new RegExp(`^${SUCCESS} (\\d+)$`, 'm').exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

/** Every check, so that an alert on one that has found nothing has something to look at. */
function findingsOf({ findings }: Report): (readonly [Labels, number])[] {
  return CHECKS.map(({ id, severity }) => [
    { check: id, severity },
    findings.filter(({ record }) => record.check === id).length,
  ])
}

type Labels = Readonly<Record<string, string>>

const labelsOf = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${labelValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const labelValue = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
