/** A training run that is killed ends with the bytes of one that was not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { moments, rounds } from '../support/torture.js'
import { parse, resume, SHORT, sha256, wholeRun, withBars } from '../support/training.js'
import { finished } from '../support/workdir.js'

const count = rounds({ short: 2, full: 20 })
const kills = moments('train, killed after so many lines', { count, from: 1, to: 6 }).map(Math.floor)
test.each(kills)('killed after %i lines it ends with the same bytes', async (last) => {
  const dir = await withBars()
  const whole = await wholeRun(dir)
  const folder = dir.file('killed')
  const child = dir.start('node', [
    join(process.cwd(), 'bin/jules'),
    'train',
    ...SHORT,
    '-o',
    folder,
    'bars.parquet',
  ])
  child.stdin?.end()
  const end = finished(child)
  // Kills after so many of the eight metric lines, some time within the rollout that follows.
  let lines = 0
  child.stdout?.on('data', (data: Buffer) => {
    lines += data.toString().split('\n').length - 1
    if (lines >= last) child.kill('SIGKILL')
  })
  expect((await end).signal).toBe('SIGKILL')
  const { status, stdout } = await resume(dir, 'killed')
  expect(status).toBe(0)
  expect(parse(stdout).at(-1)).toMatchObject({ type: 'model', steps: 4096 })
  expect(sha256(`${folder}/policy.safetensors`)).toBe(whole.policy)
  expect(sha256(`${folder}/best.safetensors`)).toBe(whole.best)
  const steps = parse(readFileSync(`${folder}/metrics.ndjson`, 'utf8')).map(({ step }) => step)
  expect(steps).toEqual([512, 1024, 1536, 2048, 2560, 3072, 3584, 4096])
  expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('killed before its first checkpoint, it starts anew', async () => {
  const dir = await withBars()
  const whole = await wholeRun(dir)
  const child = dir.start('node', [
    join(process.cwd(), 'bin/jules'),
    'train',
    ...SHORT,
    '--checkpoint-every',
    '1000000',
    '-o',
    'early',
    'bars.parquet',
  ])
  child.stdin?.end()
  const end = finished(child)
  while (!existsSync(dir.file('early/manifest.json'))) await new Promise(setImmediate)
  child.kill('SIGKILL')
  await end
  expect(existsSync(dir.file('early/checkpoint.safetensors'))).toBe(false)
  const { stderr } = await resume(dir, 'early')
  expect(stderr).toContain('there is no checkpoint yet: starting from step 0')
  expect(sha256(dir.file('early/policy.safetensors'))).toBe(whole.policy)
})
