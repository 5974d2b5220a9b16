/** The value of each option: from a flag, the environment, the configuration file, or the default, in that order. */
import { Failure } from '../base/errors.js'
import type { Option, Options, Origin, Setting } from './options.js'

export interface Layers {
  /** First word of the command. */
  readonly command: string
  readonly flags: ReadonlyMap<string, string>
  readonly env: (name: string) => string | undefined
  /** Text of a config value by option name, or undefined. */
  readonly config: (name: string) => string | undefined
  /** A value that is refused is not repeated. */
  readonly discreet?: boolean | undefined
}

const variable = (words: string): string => `JULES_${words.toUpperCase().replaceAll('-', '_')}`

/** The variable of an option in every command that has it. */
export const envName = (option: string): string => variable(option)

/** An option in the environment: for one command alone, else for all that have it. */
function fromEnvironment(
  option: string,
  { command, env }: Layers,
): { name: string; text: string } | undefined {
  for (const name of [variable(`${command}-${option}`), envName(option)]) {
    const text = env(name)
    if (text !== undefined) return { name, text }
  }
  return undefined
}

/** The value of each option and where it came from. */
export function settle(options: Options, layers: Layers): Map<string, Setting> {
  const settled = new Map<string, Setting>()
  for (const [name, spec] of Object.entries(options)) {
    const given = layers.flags.get(name)
    const fromEnv = given === undefined ? fromEnvironment(name, layers) : undefined
    const fromConfig = given === undefined && fromEnv === undefined ? layers.config(name) : undefined
    if (given !== undefined) settled.set(name, read(spec, given, 'flag', `--${name}`, layers))
    else if (fromEnv !== undefined)
      settled.set(name, read(spec, fromEnv.text, 'environment', fromEnv.name, layers))
    else if (fromConfig !== undefined) settled.set(name, read(spec, fromConfig, 'config', name, layers))
    else settled.set(name, { value: spec.fallback, origin: 'default', raw: undefined })
  }
  return settled
}

/** `--seed 7 (flag)`: a setting as -v tells it. */
export function settingWords(name: string, { value, origin, raw }: Setting, spec: Option<unknown>): string {
  const words = Array.isArray(value)
    ? value.join(',')
    : typeof value === 'object' && value !== null
      ? (spec.defaultText ?? JSON.stringify(value))
      : String(value ?? 'unset')
  return `--${name} ${spec.isSecret === true && raw !== undefined ? '***' : (raw ?? words)} (${origin})`
}

function read(
  spec: Option<unknown>,
  raw: string,
  origin: Origin,
  label: string,
  { discreet }: Layers,
): Setting {
  try {
    return { value: spec.parse(raw), origin, raw }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const message = discreet ? error.expected : error.message
    throw new Failure(origin === 'flag' ? 'usage' : 'config', `${label}: ${message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
}
