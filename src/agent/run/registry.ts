/**
 * Every run ever started, one line each, so that later statistics know how many trials a result was chosen from. A trial is a
 * distinct (settings, features, seed) on the same symbols and interval over dates that overlap. Lines are only added.
 */
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode, systemFailure } from '../../base/errors.js'

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
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    // One write of less than a page to a file opened for appending is not torn by another run's.
    const handle = await open(file, 'a+', 0o600)
    try {
      const line = `${JSON.stringify({ type: 'run', ...run })}\n`
      await handle.appendFile((await endsTorn(handle)) ? `\n${line}` : line)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return trialNumber(await registered(file), run)
  } catch (error) {
    throw systemFailure(error, file, true)
  }
}

/** Whether a crash or a full disk cut the last line off, so that the next one must not be joined to it. */
async function endsTorn(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== 0x0a
}

/** All runs of a registry, oldest first; a line torn by a crash is passed over. */
export async function registered(file: string): Promise<Registration[]> {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (systemCode(error) === 'ENOENT') return ''
    throw systemFailure(error, file)
  })
  return text.split('\n').flatMap((line) => {
    try {
      const run = JSON.parse(line) as (Registration & { type?: unknown }) | null
      return run?.type === 'run' ? [run] : []
    } catch {
      return []
    }
  })
}

export function trialNumber(runs: readonly Registration[], run: Registration): number | null {
  const { from, to } = run
  if (from === null || to === null) return null
  const trials = new Set<string>()
  for (const other of runs) {
    if (other.from === null || other.to === null || other.from > to || other.to < from) continue
    if (other.interval !== run.interval || other.symbols.join() !== run.symbols.join()) continue
    trials.add(other.trial)
    if (other.trial === run.trial) break
  }
  return trials.size
}
