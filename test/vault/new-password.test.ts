/** `vault passwd`, at the file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseVault } from '../../src/vault/format.js'
import { directory, failure, open } from '../support/vault-file.js'

describe('changing the password', () => {
  test('new salts everywhere, the old password opens nothing', async () => {
    const path = join(directory(), 'v')
    await open(path).set('A', Buffer.from('alpha'))
    const before = parseVault(readFileSync(path))
    await open(path).changePassword(Buffer.from('next'))
    const after = parseVault(readFileSync(path))
    expect(after.kdf.salt.equals(before.kdf.salt)).toBe(false)
    expect(after.entries.get('A')!.salt.equals(before.entries.get('A')!.salt)).toBe(false)
    expect(after.entries.get('A')!.created).toBe(before.entries.get('A')!.created)
    expect((await failure(open(path).get('A'))).code).toBe(77)
    expect((await open(path, { password: async () => Buffer.from('next') }).get('A')).toString()).toBe(
      'alpha',
    )
  })
})
