import type { PastRun } from '../../agent/run/history.js'
import { usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { inLine, painter } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { isTable } from '../wiring/output.js'
import { pastRuns, runNamed } from '../wiring/runs.js'
import { barsWords, bestWords, format } from './record.js'

export const compareRuns = defineCommand({
  name: 'compare',
  summary: 'say in what runs differ, and what came of each',
  description: [
    'One compare record for each thing in which the runs differ: its field, and the value of each run in the order given. Fields are those that determine the weights, by their place in the manifest, such as settings.rate; then trial, state, step and best, which are always there.',
    'Of a run whose folder is gone only what the registry holds is known: its settings are null.',
  ],
  operands: [
    {
      name: 'RUN',
      help: 'names of runs, or their folders',
      required: true,
      many: true,
      completes: 'directory',
    },
  ],
  options: { format },
  exits: { 66: 'no such run' },
  run: async (context, options, words) => {
    if (words.length < 2) throw usage('one run has nothing to be compared with: name two or more')
    const all = await pastRuns(context)
    const runs = words.map((word) => runNamed(context, all, word))
    for (const { run, folder, manifest } of runs)
      if (manifest === null) context.ui.note(`the folder of ${run} is ${folder}: its settings are not known`)
    const rows = differences(runs)
    const out = new BlockWriter(context.stdout())
    if (isTable(context, options.format)) {
      const paint = await painter(context.color)
      await out.text(tableOf(runs, rows, paint.bold))
    } else {
      const names = runs.map(({ run }) => run)
      for (const { field, values } of rows)
        await out.text(`${JSON.stringify({ type: 'compare', field, runs: names, values })}\n`)
    }
    await out.drain()
  },
})

interface Row {
  readonly field: string
  readonly values: readonly unknown[]
  /** For people, where it is more than the value. */
  readonly words?: readonly string[]
}

function differences(runs: readonly PastRun[]): Row[] {
  const settings = runs.map(({ manifest }) => flat(manifest?.settings ?? null))
  const fields = [...new Set(settings.flatMap((own) => [...own.keys()]))]
  const rows = fields.map((field) => ({ field, values: settings.map((own) => own.get(field) ?? null) }))
  const column = (field: string, of: (run: PastRun) => unknown): Row => ({ field, values: runs.map(of) })
  return [
    ...[column('bars', barsWords), ...rows].filter(differs),
    column('trial', ({ number }) => number),
    column('state', ({ state }) => state),
    column('step', ({ step }) => step),
    { ...column('best', ({ best }) => best?.reward ?? null), words: runs.map(bestWords) },
  ]
}

const differs = ({ values }: Row): boolean => new Set(values.map((value) => JSON.stringify(value))).size > 1

/** Every leaf of a tree by the path to it. */
function flat(tree: unknown, at: readonly string[] = []): Map<string, unknown> {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree))
    return new Map(at.length === 0 ? [] : [[at.join('.'), tree]])
  return new Map(Object.entries(tree).flatMap(([key, value]) => [...flat(value, [...at, key])]))
}

/** Fields down, runs across while they fit in 80 columns; else each run under its field. */
function tableOf(runs: readonly PastRun[], rows: readonly Row[], bold: (text: string) => string): string {
  const shown = rows.map(({ field, values, words }) => ({
    field,
    cells:
      words ??
      values.map((value) => (typeof value === 'string' ? inLine(value) : (JSON.stringify(value) ?? '-'))),
  }))
  const names = runs.map(({ run }) => inLine(run))
  const widths = names.map((name, i) => Math.max(name.length, ...shown.map(({ cells }) => cells[i]!.length)))
  const first = Math.max(5, ...shown.map(({ field }) => field.length))
  if (first + widths.reduce((sum, width) => sum + 2 + width, 0) <= 80) {
    const line = (name: string, cells: readonly string[]) =>
      `${name.padEnd(first)}${cells.map((cell, i) => `  ${cell.padStart(widths[i]!)}`).join('')}\n`
    return bold(line('', names)) + shown.map(({ field, cells }) => line(field, cells)).join('')
  }
  return shown
    .map(
      ({ field, cells }) =>
        `${bold(field)}\n${cells.map((cell, i) => cut(`  ${names[i]}: ${cell}`)).join('')}`,
    )
    .join('')
}

/** A line of 80 columns: the records have values whole. */
const cut = (whole: string): string => {
  const line = inLine(whole)
  return `${line.length <= 80 ? line : `${line.slice(0, 77)}...`}\n`
}
