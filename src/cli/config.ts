/**
 * The configuration file: JSON, global keys at the top, a command's options under its name. An unknown key is an error
 * that names it, because a mistyped limit must not be a limit left out.
 */
import { Failure, messageOf, systemCode, systemFailure } from '../base/errors.js'
import { readAtMost } from '../base/read-file.js'
import { nearest } from '../base/suggest.js'
import { quote } from '../base/words.js'
import { globalOptions, type Options } from './options.js'

type Json = Record<string, unknown>

export interface Config {
  readonly path: string | undefined
  readonly body: Json
}

const MOST_BYTES = 1 << 20

/** Reads `path`; a missing file is an error only when it was asked for. */
export async function readConfig(path: string, asked: boolean): Promise<Config> {
  let source: string
  try {
    source = (await readAtMost(path, { most: MOST_BYTES })).toString()
  } catch (error) {
    if (!asked && (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR')) {
      return { path: undefined, body: {} }
    }
    throw systemFailure(error, path)
  }
  let body: unknown
  try {
    body = JSON.parse(source)
  } catch (error) {
    throw new Failure('config', `${path}: not JSON: ${messageOf(error)}`)
  }
  if (!isObject(body)) throw new Failure('config', `${path}: expected a JSON object`)
  return { path, body }
}

const settable = (options: Options): string[] =>
  Object.keys(options).filter((name) => name !== 'help' && name !== 'version' && name !== 'config')

/** Where in the file a command's options stand. */
export interface Place {
  /** Words of the command: `fetch`, or `vault get`; `vault` alone for what its commands share. */
  readonly path: readonly string[]
  readonly options: Options
  /** For a command of a group: its names and every option of them. */
  readonly group?: { readonly names: readonly string[]; readonly options: Options }
}

/**
 * Texts of the values for one command; `commands` are all names that may stand at the top level. What the commands of a
 * group share may stand once under the group's name; the command's own section goes before it.
 */
export function configLayer(
  config: Config,
  { path, options, group }: Place,
  commands: readonly string[],
): (name: string) => string | undefined {
  checkKeys(config, [], config.body, [...settable(globalOptions), ...commands])
  const outer = sectionOf(config, config.body, path.slice(0, 1))
  const shared = group === undefined ? [] : settable(group.options)
  checkKeys(
    config,
    path.slice(0, 1),
    outer,
    group === undefined ? settable(options) : [...shared, ...group.names],
  )
  const own = group === undefined ? outer : path.length > 1 ? sectionOf(config, outer, path) : {}
  if (group !== undefined) checkKeys(config, path, own, settable(options))
  return (name) => {
    const value =
      held(own, name) ??
      (shared.includes(name) ? held(outer, name) : undefined) ??
      (Object.hasOwn(globalOptions, name) ? held(config.body, name) : undefined)
    return value === undefined ? undefined : asText(config, name, value)
  }
}

const held = (section: Json, name: string): unknown =>
  Object.hasOwn(section, name) ? section[name] : undefined

/** The object under the last word of `path` in `from`; empty where there is none. */
function sectionOf(config: Config, from: Json, path: readonly string[]): Json {
  const section = held(from, path.at(-1) ?? '')
  if (section === undefined) return {}
  if (isObject(section)) return section
  throw new Failure('config', `${config.path}: ${path.join('.')}: expected an object`)
}

function checkKeys(config: Config, at: readonly string[], section: Json, known: readonly string[]): void {
  for (const key of Object.keys(section)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw new Failure(
      'config',
      `${config.path}: unknown key ${quote([...at, key].join('.'))}`,
      near === undefined ? {} : { hint: `did you mean ${quote([...at, near].join('.'))}?` },
    )
  }
}

function asText(config: Config, name: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',')
  throw new Failure(
    'config',
    `${config.path}: ${name}: expected a string, number, boolean or list of strings`,
  )
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
