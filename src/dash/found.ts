/** Which files there are to follow: what was named, and what lies in folders, newest first. Reading only. */
import { access, constants, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FILES } from '../agent/run/folder.js'
import { systemCode } from '../base/errors.js'
import type { Place } from './source.js'

/** A file with when it was last written. */
export interface Found {
  readonly path: string
  readonly name: string
  readonly place: Place
  /** Of a training: its folder. */
  readonly folder: string | null
  readonly isNamed: boolean
  readonly changedMs: number
}

/** As a backtest that is kept names it. */
const RECORDS = 'records.ndjson'
/** Of the data directory and of trainings: none of these is a run of its own. */
const OTHERS = new Set<string>(['runs.ndjson', 'runs-later.ndjson', 'validation.ndjson', FILES.metrics])
/** Records, and journals as people name them. */
const RECORDED = /\.(ndjson|journal)$/
const DEEPEST = 3
/** Entries of one folder that are looked at. */
const MOST_ENTRIES = 50_000

/** The files at a place: the place itself, a run in its folder, or the runs and files in a folder of them. */
export async function filesAt(place: string): Promise<Found[]> {
  const kind = await kindOf(place)
  // One that may not be looked into is followed as a file that cannot be read.
  const isFolder = kind === 'folder' && (await isOpen(place))
  if (isFolder) return (await inFolder(place, DEEPEST)).map((one) => ({ ...one, isNamed: false }))
  const found = await fileOf(place, { name: place, kind })
  // What is not there yet may come.
  return [{ ...(found ?? missing(place)), isNamed: true }]
}

/** Followed as a file: its reader tells why there is nothing to read. */
const missing = (path: string) => ({ path, name: path, place: 'file', folder: null, changedMs: 0 }) as const

const isOpen = (folder: string): Promise<boolean> =>
  access(folder, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  )

type Kind = Place | 'folder' | 'none'

async function kindOf(path: string): Promise<Kind> {
  const is = await stat(path).catch(() => null)
  if (is === null) return 'none'
  if (!is.isDirectory()) return 'file'
  const names: string[] = await readdir(path).catch(() => [])
  if (names.includes(FILES.metrics)) return 'training'
  if (!names.includes(FILES.manifest)) return 'folder'
  return names.includes(RECORDS) ? 'backtest' : 'training'
}

async function fileOf(
  path: string,
  { name, kind }: { readonly name: string; readonly kind: Kind },
): Promise<Omit<Found, 'isNamed'> | null> {
  if (kind === 'none' || kind === 'folder') return null
  const file =
    kind === 'training' ? join(path, FILES.metrics) : kind === 'backtest' ? join(path, RECORDS) : path
  const folder = kind === 'training' ? path : null
  // A training that has begun and has no metrics is one.
  const is = (await stat(file).catch(() => null)) ?? (await stat(path).catch(() => null))
  if (is === null || (kind === 'file' && !is.isFile())) return null
  return { path: file, name, place: kind, folder, changedMs: is.mtimeMs }
}

async function inFolder(folder: string, depth: number): Promise<Omit<Found, 'isNamed'>[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) =>
    // It may be gone by now.
    systemCode(error) === 'ENOENT' ? [] : null,
  )
  if (entries === null) return [{ ...missing(folder), name: basename(folder) }]
  const found: Omit<Found, 'isNamed'>[] = []
  for (const entry of entries.slice(0, MOST_ENTRIES)) {
    const { name } = entry
    if (name.startsWith('.') || OTHERS.has(name)) continue
    const path = join(folder, name)
    if (entry.isFile() || entry.isSymbolicLink()) {
      if (!RECORDED.test(name)) continue
      const one = await fileOf(path, { name, kind: 'file' })
      if (one !== null) found.push(one)
    } else if (entry.isDirectory()) {
      const kind = await kindOf(path)
      const one = await fileOf(path, { name, kind })
      if (one !== null) found.push(one)
      else if (kind === 'folder' && depth > 1) found.push(...(await inFolder(path, depth - 1)))
    }
  }
  return found
}
