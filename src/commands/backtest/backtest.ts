import { setImmediate } from 'node:timers/promises'
import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { defineCommand } from '../../cli/command.js'
import { choice, file, flag, list, option, under } from '../../cli/options.js'
import { painter, showsUnicode } from '../../cli/ui.js'
import { equityCurve } from '../../evaluate/summary.js'
import { INVENTED_SOURCES } from '../../market/bar.js'
import { RULES } from '../../risk/rules.js'
import { BlockWriter } from '../../stream/sink.js'
import { formatByExtension } from '../../stream/source.js'
import { advance, Backtest } from '../../trading/backtest.js'
import { both } from '../../trading/listener.js'
import { RECORD_TYPES, type RecordType, RecordWriter } from '../../trading/records.js'
import { barsOperand, marketExits, marketInput, marketWords } from '../wiring/market.js'
import { seenTo } from '../wiring/models.js'
import { openOutput, output } from '../wiring/output.js'
import { execEndWords, execWords } from '../wiring/policies.js'
import { runName } from '../wiring/run-name.js'
import { decisionTable, decisionTime, explained } from './explain.js'
import { KeptRun, manifestOf } from './kept.js'
import { againOf, nextOf } from './next.js'
import { RunTable, rowTypeOf } from './parquet.js'
import { decisiveOptions, preparedRun } from './prepared.js'
import { summaryRecord } from './summary.js'
import { summaryTable } from './table.js'
import { tripLines } from './trips.js'

/** Decisions between two looks at the signals, and two writes: lines go out by the hundred, for each write costs a wait. */
const TURN = 256

/** Of the curve in a file. */
const WIDTH = 80

/** Round trips come after the run, and only where they are asked for. */
const RECORDS = [...RECORD_TYPES, 'trip'] as const

const options = {
  ...decisiveOptions,
  ...under('Output', {
    run: runName('name of the run in the records', 'a digest of settings and data'),
    explain: option<number | undefined>(
      'TIME',
      'print the decision at this time whole: ISO 8601, or New York time without an offset',
      {},
      decisionTime,
    ),
    records: list('LIST', `records to write: some of ${RECORDS.join(', ')}`, {
      defaultText: 'all but trip',
      words: RECORDS,
      each: recordType,
    }),
    format: choice('FORMAT', ['ndjson', 'parquet', 'table'], 'records, or the summary as a table', {
      short: 'f',
      defaultText: 'by the extension of -o, else table on a terminal, else ndjson',
    }),
    output: output.output,
    keep: file('keep the run in this folder too, for jules replay', { completes: 'directory' }),
    force: flag('replace the run that is kept in the folder'),
  }),
}

export const backtest = defineCommand({
  name: 'backtest',
  summary: 'run a policy over past bars',
  description: [
    'Runs a policy through the transition that training uses, and writes its order, fill, risk and equity records and one summary. The summary is defined in jules-metrics(7); its verdict, which is the first line of the table, says whether the run earned and whether that can be believed.',
    marketWords,
    'A decision at bar t sees bars that have ended. Its order fills at the open of bar t + 1, with half the spread and the commission, and is marked at the close of t + 1: one equity record a decision. With --fill close it fills at the close it was decided on, which no market offers; the summary says so.',
    'With one symbol in --symbols that one is traded alone: its records have no other, an observation has 13 inputs, and the actions are 1, 4 and 7. A model of one symbol takes no other run, and paper none of them.',
    'A position is as many whole shares as --max-position buys when the target changes. Limits hold as in training: $1,000 a symbol, $50 a day, $100 from the peak, flat 5 minutes before the close, no entries in the last 10, 50 trades a day with the way out of each position. Orders are for the day: one that finds no bar in its session, or none within 2 minutes or the length of a bar, expires.',
    'Decisions stand on bars of both symbols. A bar that one symbol has alone, its partner being halted, still fills the order of its symbol, marks it, tests the limits and lets the guard close it; those after the last decision add one equity record.',
    'A risk record says what the guard changed, once for each run of refusals: the shares wanted and allowed, the value that the rule looked at and its limit in the same unit (dollars, milliseconds, trades or orders). A record without a symbol tells what a loss limit has cost once all is closed, with the overshoot; that of max-loss or max-drawdown ends the run.',
    `The rules of the guard: ${ruleWords()}.`,
    'model:PATH is the folder of a training run, of which it takes the best model, or a policy file; model:latest the newest finished run, and model:RUN a run by its name, where no file has that name. Capital, sizes, costs, limits, features and --long-only are then those of its training; what is set here goes before them, and a note says so. The summary says which sessions the model has seen.',
    '--explain TIME runs up to the decision at that time and prints it whole, as lines on a terminal or with -f table, else as one decision record: the bars that have just ended, the 26 inputs by name, for a model its logits, mask, probabilities and value, the action, what the guard said, orders, fills, and the account before and after. Decisions are taken at the ends of bars.',
    'A trip record, written for --records trip, is a position from flat to flat: mean prices of entry and exit, dollars net of costs, and the bars between. What is held at the end has no exit.',
    'With -f parquet, or -o FILE.parquet, the output is a Parquet file with the records of the one type that --records names, a row each: the fields of the lines, times as timestamps, numbers as doubles, positions and marks as groups of a number a symbol, and the detail of a risk record as JSON. A summary that is named beside it stands in the metadata of the file, as jules.summary, so that jules report says of the file what it says of the run.',
    '--keep DIR writes all records of the run and its summary to records.ndjson in a folder, and manifest.json, which names options and inputs with their hashes: jules replay DIR makes the run again from these, and says whether its ledger is the same. A folder that is not empty is refused; --force replaces the kept run in it.',
    'replay:FILE takes a JSON array or NDJSON of action ids, one a decision: 3 (first + 1) + (second + 1), where a target is -1 short, 0 flat, 1 long.',
    execWords,
    execEndWords,
  ],
  operands: [barsOperand],
  options,
  examples: [
    {
      text: 'Buying and holding on generated bars',
      shell: 'jules fetch --mock --days 30 | jules backtest --policy buy-hold -f table -',
    },
    {
      text: 'One decision whole',
      shell: "jules fetch --mock | jules backtest --explain '2025-08-01 10:30' -f table",
    },
    {
      text: 'The summary alone',
      shell: 'jules fetch --mock | jules backtest --policy buy-hold --records summary -',
    },
    {
      text: 'The equity curve as Parquet',
      shell: 'jules backtest --records equity,summary -o equity.parquet bars.ndjson',
    },
  ],
  files: {
    'DIR/manifest.json': 'of --keep: options, inputs with their hashes, ledger_sha256; written last',
    'DIR/records.ndjson': 'of --keep: every record of the run',
  },
  exits: {
    ...marketExits,
    65: `${marketExits[65]}; actions that do not fit the run; a wrong answer of exec:CMD; bars of generated and real sources mixed`,
    73: 'the output cannot be created; the folder of --keep is not empty',
    74: 'reading or writing failed',
  },
  seeAlso: ['fetch', 'load', 'check-env', 'replay', 'features.7', 'metrics.7'],
  run: async (context, asked, operands) => {
    const extension = asked.output === undefined ? undefined : formatByExtension(asked.output)
    const isShown = context.stdoutIsTTY && asked.output === undefined
    const format = asked.format ?? (extension === 'parquet' ? 'parquet' : isShown ? 'table' : 'ndjson')
    const table = format === 'table'
    if (extension === 'csv' || (extension === 'parquet' && table)) {
      throw usage(
        `--output: ${table ? 'a table makes' : 'records of several types make'} no ${extension} file`,
        {
          hint: 'write ndjson, and load it into the store',
        },
      )
    }
    if (asked.explain !== undefined && format === 'parquet')
      throw usage('--explain prints one decision, which makes no Parquet file')
    const rowType = format === 'parquet' ? rowTypeOf(asked.records) : null
    if (asked.explain !== undefined && asked.records !== undefined)
      throw usage('--explain and --records exclude each other')
    if (asked.keep === undefined && context.settings.get('force')?.origin === 'flag')
      throw usage('--force: needs --keep')
    if (asked.keep !== undefined && asked.explain !== undefined)
      throw usage('--explain and --keep exclude each other')
    const prepared = await preparedRun(context, asked, {
      bars: (given) => marketInput(context, given, operands),
      values: asked.explain !== undefined,
    })
    const { given, notes, bars, loaded, market, model, trials, rules, set, features, policy, longOnly } =
      prepared
    const { warmup } = given
    const name = prepared.run
    const kinds = new Set<string>(table ? [] : (given.records ?? RECORD_TYPES))
    const types: ReadonlySet<RecordType> = new Set(RECORD_TYPES.filter((type) => kinds.has(type)))
    const kept = given.keep === undefined ? null : await KeptRun.at(given.keep, context, given.force)
    const out = await openOutput(
      context,
      { format: rowType === null ? 'ndjson' : 'parquet', output: given.output },
      operands,
    ).catch(async (error) => {
      await kept?.abort()
      throw error
    })
    try {
      const writer = new BlockWriter(out.sink)
      if (given.explain !== undefined) {
        const parts = { run: name, set, market, features, rules, policy, longOnly, warmup }
        const decision = explained(given.explain, parts)
        await writer.text(
          table
            ? decisionTable(decision, await painter(context.color && given.output === undefined))
            : `${JSON.stringify(decision)}\n`,
        )
        await writer.drain()
        await out.done()
        return
      }
      let text = ''
      const write = (line: string) => {
        text += line
      }
      const named = { run: name, market, rules }
      const file = rowType === null ? null : new RunTable(out.sink, rowType, named)
      const told = file === null ? new RecordWriter({ ...named, types, write }) : file.listener
      const keeper = kept?.listener(named) ?? null
      const listener = told === null || keeper === null ? (told ?? keeper) : both(told, keeper)
      const run = new Backtest({ market, features, rules, policy, longOnly, warmup, listener })
      const progress = context.ui.progress('decisions')
      const pause = async () => {
        progress.update(run.ledger.length, market.length - 1 - warmup)
        await writer.text(text)
        text = ''
        await file?.flush()
        await kept?.flush()
        await setImmediate()
        context.signal.throwIfAborted()
      }
      await advance(run, pause, { turn: TURN })
      progress.end()
      await writer.text(text)
      if (file === null && kinds.has('trip')) for (const line of tripLines(name, run)) await writer.text(line)
      const summary = summaryRecord({ name, loaded, run, features: set.name, model, trials, notes })
      if (file !== null) await file.finish(run, types.has('summary') ? summary : null)
      else if (table) {
        const onStdout = given.output === undefined || given.output === '-'
        const words = summaryTable(summary, {
          paint: await painter(context.color && onStdout),
          unicode: showsUnicode(context.env),
          width: onStdout ? context.columns() : WIDTH,
          next: nextOf({
            ...summary,
            market,
            warmup,
            t: summary.t_sessions,
            invented: loaded.sources.some((source) => INVENTED_SOURCES.includes(source)),
            model: model && { seenTo: seenTo(model, summary.from, summary.to) },
            again: againOf(context, bars.operands),
          }),
          equity: equityCurve(run.ledger, rules.capital),
        })
        await writer.text(words)
      } else if (types.has('summary')) await writer.text(`${JSON.stringify(summary)}\n`)
      await kept?.done(summary, await manifestOf(context, prepared))
      await writer.drain()
      await out.done()
    } catch (error) {
      await kept?.abort()
      await out.abort()
      throw error
    }
  },
})

function ruleWords(): string {
  return RULES.slice(1)
    .filter(({ outside }) => !outside)
    .map(({ name, action, words }) => `${name} (${action}: ${words})`)
    .join('; ')
}

function recordType(word: string): string {
  if ((RECORDS as readonly string[]).includes(word)) return word
  throw usage(`expected some of ${RECORDS.join(', ')}`, { got: quote(word) })
}
