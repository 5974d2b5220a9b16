/** The token of a server that others reach: from a file of the user's own, or made for this run. Never from the command line. */
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { badData, Failure, systemFailure, usage } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import type { Context } from '../../cli/context.js'
import type { Values } from '../../cli/options.js'
import { isLocalAddress } from '../../dash/server.js'
import type { options } from './options.js'

const SHORTEST = 16
const MOST = 256

type Flags = Pick<Values<typeof options>, 'bind' | 'token-file' | 'new-token'>

/** The token, or null where none is asked for. Throws 64 where one is needed, 77 for a file that others may read. */
export async function tokenFor(context: Context, flags: Flags): Promise<string | null> {
  const path = flags['token-file']
  if (flags['new-token']) {
    if (path !== undefined) throw usage('--new-token and --token-file: one of them')
    return randomBytes(24).toString('base64url')
  }
  if (path !== undefined) return tokenIn(context, path)
  if (isLocalAddress(flags.bind)) return null
  throw usage(`--bind ${flags.bind}: others reach this address, and would need a token`, {
    hint: 'add --new-token, which makes one, or --token-file FILE',
  })
}

async function tokenIn(context: Context, path: string): Promise<string> {
  const failed = (error: unknown) => {
    throw systemFailure(error, path)
  }
  const { mode, uid } = await stat(path).catch(failed)
  if ((mode & 0o077) !== 0 || (uid !== context.uid && uid !== 0))
    throw new Failure('denied', 'others may read or write it', { where: path, hint: 'give it mode 0600' })
  const bytes = await readAtMost(path, { most: MOST }).catch(failed)
  const token = bytes.toString('latin1').replace(/\r?\n$/, '')
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < SHORTEST)
    throw badData(`expected a token of ${SHORTEST} or more printable characters`, { where: path })
  return token
}
