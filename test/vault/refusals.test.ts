/** What the vault commands refuse, and leave as it was. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { failure, open } from '../support/vault-file.js'
import { FILE, Home, PW } from '../support/vault-home.js'

test('a value on the command line is refused and repeated nowhere', async () => {
  const home = new Home()
  for (const args of [
    ['set', 'A', 'hunter2'],
    ['set', 'hunter 2!'],
    ['get', 'A', 'hunter2'],
    ['set', 'A', '--value=hunter2'],
    ['set', 'A', '--hunter2'],
    ['set', 'A', '-phunter2'],
    ['list', 'hunter2'],
    ['env', '-v', '--password-fd', 'hunter2'],
    ['passwd', '--new-password-fd=hunter2'],
    ['export', '-f', 'hunter2'],
    ['--json', 'set', 'A', 'hunter2'],
  ]) {
    const { status, stdout, stderr } = await home.vault(args)
    expect([status, stdout], args.join(' ')).toEqual([64, ''])
    expect(stderr).not.toMatch(/hunter ?2/)
  }
  expect(home.list()).toEqual([])
})

test('wrong password: 77, nothing on stdout, the file untouched, also for set', async () => {
  const home = await Home.holding({ A: 'hunter2' })
  const before = home.bytes
  // Every command with a wrong one, and every wrong one with a command that reads and one that writes.
  const commands = [
    ['get', 'A'],
    ['set', 'A'],
    ['list'],
    ['rm', 'A'],
    ['env'],
    ['exec', '--', 'true'],
    ['export', '--yes-plaintext'],
  ]
  for (const password of ['wrong', '', 'pw ', 'pw\n']) {
    for (const args of password === 'wrong' ? commands : commands.slice(0, 2)) {
      const { status, stdout, stderr } = await home.vault(args, {
        input: 'other',
        env: { TRADING_VAULT_PASSWORD: password },
      })
      expect([status, stdout], args.join(' ')).toEqual([77, ''])
      expect(stderr).toMatch(
        password === '' ? /wrong password, it is empty/ : /wrong password, or the vault was tampered with/,
      )
    }
  }
  expect(home.bytes.equals(before)).toBe(true)
})

test('no terminal and no password: an immediate error that names the variable', async () => {
  const home = new Home()
  const { status, stderr } = await home.shell('setsid jules vault set A </dev/null')
  expect([status, stderr]).toEqual([
    77,
    'jules vault set: no password for the vault: TRADING_VAULT_PASSWORD is not set and there is no terminal\n' +
      'jules vault set: hint: set TRADING_VAULT_PASSWORD or TRADING_VAULT_PASSWORD_FILE, or use --password-fd\n',
  ])
})

test('a file of the old system is never overwritten', async () => {
  const home = new Home()
  copyFileSync('test/fixtures/vault/legacy.json', home.file(FILE))
  chmodSync(home.file(FILE), 0o600)
  const before = home.bytes
  const { status, stderr } = await home.vault(['set', 'A'], { input: 'x' })
  expect([status, stderr]).toEqual([
    65,
    `jules vault set: ${home.file(FILE)}: is a vault of the old system and is left as it is\njules vault set: hint: move it away, then run: jules vault import --legacy FILE\n`,
  ])
  expect(home.bytes.equals(before)).toBe(true)
})

test.each(['000', '022', '077', '777'])('mode 0600 under umask %s, for every file', async (umask) => {
  const home = new Home()
  await home.shell(`umask ${umask}; jules vault set A <<<x; jules vault export -o plain.env`, { env: PW })
  expect([statSync(home.file(FILE)).mode & 0o777, statSync(home.file('plain.env')).mode & 0o777]).toEqual([
    0o600, 0o600,
  ])
})

test('group or world bits, a link, a directory and a FIFO are refused, for reading and writing', async () => {
  const made = await Home.holding({ A: 'x' })
  const cases: [string, (home: Home) => void][] = [
    [
      'others may read or write it (mode 0640)',
      (home) => writeFileSync(home.file(FILE), made.bytes, { mode: 0o640 }),
    ],
    [
      'others may read or write it (mode 0602)',
      (home) => {
        writeFileSync(home.file(FILE), made.bytes)
        chmodSync(home.file(FILE), 0o602)
      },
    ],
    ['is a symbolic link', (home) => symlinkSync(made.file(FILE), home.file(FILE))],
    ['is a symbolic link', (home) => symlinkSync(home.file('nowhere'), home.file(FILE))],
    ['is not a regular file', (home) => mkdirSync(home.file(FILE), { mode: 0o700 })],
    ['is not a regular file', (home) => void spawnSync('mkfifo', ['-m', '600', home.file(FILE)])],
  ]
  for (const [words, make] of cases) {
    const home = new Home()
    make(home)
    const vault = open(home.file(FILE), { password: async () => Buffer.from('pw') })
    for (const work of [vault.get('A'), vault.set('A', Buffer.from('y'))]) {
      const { code, message } = await failure(work)
      expect([code, message]).toEqual([77, expect.stringContaining(words)])
    }
  }
  expect((await made.vault(['get', 'A'])).stdout).toBe('x\n')
})

test.skipIf(process.getuid?.() !== 0)('a file of another user is refused', async () => {
  const home = await Home.holding({ A: 'x' })
  chownSync(home.file(FILE), 4321, 4321)
  const { status, stderr } = await home.vault(['get', 'A'])
  expect([status, stderr]).toEqual([
    77,
    `jules vault get: ${home.file(FILE)}: belongs to another user (4321)\n`,
  ])
})

test('a vault that is not there is 66, and a read makes none', async () => {
  const home = new Home()
  expect((await home.vault(['get', 'A'])).status).toBe(66)
  expect(home.list()).toEqual([])
})
