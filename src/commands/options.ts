/** Options that several commands share, in one wording, and what they turn into. */
import { tmpdir } from 'node:os'
import { usage } from '../base/errors.js'
import { quote, type Zone, zoneNamed } from '../base/time.js'
import { type Context, HelpWanted } from '../cli/context.js'
import { choice, file, integer, list, option } from '../cli/options.js'
import { INTERVALS, SYMBOL } from '../market/bar.js'
import type { Target } from '../store/connect.js'
import { parseDsn } from '../store/dsn.js'
import type { EmbeddedOptions } from '../store/place.js'
import { type ByteSink, fileSink } from '../stream/sink.js'
import { FORMATS, type Format, formatByExtension, openSource, type Source } from '../stream/source.js'
import { secretFor } from './secrets.js'

const symbolWord = (word: string): string => {
  const symbol = word.toUpperCase()
  if (SYMBOL.test(symbol)) return symbol
  throw usage(`expected letters, digits, dots and dashes, got ${quote(word)}`)
}

const symbolList = list('LIST', 'symbols, separated by commas', { each: symbolWord })

export const symbols: typeof symbolList = {
  ...symbolList,
  parse: (value) => {
    const words = symbolList.parse(value) ?? []
    const twice = words.find((word, i) => words.indexOf(word) !== i)
    if (twice !== undefined) throw usage(`${twice} stands twice`)
    return words
  },
}

export const symbol = option<string | undefined>('SYMBOL', 'symbol of rows that have none', {}, symbolWord)

export const interval = choice('INTERVAL', INTERVALS, 'length of a bar')

export const output = {
  format: choice('FORMAT', FORMATS, 'format of the output', {
    short: 'f',
    defaultText: 'by the extension of -o, else ndjson',
  }),
  output: file('write to FILE, which appears whole or not at all', { short: 'o' }),
}

export const input = {
  tz: option<Zone | undefined>(
    'ZONE',
    'time zone of stamps that have no offset, such as America/New_York',
    {},
    (name) => {
      const zone = zoneNamed(name)
      if (zone === null) throw usage(`unknown time zone ${quote(name)}`)
      return zone
    },
  ),
  'input-format': choice('FORMAT', FORMATS, 'format of the input', { defaultText: 'recognised' }),
  'max-line': integer('BYTES', 'longest line of the input', { fallback: 1 << 20, min: 64, max: 1 << 29 }),
}

export const store = {
  dsn: option<string | undefined>(
    'URL',
    'database, without a password',
    { defaultText: 'the embedded one' },
    (value) => {
      parseDsn(value)
      return value
    },
  ),
}

/** Opens a FILE operand or `-`, closed when the command ends; help when standard input is a terminal. */
export async function openInput(
  context: Context,
  operand: string,
  given: { readonly format?: Format | undefined; readonly plain?: boolean } = {},
): Promise<Source> {
  if (operand === '-' && context.stdinIsTTY) throw new HelpWanted()
  const source = await openSource(operand, { signal: context.signal, temporaryDirectory: tmpdir(), ...given })
  context.onEnd(() => source.close())
  return source
}

export interface Output {
  readonly sink: ByteSink
  readonly format: Format
  /** The records go to a terminal. */
  readonly terminal: boolean
  /** A file takes its name; standard output is left open. */
  done(): Promise<void>
  abort(): Promise<void>
}

export async function openOutput(
  context: Context,
  given: { readonly format: Format | undefined; readonly output: string | undefined },
  inputs: readonly string[] = [],
): Promise<Output> {
  const path = given.output === '-' ? undefined : given.output
  if (path !== undefined && /\.gz$/i.test(path)) {
    throw usage(`${path}: gzip is read but not written`, { hint: 'leave .gz out, or pipe into gzip' })
  }
  const format = given.format ?? (path === undefined ? undefined : formatByExtension(path)) ?? 'ndjson'
  if (path === undefined) {
    if (format === 'parquet' && context.stdoutIsTTY) {
      throw usage('parquet is not for a terminal', { hint: 'use -o FILE, or a pipe' })
    }
    return {
      sink: context.stdout(),
      format,
      terminal: context.stdoutIsTTY,
      done: async () => {},
      abort: async () => {},
    }
  }
  await refuseSameFile(path, inputs)
  const sink = await fileSink(path, context)
  return { sink, format, terminal: false, done: () => sink.close(), abort: () => sink.abort() }
}

async function refuseSameFile(path: string, inputs: readonly string[]): Promise<void> {
  const { stat } = await import('node:fs/promises')
  const target = await stat(path).catch(() => null)
  if (target === null || !target.isFile()) return
  for (const operand of inputs) {
    const source = operand === '-' ? null : await stat(operand).catch(() => null)
    if (source !== null && source.dev === target.dev && source.ino === target.ino) {
      throw usage(`${path}: is the input as well as the output`)
    }
  }
}

/** The database that the options and the environment name; the embedded one otherwise. */
export function storeTarget(context: Context, dsn: string | undefined): Target {
  return {
    dsn,
    env: context.env,
    secret: (name) => secretFor(context, name),
    embedded: embeddedOptions(context),
  }
}

export function embeddedOptions(context: Context): EmbeddedOptions {
  return {
    directory: `${context.paths.data}/pg`,
    runtimeDirectory: context.paths.runtime ?? tmpdir(),
    uid: context.uid,
    hasAccount: context.hasAccount,
    platform: context.platform,
    arch: context.arch,
    searchPath: context.env('PATH') || '/usr/local/bin:/usr/bin:/bin',
    signal: context.signal,
    note: (words) => context.ui.note(words),
    clock: context.clock,
    kill: context.kill,
  }
}
