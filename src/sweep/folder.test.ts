import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { lockWorldOf } from '../../test/support/lock-world.js'
import { Workdir } from '../../test/support/workdir.js'
import { takeLock } from '../base/lock.js'
import { hasEnded, type Job, TaskFolder } from './folder.js'
import { planTasks } from './task.js'

const MINUTE = 60_000
const [task] = planTasks([{ argv: ['train'], inputs: [] }], { version: 'jules 1' })

function bench() {
  const dir = new Workdir()
  const folder = new TaskFolder(dir.path, task!)
  folder.prepare('/nowhere/jules', () => 'token')
  const tell = (state: string, more: object = {}) =>
    writeFileSync(
      folder.file('status'),
      JSON.stringify({
        ...{
          id: task!.id,
          state,
          exit: state === 'running' ? null : 0,
          score: null,
          sha256: null,
          host: 'here',
        },
        ...{ pid: 7, start: '', started: 's', ended: state === 'running' ? null : 'e' },
        ...more,
      }),
    )
  /** Makes the folder as old as this. */
  const age = (ms: number) => {
    const then = new Date(Date.now() - ms)
    for (const path of [
      folder.path,
      ...(['task', 'script', 'status'] as const).map((name) => folder.file(name)),
    ])
      if (existsSync(path)) utimesSync(path, then, then)
  }
  const seen = async ({ alive = true, hasJob = null as boolean | null } = {}) =>
    (
      await folder.seen({
        lock: lockWorldOf(1, { isAlive: () => alive }),
        lostAfterMs: 15 * MINUTE,
        hasJob: async () => hasJob,
      })
    ).state
  return { folder, tell, age, seen }
}

const job: Job = { job: '17', submit: 's', status: 'q', cancel: null, time: 't' }

describe('the state of a task', () => {
  test('is waiting before it said anything, and what it said once it ended', async () => {
    const { seen, tell } = bench()
    expect(await seen()).toBe('waiting')
    for (const state of ['done', 'failed', 'cancelled']) {
      tell(state)
      expect(await seen()).toBe(state)
    }
  })

  test('is running while its process lives here, and lost when that is gone', async () => {
    const { seen, tell } = bench()
    tell('running')
    expect([await seen({ alive: true }), await seen({ alive: false })]).toEqual(['running', 'lost'])
  })

  test('of another machine is lost when nothing has changed for long', async () => {
    const { seen, tell, age } = bench()
    tell('running', { host: 'there' })
    expect(await seen({ alive: false })).toBe('running')
    age(14 * MINUTE)
    expect(await seen({ alive: false })).toBe('running')
    age(16 * MINUTE)
    expect(await seen({ alive: false })).toBe('lost')
  })

  test('is running while train holds its run, though run.sh was killed', async () => {
    const { seen, tell, folder } = bench()
    tell('running', { pid: 8 })
    mkdirSync(folder.model)
    await takeLock(lockWorldOf(9), join(folder.model, 'run'), { waitMs: 0 })
    const asked = (living: number) => ({
      lock: lockWorldOf(1, { isAlive: ({ pid }) => pid === living }),
      ...{ lostAfterMs: MINUTE, hasJob: async () => null },
    })
    expect((await folder.seen(asked(9))).state).toBe('running')
    expect((await folder.seen(asked(0))).state).toBe('lost')
    expect(await seen({ alive: false })).toBe('lost')
  })

  test('is submitted while the scheduler has it or cannot say, and then lost', async () => {
    const { seen, folder, tell } = bench()
    folder.writeJob(job, () => 'token')
    expect(await seen({ hasJob: true })).toBe('submitted')
    expect(await seen({ hasJob: null })).toBe('submitted')
    expect(await seen({ hasJob: false })).toBe('lost')
    tell('running', { host: 'there' })
    expect([await seen({ hasJob: true }), await seen({ hasJob: false })]).toEqual(['running', 'lost'])
    tell('done', { host: 'there' })
    expect(await seen({ hasJob: false })).toBe('done')
  })

  test('is cancelled where it was before it began', async () => {
    const { seen, folder } = bench()
    folder.markCancelled()
    expect(await seen()).toBe('cancelled')
  })

  test('pruned in another plan, it waits in one that does not halve', async () => {
    const { seen, tell } = bench()
    tell('pruned')
    expect(await seen()).toBe('waiting')
  })

  test('a status that is no status says nothing', async () => {
    const { seen, folder, tell } = bench()
    for (const text of ['', '{', '5', '{"state":"done"}', '{"state":"tired"}']) {
      writeFileSync(folder.file('status'), text)
      expect(await seen()).toBe('waiting')
    }
    tell('done', { pid: 'x' })
    expect(await seen()).toBe('waiting')
  })
})

test('to be run again a task forgets how it ended, and the lock of a machine that is gone', async () => {
  const { folder, tell } = bench()
  tell('running', { host: 'there' })
  folder.writeJob(job, () => 'token')
  folder.markCancelled()
  mkdirSync(folder.model)
  await takeLock(lockWorldOf(9, { host: 'there' }), join(folder.model, 'run'), { waitMs: 0 })
  folder.forget(lockWorldOf(1))
  for (const name of ['status', 'job', 'cancel'] as const) expect(existsSync(folder.file(name))).toBe(false)
  await takeLock(lockWorldOf(1), join(folder.model, 'run'), { waitMs: 0 })
  // That of a process which lives is not taken.
  expect(() => folder.forget(lockWorldOf(2))).toThrow('in use by process 1 on here')
})

test('what diverged has ended for those who need it, what failed otherwise has not', () => {
  const seen = (state: 'done' | 'failed' | 'pruned' | 'cancelled', exit: number) => ({
    state,
    status: { state, exit } as never,
  })
  expect([seen('done', 0), seen('pruned', 0), seen('failed', 1)].map(hasEnded)).toEqual([true, true, true])
  expect([seen('failed', 69), seen('cancelled', 1)].map(hasEnded)).toEqual([false, false])
})
