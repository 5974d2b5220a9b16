/** Small sweeps of the built binary: trainings of four rollouts on eight sessions. */
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Json, parse, withBars } from './training.js'
import { BIN, finished, type Result, type RunOptions, type Workdir } from './workdir.js'

export const TINY = { steps: 256, envs: 2, 'n-steps': 32, 'batch-size': 64, epochs: 1, hidden: 8 }

/** A directory with bars and the plan of a grid on them, plan.ndjson. */
export async function planned(grid: object, more: readonly string[] = []): Promise<Workdir> {
  const dir = await withBars()
  await plan(dir, grid, [...more, 'bars.parquet'])
  return dir
}

/** Writes plan.ndjson, and gives its tasks. */
export async function plan(dir: Workdir, grid: object, more: readonly string[]): Promise<Json[]> {
  dir.write('grid.json', JSON.stringify({ ...TINY, ...grid }))
  const { status, stderr } = await dir.called([
    'sweep',
    'plan',
    'grid.json',
    ...more,
    '-o',
    'plan.ndjson',
    '-q',
  ])
  expect([status, stderr]).toEqual([0, ''])
  return tasksOf(dir)
}

export const tasksOf = (dir: Workdir): Json[] => parse(dir.read('plan.ndjson'))

/** `jules sweep WORDS` in a process of its own, as it starts others. */
export const sweep = (dir: Workdir, words: readonly string[], options: RunOptions = {}): Promise<Result> =>
  finished(dir.start(BIN, ['sweep', ...words], options))

/** The sha256 of every model by the id of its task, as status.json has them. */
export function hashes(out: string, tasks: readonly Json[]): Record<string, string> {
  const found = tasks.map(({ id }) => {
    const { sha256 } = JSON.parse(readFileSync(join(out, id, 'status.json'), 'utf8'))
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    return [id, sha256]
  })
  return Object.fromEntries(found)
}

/** A program in place of jules that trains nothing and says that it did: for what the runner makes of tasks. */
export function standIn(dir: Workdir): { readonly JULES: string } {
  const record = { type: 'model', sha256: 'ab'.repeat(32), best: { reward: 1, step: 1 } }
  const path = dir.write('stand-in', `#!/bin/sh\necho '${JSON.stringify(record)}'\n`)
  chmodSync(path, 0o755)
  return { JULES: path }
}

/** How many tasks are in each state that some are in. */
export async function counts(dir: Workdir, more: readonly string[] = []): Promise<Record<string, number>> {
  const { stdout } = await dir.called(['sweep', 'status', 'plan.ndjson', ...more])
  const { type, tasks, ...states } = parse(stdout).at(-1)
  expect(type).toBe('sweep')
  return Object.fromEntries(Object.entries(states as Record<string, number>).filter(([, count]) => count > 0))
}
