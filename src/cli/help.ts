/** `--help`, at most 80 columns, from the declaration. */
import { type AnyLeaf, type Command, exitsOf, isGroup } from './command.js'
import { globalOptions, type Option, type Options } from './options.js'

const WIDTH = 80
const INDENT = 26

export interface RootEntry {
  readonly name: string
  readonly summary: string
}

/** The page of `jules --help`. */
export function rootHelp(commands: readonly RootEntry[]): string {
  const rows = commands.map(({ name, summary }): [string, string] => [`  ${name}`, summary])
  return [
    'Usage: jules [OPTION]... COMMAND [ARG]...',
    '',
    ...wrap(
      'Command-line tools for reinforcement-learning intraday trading: records in, records out, one job each.',
      '',
    ),
    '',
    'Commands:',
    ...table(rows, 16),
    '',
    'Options (before or after the command):',
    ...optionRows(globalOptions),
    '',
    'Try "jules help COMMAND" or "man jules-COMMAND".',
    '',
  ].join('\n')
}

export interface HelpOptions {
  /** Every option, and not the common ones alone. */
  readonly all?: boolean
}

/** `path` is the words after `jules` that lead here. */
export function commandHelp(path: string, command: Command, { all = false }: HelpOptions = {}): string {
  const lines = [...usageLines(path, command), '', ...wrap(`${sentence(command.summary)}`, '')]
  if (isGroup(command)) {
    const rows = command.commands
      .filter((child) => !child.hidden)
      .map((child): [string, string] => [`  ${synopsis(child)}`, child.summary])
    lines.push('', 'Commands:', ...table(rows, INDENT))
  } else {
    if (command.operands !== undefined && command.operands.length > 0) {
      const rows = command.operands.map((operand: { name: string; help: string }): [string, string] => [
        `  ${operand.name}`,
        operand.help,
      ])
      lines.push('', 'Operands:', ...table(rows, INDENT))
    }
    lines.push(...optionSections(command.options, all))
    const hidden = all ? 0 : Object.values(command.options as Options).filter(({ rare }) => rare).length
    if (hidden > 0) lines.push('', `${hidden} more options: jules help ${path} --all`)
  }
  const short =
    !all && !isGroup(command) && Object.values(command.options as Options).some(({ rare }) => rare)
  if (short)
    lines.push('', ...wrap(`Options of every command: ${globalWords()} (jules --help has them).`, ''))
  else lines.push('', 'Options of every command:', ...optionRows(globalOptions))
  if (command.examples !== undefined && command.examples.length > 0) {
    lines.push('', 'Examples:')
    for (const { text, shell } of command.examples) {
      lines.push(...wrap(sentence(text), '  '), ...shell.split('\n').map((line) => `    ${line}`))
    }
  }
  lines.push(
    '',
    'Exit status:',
    ...table(
      exitsOf(command).map(([code, words]) => [`  ${code}`, words]),
      8,
    ),
  )
  lines.push('', `The manual has the details: man jules-${path.split(' ')[0]}`, '')
  return lines.join('\n')
}

/** `NAME OPERAND...` of a command. */
function synopsis(command: AnyLeaf): string {
  const operands = (command.operands ?? []).map(operandWord)
  return [command.name, ...operands].join(' ')
}

/** An operand as usage lines show it: `FILE`, `[FILE]`, `[FILE]...`. */
function operandWord(operand: { name: string; required?: boolean; many?: boolean }): string {
  const word = operand.required ? operand.name : `[${operand.name}]`
  return operand.many ? `${word}...` : word
}

function usageLines(path: string, command: Command): string[] {
  if (isGroup(command)) return [`Usage: jules ${path} COMMAND [OPTION]... [ARG]...`]
  const operands = (command.operands ?? []).map(operandWord).join(' ')
  return [`Usage: jules ${path} [OPTION]...${operands === '' ? '' : ` ${operands}`}`]
}

const globalWords = (): string =>
  Object.entries(globalOptions as Options)
    .map(
      ([name, { short, metavar }]) =>
        (short === undefined ? `--${name}` : `-${short}`) + (metavar === undefined ? '' : ` ${metavar}`),
    )
    .join(', ')

/** The options under their headings, in the order in which these first appear. */
export function headings(options: Options): [heading: string, options: Options][] {
  const found = new Map<string, Record<string, Option<unknown>>>()
  for (const [name, spec] of Object.entries(options)) {
    const heading = spec.heading ?? 'Options'
    found.set(heading, { ...found.get(heading), [name]: spec })
  }
  return [...found]
}

function optionSections(options: Options, all: boolean): string[] {
  return headings(options).flatMap(([heading, under]) => {
    const shown = Object.fromEntries(Object.entries(under).filter(([, { rare }]) => all || !rare))
    return Object.keys(shown).length === 0 ? [] : ['', `${heading}:`, ...optionRows(shown)]
  })
}

function optionRows(options: Options): string[] {
  const rows = Object.entries(options).map(([name, spec]): [string, string] => [
    `  ${flagWords(name, spec)}`,
    optionWords(spec),
  ])
  return table(rows, INDENT)
}

/** A flag as help shows it: `-o, --output FILE`. */
function flagWords(name: string, spec: Option<unknown>): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `
  return `${short}--${name}${spec.metavar === undefined ? '' : ` ${spec.metavar}`}`
}

/** Help text with choices and default. */
function optionWords(spec: Option<unknown>): string {
  const choices = spec.choices === undefined ? '' : `: ${spec.choices.join(', ')}`
  const fallback = spec.defaultText === undefined ? '' : ` (default ${spec.defaultText})`
  return `${spec.help}${choices}${fallback}`
}

function table(rows: readonly (readonly [string, string])[], column: number): string[] {
  return rows.flatMap(([left, right]) => {
    const indent = ' '.repeat(column)
    const wrapped = wrap(right, indent)
    if (left.length + 2 > column) return [left, ...wrapped]
    return [left.padEnd(column) + (wrapped[0] ?? '').slice(column), ...wrapped.slice(1)]
  })
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = indent
    }
    line += (line.length > indent.length ? ' ' : '') + word
  }
  return [...lines, line]
}

/** With a capital and a full stop. */
export const sentence = (text: string): string => {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.:!?]$/.test(capital) ? capital : `${capital}.`
}
