/** Options that describe the input, in one wording, and the input opened. */
import { tmpdir } from 'node:os'
import { usage } from '../../base/errors.js'
import { type TimeFormat, timeFormat } from '../../base/stamp.js'
import { type Zone, zoneNamed } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { type Context, HelpWanted } from '../../cli/context.js'
import { choice, flag, integer, list, option, type Values } from '../../cli/options.js'
import { INTERVALS, type Interval, SYMBOL } from '../../market/bar.js'
import { type ColumnMap, columnMap } from '../../market/columns.js'
import type { ReadOptions } from '../../market/reading.js'
import { VENDORS, vendors } from '../../market/vendors.js'
import { FORMATS, openSource, type Source, type SourceOptions } from '../../stream/source.js'

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

export const symbol = option<string | undefined>('SYMBOL', 'symbol of rows that have none', {}, symbolWord)

export const interval = choice('INTERVAL', INTERVALS, 'length of a bar')

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
  columns: option<ColumnMap | undefined>(
    'MAP',
    'which column is which field: time=window_start,..., or all in order',
    {},
    columnMap,
  ),
  'no-header': flag('the first line of a CSV file is a row'),
  'time-format': option<TimeFormat | undefined>(
    'FORM',
    "form of stamps, as strptime has it: '%d/%m/%Y %H:%M'; or epoch-s, -ms, -us, -ns",
    {},
    (pattern) => {
      const form = timeFormat(pattern)
      if ('error' in form) throw usage(form.error, { got: quote(pattern) })
      return form
    },
  ),
  decimal: choice('MARK', ['.', ','], 'decimal mark of numbers', { defaultText: 'as the rows show' }),
  vendor: choice('NAME', VENDORS, 'whose layout the file has'),
  'input-format': choice('FORMAT', FORMATS, 'format of the input', { defaultText: 'recognised' }),
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

/** Opens a FILE operand or `-`, closed when the command ends; help when standard input is a terminal. */
export async function openInput(
  context: Context,
  operand: string,
  given: Pick<SourceOptions, 'format' | 'plain' | 'mayBeEmpty'> = {},
): Promise<Source> {
  if (operand === '-' && context.stdinIsTTY) throw new HelpWanted()
  const source = await openSource(operand, { signal: context.signal, temporaryDirectory: tmpdir(), ...given })
  context.onEnd(() => source.close())
  return source
}
