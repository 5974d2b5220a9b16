/** Other programs read what jules wrote, and jules reads the vault of the old system. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { coldKey, FILE, Home, PW } from '../support/vault-home.js'
import { readVault } from '../support/vault-reader.js'

test('a reader written from the manual page, with an Argon2id of its own, reads what jules wrote', async () => {
  const home = new Home(coldKey)
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  await home.vault(['set', 'BYTES', '--file', home.write('bytes', bytes)])
  await home.vault(['set', '__proto__', '--allow-empty'], { input: '' })
  await home.vault(['set', 'LONG'], { input: 'x'.repeat(9000) })
  const values = await readVault(home.bytes.toString(), 'pw')
  expect([...values].map(([name, value]) => [name, value.toString('latin1')])).toEqual([
    ['BYTES', bytes.toString('latin1')],
    ['LONG', 'x'.repeat(9000)],
    ['__proto__', ''],
  ])
  await expect(readVault(home.bytes.toString(), 'pW')).rejects.toThrow('the mac is wrong')
})

const has =
  spawnSync('python3', ['-c', 'from cryptography.hazmat.primitives.kdf.argon2 import Argon2id']).status === 0
test.skipIf(!has)('Python with its own cryptography reads what jules wrote', async () => {
  const home = new Home(coldKey)
  const values = { A: 'alpha', EMPTY: '', LONG: 'x'.repeat(9000), ['__proto__']: '\u00e9' }
  for (const [name, value] of [...Object.entries(values), ['__proto__', '\u00e9'] as const])
    await home.vault(['set', name, '--allow-empty'], { input: value })
  await home.shell('jules vault passwd --new-password-fd 5 5<<<next', { env: PW })
  const { stdout, stderr } = spawnSync(
    'python3',
    [resolve('test/fixtures/vault/read.py'), home.file(FILE), 'next'],
    { encoding: 'utf8' },
  )
  expect(stderr).toBe('')
  const read: Record<string, string> = JSON.parse(stdout)
  expect(Object.keys(read).sort()).toEqual(['A', 'EMPTY', 'LONG', '__proto__'])
  for (const [name, text] of Object.entries(read)) {
    const expected = name === '__proto__' ? '\u00e9' : Object.getOwnPropertyDescriptor(values, name)?.value
    expect(Buffer.from(text, 'base64').toString()).toBe(expected)
  }
})

test('the old system is read: PBKDF2 and Fernet', async () => {
  const home = new Home(coldKey)
  const legacy = resolve('test/fixtures/vault/legacy.json')
  const wrong = await home.vault(['import', '--legacy', legacy])
  expect(wrong.status).toBe(77)
  const { status } = await home.shell(
    `jules vault import --legacy '${legacy}' --legacy-password-fd 5 5<<<'old password'`,
    { env: PW },
  )
  expect(status).toBe(0)
  expect(JSON.parse((await home.vault(['env', '-f', 'json'])).stdout)).toEqual({
    IB_PASSWORD: 'it\'s "quoted"\n',
    POLYGON_API_KEY: 'pk_123',
  })
})
