/**
 * A lock file beside what it keeps to one process. It holds a token and who made it; it is made by link(2), which fails when
 * it exists. A lock whose owner is dead is broken by whoever first creates the file named after its token and then finds that
 * token still in the lock: as each token has one breaker at a time and only the owner or the breaker removes it, no live lock
 * is broken.
 */
import { basename, dirname, join, resolve } from 'node:path'
import { type Disk, readText, remove, writeNew } from './disk.js'
import { Failure, systemCode } from './errors.js'

export interface Owner {
  readonly pid: number
  readonly host: string
  /** Changes when the number is given to another process; empty where unknown. */
  readonly start: string
}

export interface LockWorld {
  readonly disk: Disk
  readonly self: Owner
  readonly isAlive: (owner: Owner) => boolean
  readonly token: () => string
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly signal: AbortSignal
}

/** A breaker works for microseconds; a break file this old was left by one that died. */
const BREAK_STALE_MS = 10_000

/** What file systems without hard links answer. */
const NO_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'])

interface Held extends Owner {
  readonly token: string
}

/**
 * A lock of another host, or one that does not say whose it is, cannot be asked whether its owner lives. One that stays for this
 * long was most likely left behind.
 */
const STRANGER_WAIT_MS = 2_000

export interface LockPatience {
  /** How long to wait for another process. */
  readonly waitMs: number
  /** What to do about a lock whose owner cannot be asked. */
  readonly remedy?: string
}

/** Runs `work` while holding the lock of `path`. Throws 75 when another process holds it for too long. */
export async function withLock<T>(
  world: LockWorld,
  path: string,
  patience: LockPatience,
  work: () => Promise<T>,
): Promise<T> {
  const release = await takeLock(world, path, patience)
  try {
    return await work()
  } finally {
    release()
  }
}

/** Takes the lock of `path`, PATH.lock, and gives the way to let it go. Throws as `withLock` does. */
export async function takeLock(world: LockWorld, path: string, patience: LockPatience): Promise<() => void> {
  const { disk } = world
  const lock = lockOf(disk, path)
  const mine: Held = { ...world.self, token: world.token() }
  const own = `${lock}.${mine.token}`
  const content = JSON.stringify(mine)
  writeNew(disk, own, content)
  try {
    await acquire(world, { lock, own, content, ...patience })
  } finally {
    remove(disk, own)
  }
  return () => remove(disk, lock)
}

/** A file has one lock, whatever symbolic links lead to it. */
function lockOf(disk: Disk, path: string): string {
  for (const [known, rest] of [
    [path, ''],
    [dirname(path), basename(path)],
  ] as const) {
    try {
      const real = join(disk.real(known), rest)
      // As it was written, where no link leads elsewhere.
      return `${real === resolve(path) ? path : real}.lock`
    } catch {
      // It is still to be made.
    }
  }
  return `${path}.lock`
}

/** Whether a process that lives, or one of another host, of which nobody here can know, holds the lock of `path`. */
export function isLocked(world: LockWorld, path: string): boolean {
  const state = lockState(world, path)
  return state !== null && state.alive !== false
}

/** Whose lock `path` has, and whether that process lives: null where another host would have to be asked. */
export interface LockState {
  readonly holder: string
  readonly alive: boolean | null
}

/** The lock of `path`, or null. One that may not be read does not say whose it is. */
export function lockState(world: LockWorld, path: string): LockState | null {
  const lock = lockOf(world.disk, path)
  try {
    return stateOf(world, readHeld(world.disk, lock))
  } catch (error) {
    if (systemCode(error) === 'EACCES') return stateOf(world, 'unknown')
    throw error
  }
}

function stateOf({ self, isAlive }: LockWorld, held: Held | 'unknown' | null): LockState | null {
  if (held === null) return null
  if (held === 'unknown') return { holder: 'an unknown process', alive: null }
  const holder = `process ${held.pid} on ${held.host}`
  return { holder, alive: held.host === self.host ? isAlive(held) : null }
}

/**
 * Removes the lock of `path` unless its owner is known to live, and gives whose it was; null where there is none. Throws 75 for
 * one that is in use. Of another host's the caller must know that nobody uses it.
 */
export function unlock(world: LockWorld, path: string): string | null {
  const lock = lockOf(world.disk, path)
  // Read once: what was asked whether it lives is what is removed.
  const held = readHeld(world.disk, lock)
  const state = stateOf(world, held)
  if (held === null || state === null) return null
  if (state.alive === true) throw new Failure('tryAgain', `in use by ${state.holder}`, { where: lock })
  if (held === 'unknown') world.disk.unlink(lock)
  else if (!breakLock(world, lock, held))
    throw new Failure('tryAgain', 'another command is removing it', { where: lock })
  return state.holder
}

interface Names {
  readonly lock: string
  /** A file of this process alone, with the content that the lock shall have. */
  readonly own: string
  readonly content: string
}

async function acquire(world: LockWorld, { waitMs, remedy, ...names }: LockPatience & Names): Promise<void> {
  const { lock } = names
  const { clock, self } = world
  const until = clock() + waitMs
  let stranger = { token: '', since: 0 }
  for (let round = 0; ; round++) {
    try {
      makeLock(world.disk, names)
      return
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    const held = readHeld(world.disk, lock)
    const state = stateOf(world, held)
    if (held === null || state === null) continue
    if (held !== 'unknown' && state.alive === false && breakLock(world, lock, held)) continue
    world.signal.throwIfAborted()
    const { holder } = state
    const known = state.alive !== null
    const token = held === 'unknown' ? held : held.token
    if (known) stranger = { token: '', since: 0 }
    else if (stranger.token !== token) stranger = { token, since: clock() }
    const left = !known && clock() - stranger.since >= Math.min(STRANGER_WAIT_MS, waitMs)
    if (left || clock() >= until) {
      const waited = waitMs === 0 || left ? '' : `, ${Math.round(waitMs / 1000)} s long`
      const words = known
        ? `held by ${holder}${waited}`
        : `held by ${holder}, which cannot be asked from here`
      const hint = known
        ? 'run it again when that process is done'
        : (remedy ?? `remove ${lock} if no other command is at work`)
      throw new Failure('tryAgain', words, { where: lock, hint })
    }
    // Different steps for different processes, or they would come back in step.
    await world.sleep(5 + ((self.pid * 7 + round * 13) % 45))
  }
}

/** By a link, so that the lock is there with its content or not at all; by exclusive creation where there are no links. */
function makeLock(disk: Disk, { lock, own, content }: Names): void {
  try {
    disk.link(own, lock)
  } catch (error) {
    if (!NO_LINKS.has(systemCode(error) ?? '')) throw error
    writeNew(disk, lock, content)
  }
}

function breakLock({ disk, clock }: LockWorld, lock: string, dead: Held): boolean {
  const breaker = `${lock}.break.${dead.token}`
  try {
    writeNew(disk, breaker, String(clock()))
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    const since = Number(readText(disk, breaker) ?? Number.NaN)
    if (clock() - since > BREAK_STALE_MS) remove(disk, breaker)
    return false
  }
  const held = readHeld(disk, lock)
  if (held !== null && held !== 'unknown' && held.token === dead.token) {
    remove(disk, lock)
    remove(disk, `${lock}.${dead.token}`)
  }
  remove(disk, breaker)
  return true
}

/** A link, a directory, or a file too large in the place of a lock does not say whose it is, like an empty one. */
const NO_LOCK = new Set(['ELOOP', 'EISDIR'])

/** Whose the lock is; null where there is none. */
function readHeld(disk: Disk, lock: string): Held | 'unknown' | null {
  let text: string | null
  try {
    text = readText(disk, lock)
  } catch (error) {
    if (error instanceof Failure || NO_LOCK.has(systemCode(error) ?? '')) return 'unknown'
    throw error
  }
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return isHeld(value) ? value : 'unknown'
  } catch {
    return 'unknown'
  }
}

function isHeld(value: unknown): value is Held {
  return (
    typeof value === 'object' &&
    value !== null &&
    'token' in value &&
    typeof value.token === 'string' &&
    /^[0-9a-f]{32}$/.test(value.token) &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'host' in value &&
    typeof value.host === 'string' &&
    'start' in value &&
    typeof value.start === 'string'
  )
}
