/** `train --gpu` where its packages are not there. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SHORT, withBars } from '../support/training.js'
import { Workdir } from '../support/workdir.js'

describe('the GPU', () => {
  test.each([
    [['--gpu-device', '1'], '--gpu-device: needs --gpu'],
    [['--gpu-tf32'], '--gpu-tf32: needs --gpu'],
    [['--gpu-tf32', '--gpu=none'], '--gpu-tf32: needs --gpu'],
    [['--gpu-tf32', '--gpu=webgpu'], '--gpu-tf32: WebGPU has no such choice, only --gpu does'],
    [['--gpu-device', '0', '--gpu=webgpu'], '--gpu-device: WebGPU has no such choice, only --gpu does'],
  ])('%j is 64', async (words, message) => {
    const { status, stderr } = await new Workdir().called(['train', '--env', 'recall2', ...words])
    expect([status, stderr]).toEqual([64, `jules train: ${message}\n`])
  })

  test('a run goes on with another engine only with --force, which names it', async () => {
    const dir = new Workdir()
    const run = [
      'train',
      '--env',
      'recall2',
      '--steps',
      '64',
      '--envs',
      '2',
      '--n-steps',
      '32',
      '--hidden',
      '8',
    ]
    expect((await dir.called([...run, '-o', 'run'])).status).toBe(0)
    const before = JSON.parse(readFileSync(dir.file('run/manifest.json'), 'utf8'))
    const asked = await dir.called(['train', '--resume', 'run', '--gpu'])
    expect(asked.status).toBe(64)
    expect(asked.stderr).toContain('--gpu: the run has the default, and it would not be the same run')
    expect(asked.stderr).toContain('hint: --force goes on with another engine, and the manifest says so')
    // It gets as far as the package that is not there, and what was told of the run stays.
    const forced = await dir.called(['train', '--resume', 'run', '--gpu', '--force'])
    expect(forced.status).toBe(69)
    expect((await dir.called(['train', '--resume', 'run', '--gpu=none', '--force'])).status).toBe(0)
    expect(JSON.parse(readFileSync(dir.file('run/manifest.json'), 'utf8'))).toEqual(before)
  })

  test.each([
    ['--gpu', '@tensorflow/tfjs-node-gpu'],
    ['--gpu=webgpu', 'webgpu'],
  ])('%s without its package is 69, and never a run on the CPU', async (flag, name) => {
    const dir = await withBars()
    // The flag stands before the operand, and does not take it for its value.
    const { status, stdout, stderr } = await dir.jules(['train', ...SHORT, '-o', 'run', flag, 'bars.parquet'])
    expect([status, stdout]).toEqual([69, ''])
    expect(stderr).toContain(
      `jules train: the package ${name} is not installed\njules train: hint: npm install`,
    )
    expect(existsSync(dir.file('run'))).toBe(false)
  })
})
