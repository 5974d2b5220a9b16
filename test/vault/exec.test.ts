/** `vault exec`: a program with secrets in its environment. */
import { chmodSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Home, PW } from '../support/vault-home.js'
import { BIN, finished } from '../support/workdir.js'

test('exec passes the status and signals on; the master password stays out', async () => {
  const home = await Home.holding({ A: 'alpha', B: 'beta' })
  const run = (...args: string[]) => home.vault(['exec', ...args])
  expect(await run('--', 'sh', '-c', 'echo $A $B; exit 7')).toMatchObject({
    status: 7,
    stdout: 'alpha beta\n',
  })
  expect((await run('--only', 'A', '--', 'sh', '-c', 'echo "[$A$B]"')).stdout).toBe('[alpha]\n')
  const keys = { POLYGON_API_KEY: 'of the caller' }
  const { stdout: inherited } = await home.vault(['exec', '--', 'env'], { env: keys })
  expect(inherited).not.toMatch(/TRADING_VAULT/)
  expect(inherited).toContain('POLYGON_API_KEY=of the caller\n')
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
  const home = await Home.holding({ BAD: Buffer.from('a\0b') })
  for (const args of [['env'], ['exec', '--', 'true'], ['env', '-f', 'dotenv']]) {
    const { status, stdout, stderr } = await home.vault(args)
    expect([status, stdout]).toEqual([65, ''])
    expect(stderr).toContain('BAD: holds a NUL byte')
  }
})

test('--require: the command does not run without', async () => {
  const home = await Home.holding({ A: 'alpha' })
  const run = (...args: string[]) => home.vault(['exec', ...args])
  expect(await run('--require', 'A', '--', 'sh', '-c', 'echo $A')).toMatchObject({
    status: 0,
    stdout: 'alpha\n',
  })
  const { status, stderr } = await run('--require', 'A,B,C', '--', 'touch', 'ran')
  expect([status, stderr]).toEqual([
    66,
    'jules vault exec: no secret B, C: touch was not run\njules vault exec: hint: jules vault set B; jules vault set C\n',
  ])
  expect((await run('--only', 'A', '--require', 'B', '--', 'touch', 'ran')).status).toBe(66)
  expect(home.list()).not.toContain('ran')
  const empty = await (await Home.holding({})).vault(['exec', '--', 'echo', 'ran'])
  expect(empty).toMatchObject({ status: 0, stdout: 'ran\n' })
  expect(empty.stderr).toContain('the vault holds no secrets: echo runs without any')
})

test('too long for a command is 126 in words', async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`S${i}`, 'x'.repeat(100_000)]))
  for (const secrets of [{ LONG: 'x'.repeat(200_000) }, many]) {
    const home = await Home.holding(secrets)
    expect(await home.vault(['exec', '--', 'true'])).toMatchObject({
      status: 126,
      stdout: '',
      stderr: 'jules vault exec: warning: true: arguments and secrets are too long for one command\n',
    })
  }
})

test.each(['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGHUP', 'SIGINT'] as const)(
  '%s reaches the command',
  async (name) => {
    const home = await Home.holding({ A: 'alpha' })
    const script = `trap "echo caught; exit 9" ${name.slice(3)}; echo ready; while :; do sleep 0.05; done`
    const child = home.start(BIN, ['vault', 'exec', '--', 'sh', '-c', script], { env: PW })
    child.stdout?.once('data', () => child.kill(name))
    expect(await finished(child)).toMatchObject({ status: 9, stdout: 'ready\ncaught\n' })
  },
)

test('no child gets the master password', async () => {
  const home = await Home.holding({ A: 'alpha' })
  home.write('git', `#!/bin/sh\nenv >>'${home.file('leak')}'\nexit 1\n`)
  chmodSync(home.file('git'), 0o755)
  const env = {
    PATH: `${home.path}:${process.env.PATH}`,
    TRADING_VAULT_PASSWORD_FILE: home.write('pw', 'pw\n'),
  }
  chmodSync(home.file('pw'), 0o600)
  expect((await home.vault(['doctor'], { env })).stdout).toContain('ok\tpassword: opens the vault')
  expect(home.read('leak')).toContain('PATH=')
  expect(home.read('leak')).not.toMatch(/TRADING_VAULT/)
})
