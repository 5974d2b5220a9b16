/** Where the embedded server lives: everything that follows from the options alone. */

import { join } from 'node:path'
import { sha256 } from '../base/digest.js'
import type { Clock } from '../base/time.js'

export interface EmbeddedOptions {
  /** `$XDG_DATA_HOME/jules/pg`. */
  readonly directory: string
  /** A short path for the socket directory when `directory` is too long: `$XDG_RUNTIME_DIR` or the temporary directory. */
  readonly runtimeDirectory: string
  readonly uid: number
  /** Whether the uid has an entry in the user database; PostgreSQL asks for its name. In containers it often has none. */
  readonly hasAccount: boolean
  readonly platform: string
  readonly arch: string
  /** PATH for finding `unshare`. */
  readonly searchPath: string
  readonly signal: AbortSignal
  readonly note: (words: string) => void
  readonly clock: Clock
  /** As process.kill: signal 0 asks whether the process lives. */
  readonly kill: (pid: number, signal: number | 'SIGINT') => unknown
}

export const PORT = 5432
/** sun_path holds 108 bytes with its end; the socket is `DIR/.s.PGSQL.5432`. */
const LONGEST_SOCKET = 107

/** Everything that follows from the options: where things are. */
export interface Layout {
  readonly data: string
  readonly log: string
  readonly libraries: string
  readonly socketDirectory: string
}

export function layoutOf({
  directory,
  runtimeDirectory,
  uid,
}: Pick<EmbeddedOptions, 'directory' | 'runtimeDirectory' | 'uid'>): Layout {
  const beside = join(directory, 'run')
  const tag = sha256(directory).slice(0, 12)
  const short = join(runtimeDirectory, `jules-${uid}-${tag}`)
  const fits = (path: string) => Buffer.byteLength(join(path, `.s.PGSQL.${PORT}`)) <= LONGEST_SOCKET
  const socketDirectory = fits(beside) ? beside : fits(short) ? short : join('/tmp', `jules-${uid}-${tag}`)
  return {
    data: join(directory, 'data'),
    log: join(directory, 'server.log'),
    libraries: join(directory, 'lib'),
    socketDirectory,
  }
}

/**
 * Where the cluster may be: under the data directory, or, for a root that runs the server as nobody, in a place that nobody
 * can reach, which a home directory is not.
 */
export function places(options: EmbeddedOptions): EmbeddedOptions[] {
  if (options.uid !== 0) return [options]
  const tag = sha256(options.directory).slice(0, 12)
  return [options, { ...options, directory: `/var/lib/jules-${tag}`, runtimeDirectory: '/tmp' }]
}
