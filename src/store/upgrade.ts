/**
 * Moves the embedded cluster to the PostgreSQL of another major version, whose files it cannot read: the old server writes the
 * tables to files, a new cluster is made beside from these, and two renames put it in its place. Killed at any moment nothing
 * is lost, and a second run goes on; the old cluster stays beside until somebody removes it.
 */
import { existsSync } from 'node:fs'
import { readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Client } from 'pg'
import { disk, syncDirectory } from '../base/disk.js'
import { Failure } from '../base/errors.js'
import { readState, writeState } from '../base/state-file.js'
import { shellWord } from '../base/words.js'
import { type Binaries, findBinaries, libraryPath } from './binaries.js'
import { type Dumped, dumpTables, others, restoreTables } from './dump.js'
import {
  createDatabase,
  DATABASE,
  finishSwap,
  majorOf,
  makeCluster,
  makeDirectories,
  READY,
  REMOVE,
  type Swap,
  startServer,
  stopAt,
  stopServer,
  USER,
} from './embedded.js'
import { databaseFailure } from './failures.js'
import { type EmbeddedOptions, type Layout, layoutOf, PORT } from './place.js'

export interface UpgradeOptions {
  readonly embedded: EmbeddedOptions
  /** Where the programs of the old version are. */
  readonly fromBin: string | undefined
  readonly token: () => string
}

export interface UpgradeReport {
  readonly from: string
  readonly to: string
  readonly rows: number
  readonly tables: number
  /** Tables that stay in the old cluster alone. */
  readonly left: readonly string[]
  /** Where the old cluster is now. */
  readonly old: string
}

interface Manifest {
  readonly from: string
  /** Changes when the old cluster has been open since. */
  readonly control: number
  readonly dumped: readonly Dumped[]
  readonly left: readonly string[]
}

/** Null where the cluster is of this version already. One process at a time. Throws 66 without a cluster, 69 without programs. */
export async function upgradeCluster({
  embedded,
  fromBin,
  token,
}: UpgradeOptions): Promise<UpgradeReport | null> {
  const { binaries, options, layout } = await findBinaries(embedded)
  await finishSwap(layout)
  if (!existsSync(join(layout.data, 'PG_VERSION'))) {
    throw new Failure('noInput', `there is no cluster at ${layout.data}`)
  }
  const from = (await readFile(join(layout.data, 'PG_VERSION'), 'utf8')).trim()
  const to = majorOf(binaries, binaries.postgres) ?? from
  const old = `${layout.data}.old-${from}`
  const work = join(dirname(layout.data), 'upgrade')
  if (from === to) {
    await rm(work, REMOVE)
    return null
  }
  // Found before anything is stopped: without them all stays as it is.
  const programs = await oldBinaries({ ...options, fromBin, from, to, binaries, work })
  if (existsSync(old))
    throw new Failure('cannotCreate', `${old}: already exists`, { hint: `mv ${shellWord(old)} elsewhere` })
  await stopServer(options)
  const aside = layoutOf({ ...options, directory: work })
  await makeDirectories(options, aside, binaries)
  const manifest = await dumped({ options, layout, aside, programs, work, from, token })
  options.note(`making a cluster of PostgreSQL ${to}`)
  // In a place of this run's own: what a killed one has left there may still be at work.
  const fresh = layoutOf({ ...options, directory: join(work, `new-${token()}`) })
  await makeDirectories(options, fresh, binaries)
  await makeCluster(options, fresh, binaries)
  await startServer(options, fresh, binaries)
  try {
    await createDatabase({ socketDirectory: fresh.socketDirectory, user: USER, database: DATABASE })
    await withClient(fresh, options.signal, (client) => restoreTables(client, manifest.dumped, work))
  } finally {
    await stopAt(options, fresh)
  }
  writeState({ disk, token }, join(work, READY), { fresh: fresh.data, old } satisfies Swap)
  syncDirectory(disk, work)
  await finishSwap(layout)
  const rows = manifest.dumped.reduce((sum, one) => sum + one.rows, 0)
  return { from, to, rows, tables: manifest.dumped.length, left: manifest.left, old }
}

interface Dumping {
  readonly options: EmbeddedOptions
  readonly layout: Layout
  /** Whose socket the old server listens on: nobody else finds it there. */
  readonly aside: Layout
  readonly programs: Binaries
  readonly work: string
  readonly from: string
  readonly token: () => string
}

/** The tables of the old cluster in files: those of an earlier run, where the cluster has not been open since. */
async function dumped({ options, layout, aside, programs, work, from, token }: Dumping): Promise<Manifest> {
  const path = join(work, 'tables.json')
  // A run that was killed leaves its server behind.
  const old: Layout = { ...aside, data: layout.data, log: join(work, 'old.log') }
  await stopAt(options, old)
  const earlier = readState(disk, path)
  if (isManifest(earlier) && earlier.from === from && earlier.control === (await controlOf(layout)))
    return earlier
  options.note(`reading the cluster of PostgreSQL ${from}`)
  await startServer(options, old, programs)
  let found: Pick<Manifest, 'dumped' | 'left'>
  try {
    found = await withClient(old, options.signal, async (client) => ({
      dumped: await dumpTables(client, work),
      left: await others(client),
    }))
  } finally {
    await stopAt(options, old)
  }
  const manifest = { from, control: await controlOf(layout), ...found }
  writeState({ disk, token }, path, manifest)
  return manifest
}

const isManifest = (value: unknown): value is Manifest =>
  typeof value === 'object' && value !== null && 'dumped' in value && Array.isArray(value.dumped)

const controlOf = async (layout: Layout): Promise<number> =>
  (await stat(join(layout.data, 'global', 'pg_control'))).mtimeMs

async function withClient<T>(
  { socketDirectory: host }: Layout,
  signal: AbortSignal,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const pg = (await import('pg')).default
  const client: Client = new pg.Client({ host, port: PORT, user: USER, database: DATABASE, ssl: false })
  client.on('error', () => {})
  const cut = () => void client.end().catch(() => {})
  signal.addEventListener('abort', cut, { once: true })
  try {
    await client.connect()
    return await work(client)
  } catch (error) {
    signal.throwIfAborted()
    throw databaseFailure(error, `the server at ${host}`)
  } finally {
    signal.removeEventListener('abort', cut)
    await client.end().catch(() => {})
  }
}

interface Search extends EmbeddedOptions {
  readonly fromBin: string | undefined
  readonly from: string
  readonly to: string
  readonly binaries: Binaries
  readonly work: string
}

/** The programs of the old version: where they are said to be, else where distributions put them. */
async function oldBinaries({ fromBin, from, to, binaries, work, ...options }: Search): Promise<Binaries> {
  const usual = [
    `/usr/lib/postgresql/${from}/bin`,
    `/usr/pgsql-${from}/bin`,
    `/opt/homebrew/opt/postgresql@${from}/bin`,
  ]
  const places = fromBin === undefined ? usual : [fromBin]
  for (const place of places) {
    const postgres = join(place, 'postgres')
    if (!existsSync(postgres)) continue
    const aside = layoutOf({ ...options, directory: work })
    const libraries = await libraryPath(postgres, aside, options.platform, binaries.owner !== undefined)
    const { LD_LIBRARY_PATH: _, DYLD_LIBRARY_PATH: __, ...plain } = binaries.environment
    const programs = { ...binaries, postgres, environment: { ...plain, ...libraries } }
    const major = majorOf(programs, postgres)
    if (major === from) return programs
    if (fromBin !== undefined) {
      throw new Failure(
        'unavailable',
        major === null
          ? `${postgres} tells no version of PostgreSQL, the cluster is of ${from}`
          : `${postgres} is of PostgreSQL ${major}, the cluster of ${from}`,
      )
    }
  }
  if (fromBin !== undefined) throw new Failure('noInput', `--from-bin: there is no postgres in ${fromBin}`)
  throw new Failure(
    'unavailable',
    `the cluster is of PostgreSQL ${from}, the programs here are of ${to}, and those of ${from} are in none of ${usual.join(', ')}`,
    {
      hint: `install PostgreSQL ${from} and name the directory of its programs: jules db upgrade --from-bin DIR`,
    },
  )
}
