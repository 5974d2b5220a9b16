/** What the commands of a sweep share: the plan, the folder of its tasks, and how they look at them. */
import { dirname, resolve } from 'node:path'
import { badData, systemFailure, usage } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { MINUTE, SECOND } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { choice, file, option, under } from '../../cli/options.js'
import { decodeUtf8 } from '../../stream/json.js'
import { type Asked, type Seen, TaskFolder } from '../../sweep/folder.js'
import { readPlan, type Task } from '../../sweep/task.js'
import { lockWorld } from '../wiring/lock.js'
import { hasJob } from './jobs.js'

/** `15m`, `90s`, `2h`. */
function length(word: string): number {
  const [, count, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(s|m|h)$/.exec(word) ?? []
  if (count === undefined) throw usage('expected a length such as 90s, 15m or 2h', { got: quote(word) })
  return Number(count) * (unit === 's' ? SECOND : unit === 'm' ? MINUTE : 60 * MINUTE)
}

const LOST_AFTER_MS = 15 * MINUTE

export const sweepOptions = under('Tasks', {
  out: file('folder of the tasks, one folder each', { completes: 'directory', defaultText: 'that of PLAN' }),
  'lost-after': option<number>(
    'LENGTH',
    'a task of another machine whose folder has not changed for so long is lost',
    { fallback: LOST_AFTER_MS, defaultText: '15m' },
    length,
  ),
})

export const { format } = under('Output', {
  format: choice('FORMAT', ['ndjson', 'table'], 'records, or lines for people', {
    short: 'f',
    defaultText: 'table on a terminal, else ndjson',
  }),
})

export const planOperand = {
  name: 'PLAN',
  help: 'tasks, as sweep plan writes them',
  required: true,
  completes: 'file',
} as const

/** A file of a hundred thousand tasks. */
const MOST_PLAN = 1 << 29

interface SweepFlags {
  readonly out?: string | undefined
  readonly 'lost-after': number
}

/** A plan with the folders of its tasks, and how they are looked at. */
export interface Sweep {
  readonly tasks: readonly Task[]
  /** Absolute. */
  readonly out: string
  readonly folder: (task: Task) => TaskFolder
  readonly look: (task: Task) => Promise<Seen>
  readonly asked: Asked
}

/** The sweep of a plan. Throws 66 where the plan is not there, 65 where it is none. */
export async function openSweep(context: Context, flags: SweepFlags, plan: string): Promise<Sweep> {
  if (plan === '-' && flags.out === undefined) throw usage('a plan on standard input needs --out')
  if (plan === '-' && context.stdinIsTTY) throw usage('nothing to read: standard input is a terminal')
  const path = plan === '-' ? '/dev/stdin' : resolve(context.cwd, plan)
  const bytes = await readAtMost(path, { most: MOST_PLAN, signal: context.signal }).catch((error) => {
    context.signal.throwIfAborted()
    throw systemFailure(error, plan)
  })
  const text = decodeUtf8(bytes)
  if (text === null) throw badData('is not valid UTF-8', { where: plan })
  const tasks = readPlan(text, plan === '-' ? 'stdin' : plan)
  const out = flags.out === undefined ? dirname(path) : resolve(context.cwd, flags.out)
  return sweepOf(context, tasks, { out, lostAfterMs: flags['lost-after'] })
}

/** The sweep of some tasks in an absolute folder. */
export function sweepOf(
  context: Context,
  tasks: readonly Task[],
  { out, lostAfterMs = LOST_AFTER_MS }: { readonly out: string; readonly lostAfterMs?: number },
): Sweep {
  const folders = new Map(tasks.map((task) => [task.id, new TaskFolder(out, task)]))
  const asked: Asked = {
    lock: lockWorld(context),
    lostAfterMs,
    hasJob: (task, job) => hasJob(context, folders.get(task.id)!, job),
  }
  return {
    tasks,
    out,
    folder: (task) => folders.get(task.id)!,
    look: (task) => folders.get(task.id)!.seen(asked),
    asked,
  }
}

/** How every task stands. */
export async function lookAtAll({ tasks, look }: Sweep): Promise<Seen[]> {
  const all: Seen[] = []
  for (const task of tasks) all.push(await look(task))
  return all
}
