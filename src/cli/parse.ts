/**
 * From argv to a command, its option values and operands. Commander reads the flags of the one command that runs;
 * values then come from flag, environment, config file or default, in that order.
 */
import { Command as Commander, type CommanderError, Option as CommanderOption } from 'commander'
import { usage } from '../base/errors.js'
import { nearest } from '../base/suggest.js'
import { quote } from '../base/words.js'
import type { AnyLeaf } from './command.js'
import { globalOptions, type Option, type Options } from './options.js'

export interface Flags {
  /** Raw texts by option name; a switch that is on has 'true'. */
  readonly raw: ReadonlyMap<string, string>
  readonly operands: readonly string[]
  /** Options that were given again with another value, of which the last counts. */
  readonly again: readonly string[]
}

/** Splits leading global options from the command word: `-q load x` -> command load, the rest `-q x`. */
export function splitCommand(argv: readonly string[]): { word: string | undefined; rest: string[] } {
  const rest: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === '--' || !word.startsWith('-') || word === '-') {
      if (word === '--') return { word: argv[i + 1], rest: [...rest, ...argv.slice(i + 2)] }
      return { word, rest: [...rest, ...argv.slice(i + 1)] }
    }
    rest.push(word)
    if (takesValue(word) && i + 1 < argv.length) rest.push(argv[++i]!)
  }
  return { word: undefined, rest }
}

function takesValue(word: string): boolean {
  return Object.entries(globalOptions).some(
    ([name, spec]: [string, Option<unknown>]) =>
      spec.metavar !== undefined && (word === `--${name}` || word === `-${spec.short}`),
  )
}

/** Reads the flags of one command; global ones may stand among them. Throws a usage Failure. */
export function readFlags(
  command: Pick<AnyLeaf, 'options' | 'operands' | 'passThrough' | 'discreet'>,
  argv: string[],
): Flags {
  const parser = new Commander('jules')
    .exitOverride()
    .configureOutput({ writeErr: () => {}, writeOut: () => {} })
    .helpOption(false)
    .allowExcessArguments(true)
  if (command.passThrough) parser.passThroughOptions()
  const raw = new Map<string, string>()
  const again = new Set<string>()
  const take = (name: string, { repeat }: Option<unknown>, text: string) => {
    const before = raw.get(name)
    if (before !== undefined && before !== text) {
      if (repeat === 'refuse') throw twice(name, before, text)
      if (repeat !== 'add') again.add(name)
    }
    raw.set(name, repeat === 'add' && before !== undefined ? `${before},${text}` : text)
  }
  const all: Options = { ...command.options, ...globalOptions }
  for (const [name, spec] of Object.entries(all)) {
    const value = spec.metavar === undefined ? '' : ` <${spec.metavar}>`
    const flags = `${spec.short === undefined ? '' : `-${spec.short}, `}--${name}${value}`
    parser.addOption(new CommanderOption(flags))
    parser.on(`option:${name}`, (text?: string | null) => take(name, spec, text ?? 'true'))
  }
  parser.argument('[operands...]').action(() => {})
  try {
    const end = argv.indexOf('--')
    parser.parse(
      argv.map((word, i) => (end < 0 || i < end ? withValue(word, all) : word)),
      { from: 'user' },
    )
  } catch (error) {
    throw asUsage(error, Object.keys(all), command.discreet === true)
  }
  return { raw, operands: parser.args, again: [...again] }
}

const twice = (name: string, before: string, text: string) =>
  usage(`--${name} is given twice: ${quote(before)} and ${quote(text)}`, {
    hint:
      name === 'symbol'
        ? 'give each file its own symbol: NVDA=FILE MSFT=FILE'
        : 'it describes the whole input: read other files with a command of their own',
  })

/** Refuses too few and too many operands. Apart from readFlags, so that `--help` needs none. */
export function checkOperands(command: AnyLeaf, operands: readonly string[]): void {
  const declared = command.operands ?? []
  const required = declared.filter((operand) => operand.required).length
  const missing = declared[operands.length]
  if (operands.length < required && missing !== undefined) throw usage(`missing operand ${missing.name}`)
  if (operands.length > declared.length && declared.at(-1)?.many !== true) {
    const excess = command.discreet ? '' : ` ${quote(operands[declared.length])}`
    throw usage(`unexpected operand${excess}`)
  }
}

/**
 * Commander says which word it refused in its message alone, between quotes: this is the one place that reads it there.
 * `discreet`: a word that is near to no option is not repeated, it may be a secret.
 */
function asUsage(error: unknown, known: string[], discreet: boolean): unknown {
  const { code, message } = error as CommanderError
  if (typeof code !== 'string' || !code.startsWith('commander.')) return error
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? ''
  if (code === 'commander.unknownOption') {
    const name = quoted.replace(/^-+/, '').replace(/=.*$/s, '')
    const near = name.length > 1 ? nearest(name, known) : undefined
    // The text after `=` could be a secret: the name alone is repeated.
    const shown = discreet && near === undefined ? '' : ` ${quoted.replace(/=.*$/s, '')}`
    return usage(`unknown option${shown}`, near === undefined ? {} : { hint: `did you mean --${near}?` })
  }
  if (code === 'commander.optionMissingArgument') {
    return usage(`option ${/--[a-z-]+/.exec(quoted)?.[0] ?? quoted} needs a value`)
  }
  return usage(message.replace(/^error: /, ''))
}

/** `--gpu=webgpu` as `--gpu-backend=webgpu`: a switch stays one, and the operand after it an operand. */
function withValue(word: string, options: Options): string {
  const [, name = '', value] = /^--([a-z-]+)=(.*)$/s.exec(word) ?? []
  const valued = Object.hasOwn(options, name) ? options[name]!.valued : undefined
  return valued === undefined ? word : `--${valued}=${value}`
}
