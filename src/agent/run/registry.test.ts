import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockWorldOf } from '../../../test/support/lock-world.js'
import {
  type CollectedRun,
  type Registration,
  register,
  registerEnd,
  registered,
  registerMissing,
  runsOf,
  trialsOn,
} from './registry.js'

const run = (more: Partial<Registration>): Registration => ({
  run: 'r',
  time: '2025-08-01T00:00:00Z',
  path: '/p',
  task: 'trading',
  symbols: ['NVDA', 'MSFT'],
  interval: '1m',
  from: '2025-01-02',
  to: '2025-03-31',
  trial: 'a',
  ...more,
})

function file(): string {
  const dir = mkdtempSync(join(tmpdir(), 'jules-registry-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return join(dir, 'deep', 'runs.ndjson')
}

test('a trial is a distinct setting on the same symbols and interval over dates that overlap', async () => {
  const path = file()
  const number = (more: Partial<Registration>) => register(path, run(more))
  expect(await number({})).toBe(1)
  expect(await number({ trial: 'b' })).toBe(2)
  expect(await number({ trial: 'a' })).toBe(1)
  expect(await number({ trial: 'c', symbols: ['AMD', 'INTC'] })).toBe(1)
  expect(await number({ trial: 'd', interval: '5m' })).toBe(1)
  expect(await number({ trial: 'e', from: '2025-04-01', to: '2025-06-30' })).toBe(1)
  expect(await number({ trial: 'f', from: '2025-03-31', to: '2025-04-30' })).toBe(4)
  expect(await number({ trial: 'g', from: null, to: null, task: 'recall2' })).toBe(null)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a model is one of all trials on its bars, whenever they were made', async () => {
  const path = file()
  for (const more of [
    {},
    { trial: 'b' },
    { trial: 'b' },
    { trial: 'c', symbols: ['AMD', 'INTC'] },
    { trial: 'd', interval: '5m' },
    { trial: 'e', from: '2025-04-01', to: '2025-06-30' },
    { trial: 'f', from: '2025-03-31', to: '2025-04-30' },
    { trial: 'g', from: null, to: null },
  ])
    await register(path, run(more))
  const span = { symbols: ['NVDA', 'MSFT'], interval: '1m', from: '2025-01-02', to: '2025-03-31' }
  const runs = await registered(path)
  expect(trialsOn(runs, span)).toBe(3)
  expect(trialsOn(runs, { ...span, from: '2025-04-15', to: '2025-05-01' })).toBe(2)
  expect(trialsOn(runs, { ...span, from: '2026-01-02', to: '2026-02-01' })).toBe(0)
  expect(trialsOn(await registered(`${path}.none`), span)).toBe(0)
})

test('runs that start together are all there, and a torn line hides none', async () => {
  const path = file()
  await Promise.all(Array.from({ length: 40 }, (_, i) => register(path, run({ trial: String(i) }))))
  appendFileSync(path, '{"type":"run","ru')
  expect(await register(path, run({ trial: 'last' }))).toBe(41)
  appendFileSync(path, 'null\n{"type":"other"}\n')
  expect(await register(path, run({ trial: 'last' }))).toBe(41)
  expect(await registered(path)).toHaveLength(42)
})

const ended = {
  time: '2025-08-01T01:00:00Z',
  end: 'steps',
  step: 512,
  best: { reward: 3, step: 256 },
} as const

test('runs of other machines are entered once, however many collect them at once', async () => {
  const path = file()
  const runs: CollectedRun[] = Array.from({ length: 30 }, (_, n) => ({
    ...run({ run: `r${n}`, trial: String(n % 10) }),
    ended: n < 20 ? ended : null,
  }))
  const counts = await Promise.all([1, 2, 3, 4].map((pid) => registerMissing(path, runs, lockWorldOf(pid))))
  expect(counts.sort((a, b) => a - b)).toEqual([0, 0, 0, 30])
  const known = await runsOf(path)
  expect(known.map((one) => one.run)).toEqual(runs.map((one) => one.run))
  expect(known.map((one) => one.ended)).toEqual(runs.map((one) => one.ended))
  // Ten settings, three times each, are ten trials.
  expect(new Set(known.map(({ trials }) => trials))).toEqual(new Set([10]))
  expect(readFileSync(path, 'utf8').trim().split('\n')).toHaveLength(30)
})

test('a run that was trained here is there already, and only what it lacks is added', async () => {
  const path = file()
  await register(path, run({}))
  expect(await registerMissing(path, [{ ...run({}), ended }], lockWorldOf(1))).toBe(0)
  expect((await runsOf(path)).map((one) => one.ended)).toEqual([ended])
  await registerEnd(path, { ...ended, run: 'r', started: run({}).time, path: '/p', step: 1024 })
  await registerMissing(path, [{ ...run({}), ended: { ...ended, step: 1024 } }], lockWorldOf(1))
  const later = readFileSync(path.replace('runs.ndjson', 'runs-later.ndjson'), 'utf8')
  expect(later.trim().split('\n')).toHaveLength(2)
})

test('an end that lacks what is looked at is passed over, and the run stays counted', async () => {
  const path = file()
  await register(path, run({}))
  const end = { run: 'r', started: run({}).time, time: 't', path: '/p', end: 'steps', step: 1, best: null }
  for (const more of [
    { end: {} },
    { end: 'soon' },
    { step: 'NaN' },
    { best: [1] },
    { best: { reward: 'x', step: 1 } },
  ])
    appendFileSync(path, `${JSON.stringify({ type: 'end', ...end, ...more })}\n`)
  expect(await runsOf(path)).toMatchObject([{ run: 'r', ended: null, trials: 1 }])
  appendFileSync(path, `${JSON.stringify({ type: 'end', ...end })}\n`)
  expect(await runsOf(path)).toMatchObject([{ ended: { end: 'steps', step: 1 } }])
})
