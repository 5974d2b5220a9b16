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
  '--hidden',
  '16',
  '--checkpoint-every',
  '512',
  '--eval-every',
  '1024',
]

const made = new Map<string, Buffer>()

/** A directory with bars.parquet; the same bars are made once a file of tests, and copied. */
export async function withBars(days = 8, more: readonly string[] = []): Promise<Workdir> {
  const dir = new Workdir()
  const args = ['fetch', '--mock', '--days', String(days), '-o', 'bars.parquet', ...more]
  const bars = made.get(args.join(' '))
  if (bars !== undefined) {
    dir.write('bars.parquet', bars)
    return dir
  }
  const { status, stderr } = await dir.called(args)
  expect([status, stderr]).toEqual([0, ''])
  made.set(args.join(' '), readFileSync(dir.file('bars.parquet')))
  return dir
}

export const train = (dir: Workdir, ...args: readonly string[]): Promise<Result> =>
  dir.called(['train', ...SHORT, ...args, 'bars.parquet'])

export const resume = (dir: Workdir, name: string, ...more: readonly string[]): Promise<Result> =>
  dir.called(['train', '--resume', name, ...more])

export interface Hashes {
  readonly policy: string
  readonly best: string
}

let hashes: Hashes | undefined

/** What an undisturbed run of eight sessions writes, for tests that disturb another one; trained once a file of tests. */
export async function wholeRun(dir: Workdir): Promise<Hashes> {
  hashes ??= { policy: await undisturbed(dir), best: sha256(dir.file('whole/best.safetensors')) }
  return hashes
}

/** The hash of what an undisturbed run writes to the folder `whole`. */
export async function undisturbed(dir: Workdir): Promise<string> {
  expect((await train(dir, '-o', 'whole')).status).toBe(0)
  return sha256(dir.file('whole/policy.safetensors'))
}
