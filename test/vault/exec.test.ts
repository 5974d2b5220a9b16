/** `vault exec`: a program with secrets in its environment. */
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
  const home = await Home.holding({ BAD: Buffer.from('a\0b') })
  for (const args of [['env'], ['exec', '--', 'true'], ['env', '-f', 'dotenv']]) {
    const { status, stdout, stderr } = await home.vault(args)
    expect([status, stdout]).toEqual([65, ''])
    expect(stderr).toContain('BAD: holds a NUL byte')
  }
})
