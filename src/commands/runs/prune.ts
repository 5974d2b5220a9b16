import { folderOf, type PastRun } from '../../agent/run/history.js'
import { registerPruned, registryFile } from '../../agent/run/registry.js'
import { Failure, usage } from '../../base/errors.js'
import { formatTime, newYorkDay } from '../../base/time.js'
import { counted } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import { date, flag } from '../../cli/options.js'
import { confirmed } from '../wiring/confirm.js'
import { lockWorld } from '../wiring/lock.js'
import { pastRuns, runNamed } from '../wiring/runs.js'
import { states } from './list.js'

export const pruneRuns = defineCommand({
  name: 'prune',
  summary: 'delete the folders of runs, which stay counted as trials',
  description: [
    'Deletes the folders of the runs that are named, or that match all of the options given, at least one, after saying how many they are. With --dry-run that is all. It needs --yes, or the answer yes on a terminal.',
    'Only files of a run go; a folder that holds others stays with them. The registry keeps its lines, so the number of trials behind a later result is what it was.',
  ],
  operands: [{ name: 'RUN', help: 'names of runs, or their folders', many: true, completes: 'directory' }],
  options: {
    state: states,
    before: date('only runs that began before this date in New York'),
    'dry-run': flag('say what would go, delete nothing'),
    yes: flag('delete without asking'),
  },
  exits: {
    1: 'the answer was no',
    66: 'no such run, or its folder is gone already',
    74: 'a file cannot be deleted',
    75: 'another process works on one of the runs',
    77: 'no permission to delete',
  },
  run: async (context, options, words) => {
    const { state, before } = options
    if (words.length === 0 && state === undefined && before === undefined) {
      throw usage('nothing says which runs go', { hint: 'name them, or give --state or --before' })
    }
    const all = await pastRuns(context)
    const named = words.length === 0 ? all : [...new Set(words.map((word) => runNamed(context, all, word)))]
    const matching = named.filter(
      (run) =>
        (state === undefined || state.includes(run.state)) &&
        (typeof before !== 'number' || newYorkDay(Date.parse(run.time)) < before),
    )
    const going = matching.filter(({ folder }) => folder === 'there')
    if (going.length === 0) {
      const words =
        matching.length === 0 ? 'there are no such runs' : 'the folders of these runs are gone already'
      throw new Failure('noInput', words)
    }
    const busy = going.find((run) => run.state === 'running')
    if (busy !== undefined) {
      throw new Failure('tryAgain', `another process works on the run ${busy.run}`, {
        where: busy.path,
        hint: 'run it again when that process is done',
      })
    }
    const bytes = await sizeOf(going)
    context.ui.note(
      `${counted(going.length, 'run')}, ${sizeWords(bytes)}: ${going.map(({ run }) => run).join(', ')}`,
      {
        runs: going.length,
        bytes,
      },
    )
    if (options['dry-run']) return context.ui.note('nothing deleted (dry run)')
    if (!options.yes)
      await confirmed(context, { question: `Delete ${counted(going.length, 'run')}?`, act: 'deleting runs' })
    const world = lockWorld(context)
    for (const run of going) {
      context.signal.throwIfAborted()
      const folder = folderOf(run)
      const release = await folder.lock(world)
      try {
        // Said first: a folder that goes by half is no longer that of a run.
        await registerPruned(registryFile(context.paths.data), {
          run: run.run,
          started: run.time,
          time: formatTime(context.clock()),
          path: run.path,
        })
        if (!(await folder.remove())) context.ui.note(`${run.path} holds other files, and stays`)
      } finally {
        release()
      }
    }
    context.ui.note(`${counted(going.length, 'run')} deleted; they stay counted as trials`, {
      deleted: going.length,
    })
  },
})

const sizeWords = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

async function sizeOf(runs: readonly PastRun[]): Promise<number> {
  let bytes = 0
  for (const run of runs) bytes += await folderOf(run).size()
  return bytes
}
