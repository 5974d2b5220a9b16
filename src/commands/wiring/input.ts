/** Options that describe the input, in one wording, and the input opened. */
import { tmpdir } from 'node:os'
import { usage } from '../../base/errors.js'
import { type Zone, zoneNamed } from '../../base/time.js'
import { quote } from '../../base/words.js'
import { type Context, HelpWanted } from '../../cli/context.js'
import { choice, integer, list, option } from '../../cli/options.js'
import { INTERVALS, SYMBOL } from '../../market/bar.js'
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
  'input-format': choice('FORMAT', FORMATS, 'format of the input', { defaultText: 'recognised' }),
  'max-line': integer('BYTES', 'longest line of the input', { fallback: 1 << 20, min: 64, max: 1 << 29 }),
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
