import { defineCommand } from '../../cli/command.js'
import { painter } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { isTable } from '../wiring/output.js'
import { format, lookAtAll, openSweep, planOperand, sweepOptions } from './options.js'
import { countsOf, tableOf, taskRecord } from './record.js'

export const sweepStatus = defineCommand({
  name: 'status',
  summary: 'say how the tasks of a plan stand',
  description: [
    'A task record for each task, and at the end a sweep record that counts them; on a terminal a table. It reads the folders, and asks the scheduler for jobs where run was given --status.',
    'A task is waiting, submitted, running, done, failed, cancelled, pruned, or lost: it was running, and its process is gone, or nothing in its folder has changed for --lost-after.',
  ],
  operands: [planOperand],
  options: { ...sweepOptions, format },
  exits: { 65: 'the plan is damaged', 66: 'no such plan', 77: 'no permission to read' },
  run: async (context, options, [plan]) => {
    const sweep = await openSweep(context, options, plan!)
    const all = await lookAtAll(sweep)
    const out = new BlockWriter(context.stdout())
    if (isTable(context, options.format)) await out.text(tableOf(all, await painter(context.color)))
    else {
      for (const seen of all) await out.text(`${JSON.stringify(taskRecord(seen, sweep.folder(seen.task)))}\n`)
      await out.text(`${JSON.stringify({ type: 'sweep', tasks: all.length, ...countsOf(all) })}\n`)
    }
    await out.drain()
  },
})
