/**
 * Every run ever started, one line each, so that later statistics know how many trials a result was chosen from. A trial is
 * everything that decides the weights but the bars, on the same symbols and interval over dates that overlap. Lines are only added.
 */
import { dirname } from 'node:path'
import { openLog, readLog } from '../../base/append-log.js'
import { ensureDirectory } from '../../base/disk.js'
import { systemFailure } from '../../base/errors.js'

/** Name of the registry in the data folder. */
export const REGISTRY = 'runs.ndjson'

/** A line of the registry, without its type. */
export interface Registration {
  readonly run: string
  readonly time: string
  readonly path: string
  /** `trading`, or a benchmark task, which is no trial. */
  readonly task: string
  readonly symbols: readonly string[]
  readonly interval: string | null
  /** First and last session, New York dates; null for a benchmark task. */
  readonly from: string | null
  readonly to: string | null
  /** Hash of settings, features and seed. */
  readonly trial: string
}

/** Adds a run and returns its trial number: how many distinct trials there are with it, in the order they were made; null for a task. */
export async function register(file: string, run: Registration): Promise<number | null> {
  try {
    ensureDirectory(dirname(file), 0o700)
    const log = await openLog(file, { torn: 'part', mode: 0o600 })
    try {
      await log.append(`${JSON.stringify({ type: 'run', ...run })}\n`, { sync: true })
    } finally {
      await log.close()
    }
    return trialNumber(await registered(file), run)
  } catch (error) {
    throw systemFailure(error, file, true)
  }
}

/** All runs of a registry, oldest first; a line torn by a crash is passed over. */
export async function registered(file: string): Promise<Registration[]> {
  const { records, torn } = await readLog(file, runIn)
  // A file edited by hand may lack the last line end.
  const last = torn === null ? undefined : runIn(torn.text)
  return last === undefined ? [...records] : [...records, last]
}

function runIn(line: string): Registration | undefined {
  try {
    const run = JSON.parse(line) as (Registration & { type?: unknown }) | null
    return run?.type === 'run' ? run : undefined
  } catch {
    return undefined
  }
}

/** Bars that a run was trained on: symbols, interval, first and last session. */
export interface TrialSpan {
  readonly symbols: readonly string[]
  readonly interval: string | null
  readonly from: string
  readonly to: string
}

/** Distinct trials on the same symbols and interval over dates that overlap; 0 where the registry knows none. */
export const trialsOn = (runs: readonly Registration[], span: TrialSpan): number =>
  new Set(runs.filter((run) => isOn(run, span)).map(({ trial }) => trial)).size

const isOn = (run: Registration, { symbols, interval, from, to }: TrialSpan): boolean =>
  run.from !== null &&
  run.to !== null &&
  run.from <= to &&
  run.to >= from &&
  run.interval === interval &&
  run.symbols.join() === symbols.join()

/** The number of a run's trial among all runs, from 1 on in the order they were made; null for a benchmark task. */
function trialNumber(runs: readonly Registration[], run: Registration): number | null {
  const { from, to } = run
  if (from === null || to === null) return null
  const span = { ...run, from, to }
  const first = runs.findIndex((other) => other.trial === run.trial && isOn(other, span))
  return trialsOn(runs.slice(0, first + 1), span)
}
