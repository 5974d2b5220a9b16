/** Published vectors for what the vault is made of. */
import { createCipheriv, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { paddedLength } from '../../src/vault/cipher.js'
import { argon2id, blake2b } from '../support/argon2id.js'

describe('published vectors', () => {
  test('RFC 9106, section 5.3: Argon2id', async () => {
    const argon2 = (await import('argon2')).default
    const tag = await argon2.hash(Buffer.alloc(32, 1), {
      raw: true,
      type: argon2.argon2id,
      memoryCost: 32,
      timeCost: 3,
      parallelism: 4,
      salt: Buffer.alloc(16, 2),
      secret: Buffer.alloc(8, 3),
      associatedData: Buffer.alloc(12, 4),
      hashLength: 32,
    })
    expect(tag.toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
  })

  test('RFC 9106 and RFC 7693: the oracle of the tests', () => {
    const tag = argon2id({
      ...{ password: Buffer.alloc(32, 1), salt: Buffer.alloc(16, 2), m: 32, t: 3, p: 4, length: 32 },
      ...{ secret: Buffer.alloc(8, 3), associated: Buffer.alloc(12, 4) },
    })
    expect(tag.toString('hex')).toBe('0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659')
    expect(blake2b(Buffer.from('abc'), 64).toString('hex')).toBe(
      'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
    )
  })

  test('RFC 5869, A.1: HKDF-SHA256', () => {
    const okm = hkdfSync(
      'sha256',
      Buffer.alloc(22, 0x0b),
      Buffer.from('000102030405060708090a0b0c', 'hex'),
      Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex'),
      42,
    )
    expect(Buffer.from(okm).toString('hex')).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  test('McGrew and Viega, GCM test case 16: AES-256-GCM', () => {
    const hex = (text: string) => Buffer.from(text, 'hex')
    const cipher = createCipheriv(
      'aes-256-gcm',
      hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
      hex('cafebabefacedbaddecaf888'),
    )
    cipher.setAAD(hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'))
    const plain = hex(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    )
    const data = Buffer.concat([cipher.update(plain), cipher.final()])
    expect(data.toString('hex')).toBe(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    )
    expect(cipher.getAuthTag().toString('hex')).toBe('76fc6ece0f4e1768cddf8853bb2d551b')
  })

  test('padding: 64, powers of two to 4096, then multiples of 4096', () => {
    const lengths = [0, 63, 64, 127, 128, 4095, 4096, 8191, 8192]
    expect(lengths.map(paddedLength)).toEqual([64, 64, 128, 128, 256, 4096, 8192, 8192, 12288])
  })
})
