/** What an option is, and the constructors that commands declare theirs with. */
import { usage } from '../base/errors.js'
import { daysFromCivil, parseDate } from '../base/time.js'
import { quote } from '../base/words.js'

/** One option. `metavar` absent means a switch. */
export interface Option<T> {
  readonly help: string
  readonly metavar?: string
  readonly short?: string
  readonly choices?: readonly string[]
  /** Given several times: other values are refused, or add up; else the last one counts. */
  readonly repeat?: 'refuse' | 'add'
  /** A switch that may have a value all the same: `--switch=value` stands for this option with that value. */
  readonly valued?: string
  /** The heading that help shows it under. */
  readonly heading?: string
  /** Only the whole help shows it. */
  readonly rare?: boolean
  /** What the value completes to in a shell. */
  readonly completes?: 'file' | 'directory' | 'secret'
  /** Words that it completes to, where others are right too. */
  readonly words?: readonly string[]
  /** The default as help shows it. */
  readonly defaultText?: string
  readonly fallback: T
  /** From the text after the flag; throws a usage Failure whose message lacks the option's name. */
  readonly parse: (text: string) => T
  /** What was given is shown nowhere: it may hold a secret. */
  readonly isSecret?: boolean
}

// biome-ignore lint/suspicious/noExplicitAny: the one place where options of every type stand in one list
export type Options = Readonly<Record<string, Option<any>>>
export type Values<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never }

export type Origin = 'flag' | 'environment' | 'config' | 'default'

/** The value of an option in one run, and where it came from. */
export interface Setting {
  readonly value: unknown
  readonly origin: Origin
  /** As it was written; undefined for a default. */
  readonly raw: string | undefined
}

/** Puts options under one heading of the help; of `shown` only those stand in the short one. */
export function under<O extends Options>(heading: string, options: O, shown?: readonly (keyof O)[]): O {
  const placed = Object.entries(options).map(([name, spec]) => [
    name,
    { ...spec, heading, ...(shown === undefined || shown.includes(name) ? {} : { rare: true }) },
  ])
  return Object.fromEntries(placed) as O
}

type Common = Partial<
  Pick<Option<unknown>, 'short' | 'completes' | 'words' | 'defaultText' | 'valued' | 'repeat'>
>

/**
 * A switch: false unless given. In the environment and the configuration file true, false, 1, 0, yes, no, on, off.
 */
export function flag(help: string, more: Common = {}): Option<boolean> {
  return { help, fallback: false, parse: parseBoolean, ...more }
}

/** Any text. */
export function text(metavar: string, help: string, more?: Common): Option<string | undefined>
export function text(metavar: string, help: string, more: Common & { fallback: string }): Option<string>
export function text(metavar: string, help: string, more: Common & { fallback?: string } = {}) {
  return option(metavar, help, more, (value) => value)
}

/** The name of a file, not empty. */
export function file(help: string, more: Common = {}): Option<string | undefined> {
  return option<string | undefined>('FILE', help, { completes: 'file', ...more }, (value) => {
    if (value === '') throw usage('expected a file name', { got: 'an empty string' })
    return value
  })
}

/** One of several words. */
export function choice<const C extends readonly string[]>(
  metavar: string,
  choices: C,
  help: string,
  more?: Common,
): Option<C[number] | undefined>
export function choice<const C extends readonly string[]>(
  metavar: string,
  choices: C,
  help: string,
  more: Common & { fallback: C[number] },
): Option<C[number]>
export function choice(
  metavar: string,
  choices: readonly string[],
  help: string,
  more: Common & { fallback?: string } = {},
) {
  return { choices, ...option(metavar, help, more, (value) => oneOf(choices, value)) }
}

export interface Range {
  readonly min?: number
  readonly max?: number
}

/** A whole number, within a range. */
export function integer(metavar: string, help: string, more?: Common & Range): Option<number | undefined>
export function integer(
  metavar: string,
  help: string,
  more: Common & Range & { fallback: number },
): Option<number>
export function integer(metavar: string, help: string, more: Common & Range & { fallback?: number } = {}) {
  return option(metavar, help, more, (value) => {
    if (!/^[+-]?\d{1,16}$/.test(value)) throw usage('expected a whole number', { got: quote(value) })
    return within(Number(value), more)
  })
}

/** A decimal number, within a range. */
export function real(metavar: string, help: string, more?: Common & Range): Option<number | undefined>
export function real(
  metavar: string,
  help: string,
  more: Common & Range & { fallback: number },
): Option<number>
export function real(metavar: string, help: string, more: Common & Range & { fallback?: number } = {}) {
  return option(metavar, help, more, (value) => {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) {
      throw usage('expected a number', { got: quote(value) })
    }
    return within(Number(value), more)
  })
}

/** A session date `YYYY-MM-DD`, or `today` where `today` is allowed; days since 1970-01-01. */
export function date(
  help: string,
  more: Common & { today?: boolean } = {},
): Option<number | 'today' | undefined> {
  return option<number | 'today' | undefined>('DATE', help, more, (value) => {
    if (more.today === true && value === 'today') return 'today'
    const days = parseDate(value)
    if (days === null || days < daysFromCivil(1900, 1, 1)) {
      throw usage(`expected a date such as 2025-08-01${more.today ? ' or today' : ''}`, { got: quote(value) })
    }
    return days
  })
}

/** Comma-separated words, each passed through `each`. */
export function list(metavar: string, help: string, more?: ListMore): Option<readonly string[] | undefined>
export function list(
  metavar: string,
  help: string,
  more: ListMore & { fallback: readonly string[] },
): Option<readonly string[]>
export function list(
  metavar: string,
  help: string,
  more: ListMore & { fallback?: readonly string[] } = {},
): Option<readonly string[] | undefined> {
  const shown = more.fallback === undefined ? {} : { defaultText: more.fallback.join(',') }
  return option<readonly string[] | undefined>(
    metavar,
    help,
    { repeat: 'add', ...shown, ...more },
    (value) => {
      const words = value.split(',').map((word) => word.trim())
      if (words.some((word) => word === ''))
        throw usage('expected words between commas', { got: quote(value) })
      return words.map((word) => more.each?.(word) ?? word)
    },
  )
}

interface ListMore extends Common {
  readonly each?: (word: string) => string
}

/** An option with a parser of its own. */
export function option<T>(
  metavar: string,
  help: string,
  more: Common & { fallback?: T },
  parse: (text: string) => T,
): Option<T> {
  const { short, completes, words, repeat, fallback } = more
  const defaultText = more.defaultText ?? (fallback === undefined ? undefined : String(fallback))
  return {
    metavar,
    help,
    parse,
    fallback: fallback as T,
    ...(short === undefined ? {} : { short }),
    ...(completes === undefined ? {} : { completes }),
    ...(words === undefined ? {} : { words }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(defaultText === undefined ? {} : { defaultText }),
  }
}

function parseBoolean(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true
  if (/^(0|false|no|off|)$/i.test(value)) return false
  throw usage('expected true or false', { got: quote(value) })
}

function oneOf(choices: readonly string[], value: string): string {
  if (choices.includes(value)) return value
  throw usage(`expected one of ${choices.join(', ')}`, { got: quote(value) })
}

function within(value: number, { min = -Infinity, max = Infinity }: Range): number {
  if (value >= min && value <= max) return value
  if (max === Infinity) throw usage(`expected at least ${min}`, { got: String(value) })
  if (min === -Infinity) throw usage(`expected at most ${max}`, { got: String(value) })
  throw usage(`expected ${min} to ${max}`, { got: String(value) })
}

/** The options every command understands, before or after its name. */
export const globalOptions = {
  config: file('read settings from FILE'),
  quiet: flag('say nothing but warnings and errors', { short: 'q' }),
  verbose: flag('say where each setting comes from, and more', { short: 'v' }),
  json: flag('write messages and errors as JSON lines'),
  color: choice('WHEN', ['auto', 'always', 'never'], 'colour on a terminal', { fallback: 'auto' }),
  help: flag('show this help', { short: 'h' }),
  version: flag('show the version', { short: 'V' }),
} satisfies Options
