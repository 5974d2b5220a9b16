import { defineGroup } from '../../cli/command.js'
import { cancelSweep } from './cancel.js'
import { collectSweep } from './collect.js'
import { planSweep } from './plan.js'
import { retrySweep } from './retry.js'
import { runSweep } from './run.js'
import { sweepStatus } from './status.js'

export const sweep = defineGroup({
  name: 'sweep',
  summary: 'train many models, here or on a scheduler',
  description: [
    'A grid of options of train becomes a plan, a file with one task a line; the tasks are run on this machine or by a scheduler that is there already; what they came to is verified and counted. There is no server and no coordinator: whoever reaches the folder of the tasks can look, go on, and collect.',
    'The same plan gives the same models, byte for byte, whatever runs it. Any process may be killed at any time: run, retry and collect go on with what the folders say, and do nothing twice.',
  ],
  commands: [planSweep, runSweep, sweepStatus, retrySweep, cancelSweep, collectSweep],
  environment: {
    JULES: 'path of the program that run.sh runs, in place of the one that wrote it',
    JULES_TRAIN_THREADS: 'threads of a training; any number gives the same bytes',
  },
  exits: {
    1: 'run, retry: a task failed; collect: some are not done; cancel: a task could not be stopped',
    65: 'a grid or plan that is damaged or that train refuses; a model that is not the one that was trained',
    66: 'no such file',
    69: 'the scheduler does not take a task',
    73: 'a folder cannot be made',
    74: 'reading or writing failed',
    75: 'another process works on it',
    77: 'no permission to read or write',
  },
  files: {
    'OUT/ID/task.json': 'the task',
    'OUT/ID/run.sh': 'runs it, from anywhere, again and again',
    'OUT/ID/status.json':
      'its state, exit status, score, sha256 and best_sha256; takes its name when it is whole',
    'OUT/ID/job.json': 'the job of a scheduler, with the command lines that ask for it and cancel it',
    'OUT/ID/cancel': 'there once it was cancelled',
    'OUT/ID/log': 'what jules train said on standard error',
    'OUT/ID/records.ndjson': 'its records',
    'OUT/ID/model': 'its folder, for model:DIR',
  },
  examples: [
    {
      text: 'From a grid to the best model',
      shell: `echo '{"steps": 20000, "seed": [1, 2], "lr": [0.001, 0.002]}' > grid.json\njules sweep plan grid.json bars.parquet -o plan.ndjson\njules sweep run plan.ndjson\njules sweep collect plan.ndjson`,
    },
  ],
  seeAlso: ['train', 'runs'],
})
