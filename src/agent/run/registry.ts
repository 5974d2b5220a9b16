/**
 * Every run ever started, one line each, so that later statistics know how many trials a result was chosen from. A trial is
 * everything that decides the weights but the bars, on the same symbols and interval over dates that overlap. Lines are only
 * added; how a run ended, and that its folder was deleted, is said in a file beside it, and makes no trial uncounted.
 */
import { dirname, join } from 'node:path'
import { openLog, readLog } from '../../base/append-log.js'
import { ensureDirectory } from '../../base/disk.js'
import { systemFailure } from '../../base/errors.js'
import { type LockWorld, withLock } from '../../base/lock.js'

/** Name of the registry in the data folder. */
const REGISTRY = 'runs.ndjson'

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

/** How a run ended: all steps done, no new best for too long, told to stop, or numbers that are no longer finite. */
export type RunEnd = (typeof RUN_ENDS)[number]
const RUN_ENDS = ['steps', 'early-stop', 'stopped', 'diverged'] as const

/** Said of a run that was registered; `started` is the time of its registration. A run that goes on ends again. */
interface Ended {
  readonly type: 'end'
  readonly run: string
  readonly started: string
  readonly time: string
  /** Where its folder was then. */
  readonly path: string
  readonly end: RunEnd
  readonly step: number
  readonly best: { readonly reward: number; readonly step: number } | null
}

interface Pruned {
  readonly type: 'prune'
  readonly run: string
  readonly started: string
  readonly time: string
  readonly path: string
}

type Line = ({ readonly type: 'run' } & Registration) | Ended | Pruned

const LATER = 'runs-later.ndjson'

/** Of what was said of runs later, beside the registry. */
const laterFile = (file: string): string => join(dirname(file), LATER)

/** A run with what was said of it later. */
export interface RegisteredRun extends Registration {
  readonly ended: Omit<Ended, 'type' | 'run' | 'started' | 'path'> | null
  readonly pruned: boolean
  /** Its trial among those that began no later, from 1 on; null for a benchmark task. */
  readonly number: number | null
  /** All trials on these bars so far. */
  readonly trials: number | null
}

/** The registry of a data directory. */
export const registryFile = (dataFolder: string): string => join(dataFolder, REGISTRY)

/** Adds a run and returns its trial number: how many distinct trials there are with it, in the order they were made; null for a task. */
export async function register(file: string, run: Registration): Promise<number | null> {
  await add(file, { type: 'run', ...run })
  return trialNumber(await registered(file), run)
}

/** A run of any machine, with how it ended where that is known. */
export interface CollectedRun extends Registration {
  readonly ended: Omit<Ended, 'type' | 'run' | 'started' | 'path'> | null
}

/** How long a collector waits for another one. */
const COLLECTOR_WAIT_MS = 30_000

/**
 * Adds the runs, and the ends of runs, that the registry lacks, and returns how many runs it lacked. Of several that do so at once
 * each finds what the one before has added: nothing is entered twice. Throws 75 where another one has the lock for too long.
 */
export async function registerMissing(
  file: string,
  runs: readonly CollectedRun[],
  world: LockWorld,
): Promise<number> {
  try {
    ensureDirectory(dirname(file), 0o700)
  } catch (error) {
    throw systemFailure(error, file, true)
  }
  return withLock(world, file, { waitMs: COLLECTOR_WAIT_MS }, async () => {
    const key = ({ run, time }: Pick<Registration, 'run' | 'time'>) => `${time} ${run}`
    const there = new Map((await runsOf(file)).map((run) => [key(run), run]))
    const lacked = runs.filter((run) => !there.has(key(run)))
    const lines = lacked.map(({ ended: _, ...run }): Line => ({ type: 'run', ...run }))
    const ends = runs.flatMap(({ run, time: started, path, ended }): Line[] => {
      const known = there.get(key({ run, time: started }))?.ended
      if (ended === null || (known?.end === ended.end && known.step === ended.step)) return []
      return [{ type: 'end', run, started, path, ...ended }]
    })
    if (lines.length > 0) await add(file, ...lines)
    if (ends.length > 0) await add(laterFile(file), ...ends)
    return lacked.length
  })
}

/** Adds how a run ended. Throws what `systemFailure` makes of a disk that refuses. */
export const registerEnd = (file: string, ended: Omit<Ended, 'type'>): Promise<void> =>
  add(laterFile(file), { type: 'end', ...ended })

/** Adds that the folder of a run was deleted. */
export const registerPruned = (file: string, pruned: Omit<Pruned, 'type'>): Promise<void> =>
  add(laterFile(file), { type: 'prune', ...pruned })

async function add(file: string, ...lines: readonly Line[]): Promise<void> {
  try {
    ensureDirectory(dirname(file), 0o700)
    const log = await openLog(file, { torn: 'part', mode: 0o600 })
    try {
      await log.append(lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { sync: true })
    } finally {
      await log.close()
    }
  } catch (error) {
    throw systemFailure(error, file, true)
  }
}

/** All runs of a registry, oldest first; a line torn by a crash is passed over. */
export async function registered(file: string): Promise<Registration[]> {
  return (await linesOf(file)).flatMap((line) => (line.type === 'run' ? [registrationOf(line)] : []))
}

const registrationOf = ({ type: _, ...run }: { type: 'run' } & Registration): Registration => run

/** All runs with their ends and their trials, oldest first. */
export async function runsOf(file: string): Promise<RegisteredRun[]> {
  const runs: (Registration & Pick<RegisteredRun, 'ended' | 'pruned'>)[] = []
  /** Places in `runs` by name and start; of runs that share both, the folder tells. */
  const byName = new Map<string, number[]>()
  for (const line of [...(await linesOf(file)), ...(await linesOf(laterFile(file)))]) {
    if (line.type === 'run') {
      const key = `${line.run} ${line.time}`
      byName.set(key, [...(byName.get(key) ?? []), runs.length])
      runs.push({ ...registrationOf(line), ended: null, pruned: false })
      continue
    }
    const places = byName.get(`${line.run} ${line.started}`) ?? []
    const at = places.length === 1 ? places[0] : places.find((i) => runs[i]!.path === line.path)
    const run = at === undefined ? undefined : runs[at]
    if (at === undefined || run === undefined) continue
    const { time, path } = line
    if (line.type === 'prune') runs[at] = { ...run, pruned: true }
    else {
      const { end, step, best } = line
      // A folder that was moved goes on where it is now.
      runs[at] = { ...run, path, ended: { time, end, step, best } }
    }
  }
  const count = trialCounter(runs)
  return runs.map((run) => ({ ...run, ...count(run) }))
}

async function linesOf(file: string): Promise<Line[]> {
  const { records, torn } = await readLog(file, lineIn)
  // A file edited by hand may lack the last line end.
  const last = torn === null ? undefined : lineIn(torn.text)
  return last === undefined ? [...records] : [...records, last]
}

function lineIn(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line | null
    return line !== null && isWhole(line) ? line : undefined
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

/** Whether a line has what is looked at: the file may have been edited by hand. */
function isWhole(line: Line): boolean {
  const named = [line.run, line.time, line.path].every((one) => typeof one === 'string')
  if (line.type === 'run') {
    const { task, symbols, trial, interval, from, to } = line
    const texts: unknown[] = Array.isArray(symbols) ? [task, trial, ...symbols] : [null]
    const dates = [from, to].every((one) => one === null || typeof one === 'string')
    return named && dates && texts.every((one) => typeof one === 'string') && interval !== undefined
  }
  if (!named || typeof line.started !== 'string') return false
  return line.type === 'prune' || (line.type === 'end' && isEnd(line))
}

function isEnd({ end, step, best }: Ended): boolean {
  const { reward, step: at } = best ?? { reward: 0, step: 0 }
  // A reward that was not finite is null in JSON.
  const isReward = reward === null || Number.isFinite(reward)
  return RUN_ENDS.includes(end) && [step, at].every(Number.isSafeInteger) && isReward
}

/** The number of a run's trial among all runs, from 1 on in the order they were made; null for a benchmark task. */
function trialNumber(runs: readonly Registration[], run: Registration): number | null {
  return trialCounter(runs)(run).number
}

/** Numbers trials, from 1 on in the order they were made. Runs of one sweep share their bars, and are counted through once. */
function trialCounter(
  runs: readonly Registration[],
): (run: Registration) => Pick<RegisteredRun, 'number' | 'trials'> {
  const spans = new Map<string, ReadonlyMap<string, number>>()
  return (run) => {
    const { from, to, symbols, interval, trial } = run
    if (from === null || to === null) return { number: null, trials: null }
    const span = { symbols, interval, from, to }
    const key = JSON.stringify(span)
    let numbers = spans.get(key)
    if (numbers === undefined) {
      const found = new Map<string, number>()
      for (const other of runs) {
        if (isOn(other, span) && !found.has(other.trial)) found.set(other.trial, found.size + 1)
      }
      numbers = found
      spans.set(key, numbers)
    }
    return { number: numbers.get(trial) ?? null, trials: numbers.size }
  }
}
