/** Many trainings: planned, run here, by shells and by schedulers, looked at, tried again, collected. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { counts, hashes, planned, standIn, sweep, TINY, tasksOf } from '../support/sweep.js'
import { type Json, parse, sha256, withBars } from '../support/training.js'
import { BIN, finished } from '../support/workdir.js'

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
      argv: 'train --steps 256 --envs 2 --n-steps 32 --batch-size 64 --epochs 1 --hidden 8 --seed 1 --lr 0.002'.split(
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

const GRID = { seed: [1, 2] }
let whole: Record<string, string> | undefined

/** The models of GRID by the ids of its tasks, as `train` makes them; trained once. */
async function trained(): Promise<Record<string, string>> {
  if (whole !== undefined) return whole
  const dir = await planned(GRID)
  whole = {}
  for (const { id, argv } of tasksOf(dir)) {
    expect((await dir.called([...argv, '-o', id, 'bars.parquet'])).status).toBe(0)
    whole[id] = sha256(dir.file(`${id}/policy.safetensors`))
  }
  return whole
}

describe('sweep run', () => {
  test('is train: the same model, the same folder, and a record for each task', async () => {
    const expected = await trained()
    const dir = await planned(GRID)
    const tasks = tasksOf(dir)
    const [task] = tasks
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
    expect(sha256(dir.file(`out/${task.id}/model/policy.safetensors`))).toBe(expected[task.id])
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
    expect(parse(dir.read('.local/share/jules/runs.ndjson')).map(({ run }) => run)).toHaveLength(2)
    expect(existsSync(join(dir.path, task.id))).toBe(false)
  })
})

describe('a task that did not end well', () => {
  test('fails with what train says, and is tried again when it can be', async () => {
    const dir = await planned(GRID)
    const env = standIn(dir)
    const bars = readFileSync(dir.file('bars.parquet'))
    dir.write('bars.parquet', `${bars}more`)
    const failed = await sweep(dir, ['run', 'plan.ndjson'], { env })
    expect(failed.status).toBe(1)
    expect(failed.stderr).toContain('failed with 65: jules sweep: the inputs are not those that were planned')
    expect(await counts(dir)).toEqual({ failed: 2 })
    dir.write('bars.parquet', bars)
    const fresh = ['retry', 'plan.ndjson', tasksOf(dir)[0].id, '--out', 'fresh']
    const { stderr } = await sweep(dir, fresh, { env })
    expect(stderr).toMatch(
      /1 task: 1 done\n.*: 1 more task waits: jules sweep run plan.ndjson --out fresh\n$/,
    )
    // Only when it is asked for.
    const left = await sweep(dir, ['run', 'plan.ndjson'], { env })
    expect([left.status, left.stdout]).toEqual([1, ''])
    expect((await sweep(dir, ['retry', 'plan.ndjson'])).stderr).toContain('no task is to be run again')
    expect((await sweep(dir, ['retry', 'plan.ndjson', '--failed'], { env })).status).toBe(0)
    expect(await counts(dir)).toEqual({ done: 2 })
  })

  test('lost with its machine, it goes on from its checkpoint; cancelled, it waits to be asked for', async () => {
    const expected = await trained()
    const dir = await planned(GRID)
    const [lost, cancelled] = tasksOf(dir).map(({ id }) => id)
    await dir.called(['sweep', 'run', 'plan.ndjson', '--prepare', '-q'])
    expect((await dir.called(['sweep', 'cancel', 'plan.ndjson', cancelled])).status).toBe(0)
    // As a machine leaves it that loses its power in the middle of a training.
    const { argv } = tasksOf(dir)[0]
    await dir.called([...argv, '--run', lost, '-o', `${lost}/model`, 'bars.parquet'])
    for (const name of ['policy', 'best']) rmSync(dir.file(`${lost}/model/${name}.safetensors`))
    renameSync(
      dir.file(`${lost}/model/checkpoint-previous.safetensors`),
      dir.file(`${lost}/model/checkpoint.safetensors`),
    )
    const there = { pid: 1, host: 'gone.example', start: '1' }
    dir.write(`${lost}/model/run.lock`, JSON.stringify({ ...there, token: 'ab'.repeat(16) }))
    dir.write(
      `${lost}/status.json`,
      JSON.stringify({
        ...{ id: lost, state: 'running', exit: null, score: null, sha256: null, ...there },
        ...{ started: '2025-08-01T00:00:00Z', ended: null },
      }),
    )
    expect(await counts(dir)).toEqual({ running: 1, cancelled: 1 })
    expect(await counts(dir, ['--lost-after', '0s'])).toEqual({ lost: 1, cancelled: 1 })
    const retried = await sweep(dir, ['retry', 'plan.ndjson', '--lost-after', '0s'])
    expect([retried.status, retried.stderr]).toEqual([0, 'jules sweep retry: 1 task: 1 done\n'])
    expect(readFileSync(dir.file(`${lost}/log`), 'utf8')).toMatch(/going on from step (64|128|192)\n/)
    expect(await counts(dir)).toEqual({ done: 1, cancelled: 1 })
    expect((await sweep(dir, ['run', 'plan.ndjson'])).status).toBe(1)
    expect((await sweep(dir, ['retry', 'plan.ndjson', '--cancelled'])).status).toBe(0)
    expect(hashes(dir.path, tasksOf(dir))).toEqual(expected)
  })

  test('Ctrl-C stops the tasks, and run goes on with them', async () => {
    const dir = await planned({ steps: 16_384, seed: 1 })
    const [{ id }] = tasksOf(dir)
    const child = dir.start(BIN, ['sweep', 'run', 'plan.ndjson'])
    const end = finished(child)
    while (!existsSync(dir.file(`${id}/model/metrics.ndjson`)))
      await new Promise((done) => setTimeout(done, 10))
    child.kill('SIGINT')
    const { status, stdout, stderr } = await end
    expect([status, stderr]).toEqual([
      130,
      'jules sweep run: warning: interrupted, stopping\njules sweep run: 1 task: 1 failed\n',
    ])
    expect(parse(stdout)[0]).toMatchObject({ id, state: 'failed', exit: 143 })
    expect(await counts(dir)).toEqual({ failed: 1 })
    expect((await dir.called(['sweep', 'collect', 'plan.ndjson'])).status).toBe(1)
  })
})

test('the reader may leave: the tasks are run all the same', async () => {
  const dir = await planned(GRID)
  const line = 'jules sweep run plan.ndjson --executor local:1 -q | head -1'
  const { stdout } = await dir.shell(line, { env: standIn(dir) })
  expect(parse(stdout)).toHaveLength(1)
  expect(await counts(dir)).toEqual({ done: 2 })
})

describe('sweep run on a scheduler', () => {
  // A shell in the background is a scheduler: it prints a number, knows whether it lives, and ends it.
  const SHELL = [
    ...['--executor', 'command', '--submit', 'sh {run} >/dev/null 2>&1 & echo $!'],
    ...['--status', 'kill -0 {job}', '--cancel', 'kill {job}'],
  ]

  test('submits each task once, returns at once, and needs the folder alone for the rest', async () => {
    const dir = await planned(GRID)
    const env = standIn(dir)
    const [first, again] = await Promise.all([
      sweep(dir, ['run', 'plan.ndjson', ...SHELL], { env }),
      sweep(dir, ['run', 'plan.ndjson', ...SHELL], { env }),
    ])
    expect([first.status, again.status]).toEqual([0, 0])
    const jobs = [...parse(`${first.stdout}${again.stdout}`)].map(({ id, job }) => `${id} ${job}`)
    expect(new Set(jobs).size).toBe(2)
    const [{ id }] = tasksOf(dir)
    expect(JSON.parse(dir.read(`${id}/job.json`))).toEqual({
      ...{
        job: expect.stringMatching(/^\d+$/),
        submit: SHELL[3],
        status: 'kill -0 {job}',
        cancel: 'kill {job}',
      },
      time: expect.stringMatching(/Z$/),
    })
    for (;;) {
      const states = await counts(dir)
      if (states.done === 2) break
      expect(Object.keys(states).every((state) => ['submitted', 'running', 'done'].includes(state))).toBe(
        true,
      )
    }
    const last = await sweep(dir, ['run', 'plan.ndjson', ...SHELL], { env })
    expect([last.status, last.stdout]).toEqual([0, ''])
  })

  test('a scheduler that does not take a task, and places that are none, are told', async () => {
    const dir = await planned(GRID)
    const down = await sweep(dir, [
      ...['run', 'plan.ndjson', '--executor', 'command', '--submit', 'echo no partition >&2; exit 3'],
    ])
    expect([down.status, down.stdout]).toEqual([69, ''])
    expect(down.stderr).toContain('the submission failed with 3')
    expect(down.stderr).toContain('hint: it said: no partition')
    const wrong = await sweep(dir, [
      'run',
      'plan.ndjson',
      '--executor',
      'command',
      '--submit',
      'sbatch {script}',
    ])
    expect([wrong.status, wrong.stderr]).toEqual([64, expect.stringContaining('unknown place {script}')])
    expect(await counts(dir)).toEqual({ waiting: 2 })
    const alone = await sweep(dir, ['run', 'plan.ndjson', '--submit', 'x'])
    expect([alone.status, alone.stderr]).toEqual([64, expect.stringContaining('needs --executor command')])
  })

  test('a job that is gone is lost, and is submitted again as it was', async () => {
    const dir = await planned({ seed: 1 })
    const env = standIn(dir)
    const submit = 'test -e up && { sh {run} >/dev/null 2>&1 & }; echo 999999999'
    const words = ['--executor', 'command', '--submit', submit, '--status', 'kill -0 {job}']
    expect((await sweep(dir, ['run', 'plan.ndjson', ...words], { env })).status).toBe(0)
    expect(await counts(dir)).toEqual({ lost: 1 })
    dir.write('up', '')
    expect((await sweep(dir, ['retry', 'plan.ndjson'], { env })).status).toBe(0)
    while ((await counts(dir)).done !== 1) await new Promise((done) => setTimeout(done, 20))
  })
})

describe('successive halving', () => {
  test('the best of a rung go on, the others are pruned, and every training is a trial', async () => {
    const grid = { seed: [1, 2, 3], lr: 0.02, 'eval-every': 64, 'hold-prior': 0 }
    const dir = await planned(grid, ['--halving', '3'])
    const tasks = tasksOf(dir)
    expect(tasks.map(({ argv }) => argv[2])).toEqual(['86', '86', '86', '256', '256', '256'])
    const { status, stderr } = await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:2'])
    expect([status, stderr]).toEqual([0, 'jules sweep run: 6 tasks: 4 done, 2 pruned\n'])
    const { stdout } = await dir.called(['sweep', 'status', 'plan.ndjson'])
    const records = parse(stdout).slice(0, -1)
    const rung = (n: number) => records.filter((one) => one.rung === n)
    const [best] = rung(0).sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    const going = rung(1).filter(({ state }) => state === 'done')
    expect(tasks.filter(({ id }) => id === going[0].id).map(({ halving }) => halving.after)).toEqual([
      best.id,
    ])
    expect(new Set(rung(0).map(({ score }) => score)).size).toBe(3)
    const collected = await dir.called(['sweep', 'collect', 'plan.ndjson'])
    expect(collected.status).toBe(0)
    const found = parse(collected.stdout)
    expect(found.map((one) => one.rung)).toEqual([1, 0, 0, 0])
    expect(new Set(found.map(({ trials }) => trials))).toEqual(new Set([4]))
  })
})

describe('sweep collect', () => {
  test('the best first, on any machine, and once however many collect', async () => {
    const dir = await planned({ seed: [1, 2, 3], lr: 0.02, 'hold-prior': 0 })
    expect((await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:2'])).status).toBe(0)
    const here = await dir.called(['sweep', 'collect', 'plan.ndjson'])
    expect([here.status, here.stderr]).toEqual([
      0,
      'jules sweep collect: 3 tasks: 3 done; 0 of 3 trainings were new to the registry\n',
    ])
    const records = parse(here.stdout)
    expect(records.map(({ score }) => score)).toEqual(records.map(({ score }) => score).sort((a, b) => b - a))
    for (const { path, sha256: hash, best_sha256: best, options } of records) {
      expect(sha256(join(path, 'policy.safetensors'))).toBe(hash)
      expect(sha256(join(path, 'best.safetensors'))).toBe(best)
      expect(options).toMatchObject({ steps: '256', 'hold-prior': '0' })
    }
    // Another machine, which has seen none of it, three at a time.
    mkdirSync(dir.file('elsewhere'))
    const env = { HOME: dir.file('elsewhere') }
    const others = await Promise.all([1, 2, 3].map(() => sweep(dir, ['collect', 'plan.ndjson'], { env })))
    const trialless = (text: string) => parse(text).map(({ trial: _, ...rest }) => rest)
    for (const { stdout } of others) expect(trialless(stdout)).toEqual(trialless(here.stdout))
    const lines = (name: string) => parse(dir.read(`${name}.local/share/jules/runs.ndjson`))
    const entry = ({ run, trial, time, from, to }: Json) => JSON.stringify([run, trial, time, from, to])
    expect(lines('elsewhere/').map(entry).sort()).toEqual(lines('').map(entry).sort())
    const runs = await dir.called(['runs', 'list'], { env })
    expect(parse(runs.stdout).map(({ state, folder }) => [state, folder])).toEqual(
      Array(3).fill(['ended', 'there']),
    )
    // The bytes of both models are held against what their task said.
    dir.write(`${records[0].id}/model/policy.safetensors`, 'other bytes')
    dir.write(`${records[1].id}/model/best.safetensors`, 'other bytes')
    const bad = await dir.called(['sweep', 'collect', 'plan.ndjson'])
    expect([bad.status, parse(bad.stdout)]).toEqual([65, records.slice(2)])
    for (const file of [`${records[0].id}/model/policy`, `${records[1].id}/model/best`])
      expect(bad.stderr).toContain(`${file}.safetensors: the model is not the one that the task wrote`)
  })

  test('options that came from around the training are found, and tasks that are not done', async () => {
    const dir = await planned(GRID)
    const [task] = tasksOf(dir)
    const early = await dir.called(['sweep', 'run', 'plan.ndjson'], { env: { JULES_LR: '0.5' } })
    expect([early.status, early.stderr]).toEqual([64, expect.stringContaining('--lr of train is set')])
    await dir.called(['sweep', 'run', 'plan.ndjson', '--prepare'])
    await finished(dir.start('sh', [dir.file(`${task.id}/run.sh`)], { env: { JULES_LR: '0.5' } }))
    const { status, stderr, stdout } = await dir.called(['sweep', 'collect', 'plan.ndjson'])
    expect([status, stdout]).toEqual([65, ''])
    expect(stderr).toContain('was trained with --lr 0.5, and planned with the default')
    rmSync(dir.file(task.id), { recursive: true })
    expect((await dir.called(['sweep', 'collect', 'plan.ndjson'])).status).toBe(1)
    expect((await dir.called(['sweep', 'collect', 'plan.ndjson', '--partial'])).status).toBe(0)
  })
})
