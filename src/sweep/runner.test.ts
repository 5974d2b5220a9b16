import { describe, expect, test } from 'vitest'
import type { Seen, Status, TaskState } from './folder.js'
import { type RunnerWorld, runTasks } from './runner.js'
import { planTasks, type Task } from './task.js'

const told = (state: Status['state'], exit: number | null): Status => ({
  ...{
    state,
    exit,
    score: null,
    sha256: null,
    bestSha256: null,
    host: 'here',
    pid: 1,
    start: '',
    started: '',
  },
  ended: exit === null ? null : 'now',
})

/** Tasks in memory; `ends` says what each start leaves behind. */
function machine(count: number, ends: (task: Task, start: number) => [TaskState, Status | null]) {
  const tasks = planTasks(
    Array.from({ length: count }, (_, n) => ({ argv: ['train', '--seed', String(n)], inputs: [] })),
    { version: 'jules 1' },
  )
  const states = new Map<string, [TaskState, Status | null]>(tasks.map(({ id }) => [id, ['waiting', null]]))
  const stop = new AbortController()
  const did = { starts: [] as string[], ended: [] as string[], atOnce: 0, most: 0, sleeps: 0 }
  const world: RunnerWorld = {
    parallel: 2,
    only: () => true,
    signal: stop.signal,
    look: async (task): Promise<Seen> => {
      const [state, status] = states.get(task.id)!
      return { task, state, status, job: null }
    },
    ready: () => true,
    start: async (task) => {
      did.starts.push(task.id)
      did.most = Math.max(did.most, ++did.atOnce)
      await new Promise((done) => setTimeout(done, 1 + (did.starts.length % 3)))
      did.atOnce--
      states.set(task.id, ends(task, did.starts.filter((id) => id === task.id).length))
    },
    ended: async ({ task }) => void did.ended.push(task.id),
    sleep: async () => {
      did.sleeps++
      await new Promise((done) => setTimeout(done, 1))
    },
  }
  return { tasks, states, world, did, stop, ids: tasks.map(({ id }) => id) }
}

const done = (): [TaskState, Status] => ['done', told('done', 0)]

describe('the runner', () => {
  test('runs each task once, so many at a time', async () => {
    const { tasks, world, did, ids } = machine(7, done)
    const all = await runTasks(tasks, { ...world, parallel: 3 })
    expect(all.map(({ state }) => state)).toEqual(Array(7).fill('done'))
    expect([...did.starts].sort()).toEqual([...ids].sort())
    expect([...did.ended].sort()).toEqual([...ids].sort())
    expect(did.most).toBe(3)
  })

  test('leaves alone what is done or failed, and takes up what is lost or was interrupted', async () => {
    const { tasks, states, world, did, ids } = machine(5, done)
    states.set(ids[0]!, ['done', told('done', 0)])
    states.set(ids[1]!, ['failed', told('failed', 69)])
    states.set(ids[2]!, ['lost', told('running', null)])
    states.set(ids[3]!, ['failed', told('failed', 143)])
    await runTasks(tasks, world)
    expect([...did.starts].sort()).toEqual([ids[2]!, ids[3]!, ids[4]!].sort())
  })

  test('waits for what others run, and for what needs it', async () => {
    const { tasks, states, world, did, ids } = machine(3, done)
    const [first, second, third] = tasks
    states.set(ids[0]!, ['running', told('running', null)])
    const chained = [first!, { ...second!, needs: [ids[0]!] }, { ...third!, needs: [ids[1]!] }]
    const sleep = async () => {
      if (++did.sleeps === 3) states.set(ids[0]!, done())
      await new Promise((ok) => setTimeout(ok, 1))
    }
    const all = await runTasks(chained, { ...world, sleep })
    expect(all.map(({ state }) => state)).toEqual(['done', 'done', 'done'])
    expect(did.starts).toEqual([ids[1], ids[2]])
  })

  test('what needs a task that failed does not start, but for one that diverged', async () => {
    for (const [exit, state] of [
      [69, 'waiting'],
      [1, 'done'],
    ] as const) {
      const { tasks, world, ids } = machine(2, ({ id }) =>
        id === ids[0] ? ['failed', told('failed', exit)] : done(),
      )
      const all = await runTasks([tasks[0]!, { ...tasks[1]!, needs: [ids[0]!] }], world)
      expect(all.map((seen) => seen.state)).toEqual(['failed', state])
    }
  })

  test('a task that another runner takes in the same moment is waited for', async () => {
    const { tasks, states, world, did, ids } = machine(2, ({ id }) =>
      id === ids[0] ? ['running', told('running', null)] : done(),
    )
    const sleep = async () => {
      if (++did.sleeps === 2) states.set(ids[0]!, done())
      await new Promise((ok) => setTimeout(ok, 1))
    }
    const all = await runTasks(tasks, { ...world, sleep })
    expect(all.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(did.starts.filter((id) => id === ids[0])).toHaveLength(1)
  })

  test('a task that never says how it ended is given up after three starts', async () => {
    const { tasks, world, did, ids } = machine(2, ({ id }) => (id === ids[0] ? ['waiting', null] : done()))
    const all = await runTasks(tasks, world)
    expect(all.map(({ state }) => state)).toEqual(['waiting', 'done'])
    expect(did.starts.filter((id) => id === ids[0])).toHaveLength(3)
  })

  test('starts nothing after the signal, and ends when what runs has ended', async () => {
    const { tasks, world, did, stop } = machine(6, (_, start) => {
      stop.abort()
      return start === 1 ? ['failed', told('failed', 143)] : done()
    })
    await runTasks(tasks, world)
    expect(did.starts).toHaveLength(2)
    expect(did.atOnce).toBe(0)
  })

  test('a failure of its own ends it, once what runs has ended', async () => {
    const { tasks, world, did } = machine(4, done)
    const ready = ({ task }: Seen) => {
      if (task === tasks[1]) throw new Error('no room')
      return true
    }
    await expect(runTasks(tasks, { ...world, ready })).rejects.toThrow('no room')
    expect(did.atOnce).toBe(0)
  })
})
