/** `train --resume` after a signal, a damaged checkpoint, and with other bars. */
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse, resume, SHORT, sha256, train, undisturbed, wholeRun, withBars } from '../support/training.js'
import { finished } from '../support/workdir.js'

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s writes a checkpoint and a model, and it goes on from there', async (signal, code) => {
  const dir = await withBars()
  const { policy } = await wholeRun(dir)
  const args = [...SHORT, '--checkpoint-every', '1000000', '-o', 'stopped', 'bars.parquet']
  const child = dir.start('node', [join(process.cwd(), 'bin/jules'), 'train', ...args])
  child.stdout?.once('data', () => child.kill(signal))
  const { status, stderr } = await finished(child)
  expect(status).toBe(code)
  expect(stderr).toMatch(/stopped at step \d+; go on with: jules train --resume stopped\n$/)
  expect(existsSync(dir.file('stopped/policy.safetensors'))).toBe(true)
  const after = await resume(dir, 'stopped')
  expect(after.status).toBe(0)
  expect(after.stderr).toMatch(/going on from step \d+\n/)
  expect(sha256(dir.file('stopped/policy.safetensors'))).toBe(policy)
})

test('a damaged checkpoint gives way to the previous one, with a warning; two are refused', async () => {
  const dir = await withBars()
  const hash = await undisturbed(dir)
  const path = dir.file('whole/checkpoint.safetensors')
  const previous = dir.file('whole/checkpoint-previous.safetensors')
  const flip = (file: string) => {
    const bytes = readFileSync(file)
    const at = bytes.length - 100
    bytes[at] = bytes[at]! ^ 1
    writeFileSync(file, bytes)
  }
  flip(path)
  const first = await resume(dir, 'whole')
  expect([first.status, first.stderr]).toEqual([
    0,
    expect.stringContaining(
      'warning: whole/checkpoint.safetensors: is damaged: its content does not fit its hash; going on from checkpoint-previous.safetensors\n',
    ),
  ])
  expect(sha256(dir.file('whole/policy.safetensors'))).toBe(hash)
  truncateSync(path, Math.floor(statSync(path).size / 2))
  flip(previous)
  const second = await resume(dir, 'whole')
  const command = `jules train --resume whole --force '${dir.file('bars.parquet')}'`
  expect(second.status).toBe(65)
  expect(second.stderr).toMatch(
    /: no checkpoint is sound: whole\/checkpoint.safetensors: is not a safetensors file.*; whole\/checkpoint-previous.safetensors: is damaged: its content does not fit its hash\n/,
  )
  expect(second.stderr).toContain(`hint: to start over: ${command}\n`)
  const anew = await dir.line(command)
  expect([anew.status, anew.stderr]).toEqual([0, expect.stringContaining('; starting over\n')])
  expect(sha256(dir.file('whole/policy.safetensors'))).toBe(hash)
})

test('other bars are refused with 65, other settings with 64, a folder of something else with 66', async () => {
  const dir = await withBars()
  await undisturbed(dir)
  const seed = await resume(dir, 'whole', '--seed', '9')
  expect([seed.status, seed.stderr]).toEqual([
    64,
    'jules train: --seed: the run has the default, and it would not be the same run\njules train: hint: leave it out, or start a new run\n',
  ])
  expect((await resume(dir, 'whole', '--steps', '4096', '--threads', '1')).status).toBe(0)
  expect(
    (await dir.called(['fetch', '--mock', '--days', '8', '--seed', '5', '-o', 'bars.parquet'])).status,
  ).toBe(0)
  const bars = await resume(dir, 'whole')
  expect(bars.status).toBe(65)
  expect(bars.stderr).toContain(
    `jules train: ${dir.file('bars.parquet')}: the bars are not those that the run began with\n`,
  )
  dir.write('no', '')
  expect((await resume(dir, '.')).status).toBe(66)
  expect((await resume(dir, 'nowhere')).status).toBe(66)
})

test('a run from standard input asks for it again', async () => {
  const dir = await withBars()
  await dir.line(`jules fetch bars.parquet | jules train ${SHORT.join(' ')} -o piped -`)
  const without = await resume(dir, 'piped')
  expect([without.status, without.stderr]).toEqual([
    64,
    expect.stringContaining('the run read standard input'),
  ])
  const again = await dir.line('jules fetch bars.parquet | jules train --resume piped -')
  expect(again.status).toBe(0)
})

test('--extend trains a finished run on, whatever the threads, and says what it needs', async () => {
  const dir = await withBars()
  const alone = await train(dir, '-o', 'none', '--extend', '1e3')
  expect([alone.status, alone.stderr]).toEqual([
    64,
    'jules train: --extend: needs --resume, the folder of a finished run\n',
  ])
  const hashes: string[] = []
  for (const threads of ['1', '2']) {
    expect((await train(dir, '-o', threads, '--steps', '512', '--threads', threads)).status).toBe(0)
    const { status, stderr, stdout } = await resume(dir, threads, '--extend', '1e3')
    expect([status, stderr]).toEqual([0, expect.stringContaining('extending the run by 1024 steps\n')])
    expect(parse(stdout).at(-1)).toMatchObject({ type: 'model', steps: 1536 })
    hashes.push(
      sha256(dir.file(`${threads}/policy.safetensors`)),
      sha256(dir.file(`${threads}/best.safetensors`)),
    )
  }
  expect(hashes.slice(2)).toEqual(hashes.slice(0, 2))
})
