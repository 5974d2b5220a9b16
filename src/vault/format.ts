/** The vault file as text, both ways. The parser takes exactly the format and nothing near it. */
import { badData } from '../base/errors.js'
import { decodeUtf8, duplicateKey } from '../stream/json.js'
import type { Entry, Header } from './cipher.js'
import { checkKdf } from './kdf.js'

export const FILE_LIMIT = 16 << 20
export const ENTRY_LIMIT = 4096
export const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

export interface VaultFile extends Header {
  readonly entries: ReadonlyMap<string, Entry>
  readonly mac: Buffer
}

export function printVault({ id, generation, kdf, entries, mac }: VaultFile): string {
  const secrets: Record<string, unknown> = Object.create(null)
  for (const [name, { salt, nonce, data, created, updated }] of entries) {
    secrets[name] = { salt: b64(salt), nonce: b64(nonce), data: b64(data), created, updated }
  }
  const { name, v, m, t, p, salt } = kdf
  const body = {
    format: 'jules-vault',
    version: 1,
    id: b64(id),
    generation,
    kdf: { name, v, m, t, p, salt: b64(salt) },
    cipher: 'aes-256-gcm',
    secrets,
    mac: b64(mac),
  }
  return `${JSON.stringify(body, null, 1)}\n`
}

const b64 = (bytes: Buffer): string => bytes.toString('base64')

/** Throws 65, with the place named, for anything that is not a vault of this version within its bounds. */
export function parseVault(bytes: Buffer): VaultFile {
  if (bytes.length > FILE_LIMIT) throw badData(`larger than ${FILE_LIMIT} bytes`)
  const text = decodeUtf8(bytes)
  if (text === null) throw badData('is not UTF-8')
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw badData('is not JSON: a damaged vault, or no vault')
  }
  const twice = duplicateKey(text)
  if (twice !== null) throw badData('a key stands twice')
  const file = record(body, 'the file')
  if (file.get('format') !== 'jules-vault') throw looksLegacy(file)
  if (file.get('version') !== 1)
    throw badData('an unsupported version of the vault format', { hint: 'update jules' })
  exactly(file, ['format', 'version', 'id', 'generation', 'kdf', 'cipher', 'secrets', 'mac'], 'the file')
  if (file.get('cipher') !== 'aes-256-gcm') throw badData('cipher: expected aes-256-gcm')
  const kdf = record(file.get('kdf'), 'kdf')
  exactly(kdf, ['name', 'v', 'm', 't', 'p', 'salt'], 'kdf')
  if (kdf.get('name') !== 'argon2id' || kdf.get('v') !== 19)
    throw badData('kdf: expected argon2id, version 19')
  const numbers = { m: number(kdf, 'm'), t: number(kdf, 't'), p: number(kdf, 'p') }
  checkKdf(numbers)
  const secrets = record(file.get('secrets'), 'secrets')
  if (secrets.size > ENTRY_LIMIT) throw badData(`more than ${ENTRY_LIMIT} secrets`)
  return {
    id: base64(file, 'id', 16),
    generation: number(file, 'generation'),
    kdf: { name: 'argon2id', v: 19, ...numbers, salt: base64(kdf, 'salt', 16) },
    entries: new Map([...secrets].map(([name, value]) => [name, readEntry(name, value)])),
    mac: base64(file, 'mac', 32),
  }
}

function readEntry(name: string, value: unknown): Entry {
  if (!NAME.test(name)) throw badData('secrets: a name that no secret can have')
  const entry = record(value, `secrets.${name}`)
  exactly(entry, ['salt', 'nonce', 'data', 'created', 'updated'], `secrets.${name}`)
  return {
    salt: base64(entry, 'salt', 32),
    nonce: base64(entry, 'nonce', 12),
    data: base64(entry, 'data'),
    created: date(entry, 'created'),
    updated: date(entry, 'updated'),
  }
}

/** Own keys only: `__proto__` is a name like any other. */
function record(value: unknown, where: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badData(`${where}: expected an object`)
  }
  return new Map(Object.entries(value))
}

function exactly(found: ReadonlyMap<string, unknown>, keys: readonly string[], where: string): void {
  if (found.size !== keys.length || !keys.every((key) => found.has(key))) {
    throw badData(`${where}: expected exactly the keys ${keys.join(', ')}`)
  }
}

function number(from: ReadonlyMap<string, unknown>, key: string): number {
  const value = from.get(key)
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw badData(`${key}: expected a whole number`)
  }
  return value
}

/** Canonical base64 alone: one spelling for one value. */
function base64(from: ReadonlyMap<string, unknown>, key: string, length?: number): Buffer {
  const value = from.get(key)
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null
  if (bytes === null || b64(bytes) !== value || (length !== undefined && bytes.length !== length)) {
    throw badData(`${key}: expected ${length === undefined ? '' : `${length} bytes in `}canonical base64`)
  }
  return bytes
}

function date(from: ReadonlyMap<string, unknown>, key: string): string {
  const value = from.get(key)
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (typeof value !== 'string' || Number.isNaN(time) || new Date(time).toISOString() !== value) {
    throw badData(`${key}: expected a time such as 2025-07-30T13:30:00.000Z`)
  }
  return value
}

function looksLegacy(file: ReadonlyMap<string, unknown>): Error {
  const legacy = [...file.values()].some(
    (value) => typeof value === 'object' && value !== null && 'encrypted' in value && 'salt' in value,
  )
  if (!legacy) return badData('is not a jules vault')
  return badData('is a vault of the old system and is left as it is', {
    hint: 'move it away, then run: jules vault import --legacy FILE',
  })
}
