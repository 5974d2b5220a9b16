import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import { hasEnded, type Seen } from '../../sweep/folder.js'
import { cancelJob } from './jobs.js'
import { lookAtAll, openSweep, planOperand, sweepOptions } from './options.js'
import { countWords } from './record.js'

export const cancelSweep = defineCommand({
  name: 'cancel',
  summary: 'stop the tasks of a plan that have not ended',
  description: [
    'Marks the tasks that have not ended as cancelled: those that wait do not start, jobs are cancelled as run --cancel said, and those that run on this machine are stopped, and leave checkpoints. jules sweep retry --cancelled runs them after all.',
    'What runs on another machine without a scheduler cannot be reached from here, and is named.',
  ],
  operands: [planOperand, { name: 'ID', help: 'ids of tasks; default: all of them', many: true }],
  options: sweepOptions,
  exits: {
    1: 'a task could not be stopped from here',
    65: 'the plan is damaged',
    66: 'no such plan',
    74: 'reading or writing failed',
    77: 'no permission to read or write',
  },
  run: async (context, options, [plan, ...ids]) => {
    const sweep = await openSweep(context, options, plan!)
    const stranger = ids.find((id) => !sweep.tasks.some((task) => task.id === id))
    if (stranger !== undefined) throw usage(`the plan has no task ${quote(stranger)}`)
    const all = await lookAtAll(sweep)
    const open = all.filter(
      (seen) =>
        (ids.length === 0 || ids.includes(seen.task.id)) &&
        !hasEnded(seen) &&
        seen.state !== 'failed' &&
        seen.state !== 'cancelled',
    )
    // All of them first: a runner must not start the next one meanwhile.
    for (const { task } of open) sweep.folder(task).markCancelled()
    const stop = async ({ task, state, status, job }: Seen): Promise<boolean> => {
      if (job !== null && (state === 'submitted' || state === 'running'))
        return cancelJob(context, sweep.folder(task), job)
      if (state !== 'running') return true
      if (status === null || status.host !== sweep.asked.lock.self.host) return false
      try {
        context.kill(status.pid, 'SIGTERM')
        return true
      } catch {
        return false
      }
    }
    for (const seen of open) {
      if (await stop(seen)) continue
      const { task, status, job } = seen
      context.exitWith(1)
      context.ui.warn(
        job === null
          ? `task ${task.id} runs on ${status?.host ?? 'another machine'}, where process ${status?.pid ?? 'unknown'} must be stopped`
          : `task ${task.id}: the scheduler was not told to cancel job ${job.job}`,
      )
    }
    context.ui.note(open.length === 0 ? 'no task is open' : `cancelled ${countWords(open)}`)
  },
})
