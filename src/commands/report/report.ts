import { extname } from 'node:path'
import { Failure, usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice, file, under } from '../../cli/options.js'
import { inLine, painter, showsUnicode } from '../../cli/ui.js'
import { GATES, requirements } from '../../evaluate/requirements.js'
import { csvOf } from '../../report/formats/csv.js'
import { htmlOf } from '../../report/formats/html.js'
import { jsonOf } from '../../report/formats/json.js'
import { markdownOf } from '../../report/formats/markdown.js'
import { textOf } from '../../report/formats/text.js'
import type { Report } from '../../report/model.js'
import { type ReportInput, reportOf } from '../../report/report.js'
import { BlockWriter } from '../../stream/sink.js'
import { gateOf, gateOptions } from '../wiring/gate.js'
import { terminalInput } from '../wiring/input.js'
import { openAs } from '../wiring/output.js'
import { reportInput } from './inputs.js'

const FORMATS = ['html', 'md', 'json', 'csv', 'txt'] as const
type ReportFormat = (typeof FORMATS)[number]

const EXTENSIONS: Readonly<Record<string, ReportFormat>> = {
  '.html': 'html',
  '.htm': 'html',
  '.md': 'md',
  '.markdown': 'md',
  '.json': 'json',
  '.csv': 'csv',
  '.txt': 'txt',
}

export const report = defineCommand({
  name: 'report',
  summary: 'say what a run earned, and whether that can be believed, on one page',
  description: [
    'RUN is a folder that backtest --keep wrote, or a training by its folder or name; JOURNAL is that of a paper run; FILE has the records of backtest, evaluate, paper or eod-validate, - is standard input. They are NDJSON, or Parquet with the records of one type a file: as backtest -f parquet writes them, or of other writers, with positions as a group or as columns positions.NVDA. A folder of such files, with no manifest, is one input. Several stand side by side, each for itself: what was simulated and what was traded on paper is never added up.',
    'GO needs two things: the gate is met, and the run can be believed. The gate is that of --gate demo ($1,000 net, 2 % drawdown at most, an uptime above 99 %) or of --require, as evaluate has them; a figure that is absent is not met, so a backtest, which has no uptime, is no GO by itself. What is believed is the verdict of the summary; a run that wrote none is judged by the same rules, and one on a simulated gateway is not believed. With --gate or --require the status is 1 where a run is no GO.',
    'A page (.html) is one file that loads nothing: charts are drawn in it, with zoom and values under the pointer where scripts may run, and each has its numbers as a table. Markdown (.md), text (.txt) and JSON (.json) have the same figures, shown with the same digits; they are those of the summary where it has them, and else what its records tell. CSV (.csv) is the full list of trades. On a terminal the report is text, in a pipe JSON.',
    'Of two summaries of one paper run the last counts, and a note says what the other had; two of a backtest that contradict each other are refused. Dollars of a half hour are those of the bars that ended in it, in New York; those of a night stand in the first, and a note says what bars outside of the session earned. A trade is a position from flat to flat, net of its costs; what is held at the end is valued at the last marks. The drawdown is that of the equity after each decision.',
  ],
  operands: [
    {
      name: 'RUN|JOURNAL|FILE',
      help: 'what is reported, or - for records of a pipe',
      many: true,
      completes: 'file',
    },
  ],
  options: {
    ...gateOptions,
    ...under('Output', {
      format: choice('FORMAT', FORMATS, 'format of the report', {
        short: 'f',
        defaultText: 'by the extension of -o, else txt on a terminal and json in a pipe',
      }),
      output: file('write to FILE, which appears whole or not at all', { short: 'o' }),
    }),
  },
  examples: [
    {
      text: 'A page for a manager',
      shell: 'jules backtest --policy sma-cross --keep run bars.ndjson\njules report run -o run.html',
    },
    {
      text: 'The equity curve in a Parquet file',
      shell:
        'jules backtest --records equity,summary -o equity.parquet bars.ndjson\njules report equity.parquet',
    },
    { text: 'The full list of trades', shell: 'jules report run -o trades.csv' },
    { text: 'Two runs side by side', shell: 'jules report run other-run' },
  ],
  exits: {
    1: 'with --gate or --require: a run is no GO',
    65: 'records or a journal that are damaged, or no records at all',
    66: 'no such run or file, or nothing of a run in it',
    73: 'the output cannot be created',
    74: 'reading or writing failed',
    77: 'no permission to read or write',
  },
  seeAlso: ['backtest', 'evaluate', 'paper', 'eod-validate', 'metrics.7'],
  run: async (context, given, operands) => {
    const gate = gateOf(given)
    const names = operands.length === 0 ? ['-'] : operands
    if (names.filter((name) => name === '-').length > 1) throw usage('standard input is named twice')
    if (operands.length === 0 && context.stdinIsTTY) throw terminalInput()
    const inputs: ReportInput[] = []
    for (const name of names) inputs.push(await reportInput(context, name))
    const made = reportOf(inputs, gate ?? { name: 'demo', required: requirements(GATES.demo) })
    refuseNothing(made, names)
    const out = await openAs(context, given, {
      inputs: operands,
      formats: {
        names: FORMATS,
        byExtension: (path) => EXTENSIONS[extname(path).toLowerCase()],
        usual: context.stdoutIsTTY && (given.output ?? '-') === '-' ? 'txt' : 'json',
      },
    })
    try {
      const writer = new BlockWriter(out.sink)
      for (const text of await textsOf(context, made, { format: out.format, isTerminal: out.terminal })) {
        context.signal.throwIfAborted()
        await writer.text(text)
      }
      await writer.drain()
      await out.done()
    } catch (error) {
      await out.abort()
      throw error
    }
    if (gate !== null && made.runs.some(({ verdict }) => !verdict.go)) context.exitWith(1)
  },
})

async function textsOf(
  context: Context,
  made: Report,
  { format, isTerminal }: { readonly format: ReportFormat; readonly isTerminal: boolean },
): Promise<Iterable<string>> {
  switch (format) {
    case 'html':
      return [htmlOf(made)]
    case 'md':
      return [markdownOf(made)]
    case 'json':
      return [jsonOf(made)]
    case 'csv':
      return csvOf(made)
    case 'txt':
      return [
        textOf(made, {
          width: isTerminal ? Math.max(LEAST_WIDTH, context.columns()) : WIDTH,
          unicode: showsUnicode(context.env),
          paint: await painter(context.color && isTerminal),
          clean: inLine,
        }),
      ]
  }
}

const WIDTH = 80
/** Of a terminal: below it no table is one. */
const LEAST_WIDTH = 40

function refuseNothing({ runs, quality }: Report, names: readonly string[]): void {
  if (runs.length > 0 || quality !== null) return
  throw new Failure('noInput', 'holds no records of a run and no findings of the data', {
    where: names.map((name) => (name === '-' ? 'stdin' : name)).join(', '),
    hint: 'backtest --keep, backtest -f ndjson, evaluate, paper and eod-validate write them',
  })
}
