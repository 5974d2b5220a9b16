import { type PastRun, RUN_STATES } from '../../agent/run/history.js'
import { usage } from '../../base/errors.js'
import { counted, quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import { list } from '../../cli/options.js'
import { inLine, type Paint, painter } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { isTable } from '../wiring/output.js'
import { pastRuns } from '../wiring/runs.js'
import { barsWords, bestWords, format, runRecord } from './record.js'

/** Some of the states that a run can be in. */
export const states = list('LIST', `only runs that are ${RUN_STATES.join(', ')}`, {
  words: RUN_STATES,
  each: (word) => {
    if ((RUN_STATES as readonly string[]).includes(word)) return word
    throw usage(`expected some of ${RUN_STATES.join(', ')}`, { got: quote(word) })
  },
})

export const listRuns = defineCommand({
  name: 'list',
  summary: 'list the runs: on which bars, and what came of them',
  description: [
    'One run record each, oldest first; on a terminal a table, by the bars that were trained on. Best is the highest validation so far. A run is ended, stopped by a signal, diverged, running, or unfinished, as one that was killed.',
    'A folder is there, gone (deleted, moved, or taken by another run), or pruned. Neither makes a trial uncounted.',
  ],
  options: { state: states, format },
  run: async (context, options) => {
    const { state } = options
    const all = await pastRuns(context)
    const runs = all.filter((run) => state === undefined || state.includes(run.state))
    if (runs.length === 0) context.ui.note(all.length === 0 ? 'no run was started yet' : 'no such runs')
    const out = new BlockWriter(context.stdout())
    if (isTable(context, options.format)) await out.text(tableOf(runs, await painter(context.color)))
    else for (const run of runs) await out.text(`${JSON.stringify(runRecord(run))}\n`)
    await out.drain()
  },
})

const STEP_WIDTH = 10
const BEST_WIDTH = 12

function tableOf(runs: readonly PastRun[], paint: Paint): string {
  const width = Math.min(34, Math.max(3, ...runs.map(({ run }) => run.length)))
  const row = (cells: readonly [string, string, string, string, string, string]) => {
    const [run, trial, state, step, best, folder] = cells
    return `  ${run.padEnd(width)} ${trial.padStart(5)}  ${state.padEnd(10)}${step.padStart(STEP_WIDTH)}${best.padStart(BEST_WIDTH)}  ${folder}`
  }
  const byBars = new Map<string, PastRun[]>()
  for (const run of runs) byBars.set(barsWords(run), [...(byBars.get(barsWords(run)) ?? []), run])
  const lines = [...byBars].flatMap(([bars, own], i) => {
    const { trials } = own[0]!
    return [
      ...(i === 0 ? [] : ['']),
      paint.bold(trials === null ? inLine(bars) : `${inLine(bars)}: ${counted(trials, 'trial')}`),
      row(['RUN', 'TRIAL', 'STATE', 'STEPS', 'BEST', 'FOLDER']),
      ...own.map((run) => {
        const line = row([
          inLine(run.run),
          String(run.number ?? '-'),
          run.state,
          String(run.step ?? '-'),
          bestWords(run),
          run.folder,
        ])
        return run.state === 'diverged' ? paint.red(line) : run.folder === 'there' ? line : paint.dim(line)
      }),
    ]
  })
  return lines.map((line) => `${line}\n`).join('')
}
