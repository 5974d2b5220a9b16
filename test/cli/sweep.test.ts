/** Many trainings: planned, run here, by shells and by schedulers, looked at, tried again, collected. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hashes, planned, sweep, TINY, tasksOf } from '../support/sweep.js'
import { parse, sha256, withBars } from '../support/training.js'

describe('sweep plan', () => {
  test('writes a task a line, in the order of the grid, with ids that do not depend on the folder', async () => {
    const grid = { seed: [1, 2], lr: [0.001, 0.002] }
    const one = tasksOf(await planned(grid))
    const dir = await planned(grid)
    const two = tasksOf(dir)
    expect(two.map(({ id }) => id)).toEqual(one.map(({ id }) => id))
    expect(new Set(two.map(({ id }) => id)).size).toBe(4)
    expect(two[1]).toEqual({
      type: 'task',
      id: two[1].id,
      argv: 'train --steps 512 --envs 2 --n-steps 64 --batch-size 64 --hidden 8 --seed 1 --lr 0.002'.split(
        ' ',
      ),
      inputs: [{ path: dir.file('bars.parquet'), sha256: sha256(dir.file('bars.parquet')) }],
      out: two[1].id,
      needs: [],
      version: 'jules 0.1.0',
      halving: null,
    })
  })

  test.each([
    [{ lrr: 1 }, 'unknown option "lrr" of train', 'did you mean lr?'],
    [{ output: 'x' }, 'output: is not for a sweep', ''],
    [{ dsn: 'x' }, 'dsn: is not for a sweep', ''],
    [{ lr: [0.1, 'x'] }, 'lr: expected a number, got "x"', ''],
    [{ hidden: 9 }, '--hidden: expected a multiple of 8, got 9', ''],
    [{ 'batch-size': [64, 4096] }, 'batch-size 4096', ''],
    [{ native: 'maybe' }, 'native: expected true or false', ''],
    [{ curriculum: 'default' }, '--steps: the phases of --curriculum have their own', ''],
    [{ env: 'recall2' }, '--env recall2 reads no bars', ''],
  ])('%j is refused with its key', async (grid, words, hint) => {
    const dir = await withBars()
    dir.write('grid.json', JSON.stringify({ ...TINY, ...grid }))
    const { status, stderr, stdout } = await dir.called(['sweep', 'plan', 'grid.json', 'bars.parquet'])
    expect([status, stdout]).toEqual([65, ''])
    expect(stderr).toContain('jules sweep plan: grid.json: ')
    expect(stderr).toContain(words)
    expect(stderr).toContain(hint)
  })

  test('needs bars, or the word store; and nothing around it may decide', async () => {
    const dir = await withBars()
    dir.write('grid.json', JSON.stringify({ seed: [1, 2] }))
    const bare = await dir.called(['sweep', 'plan', 'grid.json'])
    expect([bare.status, bare.stderr]).toEqual([64, expect.stringContaining('no bars are named')])
    const store = await dir.called(['sweep', 'plan', 'grid.json', '--store'])
    expect(store.stderr).toContain('the ids stand on the options alone')
    expect(parse(store.stdout).map(({ argv }) => argv.at(-1))).toEqual(['--store', '--store'])
    const around = await dir.called(['sweep', 'plan', 'grid.json', 'bars.parquet'], {
      env: { JULES_LR: '0.5' },
    })
    expect([around.status, around.stderr]).toEqual([
      64,
      expect.stringContaining('--lr of train is set by the environment'),
    ])
    const stdin = await dir.called(['sweep', 'plan', 'grid.json', '-'])
    expect([stdin.status, stdin.stderr]).toEqual([64, expect.stringContaining('name a file')])
  })
})

/** Whole once the first test that needs it has run it: a sweep of two seeds by one at a time. */
let whole: Record<string, string> | undefined
const GRID = { seed: [1, 2] }

async function wholeSweep(): Promise<Record<string, string>> {
  if (whole !== undefined) return whole
  const dir = await planned(GRID)
  const { status, stderr } = await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:1'])
  expect([status, stderr]).toEqual([0, 'jules sweep run: 2 tasks: 2 done\n'])
  whole = hashes(dir.path, tasksOf(dir))
  for (const [id, hash] of Object.entries(whole))
    expect(sha256(dir.file(`${id}/model/policy.safetensors`))).toBe(hash)
  return whole
}

describe('sweep run', () => {
  test('is train: the same model, the same folder, and a record for each task', async () => {
    const expected = await wholeSweep()
    const dir = await planned(GRID)
    const tasks = tasksOf(dir)
    const [task] = tasks
    expect((await dir.called([...task.argv, '-o', 'plain', 'bars.parquet'])).status).toBe(0)
    expect(sha256(dir.file('plain/policy.safetensors'))).toBe(expected[task.id])
    const { status, stdout } = await sweep(dir, [
      'run',
      'plan.ndjson',
      '--executor',
      'local:2',
      '--out',
      'out',
    ])
    expect(status).toBe(0)
    expect(hashes(dir.file('out'), tasks)).toEqual(expected)
    expect(readdirSync(dir.file(`out/${task.id}`)).sort()).toEqual([
      'log',
      'model',
      'records.ndjson',
      'run.sh',
      'status.json',
      'task.json',
    ])
    const records = parse(stdout)
    expect(records.map(({ id }) => id).sort()).toEqual(tasks.map(({ id }) => id).sort())
    expect(records[0]).toMatchObject({
      type: 'task',
      state: 'done',
      exit: 0,
      dir: dir.file(`out/${records[0].id}`),
    })
    expect(JSON.parse(readFileSync(dir.file(`out/${task.id}/task.json`), 'utf8'))).toEqual(task)
    // Once more it does nothing.
    const log = readFileSync(dir.file(`out/${task.id}/log`), 'utf8')
    const again = await sweep(dir, ['run', 'plan.ndjson', '--out', 'out'])
    expect([again.status, again.stdout]).toEqual([0, ''])
    expect(readFileSync(dir.file(`out/${task.id}/log`), 'utf8')).toBe(log)
    expect(parse(dir.read('.local/share/jules/runs.ndjson')).map(({ run }) => run)).toHaveLength(3)
    expect(existsSync(join(dir.path, task.id))).toBe(false)
  })
})
