/** One run of `train`, undisturbed: its records, its folder, its refusals. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../src/agent/model/model.js'
import { parse, SHORT, sha256, train, undisturbed, withBars } from '../support/training.js'
import { freshDatabase } from '../support/workdir.js'

describe('a run', () => {
  test('writes records, a folder, and says what is left for testing', async () => {
    const dir = await withBars()
    const { status, stdout, stderr } = await train(dir, '-o', 'run')
    expect(status).toBe(0)
    expect(stderr).toBe(
      'jules train: warning: 1 of 8 sessions are left for testing, too few to believe a result on: 123 more sessions of bars leave 20\n' +
        'jules train: training on 2025-07-23 to 2025-07-30, validating on 2025-07-31 to 2025-07-31; 1 session from 2025-08-01 left for testing\n',
    )
    const records = parse(stdout)
    const metrics = records.filter(({ type }) => type === 'metric')
    expect(metrics.map(({ step }) => step)).toEqual([512, 1024, 1536, 2048, 2560, 3072, 3584, 4096])
    expect(Object.keys(metrics[0]).slice(0, 3)).toEqual(['type', 'run', 'step'])
    for (const name of ['rollout/ep_rew_mean', 'train/approx_kl', 'train/explained_variance', 'time/fps'])
      expect(metrics[0]).toHaveProperty([name])
    const evaluated = metrics.filter((one) => one['eval/mean_reward'] !== null).map(({ step }) => step)
    expect(evaluated).toEqual([1024, 2048, 3072, 4096])
    const model = records.at(-1)
    expect(model).toMatchObject({
      type: 'model',
      path: 'run',
      steps: 4096,
      trial: 1,
      sources: ['mock'],
      missing: 0,
      validation: ['2025-07-31', '2025-07-31'],
      test: { from: '2025-08-01', sessions: 1 },
    })
    // A backtest of the same session, from its first bar on as in validation, earns the same.
    const held = ['--from', '2025-07-31', '--to', '2025-07-31', '--warmup', '0', '--records', 'summary']
    const backtest = await dir.called(['backtest', '--policy', 'buy-hold', ...held, 'bars.parquet'])
    expect(Object.keys(model.rivals)).toEqual(['sma-cross', 'buy-hold', 'random'])
    expect(model.rivals['buy-hold']).toBe(parse(backtest.stdout)[0].pnl)
    expect(model.sha256).toBe(sha256(dir.file('run/policy.safetensors')))
    expect(readFileSync(dir.file('run/metrics.ndjson'), 'utf8')).toBe(
      `${stdout.trimEnd().split('\n').slice(0, -1).join('\n')}\n`,
    )
    const names = readdirSync(dir.file('run')).sort()
    expect(names.filter((name) => !name.startsWith('events.'))).toEqual([
      'best.safetensors',
      'checkpoint-previous.safetensors',
      'checkpoint.safetensors',
      'manifest.json',
      'metrics.ndjson',
      'policy.safetensors',
      'validation.ndjson',
    ])
    const manifest = JSON.parse(dir.read('run/manifest.json'))
    expect(manifest).toMatchObject({
      engine: 'cpu',
      trial: 1,
      options: { steps: '4096' },
      test: { from: '2025-08-01' },
    })
    expect(manifest.inputs[0]).toMatchObject({ kind: 'bars', path: dir.file('bars.parquet') })
    expect(manifest.inputs[0].sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  test('the same seed gives the same bytes with any number of threads, another seed does not', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    for (const threads of ['1', '2', '3']) {
      expect((await train(dir, '-o', `t${threads}`, '--threads', threads)).status).toBe(0)
      expect(sha256(dir.file(`t${threads}/policy.safetensors`)), threads).toBe(hash)
    }
    expect((await train(dir, '-o', 'other', '--seed', '2')).status).toBe(0)
    expect(sha256(dir.file('other/policy.safetensors'))).not.toBe(hash)
  })

  test('the metadata of a model hold what determines it, and nothing of where or when', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const bytes = readFileSync(dir.file('whole/policy.safetensors'))
    const model = decodeModel(bytes, 'whole')
    expect(model.spec.features?.set).toBe('intraday')
    expect(model.spec.actions?.[8]).toEqual([1, 1])
    expect(model).toMatchObject({
      steps: 4096,
      settings: { seed: 1, gamma: 0.95 },
      data: { train: ['2025-07-23', '2025-07-30'] },
    })
    const header = bytes.subarray(0, 8 + Number(bytes.readBigUInt64LE(0))).toString('latin1')
    for (const word of [dir.path, 'whole', process.versions.node, 'threads'])
      expect(header).not.toContain(word)
  })

  test('a reader that leaves does not stop it', async () => {
    const dir = await withBars()
    const { status, stdout } = await dir.shell(
      `set -o pipefail; jules train ${SHORT.join(' ')} -o run bars.parquet | head -n 1`,
    )
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(readFileSync(dir.file('run/metrics.ndjson'), 'utf8').trimEnd().split('\n')).toHaveLength(8)
  })

  test('reads standard input, and the store', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const piped = await dir.line(`jules fetch bars.parquet | jules train ${SHORT.join(' ')} -o piped -`)
    expect(piped.status).toBe(0)
    expect(sha256(dir.file('piped/policy.safetensors'))).toBe(hash)
    const { dsn } = await freshDatabase()
    expect((await dir.called(['load', '--dsn', dsn, 'bars.parquet'])).status).toBe(0)
    const stored = await dir.called(['train', ...SHORT, '-o', 'stored', '--dsn', dsn])
    expect([stored.status, stored.stderr]).toEqual([0, expect.stringContaining('training on')])
    expect(sha256(dir.file('stored/policy.safetensors'))).toBe(hash)
  })

  test('--steps 2e3 is 2000; a word is not a number', async () => {
    const dir = await withBars()
    const { status, stdout } = await dir.called([
      'train',
      ...SHORT.slice(2),
      '--steps',
      '2e3',
      '-o',
      'run',
      'bars.parquet',
    ])
    expect([status, parse(stdout).at(-1).steps]).toEqual([0, 2048])
    const bad = await dir.called(['train', '--steps', '2.5', 'bars.parquet'])
    expect([bad.status, bad.stderr]).toEqual([
      64,
      'jules train: --steps: expected a whole number such as 200000 or 2e5, got "2.5"\n',
    ])
  })

  test('a folder that is not empty is 73 without --force', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    writeFileSync(dir.file('whole/notes.txt'), 'mine')
    const again = await train(dir, '-o', 'whole', '--seed', '2')
    expect([again.status, again.stderr]).toEqual([
      73,
      expect.stringContaining(
        'jules train: whole: the folder is not empty\njules train: hint: go on with --resume, or start anew with --force\n',
      ),
    ])
    const anew = await train(dir, '-o', 'whole', '--seed', '2', '--force', '-f', 'table')
    expect(anew.status).toBe(0)
    expect(dir.read('whole/notes.txt')).toBe('mine')
    // What it came to is said last.
    expect(anew.stdout.trimEnd().split('\n').at(-1)).toMatch(
      /^against {2}the model -?\$[\d.]+, sma-cross -?\$[\d.]+, buy-hold -?\$[\d.]+, random -\$[\d.]+ in validation; the session of 2025-08-01 is untouched$/,
    )
  })

  test('each wrong value is named', async () => {
    const dir = await withBars()
    const cases: [string[], string][] = [
      [['--bptt', '48'], '--bptt: 48 does not divide the 64 steps of a rollout'],
      [['--batch-size', '9999'], '--batch-size: 9999 is more than the 512 steps of a rollout'],
      [['--hidden', '12'], '--hidden: expected a multiple of 8, got 12'],
      [['--net', '64,7'], '--net: expected multiples of 8 between commas, or none, got "64,7"'],
      [['--lr-schedule', 'cosine'], '--lr-schedule: expected one of const, linear, got "cosine"'],
      [['--norm-obs', '--raw-obs'], '--norm-obs and --raw-obs are opposites'],
      [['--lr-schedule', 'const', '--lr-end', '0'], '--lr-end: needs --lr-schedule linear'],
    ]
    for (const [args, words] of cases) {
      const { status, stderr } = await train(dir, ...args)
      expect([status, stderr]).toEqual([64, `jules train: ${words}\n`])
    }
  })

  test('too few sessions, mock bars mixed with real ones, and shares that nothing can buy, are refused', async () => {
    const dir = await withBars(2)
    const few = await train(dir)
    expect(few.status).toBe(65)
    expect(few.stderr).toContain('2 sessions are too few to train on 70 %')
    const enough = await withBars()
    const dear = await train(enough, '--max-position', '50', '-o', 'dear')
    expect([dear.status, dear.stderr]).toEqual([
      65,
      expect.stringMatching(
        /: nothing can be traded: a share of NVDA costs \$1[\d.]+ or more, and --max-position is \$50.00; a share of MSFT costs .*\njules train: hint: --max-position 1\d\d holds a share of NVDA; --fractional trades parts of one, in backtests alone\n/,
      ),
    ])
    expect(existsSync(enough.file('dear'))).toBe(false)
    const mixed = await dir.shell(
      `(jules fetch --mock --days 8 --to 2025-07-01; jules fetch --mock --days 8 | sed s/mock/real/) | jules train ${SHORT.join(' ')} -`,
    )
    expect(mixed.status).toBe(65)
    expect(mixed.stderr).toContain('hint: choose one with --source')
  })
})
