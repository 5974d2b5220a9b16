/** What the registry says of runs, what goes of them, and models by the names of runs. */
import { appendFileSync, cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { wrote } from '../support/past-runs.js'
import { parse, train, withBars } from '../support/training.js'
import { Workdir } from '../support/workdir.js'

const KEYS = [
  ...['type', 'run', 'time', 'task', 'symbols', 'interval', 'from', 'to', 'trial', 'trials', 'state'],
  ...['ended', 'early_stop', 'step', 'best', 'folder', 'path'],
]

/** Three runs in folders of their own, of which the last two are one trial, and a benchmark task. */
function tried(): Workdir {
  const dir = new Workdir()
  wrote(dir, { run: 'run-a', folder: 'a', seed: 1 })
  wrote(dir, { run: 'run-b', folder: 'b', seed: 2, best: { reward: -3.25, step: 1024 } })
  wrote(dir, { run: 'run-c', folder: 'c', seed: 2 })
  wrote(dir, { run: 'memory', folder: 'task', task: 'recall2', best: { reward: 7, step: 4096 } })
  return dir
}

const registry = (dir: Workdir): string => dir.file('.local/share/jules/runs.ndjson')

test('a run is listed with its bars, its trial and what came of it; nothing is read from standard input', async () => {
  const dir = tried()
  const { status, stdout, stderr } = await dir.called(['runs'], { input: 'no record' })
  const runs = parse(stdout)
  expect([status, stderr, runs.map((run) => Object.keys(run))]).toEqual([0, '', runs.map(() => KEYS)])
  const facts = runs.map(({ run, trial, trials, state, step, best, folder }) => [
    run,
    trial,
    trials,
    state,
    step,
    best.reward,
    folder,
  ])
  expect(facts).toEqual([
    ['run-a', 1, 2, 'ended', 4096, 12.5, 'there'],
    ['run-b', 2, 2, 'ended', 4096, -3.25, 'there'],
    ['run-c', 2, 2, 'ended', 4096, 12.5, 'there'],
    ['memory', null, null, 'ended', 4096, 7, 'there'],
  ])
  const table = (await dir.called(['runs', '-f', 'table'])).stdout
  expect(table.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(table).toContain('NVDA,MSFT 1m, 2025-07-23 to 2025-07-31: 2 trials\n')
  expect(table).toMatch(/^ {2}run-b +2 {2}ended +4096 +-\$3\.25 {2}there$/m)
  expect(table).toMatch(/^task recall2\n.*\n {2}memory +- {2}ended +4096 +7\.00 {2}there$/m)
  const some = await dir.called(['runs', 'list', '--state', 'diverged,stopped'])
  expect([some.status, some.stdout, some.stderr]).toEqual([0, '', 'jules runs list: no such runs\n'])
})

describe('how a run ended', () => {
  const stateOf = async (dir: Workdir) => {
    const { state, step, early_stop: early } = parse((await dir.called(['runs'])).stdout).at(-1)
    return { state, step, early }
  }

  test('all steps, early, stopped by a signal, by leaving the numbers: as its last record has it', async () => {
    const dir = await withBars()
    const record = parse((await train(dir, '-o', 'run')).stdout).at(-1)
    const { best, trial } = parse((await dir.called(['runs'])).stdout).at(-1)
    expect([best, trial, await stateOf(dir)]).toEqual([
      record.best,
      record.trial,
      { state: 'ended', step: 4096, early: false },
    ])
    await train(dir, '-o', 'early', '--early-stop', '1')
    expect(await stateOf(dir)).toMatchObject({ state: 'ended', early: true })
    wrote(dir, { run: 'wild one', end: 'diverged' })
    wrote(dir, { run: 'cut', end: 'stopped' })
    expect(parse((await dir.called(['runs', 'list', '--state', 'diverged,stopped'])).stdout)).toMatchObject([
      { run: 'wild one' },
      { run: 'cut' },
    ])
    expect((await dir.called(['runs', 'show', 'cut', '-f', 'table'])).stdout).toContain(
      'next       jules train --resume',
    )
  })

  test('not at all: killed, while it runs, and gone on with', async () => {
    const dir = await withBars()
    await train(dir, '-o', 'run')
    const later = dir.file('.local/share/jules/runs-later.ndjson')
    // As a killed one leaves it, with a part of a line.
    writeFileSync(later, readFileSync(later, 'utf8').slice(0, 20))
    expect(await stateOf(dir)).toEqual({ state: 'unfinished', step: 4096, early: false })
    const self = JSON.stringify({ token: '0'.repeat(32), pid: process.pid, host: 'elsewhere', start: '' })
    dir.write('run/run.lock', self)
    expect(await stateOf(dir)).toMatchObject({ state: 'running' })
    const busy = await dir.called(['runs', 'prune', 'run', '--yes'])
    expect([busy.status, busy.stderr]).toEqual([
      75,
      expect.stringContaining('another process works on the run'),
    ])
    rmSync(dir.file('run/run.lock'))
    // Moved, and gone on with where it is now.
    renameSync(dir.file('run'), dir.file('moved'))
    expect(parse((await dir.called(['runs'])).stdout)[0]).toMatchObject({ folder: 'gone', step: null })
    expect((await dir.called(['train', '--resume', 'moved'])).status).toBe(0)
    expect(parse((await dir.called(['runs'])).stdout)).toEqual([
      expect.objectContaining({ state: 'ended', step: 4096, folder: 'there', path: dir.file('moved') }),
    ])
  })

  test('a registry edited by hand loses no line that is whole', async () => {
    const dir = new Workdir()
    wrote(dir, { run: 'run' })
    appendFileSync(registry(dir), 'null\n{"type":"run"}\n{"type":"end","run":"x"}\n{"type":"run","run":1}\n')
    appendFileSync(
      registry(dir),
      '{"type":"run","run":"r","time":"t","path":"/p","task":"trading","symbols":["A"],"trial":"q"}\n',
    )
    appendFileSync(
      dir.file('.local/share/jules/runs-later.ndjson'),
      '{"type":"end","run":"x"}\n{"type":"prune"}\n[]\n',
    )
    expect(parse((await dir.called(['runs'])).stdout)).toHaveLength(1)
    // Nor does a name in it drive the terminal.
    wrote(dir, { run: 'a\u001b[31m\nb', folder: 'c' })
    expect((await dir.called(['runs', '-f', 'table'])).stdout).toContain('  a\\u001b[31m\\nb ')
  })
})

test('show and compare: the manifest of one, and in what several differ', async () => {
  const dir = tried()
  const shown = parse((await dir.called(['runs', 'show', 'run-a'])).stdout)[0]
  expect(Object.keys(shown)).toEqual([
    ...KEYS,
    ...['version', 'node', 'engine', 'engines', 'options', 'operands', 'inputs', 'test'],
  ])
  expect([shown.options.seed, shown.test]).toEqual(['1', { from: '2025-08-01', sessions: 1 }])
  const table = (await dir.called(['runs', 'show', 'a', '-f', 'table'])).stdout
  expect(table).toContain(`made by    ${shown.version}, Node ${shown.node}, engine cpu\n`)
  expect(table).toContain(
    `next       jules backtest --policy 'model:${dir.file('a')}' --from 2025-08-01 '${dir.file('bars.parquet')}'\n`,
  )
  const rows = parse((await dir.called(['runs', 'compare', 'run-a', 'run-b', 'c'])).stdout)
  expect(Object.keys(rows[0])).toEqual(['type', 'field', 'runs', 'values'])
  expect(rows.map(({ field, values }) => [field, values]).slice(0, -1)).toEqual([
    ['settings.seed', [1, 2, 2]],
    ['trial', [1, 2, 2]],
    ['state', ['ended', 'ended', 'ended']],
    ['step', [4096, 4096, 4096]],
  ])
  for (const names of [
    ['a', 'b'],
    ['a', 'b', 'c', 'a', 'b', 'c', 'task', 'a', 'b'],
  ]) {
    const { stdout } = await dir.called(['runs', 'compare', '-f', 'table', ...names])
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(stdout).toContain('settings.seed')
  }
  rmSync(dir.file('a'), { recursive: true })
  const gone = await dir.called(['runs', 'compare', 'a', 'b'])
  expect([gone.status, gone.stderr]).toEqual([
    0,
    'jules runs compare: the folder of run-a is gone: its settings are not known\n',
  ])
})

describe('the name of a run', () => {
  test.each<[args: string[], status: number, words: string]>([
    [
      ['show', 'run-x'],
      66,
      'no run has the name or the folder "run-x"\njules runs show: hint: did you mean run-',
    ],
    [['show'], 64, 'missing operand RUN'],
    [['compare', 'run-a'], 64, 'one run has nothing to be compared with'],
    [['prune'], 64, 'nothing says which runs go'],
    [['prune', '--before', '2000-01-01', '--yes'], 66, 'there are no such runs'],
    [['list', '--state', 'done'], 64, '--state: expected some of ended, stopped'],
    [['nope'], 64, 'unknown runs command "nope"'],
  ])('%j', async (args, status, words) => {
    const dir = new Workdir()
    wrote(dir, { run: 'run-a', folder: 'a' })
    const result = await dir.called(['runs', ...args])
    expect([result.status, result.stdout, result.stderr]).toEqual([
      status,
      '',
      expect.stringContaining(words),
    ])
  })

  test('of several runs is refused with their folders; a folder that was taken over is its last run', async () => {
    const dir = new Workdir()
    wrote(dir, { run: 'same', folder: 'a' })
    wrote(dir, { run: 'same', folder: 'b' })
    const twice = await dir.called(['runs', 'show', 'same'])
    expect([twice.status, twice.stderr]).toEqual([
      64,
      expect.stringContaining(`${dir.file('a')}, ${dir.file('b')}`),
    ])
    wrote(dir, { run: 'other', folder: 'a' })
    expect(parse((await dir.called(['runs', 'show', 'a'])).stdout)[0].run).toBe('other')
    expect(parse((await dir.called(['runs'])).stdout).map(({ folder }) => folder)).toEqual([
      'gone',
      'there',
      'there',
    ])
  })
})

describe('prune', () => {
  test('says what would go, wants --yes, takes only files of runs, and changes no trial', async () => {
    const dir = tried()
    writeFileSync(dir.file('b/notes.txt'), 'mine')
    const before = parse((await dir.called(['runs'])).stdout)
    const dry = await dir.called(['runs', 'prune', '--dry-run', 'a', 'run-b'])
    expect([dry.status, dry.stderr]).toEqual([
      0,
      expect.stringMatching(
        /^jules runs prune: 2 runs, \d+\.\d MB: run-a, run-b\njules runs prune: nothing deleted \(dry run\)\n$/,
      ),
    ])
    const refused = await dir.called(['runs', 'prune', 'a', 'run-b'])
    expect([refused.status, refused.stderr]).toEqual([
      64,
      expect.stringContaining('needs --yes without a terminal'),
    ])
    expect(parse((await dir.called(['runs'])).stdout)).toEqual(before)
    const gone = await dir.called(['runs', 'prune', 'a', 'run-b', 'a', '--yes'])
    expect([gone.status, gone.stdout, gone.stderr]).toEqual([
      0,
      '',
      expect.stringContaining('holds other files, and stays\njules runs prune: 2 runs deleted'),
    ])
    expect([
      existsSync(dir.file('a')),
      existsSync(dir.file('b/manifest.json')),
      dir.read('b/notes.txt'),
    ]).toEqual([false, false, 'mine'])
    const after = parse((await dir.called(['runs'])).stdout)
    expect(after).toEqual(before.map((run, i) => (i < 2 ? { ...run, folder: 'pruned' } : run)))
    expect((await dir.called(['runs', 'prune', 'run-a', '--yes'])).status).toBe(66)
    // The trial of the pruned run is still one.
    wrote(dir, { run: 'run-e', seed: 5 })
    expect(parse((await dir.called(['runs'])).stdout).at(-1).trial).toBe(3)
  })

  test('by state and by date', async () => {
    const dir = tried()
    const going = async (...args: string[]) =>
      /MB: (.*)\n/.exec((await dir.called(['runs', 'prune', '--dry-run', ...args])).stderr)?.[1]
    expect(await going('--state', 'ended')).toBe('run-a, run-b, run-c, memory')
    expect(await going('--before', '2999-01-01', 'run-c')).toBe('run-c')
    expect(await going('--state', 'stopped')).toBe(undefined)
  })
})

describe('a model by the name of its run', () => {
  const policyOf = async (dir: Workdir, word: string, command = 'backtest') => {
    const { status, stdout, stderr } = await dir.called([
      ...[command, '--policy', `model:${word}`, 'bars.parquet'],
      ...(command === 'backtest' ? ['--records', 'summary'] : []),
    ])
    return { status, policy: status === 0 && command === 'backtest' ? parse(stdout)[0].policy : null, stderr }
  }

  test('the newest that ended on bars; a run by name; a path goes first', async () => {
    const dir = await withBars()
    for (const [name, seed] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '2'],
    ] as const)
      expect((await train(dir, '-o', name, '--run', `run-${name}`, '--seed', seed)).status).toBe(0)
    wrote(dir, { run: 'memory', task: 'recall2' })
    // One that was stopped later and has a model all the same is not finished.
    wrote(dir, { run: 'cut', end: 'stopped', ended: '2999-01-01T00:00:00Z' })
    cpSync(dir.file('c/policy.safetensors'), dir.file('cut/policy.safetensors'))
    const found = await policyOf(dir, 'latest')
    expect(found).toEqual({
      status: 0,
      policy: expect.stringContaining(dir.file('c')),
      stderr: expect.stringContaining(`model:latest is the run run-c in ${dir.file('c')}\n`),
    })
    expect((await policyOf(dir, 'run-a')).policy).toContain(dir.file('a'))
    expect((await policyOf(dir, 'latest', 'check-env')).stderr).toContain('model:latest is the run run-c')
    // Its folder gone, the one before it is the newest there is.
    await dir.called(['runs', 'prune', 'run-c', '--yes'])
    expect((await policyOf(dir, 'latest')).policy).toContain(dir.file('b'))
    expect(await policyOf(dir, 'run-c')).toMatchObject({
      status: 66,
      stderr: expect.stringContaining('the folder of the run run-c is pruned'),
    })
    // Gone on with later, the first one ended last.
    await dir.called(['train', '--resume', 'a'])
    expect((await policyOf(dir, 'latest')).policy).toContain(dir.file('a'))
    cpSync(dir.file('b'), dir.file('latest'), { recursive: true })
    expect(await policyOf(dir, 'latest')).toMatchObject({ policy: expect.stringMatching(/^model:latest\//) })
    expect((await policyOf(dir, 'latest')).stderr).not.toContain('is the run')
  })

  test('words where there is none', async () => {
    const dir = await withBars()
    expect(await policyOf(dir, 'latest')).toMatchObject({
      status: 66,
      stderr: expect.stringContaining('no finished run on bars has its folder here'),
    })
    expect(await policyOf(dir, 'nothing')).toMatchObject({
      status: 66,
      stderr: 'jules backtest: nothing: no such file or directory\n',
    })
  })
})

test('a data directory that cannot be read has words', async () => {
  const dir = new Workdir()
  dir.write('file', '')
  const { status, stderr } = await dir.called(['runs'], { env: { XDG_DATA_HOME: dir.file('file') } })
  expect([status, stderr]).toEqual([
    expect.any(Number),
    expect.stringMatching(/^jules runs list: .*not a directory\n$/),
  ])
})
