import { dirname, resolve } from 'node:path'
import { Failure, usage } from '../../base/errors.js'
import { utc, zoneNamed } from '../../base/time.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { DEFAULT_SYMBOLS } from '../wiring/input.js'
import { barsOperand } from '../wiring/market.js'
import { refuseOneFile } from '../wiring/output.js'
import { storeEnvironment, storeExits, storeName } from '../wiring/store.js'
import { explained } from './explained.js'
import { isFromStore, look, type Task, taskOf } from './judge.js'
import { lockDates } from './lock.js'
import { type Given, options, thresholdsOf } from './options.js'
import { openReport, writeReport } from './output.js'
import { cronLines, type Scheduled, scheduledWords, systemdUnits } from './schedule.js'
import { type Watch, watched } from './watched.js'

export const eodValidate = defineCommand({
  name: 'eod-validate',
  summary: 'check the bars of a day at its end',
  description: [
    'Judges the bars of one or more sessions: whether all are there, each once and in its place, with prices and volumes that can be true. Each finding is one quality record; a clean day writes none and ends with 0. Errors end with 1, with --strict warnings too.',
    'Bars come from the files that are named, else from standard input, where it is a pipe or a file that holds some; else from the store, with up to 20 sessions before for comparison. --store reads the store whatever is on standard input. Of files every row is judged, also those of other dates than --date, and the store is not touched; the sessions before stand in the file itself. Checks that need more of them are skipped, and named with -v.',
    'Rows that can be read and break a rule are findings, with their line; a line that is no record at all ends with 65. Dates and sessions are those of New York, whatever the time zone of the machine. Bars from 20:00 to 04:00 belong to the session that follows.',
    'today before five minutes after the close is 75: the session is not over. A day without a session is 0 and says why; a session of which nothing is there at all is 69, as is an empty input.',
    'A quality record holds date, rule set with the interval, symbol, check, severity (warn, error), from and to as starts of bars, count, observed and expected, samples, and in fix the command that fetches the bars again, where that can help. --explain all lists the checks.',
    'Beside records and lines for people there are documents: json, one with everything; junit, a suite a symbol and day with a case a check, in which an error is a failure and a warning the output of a case that passes; html, a page for people; prom, metrics for the textfile collector of node_exporter. With -o the extension says which: .ndjson .txt .json .xml .html .prom.',
    'What is found in the store is kept there too, in data_quality_reports: the findings, and one row of check run for each date and rule set, take the place of all that was there of these. --record keeps what is found in files; --no-record keeps nothing. A store that cannot be written is a failure, which outranks what was found.',
    '--baseline FILE leaves out findings that are known: JSON lines or an array of objects with check, expires (the last date on which it counts) and reason, and with symbol, date, from and to where it is not for all. They are counted and do not decide the status; one that has expired silences nothing and is told. A check that fires for a symbol on five sessions running, here or in what the store has kept, is called miscalibrated, with the threshold to look at; the status stays as it is.',
    'For cron, -q says nothing on a clean day, and one run at a time looks at a date of a store: another ends with 75 at once. --timeout ends a run that takes too long, with 75. --healthcheck is pinged as healthchecks.io has it, on closed days too: URL/start, then URL/STATUS with what was found, both with one rid. --webhook is posted JSON when the outcome (clean, findings, error) of these symbols in this store is another than the last time. --prom writes the metrics beside any other format. None of these changes the status, but for metrics that cannot be written; addresses may hold secrets, so give them in the environment: JULES_HEALTHCHECK, JULES_WEBHOOK. --install-cron and --systemd print what starts it each evening, with the options of the same line.',
  ],
  operands: [barsOperand],
  options,
  examples: [
    {
      text: 'Generated bars: a clean day says nothing',
      shell: 'jules fetch --mock --days 1 | jules eod-validate',
    },
    {
      text: 'What is wrong with flawed ones',
      shell: 'jules fetch --mock --days 8 --defects wick | jules eod-validate -f table',
    },
    {
      text: 'A page for a manager, and metrics beside it',
      shell: 'jules eod-validate -o day.html --prom metrics/jules.prom',
    },
    { text: 'Each evening', shell: '(crontab -l; jules eod-validate --install-cron) | crontab -' },
    { text: 'What a check does', shell: 'jules eod-validate --explain spike' },
  ],
  exits: {
    1: 'errors were found; with --strict, warnings too',
    65: 'a line that is no record, or a damaged file',
    66: 'no such file',
    ...storeExits,
    69: 'no bars at all of a session, an empty input, or the database cannot be reached',
    73: 'the output or the metrics cannot be created',
    75: 'the session is not over, another run is at work, the time is up, or another session of the database is in the way',
  },
  environment: storeEnvironment,
  files: {
    '$XDG_STATE_HOME/jules/eod-validate': 'locks of runs at work, and how the last one ended, for --webhook',
  },
  seeAlso: ['inspect', 'fetch', 'load'],
  run: async (context, given, operands) => {
    const lines = printed(context, given)
    if (lines !== null) return context.stdout().write(Buffer.from(`${lines.join('\n')}\n`))
    if (given.record && given['no-record']) throw usage('--record and --no-record exclude each other')
    const { output, prom, baseline, against, paper = [] } = given
    const read = [baseline, against].flatMap((path) => (path === undefined ? [] : [path]))
    await refuseOneFile({ output, prom }, [...operands, ...read, ...paper])
    await watched(context, given, async (inner, watch) => {
      const task = await taskOf(inner, given, operands)
      const release = await alone(inner, given, { task, watch })
      try {
        watch.begin()
        await told(inner, given, { task, watch })
      } finally {
        release()
      }
    })
  },
})

/** What is printed in place of a look; null where nothing is. */
function printed(context: Context, given: Given): string[] | null {
  if (given.explain !== undefined) return explained(given.explain, thresholdsOf(given.threshold))
  if (!given['install-cron'] && !given.systemd) return null
  const program = resolve(process.argv[1] ?? 'jules')
  const node = dirname(process.execPath)
  const path = [...new Set([node, '/usr/local/bin', '/usr/bin', '/bin'])].join(':')
  const zone = zoneNamed(Intl.DateTimeFormat().resolvedOptions().timeZone) ?? utc
  const scheduled: Scheduled = { program, path, words: scheduledWords(context), zone }
  return given.systemd ? systemdUnits(scheduled) : cronLines(scheduled)
}

interface Run {
  readonly task: Task
  readonly watch: Watch
}

/** Sees to it that no other run looks at the same dates of the store; files are anybody's. Throws 75. */
async function alone(context: Context, given: Given, { task, watch }: Run): Promise<() => void> {
  const { operands } = task.input
  const store = isFromStore(task) ? await storeName(context, given) : null
  const symbols = given.symbols ?? DEFAULT_SYMBOLS
  watch.subject = `${store ?? operands.map((one) => resolve(one)).join(' ')} ${symbols.join(',')}`
  if (store === null || task.period === null) return () => {}
  return lockDates(context, store, task.period).catch((error) => {
    if (error instanceof Failure && error.kind === 'tryAgain') watch.silence()
    throw error
  })
}

/** Looks, and writes what was found; a failure comes after it. */
async function told(context: Context, given: Given, { task, watch }: Run): Promise<void> {
  const out = await openReport(context, given, task.input.operands)
  try {
    const { report, failure } = await look(context, given, task)
    watch.report = report
    await writeReport(context, out, { report, path: given.output })
    if (failure !== null) throw failure
    if (report.status !== 0) context.exitWith(report.status)
  } catch (error) {
    // Of a file that has its name by now nothing is taken back.
    await out.abort()
    throw error
  }
}
