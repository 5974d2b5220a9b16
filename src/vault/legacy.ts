/**
 * Reads the old system's vault: per secret PBKDF2-HMAC-SHA256 with 100,000 rounds and a Fernet token (Fernet specification,
 * version 0x80: AES-128-CBC, HMAC-SHA256). Reading only; nothing is ever written in this format.
 */
import { createDecipheriv, createHmac, pbkdf2 as pbkdf2WithCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { badData, Failure } from '../base/errors.js'
import { quote } from '../base/words.js'
import { ENTRY_LIMIT, NAME } from './format.js'

const pbkdf2 = promisify(pbkdf2WithCallback)

const ROUNDS = 100_000

/** `{NAME: {salt: base64, encrypted: base64 of the token}}` -> values. Throws 77 for a wrong password. */
export async function readLegacy(
  text: string,
  password: Buffer,
  signal: AbortSignal,
): Promise<Map<string, Buffer>> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw badData('is not JSON')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badData('expected a JSON object')
  const entries = Object.entries(body)
  // Each costs a key derivation.
  if (entries.length > ENTRY_LIMIT) throw badData(`more than ${ENTRY_LIMIT} secrets`)
  const values = new Map<string, Buffer>()
  for (const [name, entry] of entries) {
    signal.throwIfAborted()
    if (!NAME.test(name)) throw badData(`${quote(name)}: no secret can have this name`)
    if (!isLegacyEntry(entry)) throw badData(`${name}: expected salt and encrypted`)
    values.set(name, await unseal(name, entry, password))
  }
  return values
}

interface LegacyEntry {
  readonly salt: string
  readonly encrypted: string
}

function isLegacyEntry(value: unknown): value is LegacyEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'salt' in value &&
    typeof value.salt === 'string' &&
    'encrypted' in value &&
    typeof value.encrypted === 'string'
  )
}

async function unseal(name: string, { salt, encrypted }: LegacyEntry, password: Buffer): Promise<Buffer> {
  const key = await pbkdf2(password, Buffer.from(salt, 'base64'), ROUNDS, 32, 'sha256')
  // The token is itself base64url text; the file holds it in base64 once more.
  const outer = Buffer.from(encrypted, 'base64').toString('latin1')
  const token = Buffer.from(outer.startsWith('gAAAA') ? outer : encrypted, 'base64url')
  if (token.length < 57 + 16 || token[0] !== 0x80) throw badData(`${name}: is not a Fernet token`)
  const signed = token.subarray(0, token.length - 32)
  const mac = createHmac('sha256', key.subarray(0, 16)).update(signed).digest()
  if (!timingSafeEqual(mac, token.subarray(token.length - 32))) {
    throw new Failure('denied', `${name}: wrong password, or the old vault was tampered with`)
  }
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), token.subarray(9, 25))
  try {
    return Buffer.concat([decipher.update(signed.subarray(25)), decipher.final()])
  } catch {
    throw badData(`${name}: is not a Fernet token`)
  }
}
