/** Where the master password comes from. */
import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { coldKey, Home, PW } from '../support/vault-home.js'
import { BIN, BIN_WORD } from '../support/workdir.js'

/**
 * For each signal: how the process at the prompt ends, and whether the terminal echoes then. For SIGTSTP, and for Ctrl-Z typed:
 * whether it echoes while stopped and is silent after SIGCONT, and whether the question goes on.
 */
const AT_THE_PROMPT = `
import os, pty, sys, signal, termios, time
def echo(fd): return "echo" if termios.tcgetattr(fd)[3] & termios.ECHO else "silent"
def start():
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], [sys.argv[1], "vault", "get", "A"])
    until(fd, b": ")
    return pid, fd
def until(fd, text):
    out = b""
    while text not in out: out += os.read(fd, 4096)
    return out
def rest(fd):
    out = b""
    try:
        while True: out += os.read(fd, 4096)
    except OSError: return out
for name in sys.argv[2:]:
    pid, fd = start()
    before = echo(fd)
    if name in ("TSTP", "Z"):
        os.write(fd, b"p")
        os.write(fd, b"\\x1a") if name == "Z" else os.kill(pid, signal.SIGTSTP)
        _, status = os.waitpid(pid, os.WUNTRACED)
        stopped = echo(fd) if os.WIFSTOPPED(status) else "ended"
        os.kill(pid, signal.SIGCONT)
        until(fd, b": ")
        again = echo(fd)
        os.write(fd, b"w\\r")
        out = rest(fd)
        _, status = os.waitpid(pid, 0)
        print(name, before, stopped, again, os.waitstatus_to_exitcode(status), out.split(b"\\r\\n")[-2].decode())
        continue
    if name == "BACKSLASH": os.write(fd, b"\\x1c")
    else: os.kill(pid, getattr(signal, "SIG" + name))
    _, status = os.waitpid(pid, 0)
    # The prompt ends its own line; a process that is cut off does not.
    print(name, before, echo(fd), os.waitstatus_to_exitcode(status), "ended" if rest(fd).endswith(b"\\r\\n\\r\\n") else "cut")
`

describe('the password', () => {
  test('descriptor, then file, then variable, then .env', async () => {
    const home = new Home(coldKey)
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
    const home = new Home(coldKey)
    await home.vault(['set', 'A'], { input: 'x' })
    const { status } = await home.shell('jules vault passwd --new-password-fd 5 5<<<next', { env: PW })
    expect(status).toBe(0)
    expect((await home.vault(['get', 'A'])).status).toBe(77)
    expect((await home.vault(['get', 'A'], { env: { TRADING_VAULT_PASSWORD: 'next' } })).stdout).toBe('x\n')
  })

  const python = spawnSync('python3', ['-c', 'import pty']).status === 0
  test.skipIf(!python)('the prompt does not echo, takes back characters, and Ctrl-C is 130', async () => {
    const home = new Home(coldKey)
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

const pty = spawnSync('python3', ['-c', 'import pty']).status === 0
test.skipIf(!pty)(
  'the terminal echoes again after every signal, and while the command is stopped',
  async () => {
    const home = new Home(coldKey)
    await home.vault(['set', 'A'], { input: 'value of A' })
    const names = [
      'TERM',
      'INT',
      'HUP',
      'QUIT',
      'USR1',
      'USR2',
      'ALRM',
      'XCPU',
      'PWR',
      'BACKSLASH',
      'TSTP',
      'Z',
    ]
    const { stdout, stderr } = spawnSync('python3', ['-c', AT_THE_PROMPT, BIN, ...names], {
      env: home.environment(),
      encoding: 'utf8',
      cwd: home.path,
    })
    expect(stderr).toBe('')
    expect(stdout.trim().split('\n')).toEqual([
      'TERM silent echo 143 ended',
      'INT silent echo 130 ended',
      'HUP silent echo 143 ended',
      `QUIT silent echo ${-constants.signals.SIGQUIT} cut`,
      'USR1 silent echo 138 cut',
      `USR2 silent echo ${-constants.signals.SIGUSR2} cut`,
      `ALRM silent echo ${-constants.signals.SIGALRM} cut`,
      `XCPU silent echo ${-constants.signals.SIGXCPU} cut`,
      `PWR silent echo ${-constants.signals.SIGPWR} cut`,
      `BACKSLASH silent echo ${-constants.signals.SIGQUIT} cut`,
      'TSTP silent echo silent 0 value of A',
      'Z silent echo silent 0 value of A',
    ])
  },
)

test('a descriptor that gives nothing does not keep SIGTERM from being answered', async () => {
  const home = new Home(coldKey)
  await home.vault(['set', 'A'], { input: 'x' })
  // Opened at both ends, so that it neither ends nor gives anything.
  spawnSync('mkfifo', [home.file('fifo')])
  for (const args of ['list --password-fd 5', 'set B --fd 5', 'passwd --new-password-fd 5']) {
    const child = home.start('bash', ['-c', `exec ${BIN_WORD} -v vault ${args} 5<>fifo`], { env: PW })
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
    await new Promise((done) => child.stderr?.once('data', done))
    child.kill('SIGTERM')
    expect(await ended, args).toBe(143)
  }
})
