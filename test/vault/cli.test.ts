import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readVault } from '../support/vault-reader.js'
import { BIN, barLine, finished, type RunOptions, Workdir } from '../support/workdir.js'

const PW = { TRADING_VAULT_PASSWORD: 'pw' }
const FILE = '.trading_secrets.json'

class Home extends Workdir {
  vault(args: readonly string[], options: RunOptions = {}) {
    return this.jules(['vault', ...args], { ...options, env: { ...PW, ...options.env } })
  }

  get bytes(): Buffer {
    return readFileSync(this.file(FILE))
  }
}

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
    const home = new Home()
    expect((await home.vault(['set', 'S', '--raw'], { input: value })).status).toBe(0)
    const child = home.start(BIN, ['vault', 'get', '-n', 'S'], { env: PW })
    const chunks: Buffer[] = []
    child.stdout?.on('data', (data) => chunks.push(data))
    await new Promise((done) => child.on('close', done))
    expect(Buffer.concat(chunks).equals(value)).toBe(true)
  })

  test('one newline of piped input is dropped, --raw and --file keep it, get adds one', async () => {
    const home = new Home()
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
    const home = new Home()
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

describe('what must not happen', () => {
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
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'hunter2' })
    const before = home.bytes
    for (const password of ['wrong', '', 'pw ', 'pw\n']) {
      for (const args of [
        ['get', 'A'],
        ['list'],
        ['set', 'A'],
        ['rm', 'A'],
        ['env'],
        ['exec', '--', 'true'],
        ['export', '--yes-plaintext'],
      ]) {
        const { status, stdout, stderr } = await home.vault(args, {
          input: 'other',
          env: { TRADING_VAULT_PASSWORD: password },
        })
        expect([status, stdout], args.join(' ')).toEqual([77, ''])
        expect(stderr).toMatch(/wrong password, or the vault was tampered with/)
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
    expect((await home.vault(['get', 'A'])).stdout).toBe('x\n')
  })

  test('group or world bits, a link, a directory and a FIFO are refused, for reading and writing', async () => {
    const made = new Home()
    await made.vault(['set', 'A'], { input: 'x' })
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
      for (const args of [
        ['get', 'A'],
        ['set', 'A'],
      ]) {
        const { status, stdout, stderr } = await home.vault(args, { input: 'y' })
        expect([status, stdout], words).toEqual([77, ''])
        expect(stderr).toContain(words)
      }
    }
    expect((await made.vault(['get', 'A'])).stdout).toBe('x\n')
  })

  test.skipIf(process.getuid?.() !== 0)('a file of another user is refused', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'x' })
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

  test('100 at once: none lost', async () => {
    const home = new Home()
    await home.vault(['set', 'START'], { input: '' })
    const { stderr } = await home.shell(
      'for i in $(seq 100); do (echo "v$i" | jules vault set "N$i" || echo "lost $i" >&2) & done; wait',
      { env: PW },
    )
    expect(stderr).toBe('')
    const { stdout } = await home.vault(['env', '-f', 'json'])
    const expected = Object.fromEntries([
      ['START', ''],
      ...Array.from({ length: 100 }, (_, i) => [`N${i + 1}`, `v${i + 1}`]),
    ])
    expect(JSON.parse(stdout)).toEqual(expected)
    expect(readdirSync(home.path).sort()).toEqual(['.local', FILE])
  }, 180_000)

  test('SIGKILL at any moment of a set: a vault that opens, and the next set works', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'old' })
    for (let delay = 40; delay < 600; delay += 28) {
      const child = home.start(BIN, ['vault', 'set', 'A'], { env: PW })
      const ended = finished(child, 'new')
      setTimeout(() => child.kill('SIGKILL'), delay)
      await ended
      expect(['old\n', 'new\n']).toContain((await home.vault(['get', 'A'])).stdout)
    }
    expect((await home.vault(['set', 'A'], { input: 'last' })).status).toBe(0)
    expect((await home.vault(['get', 'A'])).stdout).toBe('last\n')
  })
})

/** Prints the status and whether the terminal echoes after SIGTERM at the prompt. */
const KILLED_AT_THE_PROMPT = `
import os, pty, sys, signal, termios
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "vault", "get", "A"])
out = b""
while b": " not in out: out += os.read(fd, 4096)
os.kill(pid, signal.SIGTERM)
_, status = os.waitpid(pid, 0)
echo = "echo" if termios.tcgetattr(fd)[3] & termios.ECHO else "silent"
try:
    while True: out += os.read(fd, 4096)
except OSError: pass
# The prompt ends its own line; a process that is cut off does not.
print(os.waitstatus_to_exitcode(status), echo, "ended" if out.endswith(b"stopping\\r\\n\\r\\n") else out)`

describe('the password', () => {
  test('descriptor, then file, then variable, then .env', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'x' })
    const run = async (line: string, env: Record<string, string>) => {
      const { status, stderr } = await home.shell(`setsid ${line} </dev/null`, { env })
      return status === 0 ? 'opens' : stderr.includes('wrong password') ? 'wrong' : stderr
    }
    home.write('pw.txt', 'pw\n')
    chmodSync(home.file('pw.txt'), 0o600)
    expect(
      await run('jules vault get A --password-fd 5 5<<<pw', {
        TRADING_VAULT_PASSWORD: 'no',
        TRADING_VAULT_PASSWORD_FILE: 'absent',
      }),
    ).toBe('opens')
    expect(
      await run('jules vault get A', { TRADING_VAULT_PASSWORD: 'no', TRADING_VAULT_PASSWORD_FILE: 'pw.txt' }),
    ).toBe('opens')
    expect(await run('jules vault get A', { TRADING_VAULT_PASSWORD: '' })).toBe('wrong')
    writeFileSync(home.file('.env'), 'OTHER=1\nTRADING_VAULT_PASSWORD=pw\n', { mode: 0o600 })
    expect(await run('jules vault get A', {})).toBe('opens')
    expect(await run('jules vault get A', { TRADING_VAULT_PASSWORD: 'no' })).toBe('wrong')
    chmodSync(home.file('.env'), 0o644)
    expect(await run('jules vault get A', {})).toContain(
      '.env: holds TRADING_VAULT_PASSWORD and others may read it',
    )
    chmodSync(home.file('.env'), 0o600)
    await home.shell('git init -q . && git add -f .env')
    expect(await run('jules vault get A', {})).toContain(
      '.env: holds TRADING_VAULT_PASSWORD and is tracked by git',
    )
  })

  test('passwd: the new one opens, the old one does not', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'x' })
    const { status } = await home.shell('jules vault passwd --new-password-fd 5 5<<<next', { env: PW })
    expect(status).toBe(0)
    expect((await home.vault(['get', 'A'])).status).toBe(77)
    expect((await home.vault(['get', 'A'], { env: { TRADING_VAULT_PASSWORD: 'next' } })).stdout).toBe('x\n')
  })

  const python = spawnSync('python3', ['-c', 'import pty']).status === 0
  test.skipIf(!python)('the prompt does not echo, takes back characters, and Ctrl-C is 130', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'value of A' })
    const talk = (args: string[], typed: string[]) => {
      const script = `
import os, pty, sys, select, time
pid, fd = pty.fork()
if pid == 0:
    os.execvpe(sys.argv[1], [sys.argv[1], *sys.argv[3].split()], os.environ)
out, answers = b"", [eval("b'" + a + "'") for a in sys.argv[2].split("|")]
end = time.time() + 20
while time.time() < end:
    ready, _, _ = select.select([fd], [], [], 0.2)
    if ready:
        try: data = os.read(fd, 4096)
        except OSError: break
        if not data: break
        out += data
    if answers and out.count(b": ") > len(sys.argv[2].split("|")) - len(answers):
        os.write(fd, answers.pop(0))
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(status) % 256)`
      const { status, stdout } = spawnSync('python3', ['-c', script, BIN, typed.join('|'), args.join(' ')], {
        env: { ...home.environment(), TERM: 'xterm' },
        encoding: 'utf8',
        cwd: home.path,
      })
      return { status, stdout }
    }
    expect(talk(['vault', 'get', 'A'], ['px\\x7fw\\r'])).toEqual({
      status: 0,
      stdout: 'Vault password: \r\nvalue of A\r\n',
    })
    expect(talk(['vault', 'get', 'A'], ['\\x03']).status).toBe(130)
    // A signal from elsewhere ends the question too, and the terminal echoes again.
    const killed = spawnSync('python3', ['-c', KILLED_AT_THE_PROMPT, BIN], {
      env: home.environment(),
      encoding: 'utf8',
      cwd: home.path,
    })
    expect(killed.stdout).toBe('143 echo ended\n')
    const set = talk(['vault', 'set', 'B'], ['typed\\r', 'typed\\r', 'pw\\r'])
    expect(set.status, set.stdout).toBe(0)
    expect(set.stdout).not.toContain('typed')
    expect((await home.vault(['get', 'B'])).stdout).toBe('typed\n')
    // A vault that is not there yet has its password asked for twice.
    const made = ['vault', 'set', 'A', '--vault', 'new.json']
    expect(talk(made, ['v\\r', 'v\\r', 'one\\r', 'two\\r']).stdout).toContain('the two passwords differ')
    expect(home.list()).not.toContain('new.json')
    expect(talk(made, ['v\\r', 'v\\r', 'one\\r', 'one\\r']).status).toBe(0)
  })
})

test('a descriptor that gives nothing does not keep SIGTERM from being answered', async () => {
  const home = new Home()
  await home.vault(['set', 'A'], { input: 'x' })
  // Opened at both ends, so that it neither ends nor gives anything.
  spawnSync('mkfifo', [home.file('fifo')])
  for (const args of ['list --password-fd 5', 'set B --fd 5', 'passwd --new-password-fd 5']) {
    const child = home.start('bash', ['-c', `exec ${BIN} -v vault ${args} 5<>fifo`], { env: PW })
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
    await new Promise((done) => child.stderr?.once('data', done))
    child.kill('SIGTERM')
    expect(await ended, args).toBe(143)
  }
})

describe('exec and env', () => {
  test('exec passes the status and signals on; the master password stays out', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'alpha' })
    await home.vault(['set', 'B'], { input: 'beta' })
    const run = (...args: string[]) => home.vault(['exec', ...args])
    expect(await run('--', 'sh', '-c', 'echo $A $B; exit 7')).toMatchObject({
      status: 7,
      stdout: 'alpha beta\n',
    })
    expect((await run('--only', 'A', '--', 'sh', '-c', 'echo "[$A$B]"')).stdout).toBe('[alpha]\n')
    expect((await run('--', 'env')).stdout).not.toMatch(/TRADING_VAULT/)
    expect(
      (await run('--pristine', '--', 'env')).stdout
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter(Boolean)
        .sort(),
    ).toEqual(['A', 'B', 'HOME', 'PATH'])
    expect((await run('--', './none')).status).toBe(127)
    expect((await run('--', home.write('data', 'x'))).status).toBe(126)
    expect((await run('--', 'sh', '-c', 'kill -TERM $$')).status).toBe(143)
    expect((await run('--only', 'NONE', '--', 'true')).status).toBe(66)
    expect((await run('sh', '-c', 'echo "$1" "$2"', 'x', '--only', '-q')).stdout).toBe('--only -q\n')
    const child = home.start(
      BIN,
      [
        'vault',
        'exec',
        '--',
        'sh',
        '-c',
        'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done',
      ],
      { env: PW },
    )
    child.stdout?.once('data', () => child.kill('SIGTERM'))
    expect(await finished(child)).toMatchObject({ status: 9, stdout: 'ready\ncaught\n' })
  })

  test('NUL in a value is refused by name', async () => {
    const home = new Home()
    await home.vault(['set', 'BAD'], { input: Buffer.from('a\0b') })
    for (const args of [['env'], ['exec', '--', 'true'], ['env', '-f', 'dotenv']]) {
      const { status, stdout, stderr } = await home.vault(args)
      expect([status, stdout]).toEqual([65, ''])
      expect(stderr).toContain('BAD: holds a NUL byte')
    }
  })

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
      const home = new Home()
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
    const home = new Home()
    await home.vault(['set', 'A'], { input: "it's \u2018so\u2019" })
    expect((await home.vault(['env', '--shell', 'pwsh'])).stdout).toBe(
      "$env:A = 'it''s \u2018\u2018so\u2019\u2019'\n",
    )
  })

  test('dotenv and json files come back as they were', async () => {
    const home = new Home()
    const object = Object.fromEntries(nasty.map((value, i) => [`V${i}`, value]))
    await home.vault(['import', home.write('in.json', JSON.stringify(object))])
    await home.vault(['export', '-o', 'out.env'])
    const other = new Home()
    await other.vault(['import', home.file('out.env')])
    expect(JSON.parse((await other.vault(['env', '-f', 'json'])).stdout)).toEqual(object)
    const again = await home.vault(['export', '-o', 'out.env'])
    expect(again.status).toBe(73)
    const plain = await home.vault(['export'])
    expect([plain.status, plain.stdout]).toEqual([64, ''])
  })
})

describe('other programs', () => {
  test('a reader written from the manual page, with an Argon2id of its own, reads what jules wrote', async () => {
    const home = new Home()
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await home.vault(['set', 'BYTES', '--file', home.write('bytes', bytes)])
    await home.vault(['set', '__proto__'], { input: '' })
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
    spawnSync('python3', ['-c', 'from cryptography.hazmat.primitives.kdf.argon2 import Argon2id']).status ===
    0
  test.skipIf(!has)('Python with its own cryptography reads what jules wrote', async () => {
    const home = new Home()
    const values = { A: 'alpha', EMPTY: '', LONG: 'x'.repeat(9000), ['__proto__']: '\u00e9' }
    for (const [name, value] of [...Object.entries(values), ['__proto__', '\u00e9'] as const])
      await home.vault(['set', name], { input: value })
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
    const home = new Home()
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

  test('a helper command as the backend', async () => {
    const home = new Home()
    mkdirSync(home.file('store'))
    home.write(
      'helper',
      `#!/bin/sh
case $1 in
  get) [ -e store/$2 ] || exit 66; cat store/$2 ;;
  list) ls store ;;
  set) cat >store/$2 ;;
  rm) rm store/$2 2>/dev/null || exit 66 ;;
esac
env | grep TRADING_VAULT >leak
exit 0
`,
    )
    chmodSync(home.file('helper'), 0o755)
    const run = (args: string[], input = '') =>
      home.vault([...args, '--backend', 'exec', '--backend-command', './helper'], { input })
    expect((await run(['set', 'A'], 'al\npha\n')).status).toBe(0)
    expect((await run(['get', 'A'])).stdout).toBe('al\npha\n')
    expect((await run(['list'])).stdout).toBe('A\n')
    expect((await run(['env'])).stdout).toBe("export A='al\npha'\n")
    expect((await run(['get', 'B'])).status).toBe(66)
    expect((await run(['rm', 'A'])).status).toBe(0)
    expect(home.read('leak')).toBe('')
    expect((await run(['doctor'])).stdout).toBe('ok\thelper: lists 0 secrets\n')
    expect((await run(['passwd'])).status).toBe(64)
    const ill = await home.vault(['doctor', '--backend', 'exec', '--backend-command', 'exit 3 #'])
    expect([ill.status, ill.stdout]).toEqual([
      1,
      'fail\thelper: the helper command failed at list with status 3\n',
    ])
    const broken = await home.vault(['get', 'A', '--backend', 'exec', '--backend-command', 'exit 3 #'])
    expect([broken.status, broken.stderr]).toEqual([
      69,
      'jules vault get: the helper command failed at get with status 3\n',
    ])
  })

  test('redact replaces secrets in a stream', async () => {
    const home = new Home()
    await home.vault(['set', 'KEY'], { input: 'hunter2' })
    const { stdout } = await home.shell('printf "a hunter2 b hunt" | jules vault redact', { env: PW })
    expect(stdout).toBe('a [KEY] b hunt')
  })

  test('the store asks the vault for its password, late, and says what to do', async () => {
    const home = new Home()
    const none = await home.vault(['get', 'TIMESCALEDB_PASSWORD'])
    expect(none.stderr).toContain('there is no vault')
    // A server that asks for a password: the smallest one that speaks the protocol.
    const { createServer } = await import('node:net')
    const given: string[] = []
    const server = createServer((socket) => {
      socket.on('data', (data) => {
        if (data[0] === 0x70) {
          given.push(data.toString('latin1', 5, data.length - 1))
          socket.end()
        } else socket.write(Buffer.from('520000000800000003', 'hex'))
      })
      socket.on('error', () => {})
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as { port: number }
    const load = (env: Record<string, string>) =>
      home.jules(['load', '--dsn', `postgresql://u@127.0.0.1:${port}/db`], { input: barLine(0), env })
    const missing = await load(PW)
    expect([missing.status, missing.stderr]).toEqual([
      77,
      'jules load: TIMESCALEDB_PASSWORD is neither in the environment nor in the vault\njules load: hint: jules vault set TIMESCALEDB_PASSWORD\n',
    ])
    await home.vault(['set', 'TIMESCALEDB_PASSWORD'], { input: 'from the vault' })
    await load(PW)
    await load({ ...PW, TIMESCALEDB_PASSWORD: 'from the environment' })
    // Another vault, behind a helper command, serves the store as well.
    await load({ JULES_BACKEND: 'exec', JULES_BACKEND_COMMAND: 'printf "helper: %s %s"' })
    const closed = await home.shell(
      `setsid jules load --dsn postgresql://u@127.0.0.1:${port}/db <<<'${barLine(0)}'`,
    )
    server.close()
    expect(given).toEqual(['from the vault', 'from the environment', 'helper: get TIMESCALEDB_PASSWORD'])
    expect([closed.status, closed.stderr.split('\n')[0]]).toEqual([
      77,
      'jules load: TIMESCALEDB_PASSWORD is not in the environment; the vault: no password for the vault: TRADING_VAULT_PASSWORD is not set and there is no terminal',
    ])
  })

  test('doctor says what is wrong, and 1', async () => {
    const home = new Home()
    await home.vault(['set', 'A'], { input: 'x' })
    expect((await home.vault(['doctor'])).status).toBe(0)
    chmodSync(home.file(FILE), 0o644)
    home.write(`${FILE}.${'a'.repeat(32)}.tmp`, '')
    await home.shell(`git init -q . && git add -f ${FILE}`)
    const { status, stdout } = await home.vault(['doctor', '-f', 'json'])
    expect(status).toBe(1)
    const found = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ check, status: s }) => [check, s]),
    )
    expect(found).toMatchObject({ permissions: 'fail', git: 'fail', 'left behind': 'warn', password: 'fail' })
  })
})
