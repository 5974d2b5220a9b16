import { join } from 'node:path'
import { RUN_FORMAT } from '../../agent/run/folder.js'
import { badData, usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, flag, under } from '../../cli/options.js'
import { version } from '../../cli/print.js'
import { inLine } from '../../cli/ui.js'
import { KEPT, KEPT_FORMAT } from '../backtest/kept-folder.js'
import { runningOptions } from '../train/options.js'
import { marketExits } from '../wiring/market.js'
import { isTable } from '../wiring/output.js'
import { manifestAt, runPlace } from '../wiring/run-folder.js'
import { store, storeEnvironment } from '../wiring/store.js'
import { replayBacktest } from './backtest.js'
import { recordOf, wordsOf } from './record.js'
import { replayTraining } from './training.js'

const { threads } = runningOptions

export const replay = defineCommand({
  name: 'replay',
  summary: 'make a run again from its manifest, and say if it is the same',
  description: [
    'RUN is a folder that backtest --keep wrote, or a training run by its folder or its name. Options and inputs are those of its manifest: neither environment nor configuration changes them. FILE says where the bars are now, where they were moved or came from standard input; their hash says whether they are the same.',
    'A backtest runs again. Its ledger_sha256, which jules-metrics(7) defines, must be that of the manifest, and its records those of records.ndjson, byte by byte, the summary too but for where bars and model lay and how many trials were known; the first line that differs is shown.',
    'Of a training the best model goes over the validation sessions again, and must come to the dollars of validation.ndjson in each. With --retrain the training itself is made again too, in a temporary folder and outside of the registry, and policy.safetensors and best.safetensors must have the same bytes.',
    'A replay record has what was made (ledger, or the name of a file), whether it is the same, the SHA-256 expected and found, the version of jules, and as detail the first difference: a line of the records, a session, or the steps of a model.',
    'A run that another version made is refused: it may count otherwise. Node and platform may be others. What exec:CMD decides is asked of CMD again, in the folder where it was asked before.',
  ],
  operands: [
    {
      name: 'RUN',
      help: 'folder of a run, or the name of a training',
      required: true,
      completes: 'directory',
    },
    { name: 'FILE', help: 'the bars, where they are elsewhere now', many: true, completes: 'file' },
  ],
  options: {
    retrain: flag('make a training again as well'),
    threads,
    ...under('Data', store),
    ...under('Output', {
      format: choice('FORMAT', ['ndjson', 'table'], 'records, or lines for people', {
        short: 'f',
        defaultText: 'table on a terminal, else ndjson',
      }),
    }),
  },
  examples: [
    {
      text: 'A backtest that is kept, and made again',
      shell: 'jules backtest --policy sma-cross --keep run bars.ndjson && jules replay run',
    },
    { text: 'A training, model and all', shell: 'jules replay my-run --retrain' },
  ],
  exits: {
    ...marketExits,
    1: 'it is not the same',
    64: 'wrong usage: an unknown option; a run of another version of jules',
    65: 'inputs that changed, named with both hashes; a damaged manifest or model',
    66: 'no such run; its inputs are gone',
    69: `${marketExits[69]}; no GPU, for a training with one`,
    74: 'reading or writing failed',
  },
  environment: storeEnvironment,
  seeAlso: ['backtest', 'train', 'runs', 'metrics.7'],
  run: async (context, { retrain, format }, [word = '', ...files]) => {
    const { path, kind } = await runOf(context, word)
    if (kind === 'backtest' && retrain) throw usage('--retrain: the run is a backtest, which trains nothing')
    const results =
      kind === 'backtest'
        ? [await replayBacktest(context, path, files)]
        : await replayTraining(context, { path, files, retrain })
    const table = isTable(context, format)
    const lines = results.flatMap((one) =>
      table ? wordsOf(one).map(inLine) : [JSON.stringify(recordOf(one, version().trim()))],
    )
    await context.stdout().write(Buffer.from(lines.map((line) => `${line}\n`).join('')))
    if (results.some(({ same }) => !same)) context.exitWith(1)
  },
})

interface Found {
  readonly path: string
  readonly kind: 'backtest' | 'training'
}

/** A folder, or the folder of the training that has the name. Throws 66 where there is none, 65 for a manifest of another kind. */
async function runOf(context: Context, word: string): Promise<Found> {
  const path = await runPlace(context, word)
  const { format } = await manifestAt(context, path, 'backtest --keep and train make one')
  if (format === KEPT_FORMAT) return { path, kind: 'backtest' }
  if (format === RUN_FORMAT) return { path, kind: 'training' }
  throw badData(
    format === undefined
      ? 'is damaged'
      : `its format is ${quote(format)}, and what is read here is ${KEPT_FORMAT} and ${RUN_FORMAT}`,
    { where: join(path, KEPT.manifest) },
  )
}
