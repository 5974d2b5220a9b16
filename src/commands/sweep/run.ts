import { defineCommand } from '../../cli/command.js'
import { flag } from '../../cli/options.js'
import { checkVersion } from '../../sweep/task.js'
import { execute, executorOptions, templatesOf } from './executor.js'
import { openSweep, planOperand, sweepOptions } from './options.js'
import { ownProgram, ownVersion, token } from './own.js'
import { taskRecord } from './record.js'
import { teller } from './telling.js'

export const runSweep = defineCommand({
  name: 'run',
  summary: 'run the tasks of a plan, here or on a scheduler',
  description: [
    'Runs what is not done and did not fail, and prints a task record for each task that ends. What was interrupted or lost goes on where it was. Run again it does nothing twice; several may run one plan at once.',
    'A task has a folder with task.json, run.sh, log, records.ndjson, the folder model of jules train, and status.json, which is written last. run.sh is all that a scheduler needs: it may be started from anywhere, again and again. The same plan gives the same models wherever it is run.',
    'With --executor local:N a training has the cores of this machine divided by N as threads, unless JULES_TRAIN_THREADS says how many. Ctrl-C stops the tasks, which leave checkpoints.',
    'With --executor command each task is submitted by a command line, in which {run} is the path of run.sh, {dir} its folder, {id} the task, and {job} the first line that the submission printed; each is one word for the shell. It returns at once. A task that the scheduler still has is not submitted again. After successive halving run it again for the next rung.',
    'With --prepare only the folders are written, for schedulers that start the scripts themselves: examples/sweep has GNU parallel, Slurm, Kubernetes, Ray and ssh.',
  ],
  operands: [planOperand],
  options: {
    ...sweepOptions,
    ...executorOptions,
    prepare: flag('write the folders of the tasks, run nothing'),
  },
  examples: [
    { text: 'Two at a time on this machine', shell: 'jules sweep run plan.ndjson --executor local:2' },
    {
      text: 'On Slurm',
      shell: `jules sweep run plan.ndjson --executor command \\
  --submit 'sbatch --parsable {run}' --cancel 'scancel {job}' \\
  --status 'squeue -h -j {job} | grep -q .'`,
    },
  ],
  exits: {
    1: 'a task failed or was cancelled',
    65: 'the plan is damaged',
    66: 'no such plan',
    69: 'the scheduler does not take a task',
    73: 'a folder cannot be made',
    74: 'reading or writing failed',
    75: 'another process works on a task, or its lock was left by another machine',
    77: 'no permission to read or write',
  },
  run: async (context, options, [plan]) => {
    const templates = templatesOf(options)
    const sweep = await openSweep(context, options, plan!)
    if (!options.prepare) return execute(context, sweep, { executor: options.executor, templates })
    checkVersion(sweep.tasks, ownVersion())
    const tell = teller(context)
    for (const task of sweep.tasks) {
      context.signal.throwIfAborted()
      const folder = sweep.folder(task)
      folder.prepare(ownProgram(), token)
      await tell(taskRecord(await sweep.look(task), folder))
    }
  },
})
