/** The database: its option, and what the options and the environment name. */
import { tmpdir } from 'node:os'
import type { Context } from '../../cli/context.js'
import { option } from '../../cli/options.js'
import type { Target } from '../../store/connect.js'
import { parseDsn } from '../../store/dsn.js'
import type { EmbeddedOptions } from '../../store/place.js'
import type { PostgresStore } from '../../store/postgres.js'
import { secretFor } from './secrets.js'

export const store = {
  dsn: option<string | undefined>(
    'URL',
    'database, without a password',
    { defaultText: 'the embedded one' },
    (value) => {
      parseDsn(value)
      return value
    },
  ),
}

/** The database that the options and the environment name; the embedded one otherwise. */
export function storeTarget(context: Context, dsn: string | undefined): Target {
  return {
    dsn,
    env: context.env,
    secret: (name) => secretFor(context, name),
    embedded: embeddedOptions(context),
  }
}

export interface SessionOptions {
  /**
   * Whether a signal ends the session at once. Where one statement changes rows it is waited for instead: the server may
   * finish it all the same, and nobody would be told.
   */
  readonly cut?: boolean
}

/** Opens the store for `work` and closes it after it, well or not. */
export async function withStore<T>(
  context: Context,
  dsn: string | undefined,
  work: (store: PostgresStore) => Promise<T>,
  { cut = true }: SessionOptions = {},
): Promise<T> {
  const { PostgresStore } = await import('../../store/postgres.js')
  const opened = await PostgresStore.open(storeTarget(context, dsn))
  const stop = () => opened.abort()
  if (cut) context.signal.addEventListener('abort', stop, { once: true })
  try {
    // The signal may have come while the session was being opened.
    if (cut) context.signal.throwIfAborted()
    return await work(opened)
  } finally {
    context.signal.removeEventListener('abort', stop)
    await opened.close()
  }
}

/** Where the embedded server lives, and what it may touch. */
export function embeddedOptions(context: Context): EmbeddedOptions {
  return {
    directory: `${context.paths.data}/pg`,
    runtimeDirectory: context.paths.runtime ?? tmpdir(),
    uid: context.uid,
    hasAccount: context.hasAccount,
    platform: context.platform,
    arch: context.arch,
    searchPath: context.env('PATH') || '/usr/local/bin:/usr/bin:/bin',
    signal: context.signal,
    note: (words) => context.ui.note(words),
    clock: context.clock,
    kill: context.kill,
  }
}
