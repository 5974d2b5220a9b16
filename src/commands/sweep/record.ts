/** A task as a record, and as a line for people. */
import { counted } from '../../base/words.js'
import { inLine, type Paint } from '../../cli/ui.js'
import { type Seen, TASK_STATES, type TaskFolder } from '../../sweep/folder.js'

/** The `task` record of how a task stands: its keys, in their order. */
export const taskRecord = ({ task, state, status, job }: Seen, folder: TaskFolder) => ({
  type: 'task',
  id: task.id,
  state,
  exit: status?.exit ?? null,
  score: status?.score ?? null,
  sha256: status?.sha256 ?? null,
  rung: task.halving?.rung ?? null,
  host: status?.host ?? null,
  job: job?.job ?? null,
  started: status?.started ?? null,
  ended: status?.ended ?? null,
  dir: folder.path,
})

/** How many tasks are in each state, every state named. */
export function countsOf(all: readonly Seen[]): Record<string, number> {
  const counts = Object.fromEntries(TASK_STATES.map((state) => [state, 0]))
  for (const { state } of all) counts[state]!++
  return counts
}

/** `27 tasks: 20 done, 6 running, 1 failed`. */
export function countWords(all: readonly Seen[]): string {
  const parts = Object.entries(countsOf(all)).filter(([, count]) => count > 0)
  return `${counted(all.length, 'task')}: ${parts.map(([state, count]) => `${count} ${state}`).join(', ')}`
}

/** Cells of a row of the table of tasks, padded. */
const row = (id: string, state: string, exit: string, score: string, more: string): string =>
  `${id.padEnd(16)}  ${state.padEnd(9)} ${exit.padStart(4)} ${score.padStart(12)}  ${more}`.trimEnd()

/** A table of tasks, with its counts. */
export function tableOf(all: readonly Seen[], paint: Paint): string {
  const lines = all.map(({ task, state, status, job }) => {
    const where = job === null ? (status?.host ?? '') : `job ${job.job}`
    const line = row(
      task.id,
      state,
      String(status?.exit ?? '-'),
      status?.score == null ? '-' : status.score.toFixed(2),
      inLine([where, status?.ended ?? status?.started ?? ''].filter(Boolean).join('  ')),
    )
    return state === 'failed' || state === 'lost'
      ? paint.red(line)
      : state === 'waiting'
        ? paint.dim(line)
        : line
  })
  return [paint.bold(row('TASK', 'STATE', 'EXIT', 'SCORE', 'WHERE AND WHEN')), ...lines, countWords(all)]
    .map((line) => `${line}\n`)
    .join('')
}
