/** The files that libpq's programs share: services by name, and passwords by server. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, systemCode, systemFailure } from '../base/errors.js'
import { quote } from '../base/words.js'

export interface FileWorld {
  readonly home: string
  readonly env: (name: string) => string | undefined
  readonly warn: (words: string) => void
}

/**
 * The parameters under `[name]` in PGSERVICEFILE or ~/.pg_service.conf, then in PGSYSCONFDIR/pg_service.conf. Throws 78 where no
 * file has it.
 */
export async function readService({ home, env }: FileWorld, name: string): Promise<Map<string, string>> {
  const own = env('PGSERVICEFILE') || join(home, '.pg_service.conf')
  const system = env('PGSYSCONFDIR')
  const files = system ? [own, join(system, 'pg_service.conf')] : [own]
  for (const path of files) {
    const found = sectionOf(await readIfThere(path), name, path)
    if (found !== null) return found
  }
  throw new Failure('config', `there is no service ${quote(name)} in ${files.join(' or ')}`)
}

function sectionOf(text: string | null, name: string, path: string): Map<string, string> | null {
  let section: Map<string, string> | null = null
  for (const [i, raw] of (text ?? '').split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (section !== null) return section
      if (line === `[${name}]`) section = new Map()
    } else if (section !== null) {
      const at = line.indexOf('=')
      // The line may hold a password, so it is not repeated.
      if (at < 1) throw new Failure('config', `${path}:${i + 1}: expected name=value`)
      section.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
    }
  }
  return section
}

export interface Server {
  readonly host: string
  readonly port: string
  readonly dbname: string
  readonly user: string
}

/** The password of the first line that matches, or undefined. A file that others may read is passed over with a warning. */
export async function readPassword(
  { home, warn }: FileWorld,
  passfile: string | undefined,
  { host, port, dbname, user }: Server,
): Promise<string | undefined> {
  const path = passfile ?? join(home, '.pgpass')
  const facts = await stat(path).catch(() => null)
  if (facts === null) return undefined
  if (!facts.isFile()) return void warn(`${path}: is not a regular file, so no password is read from it`)
  if ((facts.mode & 0o077) !== 0) {
    return void warn(`${path}: others may read it, so no password is read from it; chmod 600 mends it`)
  }
  // A socket's directory stands under its own name or, as with libpq, as localhost.
  const hosts = host.startsWith('/') ? [host, 'localhost'] : [host]
  for (const line of ((await readIfThere(path)) ?? '').split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = [...line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/g)].map(([, field = '']) =>
      field.replace(/\\(.)/g, '$1'),
    )
    const [atHost = '', atPort, atName, atUser, password] = fields
    const fits = (field: string | undefined, value: string) => field === '*' || field === value
    if (!hosts.some((name) => fits(atHost, name)) || !fits(atPort, port) || !fits(atName, dbname)) continue
    if (fits(atUser, user) && password !== undefined) return password
  }
  return undefined
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null
    throw systemFailure(error, path)
  }
}
