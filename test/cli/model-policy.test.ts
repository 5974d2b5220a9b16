/** A trained model as the policy of a backtest, and as ONNX. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeModel } from '../../src/agent/model/model.js'
import { parse, train, undisturbed, withBars } from '../support/training.js'
import type { Workdir } from '../support/workdir.js'

describe('a model as a policy', () => {
  const backtest = (dir: Workdir, model: string, ...more: readonly string[]) =>
    dir.called(['backtest', '--policy', `model:${model}`, '--records', 'summary', ...more])

  test('trades; the best is taken before the last, and the summary says what it has seen', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const run = await backtest(dir, 'whole', 'bars.parquet')
    expect(run.status).toBe(0)
    const [summary] = parse(run.stdout)
    expect(summary).toMatchObject({
      policy: 'model:whole/best.safetensors',
      features: 'intraday',
      model: { seen: { train: ['2025-07-23', '2025-07-30'], validation: ['2025-07-31', '2025-07-31'] } },
    })
    const last = await backtest(dir, 'whole/policy.safetensors', 'bars.parquet')
    expect(parse(last.stdout)[0].policy).toBe('model:whole/policy.safetensors')
  })

  test('validation is a backtest: the same dollars', async () => {
    const dir = await withBars(10, ['--regime', 'mean-revert'])
    // Without the prior a short run trades.
    const { stdout } = await train(dir, '-o', 'run', '--hold-prior', '0')
    const scored = parse(stdout).findLast((one) => one['eval/mean_reward'] != null)
    const { data } = JSON.parse(dir.read('run/manifest.json'))
    // From the first bar of validation, with what came before as history.
    const bars = await dir.called(['fetch', 'bars.parquet'])
    const before = parse(bars.stdout).filter(
      ({ time, symbol }) => symbol === 'NVDA' && time < data.validation[0],
    ).length
    const kept = parse(bars.stdout).filter(({ time }) => time.slice(0, 10) <= data.validation[1])
    const input = `${kept.map((bar) => JSON.stringify(bar)).join('\n')}\n`
    const run = await dir.called(
      [
        'backtest',
        '--policy',
        'model:run/policy.safetensors',
        '--warmup',
        String(before),
        '--records',
        'summary',
        '-',
      ],
      { input },
    )
    expect(scored.step).toBe(4096)
    expect(scored['eval/mean_reward']).not.toBe(0)
    expect(parse(run.stdout)[0].pnl).toBe(scored['eval/mean_reward'])
  })

  test('is refused, by name, where features, interval or actions differ', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const refused = async (words: string, ...args: readonly string[]) => {
      const { status, stdout, stderr } = await backtest(dir, 'whole', ...args)
      expect([status, stdout, stderr]).toEqual([65, '', expect.stringContaining(words)])
    }
    await refused(
      'whole/best.safetensors: the model was trained on the features intraday, not classic',
      '--features',
      'classic',
      'bars.parquet',
    )
    expect(
      (await dir.called(['fetch', '--mock', '--days', '8', '--interval', '5m', '-o', 'five.parquet'])).status,
    ).toBe(0)
    await refused('the model was trained on bars of 1m, not of 5m', 'five.parquet')
    const task = await dir.called(['train', '--env', 'recall2', '--steps', '1024', '-o', 'task'])
    expect(task.status).toBe(0)
    expect((await backtest(dir, 'task', 'bars.parquet')).stderr).toContain(
      'the model was trained on recall2, not on trading',
    )
    dir.write('junk.safetensors', 'x'.repeat(50))
    expect((await backtest(dir, 'junk.safetensors', 'bars.parquet')).status).toBe(65)
    expect((await backtest(dir, 'missing', 'bars.parquet')).status).toBe(66)
  })

  test('of one symbol trades that one, wherever it is taken, and is refused by name where two are traded', async () => {
    const dir = await withBars()
    const trained = await train(dir, '-o', 'one', '--symbols', 'NVDA', '--hold-prior', '0', '--long-only')
    expect(trained.status).toBe(0)
    const one = ['--policy', 'model:one', '--symbols', 'NVDA', 'bars.parquet']
    const { status, stdout } = await dir.called(['backtest', ...one])
    const records = parse(stdout)
    expect([status, records.at(-1).symbols, records.at(-1).long_only]).toEqual([0, ['NVDA'], true])
    expect(Object.keys(records.at(-1).baselines)).toEqual(['flat', 'buy-hold NVDA', 'sma-cross'])
    expect(records.some(({ type }) => type === 'fill')).toBe(true)
    for (const { symbol, positions } of records) {
      if (symbol !== undefined) expect(symbol).toBe('NVDA')
      if (positions !== undefined) expect(Object.keys(positions)).toEqual(['NVDA'])
    }
    const explained = await dir.called(['backtest', '--explain', '2025-07-30 10:30', ...one])
    const [decision] = parse(explained.stdout)
    expect([Object.keys(decision.inputs).length, decision.model.mask]).toEqual([
      13,
      [0, 0, 0, 0, 1, 0, 0, 1, 0],
    ])
    const checked = await dir.called(['check-env', ...one])
    expect([checked.status, parse(checked.stdout).every(({ ok }) => ok)]).toEqual([0, true])
    expect((await dir.called(['export-model', 'one'])).stdout).toContain('next_hidden')
    const two = 'one/best.safetensors: the model trades one symbol, and the run two\n'
    for (const command of ['backtest', 'check-env', 'paper']) {
      const bars = command === 'paper' ? ['--replay', 'bars.parquet'] : ['bars.parquet']
      const refused = await dir.called([command, '--policy', 'model:one', ...bars])
      expect([refused.status, refused.stdout, refused.stderr]).toEqual([65, '', expect.stringContaining(two)])
    }
    const replayed = ['--symbols', 'NVDA', '--policy', 'replay:a.json', 'bars.parquet']
    dir.write('a.json', '[7,8]')
    expect((await dir.called(['backtest', ...replayed])).stderr).toBe(
      'jules backtest: a.json:2: action 8 trades a second symbol, and there is one\n',
    )
    const paper = await dir.called(['paper', '--symbols', 'NVDA', '--replay', 'bars.parquet'])
    expect([paper.status, paper.stderr]).toEqual([
      64,
      expect.stringContaining('--symbols: expected two symbols'),
    ])
  })

  test('long-only models never go short, without the flag', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'long', '--long-only', '--hold-prior', '0')).status).toBe(0)
    const { stdout } = await dir.called([
      'backtest',
      '--policy',
      'model:long',
      '--records',
      'equity,summary',
      'bars.parquet',
    ])
    for (const { positions } of parse(stdout).slice(0, -1))
      for (const held of Object.values(positions)) expect(held).toBeGreaterThanOrEqual(0)
  })

  test('classic features come with a normaliser, which travels in the model', async () => {
    const dir = await withBars()
    expect((await train(dir, '-o', 'classic', '--features', 'classic')).status).toBe(0)
    const model = decodeModel(readFileSync(dir.file('classic/policy.safetensors')), 'classic')
    expect(model.normaliser?.mean.some((value) => value > 100)).toBe(true)
    const run = await backtest(dir, 'classic', 'bars.parquet')
    expect([run.status, parse(run.stdout)[0].features]).toEqual([0, 'classic'])
    expect((await train(dir, '-o', 'raw', '--features', 'classic', '--raw-obs')).status).toBe(0)
    expect(decodeModel(readFileSync(dir.file('raw/policy.safetensors')), 'raw').normaliser).toBe(null)
  })

  test('export-model writes ONNX', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const { status } = await dir.called(['export-model', 'whole', '-o', 'p.onnx'])
    expect(status).toBe(0)
    expect(readFileSync(dir.file('p.onnx')).toString('latin1')).toContain('next_hidden')
    const piped = await dir.called(['export-model', 'whole'])
    expect([piped.status, piped.stdout]).toEqual([
      0,
      (await dir.called(['export-model', 'whole', '-o', '-'])).stdout,
    ])
    expect(piped.stdout).toContain('next_hidden')
  })
})
