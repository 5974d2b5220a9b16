/** Whether a descriptor that the user names by number is one that was handed over, and not one of Node's own. */
import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { Failure, systemCode } from '../base/errors.js'

/**
 * Throws 66 for a descriptor that is closed, cannot be read, or was opened by Node itself: its event queues, and pipes of
 * which this process holds both ends. Reading those gives nothing, waits for ever or ends the process.
 */
export function checkHandedOver(fd: number): void {
  const refuse = (words: string) => {
    throw new Failure('noInput', `descriptor ${fd} ${words}`, { hint: `hand one over: ${fd}<FILE` })
  }
  try {
    fstatSync(fd)
  } catch (error) {
    if (systemCode(error) === 'EBADF') refuse('was not handed over')
    throw error
  }
  const own = look(fd)
  // Other systems than Linux tell less.
  if (own === null) return
  if (own.leadsTo.startsWith('anon_inode:')) refuse('was not handed over')
  if (own.access === WRITE_ONLY) refuse('is open for writing alone')
  const ends = own.leadsTo.startsWith('pipe:') ? others(fd) : []
  if (ends.some((one) => one.leadsTo === own.leadsTo && one.access === WRITE_ONLY))
    refuse('was not handed over')
}

/** O_ACCMODE and O_WRONLY of open(2). */
const ACCESS = 0o3
const WRITE_ONLY = 0o1

interface Look {
  /** A path, `pipe:[N]`, `socket:[N]` or `anon_inode:NAME`. */
  readonly leadsTo: string
  readonly access: number
}

function look(fd: number): Look | null {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '0'
    return { leadsTo: readlinkSync(`/proc/self/fd/${fd}`), access: Number.parseInt(flags, 8) & ACCESS }
  } catch {
    return null
  }
}

const others = (fd: number): Look[] =>
  readdirSync('/proc/self/fd').flatMap((name) => (Number(name) === fd ? [] : (look(Number(name)) ?? [])))
