/** XDG Base Directory Specification 0.8: relative values are ignored, HOME is the last resort. */
import { isAbsolute, join } from 'node:path'
import { Failure } from '../base/errors.js'

export interface Paths {
  readonly home: string
  /** `$XDG_CONFIG_HOME/jules` and so on. */
  readonly config: string
  readonly data: string
  readonly state: string
  /** What can be had again. */
  readonly cache: string
  /** `$XDG_RUNTIME_DIR`, if set. */
  readonly runtime: string | undefined
}

/** `homedir` is asked only when HOME is unset, as under `env -i`. */
export function xdgPaths(env: (name: string) => string | undefined, homedir: () => string): Paths {
  const home = env('HOME') || accountHome(homedir)
  if (!isAbsolute(home)) throw new Failure('config', 'HOME is not an absolute path', { hint: 'set HOME' })
  const at = (name: string, fallback: string): string => {
    const value = env(name)
    return join(value !== undefined && isAbsolute(value) ? value : join(home, fallback), 'jules')
  }
  const runtime = env('XDG_RUNTIME_DIR')
  return {
    home,
    config: at('XDG_CONFIG_HOME', '.config'),
    data: at('XDG_DATA_HOME', '.local/share'),
    state: at('XDG_STATE_HOME', '.local/state'),
    cache: at('XDG_CACHE_HOME', '.cache'),
    runtime: runtime !== undefined && isAbsolute(runtime) ? runtime : undefined,
  }
}

/** A user id without an entry in the user database, as in a container, has no home directory either. */
function accountHome(homedir: () => string): string {
  try {
    return homedir()
  } catch (error) {
    throw new Failure('config', 'HOME is not set and this user has no home directory', {
      hint: 'set HOME',
      cause: error,
    })
  }
}
