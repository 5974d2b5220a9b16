import type { PastRun } from '../../agent/run/history.js'
import { enginesOf, type Manifest } from '../../agent/run/manifest.js'
import { shellWord } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import { inLine, painter } from '../../cli/ui.js'
import { isTable } from '../wiring/output.js'
import { pastRuns, runNamed } from '../wiring/runs.js'
import { barsWords, bestWords, format, runRecord } from './record.js'

export const showRun = defineCommand({
  name: 'show',
  summary: 'show one run with its options and inputs',
  description: [
    'RUN is the name of a run or its folder. The record is that of list with what the manifest holds: options, operands, inputs with their hashes, the test sessions that were never looked at; null where the folder is gone.',
  ],
  operands: [{ name: 'RUN', help: 'name of a run, or its folder', required: true, completes: 'directory' }],
  options: { format },
  exits: { 66: 'no such run' },
  run: async (context, options, [word]) => {
    const run = runNamed(context, await pastRuns(context), word!)
    const table = isTable(context, options.format)
    const paint = await painter(context.color)
    const text = table
      ? linesOf(run)
          .map(([name, words]) => `${paint.bold(name.padEnd(10))} ${inLine(words)}\n`)
          .join('')
      : `${JSON.stringify({ ...runRecord(run), ...told(run) })}\n`
    await context.stdout().write(Buffer.from(text))
  },
})

const told = ({ manifest }: PastRun) => ({
  version: manifest?.version ?? null,
  node: manifest?.node ?? null,
  engine: manifest?.engine ?? null,
  engines: manifest === null ? null : enginesOf(manifest),
  options: manifest?.options ?? null,
  operands: manifest?.operands ?? null,
  inputs: manifest?.inputs ?? null,
  test: manifest?.test ?? null,
})

function linesOf(run: PastRun): [string, string][] {
  const { manifest, ended } = run
  const at = run.best === null ? '' : `, at step ${run.best.step}`
  const lines: [string, string][] = [
    ['run', run.run],
    ['bars', barsWords(run)],
    [
      'trial',
      run.number === null ? 'none: a benchmark task' : `${run.number} of ${run.trials} on these bars`,
    ],
    ['begun', run.time],
    [
      'state',
      `${run.state}${ended?.end === 'early-stop' ? ' early' : ''}${ended === null ? '' : `, ${ended.time}`}`,
    ],
    ['steps', String(run.step ?? '-')],
    ['best', `${bestWords(run)}${at}`],
    ['folder', `${run.path}${run.folder === 'there' ? '' : ` (${run.folder})`}`],
  ]
  if (manifest === null) return lines
  lines.push(['made by', `${manifest.version}, Node ${manifest.node}, ${engineWords(manifest)}`])
  for (const { kind, path, sha256 } of manifest.inputs) lines.push([kind, `${path}, sha256 ${sha256}`])
  for (const [name, value] of Object.entries(manifest.options)) lines.push([`--${name}`, value])
  if (manifest.test !== null)
    lines.push(['test', `${manifest.test.sessions} sessions from ${manifest.test.from}, never looked at`])
  const next = nextOf(run)
  if (next !== null) lines.push(['next', next.map(shellWord).join(' ')])
  return lines
}

const engineWords = (manifest: Manifest): string =>
  enginesOf(manifest)
    .map(({ engine, step }, n) => (n === 0 ? `engine ${engine}` : `then ${engine} from step ${step}`))
    .join(', ')

/** The command that goes on from here. */
function nextOf({ state, path, task, manifest }: PastRun): string[] | null {
  if (state === 'stopped' || state === 'unfinished') return ['jules', 'train', '--resume', path]
  if (state !== 'ended' || task !== 'trading' || manifest?.test == null) return null
  // A pipe cannot be read again.
  const bars = manifest.operands.includes('-') ? ['FILE'] : manifest.operands
  return ['jules', 'backtest', '--policy', `model:${path}`, '--from', manifest.test.from, ...bars]
}
