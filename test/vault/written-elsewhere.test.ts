/** A vault that another program wrote. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { directory, open } from '../support/vault-file.js'

const INDEPENDENT = 'test/fixtures/vault/independent.json'

describe('a vault written by another program', () => {
  const values = {
    EMPTY: Buffer.alloc(0),
    TIMESCALEDB_PASSWORD: Buffer.from('hunter2'),
    BYTES: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    ['__proto__']: Buffer.from('\u00e9\n\u{1F511}'),
    constructor: Buffer.from('-n'),
    LONG: Buffer.alloc(5000, 'x'),
  }

  test('is read', async () => {
    const path = join(directory(), 'v')
    writeFileSync(path, readFileSync(INDEPENDENT), { mode: 0o600 })
    const all = await open(path).all()
    expect([...all.keys()].sort()).toEqual([
      'BYTES',
      'EMPTY',
      'LONG',
      'TIMESCALEDB_PASSWORD',
      '__proto__',
      'constructor',
    ])
    for (const [name, value] of all)
      expect(
        value.equals(
          Object.getOwnPropertyDescriptor(values, name)?.value ?? Buffer.from('\u00e9\n\u{1F511}'),
        ),
      ).toBe(true)
  })
})
