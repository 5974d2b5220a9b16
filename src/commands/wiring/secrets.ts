/** Wires the vault to the world: its path, password, lock and backends, for the vault command and for commands that need a secret. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { disk } from '../../base/disk.js'
import { badData, Failure, usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { choice, file, flag, integer, text } from '../../cli/options.js'
import { canAsk, promptLine } from '../../cli/prompt.js'
import { decodeUtf8 } from '../../stream/json.js'
import { readWhole } from '../../stream/source.js'
import type { SecretBackend } from '../../vault/backend.js'
import { helperBackend } from '../../vault/helper.js'
import { masterKey } from '../../vault/kdf.js'
import { vaultMemory } from '../../vault/memory.js'
import {
  masterPassword,
  PASSWORD_LIMIT,
  type PasswordSource,
  type PasswordWorld,
} from '../../vault/password.js'
import { Vault } from '../../vault/vault.js'
import { lockWorld } from './lock.js'

export const vaultOptions = {
  vault: file('the vault file', { defaultText: '~/.trading_secrets.json' }),
  'password-fd': integer('N', 'read the master password from descriptor N', { min: 0, max: 1_000_000 }),
  backend: choice('NAME', ['file', 'exec'], 'where secrets are', { fallback: 'file' }),
  'backend-command': text('COMMAND', 'helper command of the exec backend'),
  'backend-timeout': integer('SECONDS', 'how long one call of the helper may take', {
    min: 1,
    max: 86_400,
    fallback: 60,
  }),
  accept: flag('take a vault for right that is not the one seen before, or older'),
}

export interface VaultChoice {
  readonly vault: string | undefined
  readonly 'password-fd': number | undefined
  readonly backend: 'file' | 'exec'
  readonly 'backend-command': string | undefined
  readonly 'backend-timeout': number
  readonly accept: boolean
}

export const vaultPath = (context: Context, { vault }: Pick<VaultChoice, 'vault'>): string =>
  vault ?? join(context.paths.home, '.trading_secrets.json')

/** The secrets that --backend names: the vault file, or a helper command. */
export function openBackend(context: Context, chosen: VaultChoice): SecretBackend {
  if (chosen.backend === 'file') return openVault(context, chosen)
  // A line end behind it would make the arguments a command of their own.
  const command = chosen['backend-command']?.trim() ?? ''
  if (command === '') {
    throw new Failure('config', '--backend exec needs --backend-command')
  }
  return helperBackend({
    command,
    environment: context.environment,
    patienceMs: chosen['backend-timeout'] * 1000,
    signal: context.signal,
    kill: context.kill,
    warn: (words) => context.ui.warn(words),
  })
}

/** The vault file; nothing is read yet. */
export function openVault(context: Context, chosen: VaultChoice): Vault {
  // Set once and for all it would hide every vault that is replaced later.
  if (chosen.accept && context.settings.get('accept')?.origin !== 'flag')
    throw new Failure('config', '--accept is given on the command line alone, for one vault at a time')
  const world = lockWorld(context)
  return new Vault({
    ...world,
    path: vaultPath(context, chosen),
    uid: context.uid,
    random: randomBytes,
    password: () => confirmedPassword(context, chosen),
    memory: vaultMemory(
      world,
      join(context.paths.state, 'vault-generations.json'),
      resolve(context.cwd, vaultPath(context, chosen)),
    ),
    accept: chosen.accept,
    warn: (words) => context.ui.warn(words),
    derive: masterKey,
  })
}

/** A password typed for a vault that is not there yet is asked for twice: a slip would lock everything in. */
async function confirmedPassword(context: Context, chosen: VaultChoice): Promise<Buffer> {
  const { password, source } = await askPassword(context, chosen)
  if (source !== 'terminal' || existsSync(vaultPath(context, chosen))) return password
  const again = await prompt(context, 'Once more: ')
  if (again === null || !again.equals(password)) throw usage('the two passwords differ')
  return password
}

/** The master password, from wherever it comes first. */
export async function askPassword(
  context: Context,
  chosen: Pick<VaultChoice, 'password-fd'>,
): Promise<{ password: Buffer; source: PasswordSource }> {
  return masterPassword(passwordWorld(context, chosen['password-fd']))
}

/** Where the master password would come from, without asking for it. Throws 77 where there is none, or an empty one. */
export async function passwordSource(
  context: Context,
  chosen: Pick<VaultChoice, 'password-fd'>,
): Promise<PasswordSource> {
  const unasked = async () => (canAsk() ? Buffer.from('not asked for') : null)
  return (await masterPassword({ ...passwordWorld(context, chosen['password-fd']), prompt: unasked })).source
}

/** What the search for the master password may touch. */
export function passwordWorld(context: Context, fd: number | undefined): PasswordWorld {
  return {
    disk,
    uid: context.uid,
    cwd: context.cwd,
    env: context.env,
    fd,
    readFd: (descriptor) => readWhole(descriptor, { signal: context.signal, limit: PASSWORD_LIMIT }),
    isTracked: (path) => isTracked(path),
    prompt: (question) => prompt(context, question),
  }
}

/** Asks on the terminal without echo; null where there is none. */
export async function prompt(context: Context, question: string): Promise<Buffer | null> {
  const typed = await promptLine(question, { signal: context.signal, interrupt: context.interrupt })
  context.signal.throwIfAborted()
  return typed
}

/** Null where git is not there, does not answer, or takes the directory for no repository. Runs nothing that the repository names. */
export function isTracked(path: string): boolean | null {
  const { status, error } = spawnSync(
    'git',
    ['-C', dirname(path), '-c', 'core.fsmonitor=false', 'ls-files', '--error-unmatch', '--', basename(path)],
    { stdio: 'ignore', timeout: 5000 },
  )
  if (error !== undefined || status === null || status === 128) return null
  return status === 0
}

/** A secret for another command: the environment first, the vault second, asked only when it is needed. */
export async function secretFor(context: Context, name: string): Promise<string> {
  const given = context.env(name)
  if (given !== undefined) return filled(name, given, 'in the environment')
  const chosen = await context.settingsOf('vault', vaultOptions)
  let kept: Buffer
  try {
    kept = await openBackend(context, chosen).get(name)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.kind === 'noInput') {
      throw new Failure('denied', `${name} is neither in the environment nor in the vault`, {
        hint: `jules vault set ${name}`,
        cause: error,
      })
    }
    throw new Failure(error.kind, `${name} is not in the environment; the vault: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    })
  }
  const words = decodeUtf8(kept)
  if (words === null) throw badData(`${name}: the value in the vault is not UTF-8`)
  return filled(name, words, 'in the vault')
}

/** Nothing is no secret: whoever asked for it would be told of a wrong password, or of none. */
function filled(name: string, value: string, where: string): string {
  if (value !== '') return value
  throw new Failure('denied', `${name} is empty ${where}`, { hint: `unset it, or: jules vault set ${name}` })
}
