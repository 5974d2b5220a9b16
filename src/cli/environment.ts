/**
 * The environment of this process. The master password of the vault and the keys of vendors are taken out of it before anything
 * else runs: a child gets what is left, whoever starts it and however.
 */
import { FEED_KEYS } from '../market/feeds/keys.js'
import { PASSWORD_FILE_VARIABLE, PASSWORD_VARIABLE } from '../vault/password.js'

const taken = new Map<string, string | undefined>()
for (const name of [PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE, ...Object.values(FEED_KEYS).flat()]) {
  taken.set(name, process.env[name])
  delete process.env[name]
}

/** A variable of the environment that this process was started with. */
export const env = (name: string): string | undefined =>
  taken.has(name) ? taken.get(name) : process.env[name]

/** Sets what native libraries of this process read at their first use, and children inherit; undefined takes a variable away. */
export function setVariables(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

/** What children inherit. */
export const environment: Readonly<Record<string, string | undefined>> = process.env
