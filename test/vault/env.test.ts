/** `vault env` and `vault export`: text that shells and programs read back. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Home, PW } from '../support/vault-home.js'

const nasty = [
  'plain',
  '',
  "it's",
  '"double"',
  '$HOME `id` $(id) !! \\n \\',
  '\n\nlines\n',
  '\ttab\r\u0007',
  '-n',
  '* ? [a] ~ {a,b} #x',
  '\u00e9 \u{1F511} \u2019\u2018',
]
const shells: [string, string][] = [
  ['bash', 'eval "$(jules vault env --shell bash)"'],
  ['sh', 'eval "$(jules vault env --shell sh)"'],
  ['zsh', 'eval "$(jules vault env --shell zsh)"'],
  ['fish', 'jules vault env --shell fish | source'],
]
for (const [shell, line] of shells) {
  const absent = spawnSync('sh', ['-c', `command -v ${shell}`]).status !== 0
  test.skipIf(absent)(`${shell} gets every value back`, async () => {
    const home = await Home.holding({})
    const object = Object.fromEntries(nasty.map((value, i) => [`V${i}`, value]))
    await home.vault(['import', home.write('in.json', JSON.stringify(object))])
    await home.vault(['set', 'RAW', '--raw'], { input: Buffer.from([0xff, 0x80, 0x27, 0x0a, 0x01, 0x0a]) })
    const { stdout } = await home.shell(
      `${shell} -c '${line.replaceAll("'", "'\\''")}; env -0' | grep -z '^\\(V[0-9]\\|RAW\\)' | sort -z | base64 -w0`,
      { env: PW },
    )
    const found = Buffer.from(stdout, 'base64').toString('latin1').split('\0').filter(Boolean)
    const expected = nasty.map((value, i) => Buffer.from(`V${i}=${value}`).toString('latin1'))
    expected.push('RAW=\xff\x80\x27\x0a\x01\x0a')
    expect(found.sort()).toEqual(expected.sort())
  })
}

test('PowerShell text doubles every quote it knows', async () => {
  const home = await Home.holding({ A: "it's \u2018so\u2019" })
  expect((await home.vault(['env', '--shell', 'pwsh'])).stdout).toBe(
    "$env:A = 'it''s \u2018\u2018so\u2019\u2019'\n",
  )
})

test('dotenv and json files come back as they were', async () => {
  const home = await Home.holding({})
  const object = Object.fromEntries(nasty.map((value, i) => [`V${i}`, value]))
  await home.vault(['import', home.write('in.json', JSON.stringify(object))])
  await home.vault(['export', '-o', 'out.env'])
  const other = await Home.holding({})
  await other.vault(['import', home.file('out.env')])
  expect(JSON.parse((await other.vault(['env', '-f', 'json'])).stdout)).toEqual(object)
  const again = await home.vault(['export', '-o', 'out.env'])
  expect(again.status).toBe(73)
  const plain = await home.vault(['export'])
  expect([plain.status, plain.stdout]).toEqual([64, ''])
})
