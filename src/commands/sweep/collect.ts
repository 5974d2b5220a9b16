import { registerMissing, registryFile, runsOf } from '../../agent/run/registry.js'
import { Failure } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { flag } from '../../cli/options.js'
import { inLine, type Paint, painter } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { type Collected, collected, inOrder, optionsOf, runOf } from '../../sweep/collect.js'
import { isTable } from '../wiring/output.js'
import { format, lookAtAll, openSweep, planOperand, sweepOptions } from './options.js'
import { countWords } from './record.js'

export const collectSweep = defineCommand({
  name: 'collect',
  summary: 'verify what a plan came to, best first, and count its trials here',
  description: [
    "A task record for each task that is done, the best in validation first; after successive halving the last rung first. The sha256 is that of the model's last weights, best_sha256 that of the best ones, which model:DIR takes. A model whose bytes are not those that its task wrote, or that was trained by other options or another jules, is not collected (65).",
    'Every training that was begun, on whatever machine, is entered in the registry of this one where it is not there yet, pruned and failed ones too: they are the trials that a result was chosen from. trial is its number, trials how many there are on these bars. Several that collect at once enter nothing twice.',
  ],
  operands: [planOperand],
  options: { ...sweepOptions, partial: flag('0 though some tasks are not done'), format },
  examples: [
    {
      text: 'The folder of the best model',
      shell: 'jules sweep collect plan.ndjson | head -1 | jq -r .path',
    },
  ],
  exits: {
    1: 'some tasks are not done',
    65: 'the plan is damaged; a model is not the one that was trained',
    66: 'no such plan',
    74: 'reading or writing failed',
    75: 'another process collects for too long',
    77: 'no permission to read or write',
  },
  run: async (context, options, [plan]) => {
    const sweep = await openSweep(context, options, plan!)
    const all = await lookAtAll(sweep)
    const runs = []
    const found: Collected[] = []
    let bad: Failure | null = null
    for (const seen of all) {
      const folder = sweep.folder(seen.task)
      try {
        if (seen.state === 'done') found.push(await collected(folder, seen))
        const run = await runOf(folder, seen)
        if (run !== null) runs.push(run)
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== 'data') throw error
        context.ui.warn(
          `task ${seen.task.id}: ${error.where === undefined ? '' : `${error.where}: `}${error.message}`,
        )
        bad ??= error
      }
    }
    const file = registryFile(context.paths.data)
    const entered = await registerMissing(file, runs, sweep.asked.lock)
    const registered = new Map((await runsOf(file)).map((run) => [`${run.time} ${run.run}`, run]))
    const records = inOrder(found).map((one) => {
      const { number = null, trials = null } = registered.get(`${one.run.time} ${one.run.run}`) ?? {}
      return recordOf(one, { number, trials })
    })
    const out = new BlockWriter(context.stdout())
    if (isTable(context, options.format)) await out.text(tableOf(records, await painter(context.color)))
    else for (const record of records) await out.text(`${JSON.stringify(record)}\n`)
    await out.drain()
    context.ui.note(`${countWords(all)}; ${entered} of ${runs.length} trainings were new to the registry`, {
      entered,
      trainings: runs.length,
    })
    if (bad !== null) throw bad
    const open = all.some(({ state }) => state !== 'done' && state !== 'pruned')
    if (open && !options.partial) context.exitWith(1)
  },
})

type Trial = { readonly number: number | null; readonly trials: number | null }

const recordOf = ({ task, score, sha256, bestSha256, run }: Collected, { number, trials }: Trial) => ({
  type: 'task',
  id: task.id,
  state: 'done',
  score,
  best_step: run.ended?.best?.step ?? null,
  sha256,
  best_sha256: bestSha256,
  trial: number,
  trials,
  rung: task.halving?.rung ?? null,
  options: optionsOf(task),
  run: run.run,
  path: run.path,
})

function tableOf(records: readonly ReturnType<typeof recordOf>[], paint: Paint): string {
  // What all have in common tells nothing of them.
  const varied = (name: string) => new Set(records.map(({ options }) => options[name])).size > 1
  const lines = records.map(({ id, score, trial, options }) => {
    const words = Object.entries(options).flatMap(([name, value]) =>
      varied(name) ? [`${name} ${value}`] : [],
    )
    return inLine(
      `${id}  ${(score?.toFixed(2) ?? '-').padStart(12)} ${String(trial ?? '-').padStart(6)}  ${words.join(', ')}`.trimEnd(),
    )
  })
  const head = `${'TASK'.padEnd(16)}  ${'SCORE'.padStart(12)} ${'TRIAL'.padStart(6)}  OPTIONS`
  return [paint.bold(head), ...lines].map((line) => `${line}\n`).join('')
}
