/** What training may see: the first part of the sessions teaches, the second chooses, the third is never looked at. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeModel } from '../../src/agent/model/model.js'
import { type Json, parse, SHORT, train, withBars } from '../support/training.js'
import type { Workdir } from '../support/workdir.js'

/** Without the prior a short run trades, and has scores. */
const TRADES = [...SHORT, '--hold-prior', '0']

/** Trains on the bars with all prices from a day on half as high. */
async function trained(dir: Workdir, bars: readonly Json[], name: string, from: string) {
  const input = bars
    .map((bar) => {
      if (bar.time < from) return bar
      const { open, high, low, close, vwap } = bar
      return { ...bar, open: open / 2, high: high / 2, low: low / 2, close: close / 2, vwap: vwap / 2 }
    })
    .map((bar) => `${JSON.stringify(bar)}\n`)
    .join('')
  const { status, stdout } = await dir.called(['train', ...TRADES, '-o', name, '-'], { input })
  expect(status).toBe(0)
  const parameters = (file: string) => [
    ...decodeModel(readFileSync(dir.file(`${name}/${file}`)), name).parameters,
  ]
  return {
    last: parameters('policy.safetensors'),
    best: parameters('best.safetensors'),
    scores: parse(stdout).flatMap((one) => one['eval/mean_reward'] ?? []),
  }
}

test('bars of validation change no weight, bars of the test not even a score', async () => {
  const dir = await withBars(20, ['--regime', 'mean-revert'])
  expect((await train(dir, '-o', 'run')).status).toBe(0)
  const { data, test: kept } = JSON.parse(dir.read('run/manifest.json'))
  expect([data.train[1] < data.validation[0], data.validation[1] < kept.from]).toEqual([true, true])
  const bars = parse((await dir.called(['fetch', 'bars.parquet'])).stdout)
  const whole = await trained(dir, bars, 'whole', '9999')
  const test_ = await trained(dir, bars, 'test', kept.from)
  expect(test_).toEqual(whole)
  const validation = await trained(dir, bars, 'validation', data.validation[0])
  expect(validation.last).toEqual(whole.last)
  expect(whole.scores.every((score) => score !== 0)).toBe(true)
  expect(validation.scores).not.toEqual(whole.scores)
  const training = await trained(dir, bars, 'training', bars[Math.floor(bars.length / 4)].time)
  expect(training.last).not.toEqual(whole.last)
})

test('the normaliser knows the bars of training alone', async () => {
  const dir = await withBars(20)
  const classic = ['--features', 'classic']
  expect((await train(dir, ...classic, '-o', 'run')).status).toBe(0)
  const { data } = JSON.parse(dir.read('run/manifest.json'))
  const means = (name: string) => [
    ...decodeModel(readFileSync(dir.file(`${name}/policy.safetensors`)), name).normaliser!.mean,
  ]
  expect((await train(dir, ...classic, '-o', 'cut', '--eval-every', '4096')).status).toBe(0)
  // However often it was evaluated.
  expect(means('cut')).toEqual(means('run'))
  const bars = parse((await dir.called(['fetch', 'bars.parquet'])).stdout)
  const input = bars
    .map((bar) => (bar.time < data.validation[0] ? bar : { ...bar, volume: 9 * bar.volume }))
    .map((bar) => `${JSON.stringify(bar)}\n`)
    .join('')
  expect((await dir.called(['train', ...SHORT, ...classic, '-o', 'later', '-'], { input })).status).toBe(0)
  expect(means('later')).toEqual(means('run'))
})

test('a phase of a curriculum is trained at its own costs', async () => {
  const dir = await withBars()
  const parameters = async (name: string, phase: object) => {
    dir.write('plan.json', JSON.stringify([{ name: 'only', steps: 1024, ...phase }]))
    const args = [...SHORT.slice(2), '--curriculum', 'plan.json', '-o', name, 'bars.parquet']
    expect((await dir.called(['train', ...args])).status).toBe(0)
    return [...decodeModel(readFileSync(dir.file(`${name}/policy.safetensors`)), name).parameters]
  }
  const plain = await parameters('plain', {})
  expect(await parameters('same', { commission: 'ib-tiered' })).toEqual(plain)
  expect(await parameters('free', { commission: 'none' })).not.toEqual(plain)
  expect(await parameters('spread', { 'half-spread-bps': 0 })).not.toEqual(plain)
})

test('a validation of one bar is refused', async () => {
  const dir = await withBars(8, ['--interval', '1d'])
  const daily = ['--interval', '1d', '--overnight', '--warmup', '1', '-o', 'run', 'bars.parquet']
  const { status, stderr } = await dir.called(['train', ...daily])
  expect([status, stderr]).toEqual([65, 'jules train: bars.parquet: one bar to validate on is too few\n'])
})
