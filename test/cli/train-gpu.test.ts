/** `train --gpu` where its packages are not there. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SHORT, withBars } from '../support/training.js'

describe('the GPU', () => {
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
