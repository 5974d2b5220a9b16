/**
 * The configuration file: JSON, global keys at the top, a command's options under its name. An unknown key is an error
 * that names it, because a mistyped limit must not be a limit left out.
 */
import { readFile } from 'node:fs/promises'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { quote } from '../base/time.js'
import { globalOptions, type Options } from './command.js'
import { nearest } from './suggest.js'

type Json = Record<string, unknown>

export interface Config {
  readonly path: string | undefined
  readonly body: Json
}

/** Reads `path`; a missing file is an error only when it was asked for. */
export async function readConfig(path: string, asked: boolean): Promise<Config> {
  let source: string
  try {
    source = await readFile(path, 'utf8')
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
    throw new Failure('config', `${path}: not JSON: ${error instanceof Error ? error.message : error}`)
  }
  if (!isObject(body)) throw new Failure('config', `${path}: expected a JSON object`)
  return { path, body }
}

const settable = (options: Options): string[] =>
  Object.keys(options).filter((name) => name !== 'help' && name !== 'version' && name !== 'config')

/** Texts of the values for one command; `commands` are all names that may stand at the top level. */
export function configLayer(
  config: Config,
  commandPath: readonly string[],
  options: Options,
  commands: readonly string[],
): (name: string) => string | undefined {
  const top = [...settable(globalOptions), ...commands]
  checkKeys(config, [], config.body, top)
  let section: unknown = config.body
  for (const [depth, name] of commandPath.entries()) {
    section = isObject(section) && Object.hasOwn(section, name) ? section[name] : undefined
    if (section === undefined) break
    if (!isObject(section)) {
      throw new Failure(
        'config',
        `${config.path}: ${commandPath.slice(0, depth + 1).join('.')}: expected an object`,
      )
    }
  }
  const own = isObject(section) && commandPath.length > 0 ? section : {}
  checkKeys(config, commandPath, own, settable(options))
  return (name) => {
    const value = Object.hasOwn(own, name) ? own[name] : undefined
    const found = value === undefined && Object.hasOwn(config.body, name) ? config.body[name] : value
    return found === undefined ? undefined : asText(config, name, found)
  }
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
