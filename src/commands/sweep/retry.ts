import { usage } from '../../base/errors.js'
import { quote, shellWord } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { flag } from '../../cli/options.js'
import { isInterrupted, type Seen } from '../../sweep/folder.js'
import { type Templates, templatesOf as templatesOfJob } from '../../sweep/jobs.js'
import { execute, executorOptions, templatesOf } from './executor.js'
import { lookAtAll, openSweep, planOperand, type Sweep, sweepOptions } from './options.js'

export const retrySweep = defineCommand({
  name: 'retry',
  summary: 'run tasks again that were lost or failed',
  description: [
    'Runs again what is lost or was interrupted; with --failed also what failed, with --cancelled what was cancelled, and tasks that are named whatever became of them, but for those that are done. A task goes on from its checkpoint.',
    'It runs them as run does, with the same options. Without --executor a task that was submitted is submitted again as it was.',
  ],
  operands: [planOperand, { name: 'ID', help: 'ids of tasks', many: true }],
  options: {
    ...sweepOptions,
    ...executorOptions,
    failed: flag('also tasks that failed'),
    cancelled: flag('also tasks that were cancelled'),
  },
  exits: {
    1: 'a task failed again',
    65: 'the plan is damaged',
    66: 'no such plan',
    69: 'the scheduler does not take a task',
    73: 'a folder cannot be made',
    74: 'reading or writing failed',
    75: 'another process works on a task that was named',
    77: 'no permission to read or write',
  },
  run: async (context, options, [plan, ...ids]) => {
    const templates = templatesOf(options)
    const sweep = await openSweep(context, options, plan!)
    const stranger = ids.find((id) => !sweep.tasks.some((task) => task.id === id))
    if (stranger !== undefined) throw usage(`the plan has no task ${quote(stranger)}`)
    const wanted = (seen: Seen): boolean => {
      if (ids.length > 0) return ids.includes(seen.task.id) && seen.state !== 'done'
      return (
        seen.state === 'lost' ||
        isInterrupted(seen) ||
        (options.failed && seen.state === 'failed') ||
        (options.cancelled && seen.state === 'cancelled')
      )
    }
    const again = (await lookAtAll(sweep)).filter(wanted)
    if (again.length === 0) {
      context.ui.note('no task is to be run again')
      return
    }
    for (const { task } of again) sweep.folder(task).forget(sweep.asked.lock)
    for (const [executor, seen] of byExecutor(again, options.executor === undefined)) {
      const how = executor === null ? templates : executor
      await execute(
        context,
        sweep,
        { executor: options.executor, templates: how },
        new Set(seen.map(({ task }) => task.id)),
      )
    }
    await sayWaiting(context, sweep, [
      ...['jules', 'sweep', 'run', plan!],
      ...(options.out === undefined ? [] : ['--out', options.out]),
    ])
  },
})

/** Tasks that waited for those that were run again, as the next rung of a halving does, are not started here. */
async function sayWaiting({ ui, signal }: Context, sweep: Sweep, argv: readonly string[]): Promise<void> {
  if (signal.aborted) return
  const waiting = (await lookAtAll(sweep)).filter(({ state }) => state === 'waiting').length
  if (waiting === 0) return
  const words = waiting === 1 ? '1 more task waits' : `${waiting} more tasks wait`
  ui.note(`${words}: ${argv.map(shellWord).join(' ')}`, { waiting })
}

/** Tasks by the templates that they were submitted with, where those count; null for the others. */
function byExecutor(all: readonly Seen[], isAsBefore: boolean): Map<Templates | null, Seen[]> {
  const groups = new Map<string, [Templates | null, Seen[]]>()
  for (const seen of all) {
    const templates = isAsBefore && seen.job !== null ? templatesOfJob(seen.job) : null
    const key = JSON.stringify(templates)
    groups.set(key, [templates, [...(groups.get(key)?.[1] ?? []), seen]])
  }
  return new Map(groups.values())
}
