/** A helper command in place of the vault file: what it must say, and what its failures are. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { failure, helper } from '../support/vault-file.js'
import { Home, PW } from '../support/vault-home.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

const STORE = `
case $1 in
get) [ -e store/$2 ] || exit 66; cat store/$2 ;;
list) ls store ;;
set) cat >store/$2 ;;
rm) rm store/$2 2>/dev/null || exit 66 ;;
esac
env | grep TRADING_VAULT >leak
exit 0
`

test('a helper command as the backend', async () => {
  const home = new Home()
  mkdirSync(home.file('store'))
  home.write('helper', STORE)
  const run = (args: string[], input = '') =>
    home.vault([...args, '--backend', 'exec', '--backend-command', 'sh ./helper'], { input })
  expect((await run(['set', 'A'], 'al\npha\n')).status).toBe(0)
  expect((await run(['get', 'A'])).stdout).toBe('al\npha\n')
  expect((await run(['list'])).stdout).toBe('A\n')
  expect((await run(['env'])).stdout).toBe("export A='al\npha'\n")
  expect((await run(['get', 'B'])).status).toBe(66)
  expect((await run(['exec', '--only', 'B', '--', 'touch', 'ran'])).status).toBe(66)
  expect((await run(['rm', 'A'])).status).toBe(0)
  expect(home.read('leak')).toBe('')
  expect((await run(['doctor'])).stdout).toBe('ok\thelper: lists 0 secrets\n')
  expect((await run(['passwd'])).status).toBe(64)
  expect(home.list()).not.toContain('ran')
})

describe('a helper that fails is an outage, whatever the command', () => {
  const ill = 'echo "no route to host" >&2; exit 2 #'

  test.each([
    [['get', 'A']],
    [['list']],
    [['env']],
    [['export', '--yes-plaintext']],
    [['set', 'A']],
    [['rm', 'A']],
    [['exec', '--', 'touch', 'ran']],
    [['redact']],
  ])('%j', async (args) => {
    const home = new Home()
    const { status, stdout, stderr } = await home.vault(
      [args[0]!, '--backend', 'exec', '--backend-command', ill, ...args.slice(1)],
      { input: 'x' },
    )
    expect([status, stdout]).toEqual([69, ''])
    expect(stderr).toMatch(
      /^jules vault \w+: the helper command failed with status 2 at .*: no route to host\n$/,
    )
    expect(home.list()).not.toContain('ran')
  })

  test('doctor says it', async () => {
    const { status, stdout } = await new Home().vault([
      'doctor',
      '--backend',
      'exec',
      '--backend-command',
      ill,
    ])
    expect([status, stdout]).toEqual([
      1,
      'fail\thelper: the helper command failed with status 2 at list: no route to host\n',
    ])
  })
})

test.each([
  ['exit 1 #', 'failed with status 1 at get A'],
  ['no-such-tool-anywhere', 'failed with status 127 at get A: '],
  ['kill -KILL $$ #', 'was ended by SIGKILL at get A'],
  ['true', 'gave nothing at get A, with status 0'],
  ['false | cat #', 'gave nothing at get A, with status 0'],
  ['printf "one\\n\\n  two\\r\\n" >&2; exit 3 #', 'failed with status 3 at get A: one; two'],
])('%s: %s', async (command, words) => {
  const { kind, message } = await failure(helper(command).get('A'))
  expect([kind, message]).toEqual(['unavailable', expect.stringContaining(words)])
})

test('a list of nothing is no vault to hand over: its tool may have failed inside a pipe', async () => {
  const none = helper('false | sed 1,2d #')
  expect((await none.list()).size).toBe(0)
  expect(await failure(none.all())).toMatchObject({
    kind: 'unavailable',
    message: 'the helper command lists no secrets',
  })
  expect((await none.all([])).size).toBe(0)
})

test('status 66 is an absence for get and rm alone', async () => {
  const none = helper('exit 66 #')
  expect((await failure(none.get('A'))).kind).toBe('noInput')
  expect((await failure(none.rm('A'))).kind).toBe('noInput')
  expect((await failure(none.list())).kind).toBe('unavailable')
  expect((await failure(none.set('A', Buffer.from('x')))).kind).toBe('unavailable')
})

test('a value that the helper does not read is not set', async () => {
  const { kind, message } = await failure(helper('true').set('A', Buffer.alloc(1 << 20)))
  expect([kind, message]).toEqual(['unavailable', expect.stringContaining('did not read the value at set A')])
})

test.each(['', ' ', '\n', 'true\n', 'true \r\n'])(
  'the arguments are no command of their own: %j',
  async (command) => {
    const home = new Home()
    home.write('A', '')
    await home.vault(['rm', 'A'], { env: { JULES_BACKEND: 'exec', JULES_BACKEND_COMMAND: command } })
    expect(home.list()).toContain('A')
  },
)

test('what a helper says although it succeeds is passed on', async () => {
  const said: string[] = []
  const value = await helper('echo "token ends today" >&2; echo v #', {
    warn: (words) => said.push(words),
  }).get('A')
  expect([value.toString(), said]).toEqual(['v\n', ['the helper command: token ends today']])
})

test('a helper without end is stopped: too many bytes, too many words', async () => {
  const many = await failure(helper('yes #').get('A'))
  expect([many.kind, many.message]).toEqual(['data', expect.stringContaining('more than 16777216 bytes')])
  const words = await failure(helper('head -c 50000000 /dev/zero | tr "\\0" x >&2; exit 2 #').get('A'))
  expect(words.message.length).toBeLessThan(3000)
})

test('no answer in time: an outage, and nothing is left running', async () => {
  const dir = new Workdir()
  const command = `cd '${dir.path}'; sleep 1000 & echo $! >below; sh -c 'trap "" TERM; echo $$ >deaf; sleep 1000; sleep 1000' #`
  const { kind, message } = await failure(helper(command, { patienceMs: 700 }).get('A'))
  expect([kind, message]).toEqual(['unavailable', 'the helper command gave no answer at get A within 0.7 s'])
  await gone(Number(dir.read('below')))
  await gone(Number(dir.read('deaf')))
})

test('what it leaves behind on purpose does not keep it from ending', async () => {
  // An agent that stays, as some tools start one, with standard error open.
  const value = await helper('sleep 20 >/dev/null & echo v #', { patienceMs: 15_000 }).get('A')
  expect(value.toString()).toBe('v\n')
})

test('what keeps its output open is no answer, and said', async () => {
  const { kind, message } = await failure(helper('sleep 30 & echo v #', { patienceMs: 500 }).get('A'))
  expect([kind, message]).toEqual([
    'unavailable',
    'the helper command left its output open to something that it started at get A within 0.5 s',
  ])
})

test('SIGTERM takes the helper and its children along', async () => {
  const home = new Home()
  home.write('helper', 'sleep 1000 & echo $! >child; echo $$ >self; echo >&2; wait')
  const child = home.start(
    BIN,
    ['vault', 'exec', '--backend', 'exec', '--backend-command', 'sh ./helper', '--', 'touch', 'ran'],
    { env: PW },
  )
  const ended = finished(child)
  while (!existsSync(home.file('self')) || home.read('self') === '') await pause(20)
  child.kill('SIGTERM')
  expect((await ended).status).toBe(143)
  for (const name of ['child', 'self']) await gone(Number(home.read(name)))
  expect(home.list()).not.toContain('ran')
})

/** Waits until a process has ended; one that nobody waits for may stay as a zombie. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return
    } catch {
      return
    }
    await pause(20)
  }
}
