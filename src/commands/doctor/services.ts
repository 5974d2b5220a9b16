/** The store and the vault as they are: nothing is started, made or unlocked, and no password is asked for. */
import { lstatSync, readFileSync } from 'node:fs'
import { Failure, messageOf, systemCode } from '../../base/errors.js'
import { lockState } from '../../base/lock.js'
import { shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { serverState } from '../../store/embedded.js'
import { type Endpoint, endpointOf } from '../../store/endpoint.js'
import { FILE_LIMIT, parseVault } from '../../vault/format.js'
import { masterPassword } from '../../vault/password.js'
import { lockWorld } from '../wiring/lock.js'
import { passwordWorld, secretFor, vaultOptions, vaultPath } from '../wiring/secrets.js'
import { embeddedOptions, type StoreFlags, storeTarget } from '../wiring/store.js'
import { type Check, fine, wrong } from './check.js'

export interface StoreFound {
  readonly checks: readonly Check[]
  /** The time of a store outside, and when it was asked; null where none was. */
  readonly times: { readonly hereMs: number; readonly storeMs: number } | null
}

/** A store outside is reached as every command reaches it; the embedded one is asked whether it runs. */
export async function storeChecks(context: Context, flags: StoreFlags): Promise<StoreFound> {
  const target = { ...storeTarget(context, flags), secret: (name: string) => unasked(context, name) }
  let endpoint: Endpoint | null = null
  try {
    endpoint = await endpointOf(target)
    if (endpoint === null) {
      const state = await serverState(embeddedOptions(context))
      const words = state.running
        ? `the embedded database runs, process ${state.pid}`
        : state.initialised
          ? 'the embedded database is not running; what needs it starts it'
          : 'the embedded database is not made yet; what needs it makes it'
      return { checks: [fine('store', words)], times: null }
    }
    const { PostgresStore } = await import('../../store/postgres.js')
    const store = await PostgresStore.open(target)
    try {
      const beforeMs = context.clock()
      const storeMs = await store.clock()
      const hereMs = (beforeMs + context.clock()) / 2
      const differences = await store.differences()
      const checks = [
        fine('store', `${store.name} answers`),
        ...differences.map(({ words }) => wrong('tables', words, initWords(flags))),
      ]
      return { checks, times: { hereMs, storeMs } }
    } finally {
      await store.close()
    }
  } catch (error) {
    context.signal.throwIfAborted()
    if (!(error instanceof Failure)) throw error
    return { checks: [wrong('store', error.message, fixOf(error, endpoint))], times: null }
  }
}

/** The vault is opened for a password of the database where that needs nobody at a terminal. */
async function unasked(context: Context, name: string): Promise<string> {
  const world = { ...passwordWorld(context, undefined), prompt: async () => null }
  await masterPassword(world).catch((error) => {
    throw new Failure(
      'denied',
      `it wants a password: ${name} is not in the environment, and the vault is not asked here`,
      {
        hint: `jules vault exec --only ${name} -- jules doctor`,
        cause: error,
      },
    )
  })
  return secretFor(context, name)
}

/** What names the differences one by one, with the statements that mend them. */
const initWords = ({ dsn, schema }: StoreFlags): string =>
  ['jules', 'db', 'init', ...(dsn === undefined ? [] : ['--dsn', dsn]), '--schema', schema]
    .map(shellWord)
    .join(' ')

function fixOf({ hint }: Failure, endpoint: Endpoint | null): string {
  if (hint?.startsWith('jules ')) return hint
  if (endpoint === null) return "env | grep -E '^(TIMESCALEDB_|PG|JULES_)'"
  const { host, port, dbname, user } = endpoint
  const words = `host=${host} port=${port} dbname=${dbname} user=${user}`
  return `psql ${shellWord(words)} -c 'SELECT 1'`
}

/** The vault file: that it is there, one's own, closed to others, and whole. */
export async function vaultCheck(context: Context): Promise<Check> {
  const name = 'vault'
  const path = vaultPath(context, await context.settingsOf('vault', vaultOptions))
  const word = shellWord(path)
  try {
    const facts = lstatSync(path)
    if (!facts.isFile()) return wrong(name, `${path} is not a regular file`, `ls -l ${word}`)
    if (facts.uid !== context.uid)
      return wrong(name, `${path} belongs to user ${facts.uid}`, `sudo chown "$(id -u)" ${word}`)
    if ((facts.mode & 0o077) !== 0) {
      const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0')
      return wrong(name, `${path} has mode ${mode}: others can get at it`, `chmod 600 ${word}`)
    }
    if (facts.size > FILE_LIMIT)
      return wrong(name, `${path}: larger than ${FILE_LIMIT} bytes`, `ls -l ${word}`)
    const lock = lockState(lockWorld(context), path)
    if (lock !== null && lock.alive === null) {
      return wrong(
        name,
        `${path} is locked by ${lock.holder}, which cannot be asked from here`,
        'jules vault unlock',
      )
    }
    const { entries } = parseVault(readFileSync(path))
    return fine(name, `${path}, ${entries.size} secrets`)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return fine(name, `no vault yet at ${path}`)
    const words = messageOf(error)
    return wrong(name, `${path}: ${words}`, error instanceof Failure ? 'jules vault doctor' : `ls -l ${word}`)
  }
}
