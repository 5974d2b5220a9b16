/** Models that are retrained and tested forward, judged on what they have not seen, and put behind a gate. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TINY } from '../support/sweep.js'
import { type Json, parse, sha256, train, withBars } from '../support/training.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

const SMALL = Object.entries(TINY).flatMap(([name, value]) => [`--${name}`, String(value)])
/** Two windows of eight sessions: three train, one is purged, two test. */
const WINDOWS = ['--train-sessions', '3', '--test-sessions', '2', ...SMALL]

/** Records of a run in a process of its own, as it starts others; `run` and `path` are left out. */
async function evaluated(dir: Workdir, words: readonly string[], input?: Buffer) {
  const { status, stdout, stderr } = await finished(dir.start(BIN, ['evaluate', ...words, '-q']), input)
  expect([status, stderr]).toEqual([0, ''])
  const records = parse(stdout)
  return { records, windows: records.slice(0, -1), summary: records.at(-1) as Json }
}

/** What of a record does not hang on where and when it was made. */
const timeless = (records: readonly Json[]): string =>
  JSON.stringify(records, (key, value) =>
    ['run', 'path', 'model', 'input'].includes(key) ? undefined : value,
  )

describe('walk-forward', () => {
  test('each window has a model of its own, and its test is not what it was trained on', async () => {
    const dir = await withBars()
    const { windows, summary } = await evaluated(dir, [
      ...WINDOWS,
      '--seeds',
      '2',
      '-o',
      'out',
      'bars.parquet',
    ])
    expect(
      windows.map(({ window, train_from, train_to, test_from, test_to }) => [
        window,
        train_from,
        train_to,
        test_from,
        test_to,
      ]),
    ).toEqual([
      [1, '2025-07-23', '2025-07-25', '2025-07-29', '2025-07-30'],
      [2, '2025-07-25', '2025-07-29', '2025-07-31', '2025-08-01'],
    ])
    for (const window of windows) {
      expect(window).toMatchObject({ type: 'window', sessions: 2, sharpe: null, validation_sessions: 1 })
      expect(window.reasons.sharpe).toBe('2 returns, fewer than 20')
      expect(window.seeds.map(({ seed }: Json) => seed)).toEqual([1, 2])
      const manifest = JSON.parse(readFileSync(join(window.model, 'manifest.json'), 'utf8'))
      const { train, validation } = manifest.data
      expect([train[0], validation[1], manifest.test]).toEqual([window.train_from, window.train_to, null])
      expect(window.pnl).toBeCloseTo((window.seeds[0].pnl + window.seeds[1].pnl) / 2, 9)
    }
    expect(summary).toMatchObject({
      ...{ type: 'summary', command: 'evaluate', mode: 'rolling', windows: 2, sessions: 4, seeds: 2 },
      ...{ from: '2025-07-29', to: '2025-08-01', trials: 2, path: dir.file('out') },
    })
    expect(summary.pnl).toBeCloseTo(windows[0].pnl + windows[1].pnl, 9)
    expect(summary.pnl_at_cost['2x']).toBeCloseTo(summary.pnl - summary.cost, 9)
    // Its trainings are trials like any other.
    const runs = parse((await dir.called(['runs', 'list', '-f', 'ndjson'])).stdout)
    expect(runs.length).toBe(4)
  })

  test('planned, trained by a sweep, and gone on with: the same as in one go; killed too', async () => {
    const dir = await withBars()
    // Bars through a pipe are kept, and come to the same.
    const bars = readFileSync(dir.file('bars.parquet'))
    const whole = await evaluated(dir, [...WINDOWS, '-o', 'whole', '-'], bars)
    expect(existsSync(dir.file('whole/bars.ndjson'))).toBe(true)
    const planned = await dir.called(['evaluate', ...WINDOWS, '--plan', '-o', 'two', 'bars.parquet'])
    expect([planned.status, planned.stdout]).toEqual([0, ''])
    expect(planned.stderr).toContain('jules sweep run ')
    expect(planned.stderr).not.toContain('left over')
    const odd = ['--train-sessions', '3', '--test-sessions', '3', ...SMALL, '--plan', '-o', 'odd']
    expect((await dir.called(['evaluate', ...odd, 'bars.parquet'])).stderr).toContain(
      'the last session fills no test: left over',
    )
    const plan = ['sweep', 'plan', '--walk-forward', '--train-sessions', '3', '--test-sessions', '2']
    dir.write('grid.json', JSON.stringify(TINY))
    const other = parse((await dir.called([...plan, 'grid.json', 'bars.parquet'])).stdout)
    const tasks = parse(dir.read('two/plan.ndjson'))
    expect(tasks.map(({ inputs }) => inputs)).toEqual(other.map(({ inputs }) => inputs))
    expect(tasks.map(({ argv }) => [...argv].sort())).toEqual(other.map(({ argv }) => [...argv].sort()))
    // Killed when its first training has ended.
    const killed = dir.start(BIN, ['evaluate', '--resume', 'two', '--executor', 'local:1'])
    const ended = finished(killed)
    while (!existsSync(join(dir.file('two'), tasks[0].id, 'status.json')))
      await new Promise((done) => setTimeout(done, 20))
    killed.kill('SIGKILL')
    expect((await ended).signal).toBe('SIGKILL')
    const rest = await evaluated(dir, ['--resume', 'two'])
    expect(timeless(rest.records)).toBe(timeless(whole.records))
    const models = (folder: string) =>
      parse(dir.read(`${folder}/plan.ndjson`)).map(({ id }) =>
        sha256(join(dir.file(folder), id, 'model/best.safetensors')),
      )
    expect(models('two')).toEqual(models('whole'))
    // And once more, when nothing is left to do; with a gate this time.
    const again = await dir.called(['evaluate', '--resume', 'two', '--require', 'windows<1', '-f', 'table'])
    expect([again.status, again.stdout.split('\n').slice(-4, -1)]).toEqual([
      1,
      ['', 'FAIL windows<1', '  not met: windows < 1: it is 2'],
    ])
    // What another machine trained is counted here, and a model that its task did not write is not tested.
    const elsewhere = { env: { HOME: dir.file('elsewhere') } }
    const there = await dir.called(['evaluate', '--resume', 'two', '-f', 'ndjson'], elsewhere)
    expect(parse(there.stdout).at(-1)).toMatchObject({ trials: whole.summary.trials, trials_known: 1 })
    const last = join(dir.file('two'), tasks[0].id, 'model/policy.safetensors')
    const weights = readFileSync(last)
    writeFileSync(last, 'other')
    const swapped = await dir.called(['evaluate', '--resume', 'two'])
    expect([swapped.status, swapped.stderr]).toEqual([
      65,
      expect.stringContaining('the model is not the one that the task wrote'),
    ])
    writeFileSync(last, weights)
    const changed = await dir.called(['evaluate', '--resume', 'two', '--steps', '512'])
    expect([changed.status, changed.stderr.split('\n')[0]]).toEqual([
      64,
      'jules evaluate: --steps: the run has 256, and it would not be the same run',
    ])
  })

  test('Ctrl-C says how to go on', async () => {
    const dir = await withBars()
    const child = dir.start(BIN, ['evaluate', ...WINDOWS, '--steps', '2e6', '-o', 'out', 'bars.parquet'])
    const ended = finished(child)
    while (!existsSync(dir.file('out/plan.ndjson'))) await new Promise((done) => setTimeout(done, 20))
    child.kill('SIGINT')
    const { status, stderr } = await ended
    expect([status, stderr]).toEqual([
      130,
      expect.stringContaining(`to go on: jules evaluate --resume '${dir.file('out')}'`),
    ])
  })

  test('every choice of groups tests, and what is near it does not train', async () => {
    const dir = await withBars()
    const { windows, summary } = await evaluated(dir, [
      ...['--combinatorial', '4,1', '--purge', '0', '--embargo', '1', ...SMALL, '-o', 'out', 'bars.parquet'],
    ])
    expect(
      windows.map(({ tests, excluded, train_from, train_to }) => [tests, excluded, train_from, train_to]),
    ).toEqual([
      [[['2025-07-23', '2025-07-24']], [], '2025-07-28', '2025-08-01'],
      [[['2025-07-25', '2025-07-28']], [['2025-07-25', '2025-07-29']], '2025-07-23', '2025-08-01'],
      [[['2025-07-29', '2025-07-30']], [['2025-07-29', '2025-07-31']], '2025-07-23', '2025-08-01'],
      [[['2025-07-31', '2025-08-01']], [], '2025-07-23', '2025-07-30'],
    ])
    expect(summary).toMatchObject({ mode: 'combinatorial', sessions: 8, paths: { count: 1 } })
    expect(summary.paths.pnl[0]).toBeCloseTo(summary.pnl, 9)
  })

  test.each([
    [['--train-sessions', '9'], 65, 'bars.parquet: 8 sessions are fewer than the 30 of one window'],
    [['--anchored', '--combinatorial', '4,1'], 64, '--anchored and --combinatorial exclude each other'],
    [
      ['--combinatorial', '4,4'],
      64,
      '--combinatorial: expected N,K with 1 <= K < N <= 100, such as 6,2, got "4,4"',
    ],
    [['--require', 'sharp>1'], 64, '--require: no figure is called "sharp"'],
    [['--gate', 'demo', '--require', 'pnl>1'], 64, '--require and --gate exclude each other'],
    [['--policy', 'replay:a'], 64, '--output: --policy trains nothing'],
    [['--policy', 'flat', '--plan'], 64, '--plan: --policy trains nothing'],
    [['--leak-test'], 64, '--output: --leak-test keeps nothing'],
    [['--demo-leak', '--plan'], 64, '--plan: --demo-leak keeps nothing'],
    [[...WINDOWS, '--hidden', '9'], 64, '--hidden: expected a multiple of 8, got 9'],
    [['--executor', 'command', ...WINDOWS], 64, '--executor command: evaluate trains here'],
  ])('%j is %i', async (words, code, said) => {
    const dir = await withBars()
    const { status, stdout, stderr } = await dir.called(['evaluate', ...words, '-o', 'out', 'bars.parquet'])
    expect([status, stdout]).toEqual([code, ''])
    expect(stderr).toContain(`jules evaluate: ${said}`)
  })

  test('what cannot begin leaves no folder behind, and nothing in one that was there', async () => {
    const dir = await withBars()
    mkdirSync(dir.file('own'))
    const input = readFileSync(dir.file('bars.parquet'))
    for (const folder of ['out', 'own']) {
      const { status } = await dir.called(['evaluate', '--train-sessions', '9', '-o', folder, '-'], { input })
      expect(status).toBe(65)
    }
    expect(existsSync(dir.file('out'))).toBe(false)
    expect(readdirSync(dir.file('own'))).toEqual([])
  })

  test('bars that changed are refused, and so is a folder that is not empty', async () => {
    const dir = await withBars()
    await dir.called(['evaluate', ...WINDOWS, '--plan', '-o', 'out', 'bars.parquet'])
    const again = await dir.called(['evaluate', ...WINDOWS, '--plan', '-o', 'out', 'bars.parquet'])
    expect([again.status, again.stderr]).toEqual([73, expect.stringContaining('go on with --resume')])
    mkdirSync(dir.file('killed'))
    dir.write('killed/evaluation.begins', '')
    const left = await dir.called(['evaluate', ...WINDOWS, '-o', 'killed', 'bars.parquet'])
    expect([left.status, left.stderr]).toEqual([73, expect.stringContaining('or was killed as it began')])
    await dir.called(['fetch', '--mock', '--days', '8', '--seed', '2', '-o', 'bars.parquet'])
    const changed = await dir.called(['evaluate', '--resume', 'out'])
    expect([changed.status, changed.stderr]).toEqual([
      65,
      expect.stringContaining('are not those that the evaluation began with'),
    ])
    writeFileSync(dir.file('out/evaluation.json'), '{"format":"jules-evaluation/1"}')
    expect((await dir.called(['evaluate', '--resume', 'out'])).status).toBe(65)
    rmSync(dir.file('out/evaluation.json'))
    expect((await dir.called(['evaluate', '--resume', 'out'])).status).toBe(66)
  })
})

test('windows that start from a model which has seen their tests prove nothing', async () => {
  const dir = await withBars()
  expect((await train(dir, '-o', 'model')).status).toBe(0)
  const { windows, summary } = await evaluated(dir, [
    ...['--train-sessions', '3', '--test-sessions', '4', '--transfer-from', 'model', '--hidden', '16'],
    ...[
      '--steps',
      '256',
      '--envs',
      '2',
      '--n-steps',
      '32',
      '--batch-size',
      '64',
      '--epochs',
      '1',
      'bars.parquet',
    ],
  ])
  expect(windows.length).toBe(1)
  expect(summary.verdict.reasons).toContain(
    'the model to start from has seen sessions up to 2025-07-31, some of them tested here',
  )
})

describe('a policy that is there', () => {
  test('is judged in stretches, and a model only on what it has not seen', async () => {
    const dir = await withBars()
    const forward = ['evaluate', '--test-sessions', '3', 'bars.parquet', '--policy']
    const average = await dir.called([...forward, 'sma-cross'])
    const windows = parse(average.stdout).slice(0, -1)
    expect(windows.map(({ test_from, sessions }) => [test_from, sessions])).toEqual([
      ['2025-07-23', 3],
      ['2025-07-28', 3],
      ['2025-07-31', 2],
    ])
    for (const [more, said] of [
      [['replay:a'], 'hint: jules backtest runs it, and evaluate --records'],
      [['replay:a', '--leak-test'], 'hint: jules backtest runs it, and evaluate --records'],
      [['flat', '--demo-leak'], '--demo-leak and --policy exclude each other'],
    ] as const) {
      const { status, stderr } = await dir.called([...forward, ...more])
      expect([status, stderr]).toEqual([64, expect.stringContaining(said)])
    }
    // As a backtest of these sessions has it, but for limits that begin anew.
    const [last] = parse(
      (
        await dir.called([
          'backtest',
          '--policy',
          'sma-cross',
          '--records',
          'summary',
          '--warmup',
          '2340',
          'bars.parquet',
        ])
      ).stdout,
    )
    expect(windows[2]).toMatchObject({ pnl: last.pnl, trades: last.trades, cost: last.cost })
    expect((await train(dir, '-o', 'model', '--test-sessions', '2')).status).toBe(0)
    const model = parse((await dir.called([...forward, 'model:model'])).stdout)
    expect(model.at(-1)).toMatchObject({ from: '2025-07-31', to: '2025-08-01', mode: 'policy', trials: 1 })
    const seen = await dir.called([...forward, 'model:model', '--to', '2025-07-30'])
    expect([seen.status, seen.stderr]).toEqual([
      65,
      expect.stringContaining('has seen all of these sessions'),
    ])
  })
})

describe('records of a run', () => {
  const paper = (more: object): string =>
    [
      { type: 'equity', run: 'p1', time: '2025-07-30T13:32:00Z', equity: 5004, pnl_total: 4, drawdown: 0 },
      {
        type: 'equity',
        run: 'p1',
        time: '2025-07-30T20:00:00Z',
        equity: 5300,
        pnl_total: 300,
        drawdown: 0.004,
      },
      { type: 'order', run: 'p1' },
      { type: 'equity', run: 'p1', time: '2025-07-31T20:00:00Z', equity: 6010, pnl_total: 1010, drawdown: 0 },
      { type: 'summary', run: 'p1', command: 'paper', pnl: 1010, uptime: 0.995, ...more },
    ]
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('')

  test.each([
    [{}, 0, 'met: uptime > 0.99: it is 0.995'],
    [{ uptime: 0.98 }, 1, 'not met: uptime > 0.99: it is 0.98'],
    [{ uptime: null }, 1, 'not met: uptime > 0.99: paper has no such figure'],
  ])('with %j the gate demo is %i', async (more, status, reason) => {
    const said = await new Workdir().called(['evaluate', '--records', '-', '--gate', 'demo'], {
      input: paper(more),
    })
    const [summary, verdict] = parse(said.stdout)
    expect(summary).toMatchObject({ run: 'p1', sessions: 2, max_drawdown: -0.004, pnl: 1010 })
    expect([said.status, verdict.type, verdict.run, verdict.gate, verdict.pass]).toEqual([
      status,
      'verdict',
      'p1',
      'demo',
      status === 0,
    ])
    expect(verdict.reasons).toContain(reason)
  })

  test('of a backtest have no uptime; of two runs or of none they are refused', async () => {
    const dir = await withBars()
    const { stdout } = await dir.called(['backtest', '--policy', 'sma-cross', 'bars.parquet'])
    dir.write('run.ndjson', stdout)
    const said = await dir.called(['evaluate', '--records', 'run.ndjson', '--gate', 'demo'])
    expect(said.status).toBe(1)
    const own = parse(stdout).at(-1)
    expect(parse(said.stdout)[0]).toMatchObject({ pnl: own.pnl, sessions: 8, trades: own.trades })
    expect(parse(said.stdout)[1].reasons[2]).toBe('not met: uptime > 0.99: backtest has no such figure')
    const two = await dir.called(['evaluate', '--records', '-'], { input: paper({ run: 'p2' }) })
    expect([two.status, two.stderr]).toEqual([
      65,
      expect.stringContaining('stdin:5: records of two runs: p1 and p2'),
    ])
    const none = await dir.called(['evaluate', '--records', 'bars.ndjson'], {})
    expect(none.status).toBe(66)
    expect((await dir.called(['evaluate', '--records', '-'], { input: '{"type":"bar"}\n' })).status).toBe(66)
  })
})

test('leaks: each that is planted is shown with the tests that find it', async () => {
  const dir = await withBars()
  await dir.called(['fetch', '--mock', '--days', '12', '--interval', '5m', '-o', 'twelve.parquet'])
  const planted = await dir.called(['evaluate', '--demo-leak', '--leak-steps', '4096', 'twelve.parquet'])
  expect([planted.status, parse(planted.stdout).map(({ leak, found }) => [leak, found])]).toEqual([
    0,
    [
      [null, []],
      ['a feature that peeks one bar ahead', ['future', 'permuted']],
      ['a normaliser fitted on all bars', expect.arrayContaining(['future', 'training'])],
      ['a reward for the move that was just seen', ['permuted']],
    ],
  ])
  const few = await dir.called(['evaluate', '--leak-test', 'bars.parquet'])
  expect([few.status, few.stderr]).toEqual([
    65,
    expect.stringContaining('8 sessions of 3120 bars are too few'),
  ])
})
