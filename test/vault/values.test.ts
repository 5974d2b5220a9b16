/** Values and names: whatever is put in comes back. */
import { describe, expect, test } from 'vitest'
import { Home, PW } from '../support/vault-home.js'
import { BIN } from '../support/workdir.js'

describe('values', () => {
  const values: [string, Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['newlines', Buffer.from('\na\n\nb\r\n')],
    ['NUL', Buffer.from('a\0b\0')],
    ['invalid UTF-8', Buffer.from([0xff, 0xfe, 0x80, 0x41])],
    ['emoji', Buffer.from('\u{1F511}\u{1F512}')],
    ['leading dashes', Buffer.from('--help')],
    ['shell metacharacters', Buffer.from('$(touch pwned) `x` ; & | \' " \\ * ? ~ !')],
    ['1 MB', Buffer.alloc(1_000_000, 'secret ')],
  ]
  test.each(values)('%s comes back exactly', async (_title, value) => {
    const home = await Home.holding({})
    expect((await home.vault(['set', 'S', '--raw', '--allow-empty'], { input: value })).status).toBe(0)
    const child = home.start(BIN, ['vault', 'get', '-n', 'S'], { env: PW })
    const chunks: Buffer[] = []
    child.stdout?.on('data', (data) => chunks.push(data))
    await new Promise((done) => child.on('close', done))
    expect(Buffer.concat(chunks).equals(value)).toBe(true)
  })

  test('one newline of piped input is dropped, --raw and --file keep it, get adds one', async () => {
    const home = await Home.holding({})
    await home.vault(['set', 'A'], { input: 'x\n\n' })
    await home.vault(['set', 'B', '--raw'], { input: 'x\n' })
    await home.vault(['set', 'C', '--file', home.write('c', 'x\n')])
    const get = async (name: string, ...more: string[]) => (await home.vault(['get', name, ...more])).stdout
    expect([await get('A'), await get('B'), await get('C'), await get('A', '-n')]).toEqual([
      'x\n\n',
      'x\n\n',
      'x\n\n',
      'x\n',
    ])
    const fd = await home.shell('jules vault set D --fd 7 7<<<value && jules vault get D', { env: PW })
    expect(fd.stdout).toBe('value\n')
  })

  test('names such as __proto__ and constructor are names', async () => {
    const home = await Home.holding({})
    for (const name of ['__proto__', 'constructor', 'toString', '_'])
      await home.vault(['set', name], { input: `v ${name}` })
    expect((await home.vault(['get', '__proto__'])).stdout).toBe('v __proto__\n')
    expect((await home.vault(['list'])).stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      '_',
      '__proto__',
      'constructor',
      'toString',
      '',
    ])
    expect((await home.vault(['rm', 'hasOwnProperty'])).status).toBe(66)
  })
})
