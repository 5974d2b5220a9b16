/** A sweep whose processes are killed, and looked after by others, ends with the models of one that was left alone. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { processTree } from '../../src/base/process-tree.js'
import { counts, hashes, planned, sweep, tasksOf } from '../support/sweep.js'
import { moments, rounds } from '../support/torture.js'
import { type Json, parse } from '../support/training.js'
import { BIN, finished, type Workdir } from '../support/workdir.js'

const GRID = { seed: [1, 2, 3], 'checkpoint-every': 64 }
let whole: Record<string, string> | undefined

async function undisturbed(): Promise<Record<string, string>> {
  if (whole !== undefined) return whole
  const dir = await planned(GRID)
  expect((await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:1'])).status).toBe(0)
  whole = hashes(dir.path, tasksOf(dir))
  return whole
}

/** Who is killed, of a runner and its tasks, parents first: all at once, the runner alone, a shell, a training. */
const VICTIMS: Readonly<Record<string, (tree: readonly number[]) => readonly number[]>> = {
  everything: (tree) => tree,
  'the runner': ([runner]) => [runner!],
  'a script': (tree) =>
    tree
      .slice(1)
      .filter((pid) => isOf(pid, 'run.sh'))
      .slice(0, 1),
  'a training': (tree) =>
    tree
      .slice(1)
      .filter((pid) => isOf(pid, 'train'))
      .slice(-1),
}

function isOf(pid: number, word: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word)
  } catch {
    return false
  }
}

/** Runs and tries again until nothing is left to do: what was killed is failed or lost, never done by half. */
async function broughtToEnd(dir: Workdir): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:2'])
    const { status } = await sweep(dir, ['retry', 'plan.ndjson', '--failed'])
    if (status === 0 && (await counts(dir)).done === 3) return
  }
  expect(await counts(dir)).toEqual({ done: 3 })
}

const count = rounds({ short: 1, full: 32 })
const kills = moments('sweep, killed after so many milliseconds', { count, from: 250, to: 3500 }).map(
  (ms, i) => [Object.keys(VICTIMS)[i % 4]!, Math.round(ms)] as const,
)
test.each(kills)('%s killed after %i ms', { timeout: 120_000 }, async (victim, ms) => {
  const expected = await undisturbed()
  const dir = await planned(GRID)
  const child = dir.start(BIN, ['sweep', 'run', 'plan.ndjson', '--executor', 'local:2'])
  const end = finished(child)
  await new Promise((done) => setTimeout(done, ms))
  for (const pid of VICTIMS[victim]!(processTree(child.pid!))) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  // One that lives goes on beside its successors.
  await Promise.all([victim === 'everything' || victim === 'the runner' ? end : null, broughtToEnd(dir)])
  await end
  const tasks = tasksOf(dir)
  expect(hashes(dir.path, tasks)).toEqual(expected)
  // Here, and on a machine that has seen none of it; two collectors at once.
  for (const home of [dir.path, join(dir.path, 'elsewhere')]) {
    const collect = () => sweep(dir, ['collect', 'plan.ndjson'], { env: { HOME: home } })
    const [one, other] = await Promise.all([collect(), collect()])
    expect([one.status, other.status]).toEqual([0, 0])
    expect(other.stdout).toBe(one.stdout)
    const lines: Json[] = parse(readFileSync(join(home, '.local/share/jules/runs.ndjson'), 'utf8'))
    const entries = lines.map(({ run, time }) => `${run} ${time}`)
    expect(new Set(entries).size).toBe(entries.length)
    expect(new Set(lines.map(({ run }) => run))).toEqual(new Set(tasks.map(({ id }) => id)))
    expect(new Set(parse(one.stdout).map(({ trial }) => trial))).toEqual(new Set([1, 2, 3]))
  }
})

test('two runners at once run each task once', { timeout: 120_000 }, async () => {
  const expected = await undisturbed()
  const dir = await planned(GRID)
  const runs = await Promise.all(
    [1, 2, 3].map(() => sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:2'])),
  )
  expect(runs.map(({ status }) => status)).toEqual([0, 0, 0])
  expect(hashes(dir.path, tasksOf(dir))).toEqual(expected)
  // A training that was begun once is registered once.
  const lines = parse(dir.read('.local/share/jules/runs.ndjson'))
  expect(lines.map(({ run }: Json) => run).sort()).toEqual(Object.keys(expected).sort())
})
