/** Nothing is no password and no value: it comes from commands that failed and variables that nobody filled. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { disk } from '../../src/base/disk.js'
import { Failure } from '../../src/base/errors.js'
import { checkHandedOver } from '../../src/stream/descriptor.js'
import { masterPassword, type PasswordWorld } from '../../src/vault/password.js'
import { failure } from '../support/vault-file.js'
import { FILE, Home, PW } from '../support/vault-home.js'
import { Workdir } from '../support/workdir.js'

const world = (dir: Workdir, more: Partial<PasswordWorld> = {}): PasswordWorld => ({
  disk,
  uid: process.getuid!(),
  cwd: dir.path,
  env: () => undefined,
  fd: undefined,
  readFd: async () => Buffer.alloc(0),
  isTracked: () => null,
  prompt: async () => null,
  ...more,
})

const variables = (values: Readonly<Record<string, string>>) => (name: string) => values[name]

describe('an empty password is refused and named', () => {
  const cases: [string, (dir: Workdir) => Partial<PasswordWorld>, string][] = [
    ['descriptor', () => ({ fd: 5 }), 'descriptor 5 gave nothing'],
    [
      'a line end alone',
      () => ({ fd: 5, readFd: async () => Buffer.from('\r\n') }),
      'descriptor 5 gave nothing',
    ],
    [
      'variable',
      () => ({ env: variables({ TRADING_VAULT_PASSWORD: '' }) }),
      'TRADING_VAULT_PASSWORD is set to nothing',
    ],
    ['no file name', () => ({ env: variables({ TRADING_VAULT_PASSWORD_FILE: '' }) }), 'is set to no name'],
    [
      'file',
      (dir) => ({ env: variables({ TRADING_VAULT_PASSWORD_FILE: secret(dir, 'pw', '\n') }) }),
      'pw, in which there is nothing',
    ],
    [
      '.env',
      (dir) => dotenv(dir, 'TRADING_VAULT_PASSWORD=\n'),
      '.env sets TRADING_VAULT_PASSWORD to nothing',
    ],
    ['.env comment', (dir) => dotenv(dir, 'TRADING_VAULT_PASSWORD= # later\n'), 'to nothing'],
    ['terminal', () => ({ prompt: async () => Buffer.alloc(0) }), 'none was typed'],
  ]
  test.each(cases)('%s', async (_from, more, words) => {
    const dir = new Workdir()
    const { kind, message } = await failure(masterPassword(world(dir, more(dir))))
    expect([kind, message]).toEqual(['denied', expect.stringContaining(words)])
  })

  test('no vault is made with one', async () => {
    const home = new Home()
    for (const [line, env] of [
      ['jules vault set A', { TRADING_VAULT_PASSWORD: '' }],
      ['jules vault set A --password-fd 5 5</dev/null', {}],
      ['jules vault set A --password-fd 5 5< <(false)', {}],
    ] as const) {
      const { status, stderr } = await home.shell(`echo x | ${line}`, { env })
      expect([status, stderr], line).toEqual([77, expect.stringContaining('wrong password, it is empty')])
    }
    expect(home.list()).not.toContain(FILE)
  })

  test('nor given to one', async () => {
    const home = await Home.holding({ A: 'x' })
    const before = home.bytes
    const { status, stderr } = await home.shell('jules vault passwd --new-password-fd 5 5</dev/null', {
      env: PW,
    })
    expect([status, stderr]).toEqual([
      77,
      'jules vault passwd: the new password is empty: descriptor 5 gave nothing\n',
    ])
    expect(home.bytes.equals(before)).toBe(true)
  })
})

function dotenv(dir: Workdir, text: string): Partial<PasswordWorld> {
  secret(dir, '.env', text)
  return {}
}

function secret(dir: Workdir, name: string, text: string): string {
  writeFileSync(dir.file(name), text, { mode: 0o600 })
  chmodSync(dir.file(name), 0o600)
  return dir.file(name)
}

describe("the master's line in .env", () => {
  test.each([
    ['TRADING_VAULT_PASSWORD=pw', 'pw'],
    ['export TRADING_VAULT_PASSWORD=pw', 'pw'],
    ['  TRADING_VAULT_PASSWORD = pw   # the master', 'pw'],
    ['TRADING_VAULT_PASSWORD="p w # x" # the master', 'p w # x'],
    ["export TRADING_VAULT_PASSWORD='p\"w\\n'", 'p"w\\n'],
    ['TRADING_VAULT_PASSWORD="p\\"w"', 'p"w'],
    ['TRADING_VAULT_PASSWORD=p#w$x', 'p#w$x'],
    ['not a line\n= neither\nX="open\nTRADING_VAULT_PASSWORD=pw\r', 'pw'],
    ['TRADING_VAULT_PASSWORD=old\nTRADING_VAULT_PASSWORD=pw', 'pw'],
    ['X="\nTRADING_VAULT_PASSWORD=not this\n"\nTRADING_VAULT_PASSWORD=pw', 'pw'],
    ['#TRADING_VAULT_PASSWORD=no\nMY_TRADING_VAULT_PASSWORD=no\nTRADING_VAULT_PASSWORD=pw', 'pw'],
  ])('%j', async (text, password) => {
    const dir = new Workdir()
    secret(dir, '.env', `${text}\n`)
    expect((await masterPassword(world(dir))).password.toString()).toBe(password)
  })

  test('one that cannot be read is said with its line', async () => {
    const dir = new Workdir()
    secret(dir, '.env', 'A=1\nTRADING_VAULT_PASSWORD="pw\n')
    const { kind, message } = await failure(masterPassword(world(dir)))
    expect([kind, message]).toEqual(['data', `${dir.file('.env')}: line 2: the quote does not end`])
  })

  test('files that are too large are not read', async () => {
    const dir = new Workdir()
    secret(dir, '.env', `TRADING_VAULT_PASSWORD=${'x'.repeat(5 << 20)}`)
    expect((await failure(masterPassword(world(dir)))).message).toContain('larger than')
    const env = variables({ TRADING_VAULT_PASSWORD_FILE: secret(dir, 'pw', 'x'.repeat(2 << 20)) })
    expect((await failure(masterPassword(world(dir, { env })))).message).toContain('larger than')
  })
})

describe('a value', () => {
  test('that is not there is not set', async () => {
    const home = await Home.holding({ A: 'old' })
    const before = home.bytes
    home.write('empty', '')
    for (const line of [
      'jules vault set A <&-',
      'jules vault set A </dev/null',
      'false | jules vault set A',
      'echo | jules vault set A',
      'jules vault set A --file empty',
      'jules vault set A --fd 5 5</dev/null',
    ]) {
      const { status, stderr } = await home.shell(line, { env: PW })
      expect([status, stderr], line).toEqual([
        66,
        expect.stringMatching(/^jules vault set: no value for A: .* gave nothing\n/),
      ])
      expect(stderr).toContain('--allow-empty')
    }
    expect(home.bytes.equals(before)).toBe(true)
    expect((await home.shell('false | jules vault set A --allow-empty', { env: PW })).status).toBe(0)
    expect((await home.vault(['get', 'A'])).stdout).toBe('\n')
  })

  test('without end is refused while it is read', async () => {
    const home = await Home.holding({ A: 'old' })
    for (const line of [
      'jules vault set A --file /dev/zero',
      'yes | jules vault set A',
      'jules vault import /dev/zero -f json',
    ]) {
      const { status, stderr } = await home.shell(line, { env: PW })
      expect([status, stderr], line).toEqual([65, expect.stringContaining('larger than')])
    }
  })
})

describe('a descriptor that was not handed over', () => {
  const linux = process.platform === 'linux'
  const refusal = (fd: number): string | null => {
    try {
      checkHandedOver(fd)
      return null
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return `${error.kind}: ${error.message}`
    }
  }

  test.skipIf(!linux)('one of Node: each of them is refused', () => {
    const lead = (name: string) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`)
      } catch {
        return ''
      }
    }
    const all = readdirSync('/proc/self/fd').map((name) => [Number(name), lead(name)] as const)
    const own = all.filter(([, leadsTo]) => leadsTo.startsWith('anon_inode:'))
    const pipes = all.filter(
      ([, to]) => to.startsWith('pipe:') && all.filter((one) => one[1] === to).length > 1,
    )
    expect(own.length).toBeGreaterThan(2)
    expect(pipes.length).toBeGreaterThan(3)
    for (const [fd] of [...own, ...pipes])
      expect(refusal(fd), lead(String(fd))).toMatch(
        /^noInput: descriptor \d+ (was not handed over|is open for writing alone)$/,
      )
  })

  test('one that is closed, or for writing', () => {
    const dir = new Workdir()
    expect(refusal(987_654)).toBe('noInput: descriptor 987654 was not handed over')
    const fd = openSync(dir.file('out'), 'w')
    onTestFinished(() => closeSync(fd))
    expect(refusal(fd)).toBe(linux ? `noInput: descriptor ${fd} is open for writing alone` : null)
  })

  test('files, sockets and pipes from others are taken', () => {
    const dir = new Workdir()
    const fd = openSync(dir.write('in', 'x'), 'r')
    onTestFinished(() => closeSync(fd))
    expect(refusal(fd)).toBeNull()
    const child = spawn('true')
    const socket = child.stdout as Socket & { _handle: { fd: number } }
    expect(refusal(socket._handle.fd)).toBeNull()
  })

  test('is said by every option that takes one, at once', async () => {
    const home = await Home.holding({ A: 'old' })
    const before = home.bytes
    const numbers = [3, 4, 7, 9, 12, 99]
    const lines = [
      ...numbers.map((fd) => `jules vault get A --password-fd ${fd}`),
      ...[4, 9].map((fd) => `jules vault set A --fd ${fd}`),
      ...[5].map((fd) => `jules vault passwd --new-password-fd ${fd}`),
      'jules vault import --legacy x.json --legacy-password-fd 4',
    ]
    home.write('x.json', '{}')
    const script = lines.map((line) => `timeout 20 ${line} </dev/null 2>&1; echo " $?"`).join('\n')
    const { stdout } = await home.shell(script, { env: PW })
    const said = stdout.trim().split(/(?<= \d+)\n/)
    expect(said).toHaveLength(lines.length)
    for (const [i, text] of said.entries())
      expect(text, lines[i]).toMatch(/: descriptor \d+ .*\n.* hint: .*\n 66$/)
    expect(home.bytes.equals(before)).toBe(true)
  })

  test('names for completion are looked for in a file alone', async () => {
    const home = new Home()
    spawnSync('mkfifo', [home.file('fifo')])
    for (const vault of ['fifo', '/dev/zero', '.'])
      expect(await home.vault(['names', '--vault', vault]), vault).toMatchObject({ status: 0, stdout: '' })
  })

  test('one that was, is read, whatever its kind', async () => {
    const home = await Home.holding({ A: 'value' })
    home.write('pw', 'pw\n')
    spawnSync('mkfifo', [home.file('fifo')])
    for (const line of [
      'jules vault get A --password-fd 5 5<pw',
      'jules vault get A --password-fd 5 5< <(printf pw)',
      'jules vault get A --password-fd 12 12<<<pw',
      'jules vault get A --password-fd 200 200<pw',
      '(echo pw >fifo &) ; jules vault get A --password-fd 5 5<fifo',
      'echo pw | jules vault get A --password-fd 0',
      'echo pw | jules vault get A --password-fd 5 5<&0',
    ])
      expect(await home.shell(line), line).toMatchObject({ status: 0, stdout: 'value\n' })
  })
})
