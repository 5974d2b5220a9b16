/** `train --native`: the same run, by other kernels. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ADDON, NEEDS_ADDON } from '../support/engines.js'
import { resume, SHORT, sha256, train, undisturbed, withBars } from '../support/training.js'
import { BIN, finished } from '../support/workdir.js'

describe.skipIf(ADDON === null)(`with native kernels${NEEDS_ADDON}`, () => {
  test('a run is the same run: killed, it goes on to the same bytes with or without them', async () => {
    const dir = await withBars()
    const whole = await undisturbed(dir)
    expect((await train(dir, '--native', '-o', 'native')).status).toBe(0)
    expect(sha256(dir.file('native/policy.safetensors'))).toBe(whole)
    const { engine, options } = JSON.parse(dir.read('native/manifest.json'))
    expect([engine, options.native]).toEqual([JSON.parse(dir.read('whole/manifest.json')).engine, 'true'])
    for (const flags of [[], ['--native']]) {
      const name = `killed${flags.length}`
      const child = dir.start(BIN, ['train', ...SHORT, '--native', '-o', name, 'bars.parquet'])
      child.stdout?.on('data', () => {
        if (existsSync(dir.file(`${name}/checkpoint.safetensors`))) child.kill('SIGKILL')
      })
      expect((await finished(child)).signal).toBe('SIGKILL')
      expect((await resume(dir, name, ...flags)).status).toBe(0)
      expect(sha256(dir.file(`${name}/policy.safetensors`))).toBe(whole)
    }
  })
})

test.skipIf(ADDON !== null)('without native kernels --native is 69, and nothing is begun', async () => {
  const dir = await withBars()
  const { status, stdout, stderr } = await train(dir, '--native', '-o', 'run')
  expect([status, stdout]).toEqual([69, ''])
  expect(stderr).toContain('jules train: the native kernels are not built\n')
  expect(stderr).toContain('npm run build:native')
})
