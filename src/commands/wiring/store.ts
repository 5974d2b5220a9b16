/** The database: its option, and what the options and the environment name. */
import { tmpdir } from 'node:os'
import type { Context } from '../../cli/context.js'
import { option } from '../../cli/options.js'
import type { Target } from '../../store/connect.js'
import { parseDsn } from '../../store/dsn.js'
import type { EmbeddedOptions } from '../../store/place.js'
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
