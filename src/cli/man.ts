/** Manual pages in mdoc(7), section 1, from the declarations. */
import { type AnyLeaf, type Command, commonExits, exitsOf, isGroup } from './command.js'
import { headings, type RootEntry, sentence } from './help.js'
import { globalOptions, type Option, type Options } from './options.js'
import { envName } from './settle.js'

/** Day of the pages: the source is dated by its release, so that the same source prints the same bytes. */
export interface PageDate {
  /** mdoc form, `November 24, 2026`. */
  readonly date: string
}

/** `jules-NAME.1` of a command; `all` are those that SEE ALSO names. */
export function commandPage(command: Command, all: readonly RootEntry[], { date }: PageDate): string {
  const name = `jules-${command.name}`
  const lines = [
    ...heading(name, date),
    '.Sh NAME',
    `.Nm ${name}`,
    `.Nd ${mdoc(command.summary)}`,
    '.Sh SYNOPSIS',
  ]
  if (isGroup(command)) {
    for (const child of visible(command.commands))
      lines.push(...synopsis(`jules ${command.name} ${child.name}`, child))
  } else lines.push(...synopsis(`jules ${command.name}`, command))
  lines.push('.Sh DESCRIPTION', ...paragraphs(command.description))
  if (isGroup(command)) {
    for (const child of visible(command.commands)) {
      lines.push(`.Ss ${mdoc(child.name)}`, ...paragraphs([sentence(child.summary), ...child.description]))
      lines.push(...operandList(child), ...optionList(child.options))
    }
  } else {
    lines.push(...operandList(command))
    if (Object.keys(command.options).length > 0)
      for (const [heading, options] of headings(command.options))
        lines.push(`.Ss ${heading}`, ...optionList(options))
  }
  lines.push(
    ...(isGroup(command) ? ['.Pp'] : ['.Ss Options of every command']),
    'The options of every command are described in',
    '.Xr jules 1 .',
  )
  lines.push('.Sh ENVIRONMENT', '.Bl -tag -width Ds')
  for (const [variable, words] of Object.entries(command.environment ?? {})) {
    lines.push(`.It Ev ${variable}`, mdoc(sentence(words)))
  }
  lines.push(
    '.It Ev JULES_OPTION',
    'Each long option as a variable, such as',
    `.Ev ${exampleVariable(command)} .`,
    '.El',
  )
  if (command.files !== undefined) {
    lines.push('.Sh FILES', '.Bl -tag -width Ds')
    for (const [path, words] of Object.entries(command.files))
      lines.push(`.It Pa ${mdoc(path)}`, mdoc(sentence(words)))
    lines.push('.El')
  }
  lines.push('.Sh EXIT STATUS', '.Bl -tag -width Ds')
  for (const [code, words] of exitsOf(command)) lines.push(`.It ${code}`, mdoc(sentence(words)))
  lines.push('.El', ...examples(command))
  const others = (
    command.seeAlso ?? all.map((entry) => entry.name).filter((other) => other !== command.name)
  ).map((other): [string, number] => {
    const [page, section] = other.split('.')
    return [page === 'jules' ? 'jules' : `jules-${page}`, Number(section ?? 1)]
  })
  lines.push('.Sh SEE ALSO', ...crossReferences([['jules', 1], ...others]))
  return page(lines)
}

/** `jules.1`; `sectionSeven` are names of pages, such as `jules-vault`. */
export function rootPage(
  commands: readonly RootEntry[],
  sectionSeven: readonly string[],
  { date }: PageDate,
): string {
  const lines = [
    ...heading('jules', date),
    '.Sh NAME',
    '.Nm jules',
    '.Nd command-line tools for reinforcement-learning intraday trading',
    '.Sh SYNOPSIS',
    '.Nm',
    '.Op Ar option ...',
    '.Ar command',
    '.Op Ar argument ...',
    '.Sh DESCRIPTION',
    'Each command of',
    '.Nm',
    'reads records, does one job and writes records, one JSON object a line or Parquet.',
    'Standard output holds records only; everything said to a person goes to standard error.',
    '.Pp',
    'The commands are:',
    '.Bl -tag -width Ds',
    ...commands.flatMap(({ name, summary }) => [`.It Xr jules-${name} 1`, mdoc(sentence(summary))]),
    '.El',
    '.Pp',
    'The options of every command, before or after its name:',
    ...optionList(globalOptions),
    '.Pp',
    'Input of any length is read in constant memory, and what a file says of its own sizes is not believed.',
    'Beyond these limits a command ends with 65 and names the file:',
    'a line of 1 MiB, unless',
    '.Fl -max-line',
    'raises it;',
    'the first line of CSV, 256 KiB and 65,536 columns;',
    'JSON nested 100 deep;',
    'a JSON document of a vendor, 12 MiB, of which any number may stand one on a line;',
    'in Parquet a footer of 32 MiB, texts of 4 KiB, and pages that take 256 MiB at once, which smaller row groups avoid;',
    'a model of 128 MiB.',
    '.Sh ENVIRONMENT',
    '.Bl -tag -width Ds',
    '.It Ev JULES_OPTION',
    'Each long option as a variable, such as',
    '.Ev JULES_MAX_REJECTS ,',
    'or',
    '.Ev JULES_LOAD_MAX_REJECTS',
    'for one command alone, which goes first.',
    'A flag goes before the environment, the environment before the configuration file.',
    '.It Ev NO_COLOR , FORCE_COLOR , TERM',
    'Colour.',
    '.It Ev XDG_CONFIG_HOME , XDG_DATA_HOME , XDG_STATE_HOME',
    'Where files live.',
    '.El',
    '.Sh FILES',
    '.Bl -tag -width Ds',
    '.It Pa $XDG_CONFIG_HOME/jules/config.json',
    'Configuration: a JSON object with global keys at the top and the options of a command under its name.',
    'An unknown key is an error.',
    '.It Pa $XDG_DATA_HOME/jules/pg',
    'The embedded database.',
    '.El',
    '.Sh EXIT STATUS',
    '.Bl -tag -width Ds',
    ...Object.entries({
      ...commonExits,
      1: 'ran, and the answer is no',
      65: 'bad data',
      66: 'no input',
      69: 'unavailable: a database or a GPU',
      73: 'cannot create a file',
      74: 'input or output failed',
      75: 'try again: a lock is held',
      77: 'denied: a password, permissions',
    }).flatMap(([code, words]) => [`.It ${code}`, mdoc(sentence(words))]),
    '.El',
    '.Sh EXAMPLES',
    'Generate bars and put them into the embedded database:',
    '.Pp',
    '.Dl jules fetch --mock | jules load',
    '.Sh SEE ALSO',
    ...crossReferences([
      ...commands.map(({ name }): [string, number] => [`jules-${name}`, 1]),
      ...sectionSeven.map((name): [string, number] => [name, 7]),
    ]),
  ]
  return page(lines)
}

const WIDTH = 80

/** The lines as a file; text is broken at spaces, what is shown as it stands is not. */
function page(lines: readonly string[]): string {
  let literal = false
  const broken = lines.flatMap((line) => {
    if (line.startsWith('.Bd -literal')) literal = true
    else if (line === '.Ed') literal = false
    return literal || line.startsWith('.') ? [line] : wrapped(line)
  })
  return `${broken.join('\n')}\n`
}

function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      // A line that begins with a dot or a quote would be a request.
      line = /^[.']/.test(word) ? `\\&${word}` : word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const heading = (name: string, date: string): string[] => [
  `.Dd ${date}`,
  `.Dt ${name.toUpperCase()} 1`,
  '.Os',
]

const visible = (commands: readonly AnyLeaf[]): AnyLeaf[] => commands.filter((command) => !command.hidden)

function synopsis(words: string, command: AnyLeaf): string[] {
  const lines = [`.Nm ${words}`, '.Op Ar option ...']
  for (const operand of command.operands ?? []) {
    const word = `${operand.name}${operand.many ? ' ...' : ''}`
    lines.push(operand.required ? `.Ar ${word}` : `.Op Ar ${word}`)
  }
  return lines
}

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, i) => {
    if (text.startsWith('  ')) {
      return ['.Bd -literal -offset indent', ...text.split('\n').map((line) => mdoc(line.slice(2))), '.Ed']
    }
    const lines = text.split(/(?<=[.:;]) +/).map(mdoc)
    return i === 0 ? lines : ['.Pp', ...lines]
  })
}

function operandList(command: AnyLeaf): string[] {
  const operands = command.operands ?? []
  if (operands.length === 0) return []
  return [
    '.Bl -tag -width Ds',
    ...operands.flatMap((operand: { name: string; help: string }) => [
      `.It Ar ${operand.name}`,
      mdoc(sentence(operand.help)),
    ]),
    '.El',
  ]
}

function optionList(options: Options): string[] {
  const entries = Object.entries(options)
  if (entries.length === 0) return []
  return [
    '.Bl -tag -width Ds',
    ...entries.flatMap(([name, spec]: [string, Option<unknown>]) => {
      const value = spec.metavar === undefined ? '' : ` Ar ${mdoc(spec.metavar)}`
      const short = spec.short === undefined ? '' : `Fl ${spec.short} , `
      const choices = spec.choices === undefined ? '' : `: ${spec.choices.join(', ')}`
      const lines = [`.It ${short}Fl \\-${mdoc(name)}${value}`, mdoc(sentence(`${spec.help}${choices}`))]
      if (spec.defaultText !== undefined) lines.push(mdoc(`Default: ${spec.defaultText}.`))
      return lines
    }),
    '.El',
  ]
}

function examples(command: Command): string[] {
  if (command.examples === undefined || command.examples.length === 0) return []
  return [
    '.Sh EXAMPLES',
    ...command.examples.flatMap(({ text, shell }, i) => [
      ...(i === 0 ? [] : ['.Pp']),
      mdoc(sentence(text).replace(/\.$/, ':')),
      '.Bd -literal -offset indent',
      ...shell.split('\n').map(mdoc),
      '.Ed',
    ]),
  ]
}

/** mandoc wants them by section, then by name. */
function crossReferences(pages: readonly [string, number][]): string[] {
  const sorted = [...new Map(pages.map((page) => [page.join('.'), page])).values()].sort(
    (a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1),
  )
  return sorted.map(([page, section], i) => `.Xr ${page} ${section}${i < sorted.length - 1 ? ' ,' : ''}`)
}

function exampleVariable(command: Command): string {
  const options = isGroup(command) ? command.commands[0]?.options : command.options
  const name = Object.entries(options ?? {}).find(
    ([, spec]) => (spec as Option<unknown>).metavar !== undefined,
  )?.[0]
  return envName(name ?? 'quiet')
}

/** Text safe inside mdoc: backslashes, leading control characters, hyphens that must stay ASCII. */
function mdoc(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('"', '\\(dq')
    .replace(/^([.'])/, '\\&$1')
}
