/** A report in the format that is asked for, where it is asked for. */
import { extname } from 'node:path'
import { readAtMost } from '../../base/read-file.js'
import type { Context } from '../../cli/context.js'
import { painter } from '../../cli/ui.js'
import { writeWhole } from '../../stream/sink.js'
import { htmlOf } from '../../validate/formats/html.js'
import { jsonOf } from '../../validate/formats/json.js'
import { junitOf } from '../../validate/formats/junit.js'
import { lastSuccessIn, promOf } from '../../validate/formats/prom.js'
import type { Report } from '../../validate/report.js'
import { type Output, openAs } from '../wiring/output.js'
import type { FORMATS, Given } from './options.js'
import { tableOf } from './table.js'

export type ReportFormat = (typeof FORMATS)[number]

const EXTENSIONS: Readonly<Record<string, ReportFormat>> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'json',
  '.xml': 'junit',
  '.html': 'html',
  '.htm': 'html',
  '.prom': 'prom',
  '.txt': 'table',
}

/** Where the report goes. Throws 64 for an extension that is none of a format, or a file that is the input. */
export const openReport = (
  context: Context,
  given: Given,
  inputs: readonly string[],
): Promise<Output<ReportFormat>> =>
  openAs(context, given, {
    inputs,
    formats: {
      names: Object.values(EXTENSIONS),
      byExtension: (path) => EXTENSIONS[extname(path).toLowerCase()],
      usual: context.stdoutIsTTY && (given.output ?? '-') === '-' ? 'table' : 'ndjson',
    },
  })

/** Writes it; a file takes its name. */
export async function writeReport(
  context: Context,
  out: Output<ReportFormat>,
  { report, path }: { readonly report: Report; readonly path: string | undefined },
): Promise<void> {
  const text = await textOf(context, out, { report, path })
  if (text !== '') await out.sink.write(Buffer.from(text))
  await out.done()
}

async function textOf(
  context: Context,
  { format }: Output<ReportFormat>,
  { report, path }: { readonly report: Report; readonly path: string | undefined },
): Promise<string> {
  switch (format) {
    case 'json':
      return jsonOf(report)
    case 'junit':
      return junitOf(report)
    case 'html':
      return htmlOf(report)
    case 'prom':
      return promOf({ ...report, report, lastSuccess: await lastSuccess(path) })
    case 'ndjson':
      return report.findings.map(({ record }) => `${JSON.stringify(record)}\n`).join('')
    case 'table': {
      const isColored = context.color && (path ?? '-') === '-'
      return tableOf(report, await painter(isColored))
        .map((line) => `${line}\n`)
        .join('')
    }
  }
}

/** Metrics of a run, with a report or without, in the place of those of the run before. */
export async function writeMetrics(
  context: Context,
  path: string,
  { status, report }: { readonly status: number; readonly report: Report | null },
): Promise<void> {
  const text = promOf({ atMs: context.clock(), status, report, lastSuccess: await lastSuccess(path) })
  // The collector is another user.
  await writeWhole(path, Buffer.from(text), { ...context, mode: 0o644 })
}

/** Kept in the file itself: it is what whoever watches it has seen. */
async function lastSuccess(path: string | undefined): Promise<number | null> {
  if (path === undefined || path === '-') return null
  const bytes = await readAtMost(path, { most: 1 << 20, isRegular: true }).catch(() => '')
  return lastSuccessIn(bytes.toString())
}
