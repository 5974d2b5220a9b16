/** Standard output that is full, closed, or left by its reader. */
import { describe, expect, test } from 'vitest'
import { barLines, freshDatabase, Workdir } from '../support/workdir.js'

describe('output that cannot be written', () => {
  test('export, db and vault say it as fetch does', async () => {
    const dir = new Workdir()
    const { dsn } = await freshDatabase()
    await dir.jules(['load', '--dsn', dsn], { input: barLines(3000) })
    const { stdout, stderr } = await dir.shell(
      `echo x | jules vault set A
      for command in "export --dsn $DSN" 'db path' 'vault get A'; do
        jules $command >/dev/full; echo $?
        jules $command >&-; echo $?
      done
      jules export --dsn "$DSN" | head -n 1 | wc -l; echo "\${PIPESTATUS[0]}"`,
      { env: { DSN: dsn, TRADING_VAULT_PASSWORD: 'pw' } },
    )
    expect(stdout.split('\n')).toEqual(['74', '74', '74', '74', '74', '74', '1', '0', ''])
    const full = (command: string) => `jules ${command}: standard output: no space left on device`
    const closed = 'jules: standard output: the stream is closed'
    expect(stderr.trim().split('\n')).toEqual([
      ...[full('export'), closed, full('db path'), closed, full('vault get'), closed],
    ])
  })

  const commands = [
    'fetch --mock --days 40',
    'fetch --mock --days 40 -f csv',
    'fetch --mock --days 400 -f parquet',
  ]

  test.each(commands)('%s | head -1 is silent, with 0', async (command) => {
    const dir = new Workdir()
    const { stderr, stdout } = await dir.shell(
      `jules ${command} | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}`,
    )
    expect([stdout, stderr]).toEqual(['0\n', ''])
  })

  test.each([...commands, '--help', 'help fetch', '-V'])('%s >/dev/full: words and 74', async (command) => {
    const dir = new Workdir()
    const { status, stderr } = await dir.shell(`jules ${command} >/dev/full`)
    expect(status).toBe(74)
    expect(stderr).toMatch(/^jules( fetch)?: standard output: no space left on device\n$/)
  })

  test('closed standard output: words and 74', async () => {
    const dir = new Workdir()
    const { status, stderr } = await dir.shell('jules fetch --mock >&-')
    expect([status, stderr]).toEqual([74, 'jules: standard output: the stream is closed\n'])
    const json = await dir.shell('jules fetch --json --mock >&-')
    expect([json.status, JSON.parse(json.stderr)]).toEqual([
      74,
      { type: 'error', code: 74, command: '', message: 'standard output: the stream is closed' },
    ])
  })

  test('a closed standard error hides nothing else', async () => {
    const dir = new Workdir()
    const { status } = await dir.shell('jules nonsense 2>&-')
    expect(status).toBe(64)
  })
})
