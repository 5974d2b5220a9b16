/** `vault env` and `vault export`: text that shells and programs read back. */
import { spawnSync } from 'node:child_process'
import { describe, expect, inject, test } from 'vitest'
import { stream } from '../../src/base/rng.js'
import { parseDotenv, parseJsonSecrets } from '../../src/vault/dotenv.js'
import { dotenvText } from '../../src/vault/shell.js'
import { Home, PW } from '../support/vault-home.js'
import { Workdir } from '../support/workdir.js'

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

test('a long line of blanks is read in one pass', () => {
  const blanks = ' \t'.repeat(2 << 20)
  expect(
    parseDotenv(Buffer.from(`A=x${blanks}y\nB=1${blanks}# no\n`))
      .get('B')
      ?.toString(),
  ).toBe('1')
})

test.each(['\\ud800', 'a\\udc00b'])('half a character in JSON is refused: %s', (text) => {
  expect(() => parseJsonSecrets(`{"A":"${text}"}`)).toThrow('A: holds half a character')
})

test('dotenv and json files come back as they were', async () => {
  const home = await Home.holding({})
  const object = Object.fromEntries(nasty.map((value, i) => [`V${i}`, value]))
  await home.vault(['import', home.write('in.json', JSON.stringify(object))])
  await home.vault(['export', '-o', 'out.json', '-f', 'json'])
  await home.vault(['export', '-o', 'out.env', '--only', 'V0,V1,V2,V3,V5,V7,V8,V9'])
  const other = await Home.holding({})
  await other.vault(['import', home.file('out.env')])
  const { V4: _shell, V6: _return, ...plain } = object
  expect(JSON.parse((await other.vault(['env', '-f', 'json'])).stdout)).toEqual(plain)
  await other.vault(['import', home.file('out.json')])
  expect(JSON.parse((await other.vault(['env', '-f', 'json'])).stdout)).toEqual(object)
  expect((await home.vault(['export', '-o', 'out.env', '--only', 'V0'])).status).toBe(73)
  const plainText = await home.vault(['export'])
  expect([plainText.status, plainText.stdout]).toEqual([64, ''])
})

describe('a .env file', () => {
  const rng = stream(inject('seed'), 'dotenv')
  const pieces = [
    ...'ab\'"\\$`# \n\t={}!~*&;()%:|<>?[]^-\u00e9\u0007\f\u2028',
    '\\n',
    'export ',
    `$\{A}`,
    '\u{1F511}',
  ]
  const written = new Map<string, string>()
  for (let i = 0; i < 3000; i++) {
    const value = Array.from({ length: rng.int(9) }, () => pieces[rng.int(pieces.length)]).join('')
    try {
      dotenvText(new Map([['A', Buffer.from(value)]]))
      written.set(`V${i}`, value)
    } catch (error) {
      // Only what is written differently for two of the readers.
      expect(value).toMatch(/\$\{|\r|\\|'.*["$`]|["$`].*'/s)
      expect(error).toMatchObject({ kind: 'data', message: expect.stringMatching(/^A: holds /) })
    }
  }
  const text = dotenvText(new Map([...written].map(([name, value]) => [name, Buffer.from(value)])))
  const expected = Object.fromEntries(written)
  const only = (found: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(found).filter(([name]) => written.has(name)))
  const file = (dir: Workdir) => dir.write('.env', text)

  test('most values can be written', () => expect(written.size).toBeGreaterThan(2000))

  test('jules reads what it wrote', () => {
    const found = [...parseDotenv(text)].map(([name, value]) => [name, value.toString()])
    expect(Object.fromEntries(found)).toEqual(expected)
  })

  test('node reads the same', () => {
    const path = file(new Workdir())
    const script = 'console.log(JSON.stringify(process.env))'
    const { stdout } = spawnSync(process.execPath, [`--env-file=${path}`, '-e', script], {
      env: {},
      encoding: 'utf8',
    })
    expect(only(JSON.parse(stdout))).toEqual(expected)
  })

  test.each(['sh', 'bash'])('%s reads the same', (shell) => {
    const path = file(new Workdir())
    const env = { PATH: process.env.PATH! }
    const { stdout } = spawnSync(shell, ['-c', 'set -a; . "$0"; exec env -0', path], {
      env,
      encoding: 'utf8',
    })
    const pairs = stdout
      .split('\0')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])
    expect(only(Object.fromEntries(pairs))).toEqual(expected)
  })

  const python = spawnSync('python3', ['-c', 'from dotenv import dotenv_values']).status === 0
  test.skipIf(!python)('python-dotenv reads the same', () => {
    const script = 'import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))'
    const { stdout } = spawnSync('python3', ['-c', script, file(new Workdir())], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual(expected)
  })

  // Docker Compose took these for what is written here, and other spellings for something else.
  test.each([
    ['plain-1.2/3:@', 'plain-1.2/3:@'],
    ['', ''],
    ['two words', "'two words'"],
    ['$HOME `id` "x" # \\n', '\'$HOME `id` "x" # \\n\''],
    ["it's", '"it\'s"'],
    ['a\nb', "'a\nb'"],
  ])('%j is written %j', (value, spelling) => {
    expect(dotenvText(new Map([['A', Buffer.from(value)]])).toString()).toBe(`A=${spelling}\n`)
  })
})

test.each([
  ['A=1', '1'],
  ['export A=1', '1'],
  ['  export\tA = 1  ', '1'],
  ['A=1 # comment', '1'],
  ['A=1#2', '1#2'],
  ['A= # comment', ''],
  ['A=', ''],
  ['A="1" # comment', '1'],
  ["A='1 # 2'", '1 # 2'],
  ['A="a\\nb\\t\\"c\\" \\$d \\\\ \\x"', 'a\nb\t"c" $d \\ \\x'],
  ["A='a\\nb'", 'a\\nb'],
  ['A="a\nb"', 'a\nb'],
  ["A='a\n#b\n\nc' # d", 'a\n#b\n\nc'],
  ['\ufeffA=1', '1'],
  ['A=1\r', '1'],
  ['# A=0\n\nA=1', '1'],
  ['A=0\nA=1', '1'],
  ['B="\nA=0\n"\nA=1', '1'],
])('%j is %j', (text, value) => {
  expect(
    parseDotenv(Buffer.from(`${text}\nZ=z\n`))
      .get('A')
      ?.toString(),
  ).toBe(value)
  expect(
    parseDotenv(Buffer.from(`${text}\nZ=z\n`))
      .get('Z')
      ?.toString(),
  ).toBe('z')
})

test.each([
  ['A', 'line 1: expected NAME=value'],
  ['\n1A=1', 'line 2: expected NAME=value'],
  ["B='x\ny'\n\nA='1", 'line 4: the quote does not end'],
  ['A="1\\"', 'line 1: the quote does not end'],
  ['A="1"2', 'line 1: something stands behind the quote'],
  [`${'A'.repeat(129)}=1`, 'line 1: a name of more than 128 characters'],
])('%j is refused: %s', (text, words) => {
  expect(() => parseDotenv(Buffer.from(text))).toThrow(words)
})
