/**
 * One declaration per command: `defineCommand({...})`. The parser, `--help`, the manual page and the completions are all
 * printed from it, so it is written as the manual is written. It is data until `run` is called.
 */
import type { Context } from './context.js'
import type { Options, Values } from './options.js'

interface Operand {
  readonly name: string
  readonly help: string
  readonly required?: boolean
  readonly many?: boolean
  readonly completes?: 'file' | 'directory' | 'secret'
}

interface Example {
  readonly text: string
  /** Shell lines as a user would type them. */
  readonly shell: string
}

interface Described {
  readonly name: string
  /** One line, lower case, no full stop. */
  readonly summary: string
  /** Paragraphs of the manual's DESCRIPTION. A paragraph that starts with two spaces is shown as it is. */
  readonly description: readonly string[]
  readonly examples?: readonly Example[]
  /** Exit statuses beyond 0, 64, 70, 78, 130 and 143, which every command has. */
  readonly exits?: Readonly<Record<number, string>>
  readonly environment?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly seeAlso?: readonly string[]
  /** Left out of help, manual and completions. */
  readonly hidden?: boolean
}

export interface LeafCommand<O extends Options = Options> extends Described {
  readonly options: O
  readonly operands?: readonly Operand[]
  /** What stands on the command line may be a secret given by mistake: messages do not repeat it. */
  readonly discreet?: boolean
  /** Runs with a configuration file that is refused as if there were none: to say what is wrong with it is its task. */
  readonly diagnoses?: boolean
  /** Stop reading options at the first operand, so that they reach a child command untouched. */
  readonly passThrough?: boolean
  readonly run: (context: Context, options: Values<O>, operands: readonly string[]) => Promise<void>
}

export interface CommandGroup extends Described {
  readonly commands: readonly AnyLeaf[]
  /** The one that runs where none is named. */
  readonly alone?: string
}

// biome-ignore lint/suspicious/noExplicitAny: `run` is contravariant in its options
export type AnyLeaf = LeafCommand<any>
export type Command = AnyLeaf | CommandGroup

export const isGroup = (command: Command): command is CommandGroup => 'commands' in command

/** A command as the list names it: its module is loaded when it runs. */
export interface CommandEntry {
  readonly name: string
  /** As in the declaration; held in the list so that `jules --help` loads no command. A test keeps them equal. */
  readonly summary: string
  readonly hidden?: boolean
  readonly load: () => Promise<Command>
}

/** Checks the types of a declaration; returns it unchanged. */
export function defineCommand<O extends Options>(command: LeafCommand<O>): LeafCommand<O> {
  return command
}

/** A command with commands of its own, as `jules db start`. */
export function defineGroup(group: CommandGroup): CommandGroup {
  return group
}

export const commonExits: Readonly<Record<number, string>> = {
  0: 'done',
  64: 'wrong usage: an unknown option, a value out of range',
  70: 'a bug in jules',
  78: 'a mistake in the configuration file or environment',
  130: 'interrupted (SIGINT)',
  143: 'terminated (SIGTERM)',
}

/** All exit statuses of a command, in order. */
export function exitsOf(command: Command): [number, string][] {
  const merged = { ...commonExits, ...command.exits }
  return Object.entries(merged)
    .map(([code, words]): [number, string] => [Number(code), words])
    .sort((a, b) => a[0] - b[0])
}
