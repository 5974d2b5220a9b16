/** Reads a vault from the text of jules-vault(7) alone: an Argon2id of its own and WebCrypto, nothing of `src/vault`. */
import { webcrypto } from 'node:crypto'
import { argon2id } from './argon2id.js'

const { subtle } = webcrypto
const base64 = (text: string): Buffer => Buffer.from(text, 'base64')

function lp(...fields: (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field as string)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
}

async function hkdf(key: Buffer, salt: Buffer, info: string): Promise<Buffer> {
  const base = await subtle.importKey('raw', key, 'HKDF', false, ['deriveBits'])
  const given = { name: 'HKDF', hash: 'SHA-256', salt, info: Buffer.from(info) }
  return Buffer.from(await subtle.deriveBits(given, base, 256))
}

/** The secrets of the file; throws when its mac or a tag is wrong. */
export async function readVault(text: string, password: string): Promise<Map<string, Buffer>> {
  const file = JSON.parse(text)
  const { m, t, p } = file.kdf
  const [id, kdfSalt] = [base64(file.id), base64(file.kdf.salt)]
  const kd = `argon2id:19:${m}:${t}:${p}`
  const master = argon2id({ password: Buffer.from(password), salt: kdfSalt, m, t, p, length: 32 })
  const entries: [string, { salt: string; nonce: string; data: string; created: string; updated: string }][] =
    Object.entries(file.secrets)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const message = Buffer.concat([
    lp('jules-vault/1 mac', id, kd, kdfSalt, String(file.generation), String(entries.length)),
    ...entries.map(([name, { salt, nonce, data, created, updated }]) =>
      lp(name, base64(salt), base64(nonce), base64(data), created, updated),
    ),
  ])
  const macKey = await subtle.importKey(
    'raw',
    await hkdf(master, id, 'jules-vault/1 mac'),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  )
  if (!(await subtle.verify('HMAC', macKey, base64(file.mac), message))) throw new Error('the mac is wrong')
  const values = new Map<string, Buffer>()
  for (const [name, { salt, nonce, data, created, updated }] of entries) {
    const raw = await hkdf(master, base64(salt), 'jules-vault/1 secret')
    const key = await subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt'])
    const additionalData = lp('jules-vault/1 secret', id, kd, kdfSalt, name, created, updated)
    const given = { name: 'AES-GCM', iv: base64(nonce), additionalData }
    const padded = Buffer.from(await subtle.decrypt(given, key, base64(data)))
    values.set(name, padded.subarray(0, padded.lastIndexOf(0x80)))
  }
  return values
}
