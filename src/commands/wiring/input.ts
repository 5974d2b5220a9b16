/** Options that describe the input, in one wording, and the input opened. */
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Failure, systemFailure, usage } from '../../base/errors.js'
import { type TimeFormat, timeFormat } from '../../base/stamp.js'
import { type Zone, zoneNamed } from '../../base/time.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { choice, flag, integer, list, option, type Values } from '../../cli/options.js'
import { INTERVALS, type Interval, SYMBOL } from '../../market/bar.js'
import { type ColumnMap, columnMap } from '../../market/columns.js'
import type { ReadOptions } from '../../market/reading.js'
import { VENDORS, vendors } from '../../market/vendors.js'
import {
  FORMATS,
  formatByExtension,
  holdsRecords,
  openSource,
  type Source,
  type SourceOptions,
} from '../../stream/source.js'

/** The pair that the tool is made for. */
export const DEFAULT_SYMBOLS: readonly [string, string] = ['NVDA', 'MSFT']

const symbolWord = (word: string): string => {
  const symbol = word.toUpperCase()
  if (SYMBOL.test(symbol)) return symbol
  throw usage('expected letters, digits, dots and dashes', { got: quote(word) })
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

/** What jules itself writes as the source of a bar. */
export const SOURCE_WORDS: readonly string[] = ['file', 'mock']

/** An option that describes the input as a whole. */
const describing = { repeat: 'refuse' } as const

export const symbol = option<string | undefined>(
  'SYMBOL',
  'symbol of rows that have none',
  describing,
  symbolWord,
)

export const interval = choice('INTERVAL', INTERVALS, 'length of a bar', describing)

export const input = {
  tz: option<Zone | undefined>(
    'ZONE',
    'time zone of stamps that have no offset, such as America/New_York',
    describing,
    (name) => {
      const zone = zoneNamed(name)
      if (zone === null) throw usage(`unknown time zone ${quote(name)}`)
      return zone
    },
  ),
  columns: option<ColumnMap | undefined>(
    'MAP',
    'which column is which field: time=window_start,..., or all in order',
    describing,
    columnMap,
  ),
  'no-header': flag('the first line of a CSV file is a row'),
  'time-format': option<TimeFormat | undefined>(
    'FORM',
    "form of stamps, as strptime has it: '%d/%m/%Y %H:%M'; or epoch-s, -ms, -us, -ns",
    describing,
    (pattern) => {
      const form = timeFormat(pattern)
      if ('error' in form) throw usage(form.error, { got: quote(pattern) })
      return form
    },
  ),
  decimal: choice('MARK', ['.', ','], 'decimal mark of numbers', {
    ...describing,
    defaultText: 'as the rows show',
  }),
  vendor: choice('NAME', VENDORS, 'whose layout the file has', describing),
  'input-format': choice('FORMAT', FORMATS, 'format of the input', {
    ...describing,
    defaultText: 'recognised',
  }),
  'max-line': integer('BYTES', 'longest line of the input', { fallback: 1 << 20, min: 64, max: 1 << 29 }),
}

type InputFlags = Values<typeof input> & {
  readonly symbol?: string | undefined
  readonly interval?: Interval | undefined
}

/** What the options say about the rows of an input. Throws usage where they say nothing that can be read. */
export function readOptions(context: Context, flags: InputFlags): ReadOptions {
  const { vendor, columns } = flags
  const noHeader = flags['no-header']
  if (noHeader && columns?.kind !== 'order' && (vendor === undefined || !vendors[vendor].headerless)) {
    throw usage('--no-header needs the columns in their order', {
      hint: '--columns date,time,open,high,low,close,volume names them; - is a column of no use',
    })
  }
  return {
    symbol: flags.symbol,
    interval: flags.interval,
    zone: flags.tz,
    columns,
    header: !noHeader,
    timeFormat: flags['time-format'],
    decimal: flags.decimal,
    vendor,
    maxLine: flags['max-line'],
    onDetail: (words) => context.ui.detail(words),
  }
}

/** A file to read: as it was named, where it is, and the symbol of its rows that have none. */
export interface NamedInput {
  readonly name: string
  readonly path: string
  readonly symbol?: string
}

/**
 * The files that operands name: FILE, `-`, NAME=FILE with the symbol of its rows, or a folder of files, in the order of their
 * paths. Throws 64 for standard input named twice, 66 for a folder without files of records.
 */
export async function namedInputs(
  operands: readonly string[],
  { symbol: general }: { readonly symbol?: string | undefined },
): Promise<NamedInput[]> {
  const inputs: NamedInput[] = []
  for (const operand of operands) {
    const { path, symbol: own } = await splitOperand(operand)
    if (own !== undefined && general !== undefined && own !== general)
      throw usage(`--symbol ${general} and ${own}=FILE exclude each other`)
    for (const file of path === '-' ? [path] : await filesAt(path)) {
      inputs.push({ name: file, path: file, ...(own === undefined ? {} : { symbol: own }) })
    }
  }
  if (inputs.filter(({ path }) => path === '-').length > 1) throw usage('standard input is named twice')
  return inputs
}

/** `NVDA=bars.csv` apart, unless a file has that whole name. */
export async function splitOperand(operand: string): Promise<{ path: string; symbol?: string }> {
  const [, name, path] = /^([A-Z0-9][A-Z0-9.-]{0,15})=(.+)$/s.exec(operand) ?? []
  if (name === undefined || path === undefined || (await exists(operand))) return { path: operand }
  return { path, symbol: name }
}

/** An operand that means the same from any folder: its path from the root, `-` as it is. */
export async function placeOf({ cwd }: Pick<Context, 'cwd'>, operand: string): Promise<string> {
  const { path, symbol: own } = await splitOperand(operand)
  const place = path === '-' ? path : resolve(cwd, path)
  return own === undefined ? place : `${own}=${place}`
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

/** The file itself, the files of records below a folder, or those that a pattern with `*`, `?` and `**` matches. */
async function filesAt(path: string): Promise<string[]> {
  const kind = await stat(path).catch(() => null)
  if (kind?.isDirectory()) {
    const found = (await filesBelow(path)).filter((file) => formatByExtension(file) !== undefined)
    if (found.length > 0) return found
    throw new Failure('noInput', 'holds no .parquet, .csv, .tsv, .ndjson, .jsonl or .json', { where: path })
  }
  if (kind !== null || !/[*?]/.test(path)) return [path]
  // The part before the first wildcard is where to look.
  const root = path.slice(0, path.slice(0, path.search(/[*?]/)).lastIndexOf('/') + 1)
  const pattern = patternOf(path)
  const below = await stat(root === '' ? '.' : root).catch(() => null)
  const found = below === null ? [] : (await filesBelow(root)).filter((file) => pattern.test(file))
  if (found.length > 0) return found
  throw new Failure('noInput', 'no file matches', { where: path })
}

/** `*` and `?` within a name, `**` for folders. */
function patternOf(path: string): RegExp {
  const expression = path.replace(/\*\*\/|[*?]|[.+^${}()|[\]\\]/g, (piece) =>
    piece === '**/' ? '(?:[^/]+/)*' : piece === '*' ? '[^/]*' : piece === '?' ? '[^/]' : `\\${piece}`,
  )
  return new RegExp(`^${expression}$`)
}

/**
 * Every file below a folder, by path, through links too; names with a dot or an underscore first are not data. Throws 66 for a link
 * to a folder in which it stands.
 */
async function filesBelow(path: string): Promise<string[]> {
  const found: string[] = []
  const walk = async (folder: string, above: readonly string[]): Promise<void> => {
    const [place, entries] = await Promise.all([
      realpath(folder),
      readdir(folder, { withFileTypes: true }),
    ]).catch((error) => {
      throw systemFailure(error, folder)
    })
    if (above.includes(place))
      throw new Failure('noInput', `is a link to ${place}, in which it stands`, { where: folder })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (/^[._]/.test(entry.name)) continue
      const inside = join(folder, entry.name)
      const kind = entry.isSymbolicLink() ? await stat(inside).catch(() => entry) : entry
      if (kind.isDirectory()) await walk(inside, [...above, place])
      else found.push(inside)
    }
  }
  await walk(path === '' ? '.' : path, [])
  return found
}

/** Opens a file or `-`, closed when the command ends. Throws 64 when standard input is a terminal. */
export async function openInput(
  context: Context,
  path: string,
  given: Pick<SourceOptions, 'format' | 'plain' | 'mayBeEmpty'> = {},
): Promise<Source> {
  if (path === '-' && context.stdinIsTTY) throw terminalInput()
  const source = await openSource(path, { signal: context.signal, temporaryDirectory: tmpdir(), ...given })
  context.onEnd(() => source.close())
  return source
}

/** For a command that would wait for somebody to type records. */
export const terminalInput = () =>
  usage('nothing to read: standard input is a terminal', {
    hint: 'name a FILE, or pipe records in, as jules fetch --mock does',
  })

const SILENCE_MS = 2000

/**
 * Standard input as it is where it was not named: its bytes, or null for a terminal, for nothing, and for something that
 * cannot hold records, such as /dev/null. A pipe that stays open is waited for, and the wait is told.
 */
export async function unnamedInput(
  context: Context,
  given: Pick<SourceOptions, 'format'>,
): Promise<Source | null> {
  if (context.stdinIsTTY || !holdsRecords()) return null
  const telling = setTimeout(
    () => context.ui.note('waiting for bars on standard input; --store reads the store'),
    SILENCE_MS,
  )
  try {
    const source = await openInput(context, '-', { ...given, mayBeEmpty: true })
    if (!source.isEmpty) return source
    await source.close()
    return null
  } finally {
    clearTimeout(telling)
  }
}
