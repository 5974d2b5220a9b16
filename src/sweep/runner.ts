/**
 * Runs the tasks of a plan on this machine, so many at a time. It knows nothing but the folders: several of them may run one plan,
 * and one that was killed is replaced by the next. A task that another process works on is waited for.
 */
import { hasEnded, isInterrupted, type Seen } from './folder.js'
import type { Task } from './task.js'

/** What the runner needs of the machine. */
export interface RunnerWorld {
  readonly parallel: number
  /** Whether a task may be run; the others are looked at alone. */
  readonly only: (task: Task) => boolean
  readonly signal: AbortSignal
  readonly look: (task: Task) => Promise<Seen>
  /** Makes the folder of a task ready to be started, whatever was there; false where somebody works on it since. */
  readonly ready: (seen: Seen) => boolean
  /** Runs run.sh until it ends. */
  readonly start: (task: Task) => Promise<void>
  /** Called for each task that comes to an end meanwhile. */
  readonly ended: (seen: Seen) => Promise<void>
  readonly sleep: (ms: number) => Promise<void>
}

/** Between two looks at tasks that others work on. */
const LOOK_EVERY_MS = 500

/** Starts of a task that says nothing of how it ended, though nobody else works on it. */
const MOST_STARTS = 3

/** Whether a task is to be run. */
export const isToRun = (seen: Seen): boolean =>
  seen.state === 'waiting' || seen.state === 'lost' || isInterrupted(seen)

/**
 * Runs whatever is not done and did not fail, and waits for what others run. Resolves with how every task stands at the end; a
 * task whose needs failed is still waiting. Throws what `ready` and `ended` throw, once the tasks that run have ended.
 */
export async function runTasks(tasks: readonly Task[], world: RunnerWorld): Promise<Seen[]> {
  const seen = new Map<string, Seen>()
  const left = new Map<string, Task>()
  for (const task of tasks) {
    const first = await world.look(task)
    seen.set(task.id, first)
    if (world.only(task) && (isToRun(first) || first.state === 'running')) left.set(task.id, task)
  }
  const running = new Map<string, Promise<void>>()
  const starts = new Map<string, number>()
  const failures: unknown[] = []

  const look = async (task: Task): Promise<Seen> => {
    const now = await world.look(task)
    seen.set(task.id, now)
    return now
  }
  const close = async (now: Seen): Promise<void> => {
    left.delete(now.task.id)
    await world.ended(now)
  }
  const run = async (before: Seen): Promise<void> => {
    const { task } = before
    if (!world.ready(before)) return
    await world.start(task)
    const now = await look(task)
    if (now.state === 'running') return
    const count = (starts.get(task.id) ?? 0) + 1
    starts.set(task.id, count)
    if (!isToRun(now) || isInterrupted(now) || count >= MOST_STARTS) await close(now)
  }

  while (left.size > 0 && failures.length === 0 && !world.signal.aborted) {
    let isOfOthers = false
    for (const task of [...left.values()]) {
      if (running.size >= world.parallel || world.signal.aborted) break
      if (running.has(task.id) || !task.needs.every((id) => hasEnded(seen.get(id)!))) continue
      const now = await look(task)
      if (now.state === 'running') isOfOthers = true
      else if (!isToRun(now)) await close(now)
      else {
        const done = run(now)
          .catch((error) => failures.push(error))
          .then(() => {
            running.delete(task.id)
          })
        running.set(task.id, done)
      }
    }
    if (running.size === 0 && !isOfOthers) {
      // What is left needs what failed; or the last look closed something that others need.
      if (![...left.values()].some(({ needs }) => needs.every((id) => hasEnded(seen.get(id)!)))) break
      continue
    }
    const pauses = isOfOthers || running.size < world.parallel ? [world.sleep(LOOK_EVERY_MS)] : []
    await Promise.race([...running.values(), ...pauses])
  }
  await Promise.all(running.values())
  if (failures.length > 0) throw failures[0]
  return tasks.map(({ id }) => seen.get(id)!)
}
