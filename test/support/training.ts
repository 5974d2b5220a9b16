/** Small training runs of the built binary. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type Result, Workdir } from './workdir.js'

export type Json = ReturnType<typeof JSON.parse>

export const parse = (text: string): Json[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

export const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Eight sessions and a run of eight rollouts: under a second of work. */
export const SHORT = [
  '--steps',
  '4096',
  '--envs',
  '8',
  '--n-steps',
  '64',
  '--batch-size',
  '256',
  '--checkpoint-every',
  '512',
  '--eval-every',
  '1024',
]

export async function withBars(days = 8, more: readonly string[] = []): Promise<Workdir> {
  const dir = new Workdir()
  const args = ['fetch', '--mock', '--days', String(days), '-o', 'bars.parquet', ...more]
  const { status, stderr } = await dir.jules(args)
  expect([status, stderr]).toEqual([0, ''])
  return dir
}

export const train = (dir: Workdir, ...args: readonly string[]): Promise<Result> =>
  dir.jules(['train', ...SHORT, ...args, 'bars.parquet'])

export const resume = (dir: Workdir, name: string, ...more: readonly string[]): Promise<Result> =>
  dir.jules(['train', '--resume', name, ...more])

/** What an undisturbed run writes. */
export async function undisturbed(dir: Workdir): Promise<string> {
  expect((await train(dir, '-o', 'whole')).status).toBe(0)
  return sha256(dir.file('whole/policy.safetensors'))
}
