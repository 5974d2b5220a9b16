import { defineGroup } from '../../cli/command.js'
import { compareRuns } from './compare.js'
import { listRuns } from './list.js'
import { pruneRuns } from './prune.js'
import { showRun } from './show.js'

export const runs = defineGroup({
  name: 'runs',
  summary: 'list, show, compare and prune training runs',
  description: [
    'Every training run is entered in runs.ndjson in the data directory when it begins; when it ends, or its folder is pruned, runs-later.ndjson says so. A trial is a distinct choice of settings, features and seed on the same symbols and interval over dates that overlap: the more trials a result was chosen from, the less it says.',
    'Without a command it lists.',
    'backtest and check-env take --policy model:latest, the run on bars that ended last, and model:RUN, a run by its name; a file or folder of that name goes first.',
  ],
  commands: [listRuns, showRun, compareRuns, pruneRuns],
  alone: 'list',
  exits: {
    1: 'prune: the answer was no',
    66: 'no such run, or its folder is gone already',
    74: 'reading or writing failed',
    75: 'another process works on a run to be pruned',
    77: 'no permission to read or delete',
  },
  files: {
    '$XDG_DATA_HOME/jules/runs.ndjson': 'the registry: a line for each run that began',
    '$XDG_DATA_HOME/jules/runs-later.ndjson': 'how runs ended, and which were pruned',
  },
  examples: [
    { text: 'What was tried', shell: 'jules runs list -f table' },
    {
      text: 'What would go with the runs that came to nothing',
      shell: 'jules runs prune --state diverged,unfinished --dry-run',
    },
    { text: 'The newest model on bars of the store', shell: 'jules backtest --policy model:latest --store' },
  ],
  seeAlso: ['train', 'backtest'],
})
