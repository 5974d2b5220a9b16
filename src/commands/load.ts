import { type ExitName, Failure, usage } from '../base/errors.js'
import { quote } from '../base/words.js'
import { defineCommand } from '../cli/command.js'
import type { Context } from '../cli/context.js'
import { choice, flag, text } from '../cli/options.js'
import { completeBars } from '../market/feeds/file.js'
import type { OtherRecord } from '../market/reading.js'
import { readRecords } from '../market/records.js'
import { RowCheck } from '../market/row-check.js'
import type { Load } from '../store/store.js'
import type { Source } from '../stream/source.js'
import { input, interval, namedInputs, openInput, readOptions, symbol } from './wiring/input.js'
import { Rejects, rejectOptions, type Tolerance } from './wiring/rejects.js'
import { store, storeEnvironment, storeExits, withStore } from './wiring/store.js'

export const load = defineCommand({
  name: 'load',
  summary: 'put records into the store',
  description: [
    'Reads bars and other records from standard input or FILE and upserts them. The same input loaded twice changes nothing the second time.',
    'Bars go to the table market_data, order, fill, equity, risk, state, summary and quality records to their tables, and records of other types are counted and passed over. A row without a source gets the source file, as from fetch, and one without a session that of the calendar. Any order of the input will do; of two rows with one key the later one stands. Bars of one symbol and interval that overlap are bad lines, in whatever order they come, and one that overlaps a bar of the store stops the load; the bar of a day stands at midnight in New York of its date. Nights that look like a split in bars that are not adjusted are told.',
    'A run gives the same records each time: order, fill, equity, risk and state records that differ from those in the store are of another run of that name, and are refused. What a state record measured (connection, ages, latency), and a summary, are as the last record of the run has them.',
    'Rows are committed in batches of 50,000, one transaction each: whatever stops the command, a batch is there whole or not at all, and running it again completes the load. With --import-id the database remembers how far the input was read, and a second run goes on from there.',
    'With --verify each batch is read back after its commit and compared row by row with what was given: a row that is missing or has other values, such as one that a trigger changes, ends the load with 65 and is named. What --on-conflict nothing leaves as it was need only be there.',
    'The first bad line stops the load unless --max-rejects allows more. A row whose source is mock or sim never replaces a row of another source unless --allow-mock is given.',
    'Nothing is written to standard output. One line on standard error says how many rows were read, written, unchanged and rejected.',
    'Without --dsn and without PGHOST or TIMESCALEDB_HOST, the store is the embedded PostgreSQL server, started on demand and left running.',
  ],
  operands: [
    {
      name: 'FILE',
      help: 'ndjson, csv or parquet, gzip or not (default: standard input)',
      many: true,
      completes: 'file',
    },
  ],
  options: {
    ...store,
    symbol,
    interval,
    ...input,
    'on-conflict': choice('HOW', ['update', 'nothing'], 'what to do with a row that is there and differs', {
      fallback: 'update',
    }),
    'import-id': text('ID', 'remember progress under ID and go on from there'),
    ...rejectOptions,
    verify: flag('read back what was written, and end with 65 where it is not what was given'),
    'allow-mock': flag('let mock and sim rows replace rows of other sources'),
    'dry-run': flag('read and check everything, write nothing'),
  },
  examples: [
    { text: 'Generate bars and load them', shell: 'jules fetch --mock | jules load' },
    {
      text: 'Load a file whose stamps are New York wall time',
      shell: 'jules load bars.csv --symbol NVDA --interval 5m --tz America/New_York',
    },
    { text: 'Check a file without touching the store', shell: 'jules load --dry-run bars.ndjson' },
  ],
  exits: {
    65: 'a bad line, a damaged file, a bar that overlaps one of the store, a mock row against a real one, or records of another run of that name',
    66: 'no such file, or the input is empty',
    ...storeExits,
    73: 'the file for rejects cannot be created',
    74: 'reading failed, or the disk of the database is full',
    75: 'the database is busy; try again',
    77: 'the database refuses the password or the right to create tables, or is read-only',
  },
  environment: storeEnvironment,
  seeAlso: ['fetch', 'export', 'db'],
  run: async (context, options, operands) => {
    const files = await namedInputs(operands.length === 0 ? ['-'] : operands, options)
    if (options['import-id'] === '') throw usage('--import-id: expected a name')
    const tally = new Tally(context, options['max-rejects'])
    const progress = context.ui.progress('rows')
    const check = new RowCheck({ zone: options.tz, interval: options.interval, splits: true })
    const readInto = async (running: Running | null, first: Source): Promise<void> => {
      let source = first
      for (const [i, { name, path, symbol: own }] of files.entries()) {
        if (i > 0) source = await openInput(context, path, { format: options['input-format'] })
        const blocks = readRecords(source, {
          ...readOptions(context, options),
          symbol: options.symbol ?? own,
          check,
          onReject: tally.rejects.take,
          onNote: (words) => context.ui.note(words),
          onWarn: (words) => context.ui.warn(words),
          onIgnored: (field) =>
            context.ui.detail(`${name}: ${quote(field)} is not a field of a bar, ignored`),
        })
        for await (const block of blocks) {
          context.signal.throwIfAborted()
          if (block.kind === 'bars') {
            tally.rejects.read += block.batch.length
            completeBars(block.batch)
            await running?.bars(block.batch)
          } else {
            tally.rejects.read += block.records.length
            await running?.others(await tally.keepStored(name === '-' ? 'stdin' : name, block.records))
          }
          progress.update(tally.rejects.read)
        }
        await source.close()
      }
      await running?.finish()
      progress.end()
      await tally.finish(running, { verify: options.verify && running !== null })
    }
    let running: Running | null = null
    try {
      // The input is opened before the database: a mistyped name must not start a server.
      const first = await openInput(context, files[0]!.path, { format: options['input-format'] })
      await tally.rejects.open(options.rejects)
      if (options['dry-run']) await readInto(null, first)
      else {
        await withStore(context, options, async (database) => {
          running = await database.load({
            onConflict: options['on-conflict'],
            allowMock: options['allow-mock'],
            importId: options['import-id'],
            verify: options.verify,
          })
          // The batch under way needs the session, which closes behind this.
          await readInto(running, first).finally(() => running?.settle())
        })
      }
    } catch (error) {
      progress.end()
      throw await tally.failed(error, running, context.signal)
    }
  },
})

/** What goes away by itself, or with what the hint says: the same command helps then. */
const PASSING: readonly ExitName[] = ['unavailable', 'tryAgain', 'io']

type Running = Load & { readonly skipped: number }

/** Counts what came in. */
class Tally {
  readonly rejects: Rejects
  readonly #context: Context
  readonly #others = new Map<string, number>()

  constructor(context: Context, tolerance: Tolerance) {
    this.#context = context
    this.rejects = new Rejects(context, tolerance)
  }

  /** The records that have a table and are sound; others are counted. */
  async keepStored(name: string, records: readonly OtherRecord[]): Promise<OtherRecord[]> {
    const { checkRecord, isStored } = await import('../store/records.js')
    const kept: OtherRecord[] = []
    for (const record of records) {
      const { type, line, text: raw } = record
      const problem = checkRecord(record)
      if (problem !== null) {
        this.rejects.read--
        await this.rejects.take({ name, line, problem, raw: raw.slice(0, 1000) })
      } else if (isStored(type)) kept.push(record)
      else this.#others.set(type, (this.#others.get(type) ?? 0) + 1)
    }
    return kept
  }

  async finish(running: Running | null, { verify }: { readonly verify: boolean }): Promise<void> {
    await this.rejects.finish()
    const { read, rejected } = this.rejects
    if (read + rejected === 0) throw new Failure('noInput', 'the input holds no records')
    const { written = 0, unchanged = 0, superseded = 0, verified = 0 } = running?.counts ?? {}
    const skipped = running?.skipped ?? 0
    const words = [
      `${read} rows read`,
      running === null ? 'nothing written (dry run)' : `${written} written`,
      running === null ? '' : `${unchanged} unchanged`,
      `${rejected} rejected`,
      superseded > 0 ? `${superseded} replaced by a later row of the same key` : '',
      skipped > 0 ? `${skipped} loaded before` : '',
      verify ? `${verified} read back and as given` : '',
      ...[...this.#others].map(([type, count]) => `${count} ${type} records not stored`),
    ]
    this.#context.ui.note(words.filter(Boolean).join(', '), {
      read,
      written,
      unchanged,
      rejected,
      superseded,
      skipped,
      ...(verify ? { verified } : {}),
      others: Object.fromEntries(this.#others),
    })
  }

  /** Adds to a failure what is committed, so that nobody has to guess. */
  async failed(error: unknown, running: Load | null, signal: AbortSignal): Promise<unknown> {
    // The lines rejected so far are the point of the file, so it is kept.
    await this.rejects.close().catch(() => {})
    if (running === null) return signal.aborted ? signal.reason : error
    const { committed } = running
    const again = 'running it again completes the load'
    if (signal.aborted) {
      this.#context.ui.note(`${committed} rows are committed; ${again}`, { committed })
      return signal.reason
    }
    if (!(error instanceof Failure)) return error
    const state = `${committed} rows are committed${PASSING.includes(error.kind) ? `; ${again}` : ''}`
    return new Failure(error.kind, error.message, {
      hint: [error.hint, state].filter(Boolean).join('; '),
      fields: { ...error.fields, committed },
      cause: error,
      ...(error.where === undefined ? {} : { where: error.where }),
    })
  }
}
