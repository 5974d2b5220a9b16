/**
 * The cryptography of the vault file: HKDF-SHA256 (RFC 5869) for a key per secret and one for the file's mac, AES-256-GCM
 * (NIST SP 800-38D) per secret, HMAC-SHA256 over everything. `jules-vault(7)` states the format.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { KdfSettings } from './kdf.js'

/** One secret as it stands in the file; binary fields decoded. */
export interface Entry {
  readonly salt: Buffer
  readonly nonce: Buffer
  /** Ciphertext and 16 bytes of tag. */
  readonly data: Buffer
  readonly created: string
  readonly updated: string
}

/** What every mac and every secret is bound to. */
export interface Header {
  readonly id: Buffer
  readonly generation: number
  readonly kdf: KdfSettings
}

const SECRET = 'jules-vault/1 secret'
const MAC = 'jules-vault/1 mac'
const TAG = 16

/** LP(x..): each field behind its length, so that no two lists of fields give the same bytes. */
function lengthPrefixed(...fields: readonly (Buffer | string)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = typeof field === 'string' ? Buffer.from(field) : field
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}

const describeKdf = ({ name, v, m, t, p }: KdfSettings): string => `${name}:${v}:${m}:${t}:${p}`

const derive = (key: Buffer, salt: Buffer, info: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, salt, info, 32))

type Dated = Pick<Entry, 'created' | 'updated'>

function associated({ id, kdf }: Header, name: string, { created, updated }: Dated): Buffer {
  return lengthPrefixed(SECRET, id, describeKdf(kdf), kdf.salt, name, created, updated)
}

export interface Fresh {
  readonly salt: Buffer
  readonly nonce: Buffer
}

export function seal(
  master: Buffer,
  header: Header,
  name: string,
  value: Buffer,
  fresh: Fresh,
  dates: Dated,
): Entry {
  const cipher = createCipheriv('aes-256-gcm', derive(master, fresh.salt, SECRET), fresh.nonce)
  cipher.setAAD(associated(header, name, dates))
  const data = Buffer.concat([cipher.update(pad(value)), cipher.final(), cipher.getAuthTag()])
  return { salt: fresh.salt, nonce: fresh.nonce, data, created: dates.created, updated: dates.updated }
}

/** The value, or null where key, name, dates or bytes are not those it was sealed with. */
export function unseal(master: Buffer, header: Header, name: string, entry: Entry): Buffer | null {
  const cut = entry.data.length - TAG
  if (cut < 64) return null
  const decipher = createDecipheriv('aes-256-gcm', derive(master, entry.salt, SECRET), entry.nonce)
  decipher.setAAD(associated(header, name, entry))
  decipher.setAuthTag(entry.data.subarray(cut))
  try {
    return unpad(Buffer.concat([decipher.update(entry.data.subarray(0, cut)), decipher.final()]))
  } catch {
    return null
  }
}

/** Lengths of values show only as one of a few sizes: 64, powers of two to 4096, then multiples of 4096. */
export function paddedLength(length: number): number {
  const need = length + 1
  if (need > 4096) return Math.ceil(need / 4096) * 4096
  let size = 64
  while (size < need) size *= 2
  return size
}

/** ISO/IEC 7816-4: 0x80, then zeros. */
function pad(value: Buffer): Buffer {
  const padded = Buffer.alloc(paddedLength(value.length))
  value.copy(padded)
  padded[value.length] = 0x80
  return padded
}

function unpad(padded: Buffer): Buffer | null {
  let end = padded.length - 1
  while (end >= 0 && padded[end] === 0) end--
  return end >= 0 && padded[end] === 0x80 ? padded.subarray(0, end) : null
}

const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export function fileMac(master: Buffer, header: Header, entries: ReadonlyMap<string, Entry>): Buffer {
  const hmac = createHmac('sha256', derive(master, header.id, MAC))
  const { id, kdf, generation } = header
  hmac.update(lengthPrefixed(MAC, id, describeKdf(kdf), kdf.salt, String(generation), String(entries.size)))
  for (const name of [...entries.keys()].sort(bytewise)) {
    const { salt, nonce, data, created, updated } = entries.get(name)!
    hmac.update(lengthPrefixed(name, salt, nonce, data, created, updated))
  }
  return hmac.digest()
}

export const equal = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
