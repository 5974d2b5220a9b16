/**
 * Where the master password comes from, in order: a descriptor, a file named in the environment, the environment, the .env
 * file of the working directory, the terminal. The first that is there counts, even when it is wrong; an empty one is refused,
 * as it comes from a command that failed or a variable that nobody filled.
 */
import { constants } from 'node:fs'
import { join } from 'node:path'
import type { Disk } from '../base/disk.js'
import { badData, Failure, systemCode, systemFailure } from '../base/errors.js'
import { shellWord } from '../base/words.js'
import { dotenvEntries } from './dotenv.js'

export const PASSWORD_VARIABLE = 'TRADING_VAULT_PASSWORD'
export const PASSWORD_FILE_VARIABLE = 'TRADING_VAULT_PASSWORD_FILE'

/** What is read of a password, and of a file that holds one among other lines, in bytes. */
export const PASSWORD_LIMIT = 1 << 20
const DOTENV_LIMIT = 4 << 20

export type PasswordSource = 'descriptor' | 'file' | 'environment' | '.env' | 'terminal'

export interface PasswordWorld {
  readonly disk: Disk
  readonly uid: number
  readonly cwd: string
  readonly env: (name: string) => string | undefined
  readonly fd: number | undefined
  readonly readFd: (fd: number) => Promise<Buffer>
  /** Whether git tracks a path; null where that cannot be told. */
  readonly isTracked: (path: string) => boolean | null
  /** Asks on the terminal without echo; null where there is none. */
  readonly prompt: (question: string) => Promise<Buffer | null>
}

/**
 * The master password and where it came from: descriptor, file, environment, .env, terminal, in this order. Throws 77 where
 * there is none, or an empty one.
 */
export async function masterPassword(
  world: PasswordWorld,
): Promise<{ password: Buffer; source: PasswordSource }> {
  const { env, fd } = world
  const found = (password: Buffer, source: PasswordSource, words: string) => {
    if (password.length > 0) return { password, source }
    throw new Failure('denied', `wrong password, it is empty: ${words}`)
  }
  if (fd !== undefined)
    return found(withoutNewline(await world.readFd(fd)), 'descriptor', `descriptor ${fd} gave nothing`)
  const file = env(PASSWORD_FILE_VARIABLE)
  if (file !== undefined) {
    const password = file === '' ? Buffer.alloc(0) : withoutNewline(await readPrivate(world, file))
    const words = file === '' ? 'is set to no name' : `names ${file}, in which there is nothing`
    return found(password, 'file', `${PASSWORD_FILE_VARIABLE} ${words}`)
  }
  const variable = env(PASSWORD_VARIABLE)
  if (variable !== undefined)
    return found(Buffer.from(variable), 'environment', `${PASSWORD_VARIABLE} is set to nothing`)
  const dotenv = fromDotenv(world)
  if (dotenv !== null)
    return found(dotenv, '.env', `${join(world.cwd, '.env')} sets ${PASSWORD_VARIABLE} to nothing`)
  const typed = await world.prompt('Vault password: ')
  if (typed !== null) return found(typed, 'terminal', 'none was typed')
  throw new Failure(
    'denied',
    `no password for the vault: ${PASSWORD_VARIABLE} is not set and there is no terminal`,
    {
      hint: `set ${PASSWORD_VARIABLE} or ${PASSWORD_FILE_VARIABLE}, or use --password-fd`,
    },
  )
}

/** One trailing newline, LF or CRLF, is how a line ends and not part of the password. */
export function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

async function readPrivate({ disk, uid, readFd }: PasswordWorld, path: string): Promise<Buffer> {
  let fd: number
  try {
    // Without waiting for the other end of a FIFO: the reading waits, and hears signals.
    fd = disk.open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw systemFailure(error, path)
  }
  let kept = true
  try {
    const { kind, uid: owner, mode, size } = disk.facts(fd)
    // Secrets mounted into containers belong to root and are read-only; a pipe belongs to whoever made it.
    const open = owner === uid ? mode & 0o077 : owner === 0 ? mode & 0o022 : 1
    if (kind === 'file' && open !== 0) {
      throw new Failure('denied', `${path}: others may read or write it`, {
        hint: `chmod 600 ${shellWord(path)}`,
      })
    }
    if (size > PASSWORD_LIMIT) throw badData(`${path}: larger than ${PASSWORD_LIMIT} bytes`)
    if (kind === 'file') return disk.read(fd)
    kept = false
    return await readFd(fd)
  } catch (error) {
    throw systemFailure(error, path)
  } finally {
    if (kept) disk.close(fd)
  }
}

/** The line of that one name in the working directory's .env, which must be one's own, private and not in git. */
function fromDotenv({ disk, uid, cwd, isTracked }: PasswordWorld): Buffer | null {
  const path = join(cwd, '.env')
  let fd: number
  try {
    fd = disk.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    // A link is not followed, and what one cannot read is not one's own.
    if (['ENOENT', 'ELOOP', 'EACCES'].includes(systemCode(error) ?? '')) return null
    throw systemFailure(error, path)
  }
  try {
    const { kind, uid: owner, mode, size } = disk.facts(fd)
    if (kind !== 'file') return null
    if (size > DOTENV_LIMIT) throw badData(`${path}: larger than ${DOTENV_LIMIT} bytes`)
    // Of a name that stands twice the last, as for sh.
    const entry = [...dotenvEntries(disk.read(fd))].findLast(({ name }) => name === PASSWORD_VARIABLE)
    if (entry === undefined) return null
    const problem =
      owner !== uid
        ? 'belongs to another user'
        : (mode & 0o077) !== 0
          ? 'others may read it'
          : isTracked(path) === true
            ? 'is tracked by git'
            : null
    if (problem !== null) {
      throw new Failure('denied', `${path}: holds ${PASSWORD_VARIABLE} and ${problem}`, {
        hint: 'chmod 600, and keep it out of git',
      })
    }
    if ('problem' in entry) throw badData(`${path}: line ${entry.line}: ${entry.problem}`)
    return entry.value
  } finally {
    disk.close(fd)
  }
}
