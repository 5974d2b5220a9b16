/**
 * The master key: Argon2id (RFC 9106) of the password, once per command. The bounds are checked before any work, so that a
 * crafted file can cost no more memory or time than they allow.
 */
import { badData } from '../base/errors.js'

export interface KdfSettings {
  readonly name: 'argon2id'
  readonly v: 19
  /** Memory in KiB. */
  readonly m: number
  /** Passes. */
  readonly t: number
  /** Lanes. */
  readonly p: number
  /** 16 bytes. */
  readonly salt: Buffer
}

export const KDF_DEFAULT = { name: 'argon2id', v: 19, m: 65_536, t: 3, p: 4 } as const

const BOUNDS = { m: [65_536, 1_048_576], t: [3, 16], p: [1, 16] } as const

/** Of memory times passes, in KiB: 4 GiB. The time goes with it. */
const WORK_LIMIT = 4 << 20

/** Throws (65) unless every setting is within its bounds. */
export function checkKdf({ m, t, p }: Pick<KdfSettings, 'm' | 't' | 'p'>): void {
  for (const [name, value] of Object.entries({ m, t, p }) as ['m' | 't' | 'p', number][]) {
    const [least, most] = BOUNDS[name]
    if (!Number.isInteger(value) || value < least || value > most) {
      throw badData(`kdf.${name}: expected ${least} to ${most}, got ${value}`)
    }
  }
  if (m * t > WORK_LIMIT)
    throw badData(`kdf: expected m times t to be at most ${WORK_LIMIT}, got ${m} times ${t}`)
}

/** MK = Argon2id(password, salt, m, t, p), 32 bytes. */
export async function masterKey(password: Buffer, settings: KdfSettings): Promise<Buffer> {
  checkKdf(settings)
  const argon2 = (await import('argon2')).default
  return argon2.hash(password, {
    raw: true,
    type: argon2.argon2id,
    version: settings.v,
    memoryCost: settings.m,
    timeCost: settings.t,
    parallelism: settings.p,
    salt: settings.salt,
    hashLength: 32,
  })
}
