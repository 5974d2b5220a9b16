import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BIN_WORD, barLine, barLines, Workdir } from '../support/workdir.js'

describe('usage', () => {
  const wrong: [args: string[], message: string][] = [
    [['nope'], 'jules: unknown command "nope"\njules: hint: the commands are fetch'],
    [['laod'], 'jules: unknown command "laod"\njules: hint: did you mean load?\n'],
    [['fetch', '--mokc'], 'jules fetch: unknown option --mokc\njules fetch: hint: did you mean --mock?\n'],
    [['fetch', '--mo'], 'jules fetch: unknown option --mo\njules fetch: hint: did you mean --mock?\n'],
    [['fetch', '-Z'], 'jules fetch: unknown option -Z\n'],
    [['fetch', '--mock', '--days', '10x'], 'jules fetch: --days: expected a whole number, got "10x"\n'],
    [['fetch', '--mock', '--days', '-1'], 'jules fetch: --days: expected 1 to 8000, got -1\n'],
    [['fetch', '--mock', '--days'], 'jules fetch: option --days needs a value\n'],
    [
      ['fetch', '--mock', '--from', '2025-02-30'],
      'jules fetch: --from: expected a date such as 2025-08-01 or today, got "2025-02-30"\n',
    ],
    [
      ['fetch', '--mock', '--from', '2025-08-02', '--to', '2025-08-01'],
      'jules fetch: --from 2025-08-02 is after --to 2025-08-01\n',
    ],
    [
      ['fetch', '--mock', '--regime', 'up'],
      'jules fetch: --regime: expected one of noise, mean-revert, trend, got "up"\n',
    ],
    [
      ['fetch', '--mock', '--symbols', 'NV DA'],
      'jules fetch: --symbols: expected letters, digits, dots and dashes, got "NV DA"\n',
    ],
    [['fetch', '--mock', '--gaps', '2'], 'jules fetch: --gaps: expected 0 to 1, got 2\n'],
    [['fetch', '--mock', 'x.csv'], 'jules fetch: --mock and FILE exclude each other\n'],
    [['fetch', '--days', '3', 'x.csv'], 'jules fetch: --days needs --mock\n'],
    [['fetch', '--noise-bps', '3', 'x.csv'], 'jules fetch: --noise-bps needs --mock\n'],
    [['fetch', '--mock', '--tz', 'UTC'], 'jules fetch: --tz is for files\n'],
    [['fetch', '--mock', '--symbols', 'NVDA,nvda'], 'jules fetch: --symbols: NVDA stands twice\n'],
    [['fetch', '--mock', '-o', 'x.csv.gz'], 'jules fetch: x.csv.gz: gzip is read but not written\n'],
    [
      ['fetch', '--mock', '--from', '1999-12-01', '--to', '1999-12-31'],
      'jules fetch: the trading calendar covers 2000 to 2028, not 1999-12-01\n',
    ],
    [['fetch', '-mock'], 'jules fetch: unknown option -mock\njules fetch: hint: did you mean --mock?\n'],
    [['fetch', '-', '-'], 'jules fetch: standard input is named twice\n'],
    [['fetch', '--tz', 'Mars/Base', 'x'], 'jules fetch: --tz: unknown time zone "Mars/Base"\n'],
    [
      ['load', '--max-rejects', 'many'],
      'jules load: --max-rejects: expected a number of lines or a percentage such as 1%, got "many"\n',
    ],
    [['export', '--partition-by', 'symbol'], 'jules export: --partition-by needs -o DIR\n'],
    [['help', 'db', 'strat'], 'jules: unknown db command "strat"\njules: hint: did you mean start?\n'],
    [['help', 'load', 'x'], 'jules: unexpected operand "x"\n'],
    [['export', 'bars.csv'], 'jules export: unexpected operand "bars.csv"\n'],
    [['db', 'sttop'], 'jules db: unknown db command "sttop"\njules db: hint: did you mean stop?\n'],
    [
      ['--color', 'maybe', 'db', 'path'],
      'jules db path: --color: expected one of auto, always, never, got "maybe"\n',
    ],
  ]
  test.each(wrong)('%j', async (args, message) => {
    const dir = new Workdir()
    const { status, stdout, stderr } = await dir.called(args)
    expect(stderr.startsWith(message), stderr).toBe(true)
    expect([status, stdout]).toEqual([64, ''])
  })

  test('alone, and a group alone: help on standard error, 64', async () => {
    const dir = new Workdir()
    for (const args of [[], ['db'], ['-q']]) {
      const { status, stdout, stderr } = await dir.jules(args)
      expect([status, stdout, stderr.slice(0, 12)]).toEqual([64, '', 'Usage: jules'])
    }
  })

  test('--x=v is --x v; flags may follow operands; -- ends options; globals stand anywhere', async () => {
    const dir = new Workdir()
    dir.write('-odd.ndjson', barLines(2))
    const outputs = await Promise.all([
      dir.called(['fetch', '--mock', '--days=1', '--seed=3']),
      dir.called(['-q', 'fetch', '--mock', '--days', '1', '--seed', '3']),
      dir.called(['--color=never', 'fetch', '--seed', '3', '--days', '1', '--mock', '-q']),
    ])
    expect(new Set(outputs.map(({ stdout }) => stdout)).size).toBe(1)
    const after = await dir.called(['fetch', '-f', 'csv', '--', '-odd.ndjson'])
    expect([after.status, after.stdout.split('\n').length]).toEqual([0, 4])
    const later = await dir.called(['fetch', './-odd.ndjson', '-f', 'csv'])
    expect(later.stdout).toBe(after.stdout)
  })

  test('a password in --dsn is refused and not repeated', async () => {
    const dir = new Workdir()
    for (const dsn of ['postgresql://u:hunter2@h/db', 'postgresql://u@h/db?password=hunter2']) {
      for (const more of [[], ['--json'], ['-v']]) {
        const { status, stdout, stderr } = await dir.called(['load', '--dsn', dsn, ...more], {
          input: barLine(0),
        })
        expect(status).toBe(64)
        expect(stderr).toContain('holds a password')
        expect(stdout + stderr).not.toContain('hunter2')
      }
      const { status, stderr } = await dir.called(['export', '-v'], { env: { JULES_DSN: dsn } })
      expect([status, stderr.split('\n')[0]]).toEqual([
        78,
        'jules export: JULES_DSN: holds a password, which others could read',
      ])
      expect(stderr).not.toContain('hunter2')
    }
  })

  test('a database that does not answer is 69, with a hint', async () => {
    const dir = new Workdir()
    const { status, stderr } = await dir.jules(['load', '--dsn', 'postgresql://u@127.0.0.1:1/db'], {
      input: barLine(0),
    })
    expect([status, stderr]).toEqual([
      69,
      'jules load: cannot connect to u@127.0.0.1:1/db: connection refused\njules load: hint: start the database or pass --dsn\n',
    ])
  })

  test('a version', async () => {
    const { stdout } = await new Workdir().jules(['-V'])
    expect(stdout).toMatch(/^jules \d+\.\d+\.\d+\n$/)
  })
})

describe('configuration', () => {
  test('flag, then environment, then file, then default; -v says which', async () => {
    const dir = new Workdir()
    mkdirSync(dir.file('.config/jules'), { recursive: true })
    dir.write('.config/jules/config.json', JSON.stringify({ fetch: { days: 2, symbols: ['AAPL', 'TSLA'] } }))
    const count = async (args: string[], env: Record<string, string> = {}) =>
      (await dir.called(['fetch', '--mock', ...args], { env })).stdout.split('\n').length - 1
    expect(await count([])).toBe(2 * 780)
    expect(await count([], { JULES_DAYS: '3' })).toBe(3 * 780)
    expect(await count([], { JULES_DAYS: '3', JULES_FETCH_DAYS: '2', JULES_SIM_DAYS: '4' })).toBe(2 * 780)
    expect(await count(['--days', '1'], { JULES_DAYS: '3' })).toBe(780)
    const { stderr } = await dir.called(['fetch', '--mock', '-v', '--seed', '4'], {
      env: { JULES_DAYS: '1' },
    })
    expect(stderr).toContain('jules fetch: --seed 4 (flag)\n')
    expect(stderr).toContain('jules fetch: --days 1 (environment)\n')
    expect(stderr).toContain('jules fetch: --symbols AAPL,TSLA (config)\n')
    expect(stderr).toContain('jules fetch: --gaps 0 (default)\n')
  })

  const broken: [string, string][] = [
    ['{', 'not JSON: '],
    ['[]', 'expected a JSON object'],
    ['{"fetsh":{}}', 'unknown key "fetsh"\njules fetch: hint: did you mean "fetch"?'],
    ['{"fetch":{"dayz":3}}', 'unknown key "fetch.dayz"\njules fetch: hint: did you mean "fetch.days"?'],
    ['{"fetch":3}', 'fetch: expected an object'],
    ['{"fetch":{"days":{}}}', 'days: expected a string, number, boolean or list of strings'],
  ]
  test.each(broken)('%s is 78', async (body, message) => {
    const dir = new Workdir()
    dir.write('my.json', body)
    const { status, stderr } = await dir.called(['fetch', '--mock', '--config', 'my.json'])
    expect(stderr.startsWith(`jules fetch: my.json: ${message}`), stderr).toBe(true)
    expect(status).toBe(78)
  })

  test('what the commands of a group share stands once under its name; their own section goes first', async () => {
    const dir = new Workdir()
    dir.write('helper', '#!/bin/sh\ncase $1 in list) echo A ;; get) printf "%s of $0" "$2" ;; esac\n')
    dir.write('other', '#!/bin/sh\nprintf other\n')
    for (const name of ['helper', 'other']) chmodSync(dir.file(name), 0o700)
    const shared = { backend: 'exec', 'backend-command': './helper' }
    const run = (vault: object, ...args: string[]) => {
      dir.write('my.json', JSON.stringify({ vault }))
      return dir.called(['vault', ...args, '--config', 'my.json'])
    }
    expect((await run(shared, 'get', 'A')).stdout).toBe('A of ./helper\n')
    const own = { ...shared, get: { 'backend-command': './other', 'no-newline': true } }
    expect((await run(own, 'get', 'A')).stdout).toBe('other')
    expect((await run(own, 'list')).stdout).toBe('A\n')
    for (const [vault, words] of [
      [
        { bakend: 'exec' },
        'unknown key "vault.bakend"\njules vault get: hint: did you mean "vault.backend"?',
      ],
      [{ gett: {} }, 'unknown key "vault.gett"\njules vault get: hint: did you mean "vault.get"?'],
      [{ get: { shell: 'sh' } }, 'unknown key "vault.get.shell"'],
      [{ get: 'x' }, 'vault.get: expected an object'],
    ] as const) {
      const { status, stderr } = await run(vault, 'get', 'A')
      expect(stderr.startsWith(`jules vault get: my.json: ${words}`), stderr).toBe(true)
      expect(status).toBe(78)
    }
  })

  test('a bad value in the environment is 78 and named', async () => {
    const { status, stderr } = await new Workdir().called(['fetch', '--mock'], { env: { JULES_DAYS: 'x' } })
    expect([status, stderr]).toEqual([78, 'jules fetch: JULES_DAYS: expected a whole number, got "x"\n'])
  })

  test('a config file that was asked for must exist', async () => {
    const { status, stderr } = await new Workdir().called(['fetch', '--mock', '--config', 'none.json'])
    expect([status, stderr]).toEqual([66, 'jules fetch: none.json: no such file or directory\n'])
  })
})

describe('messages', () => {
  test('--json gives one JSON line an error, with code, place and hint', async () => {
    const dir = new Workdir()
    const { stderr } = await dir.jules(['load', '--dry-run', '--json'], {
      input: barLine(0, { symbol: undefined }),
    })
    expect(JSON.parse(stderr)).toEqual({
      type: 'error',
      code: 65,
      command: 'load',
      message: 'symbol: is missing',
      where: 'stdin:1',
      hint: 'name it with --symbol',
      line: 1,
    })
    const note = await dir.jules(['load', '--dry-run', '--json'], { input: barLines(2) })
    expect(JSON.parse(note.stderr)).toMatchObject({ type: 'note', read: 2, written: 0, rejected: 0 })
  })

  test('-q is silent on success and says errors', async () => {
    const dir = new Workdir()
    expect((await dir.called(['load', '--dry-run', '-q'], { input: barLines(2) })).stderr).toBe('')
    expect((await dir.jules(['load', '--dry-run', '-q'], { input: 'x' })).stderr).not.toBe('')
  })

  const python = spawnSync('python3', ['-c', 'import pty']).status === 0
  const pty = (line: string, env: Record<string, string> = {}) =>
    spawnSync('python3', ['-c', `import pty,sys; sys.exit(pty.spawn(['sh','-c',sys.argv[1]]) >> 8)`, line], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: '/nonexistent', TERM: 'xterm', ...env },
      input: '',
    })

  test.skipIf(!python)('on a terminal: colour unless it is unwanted, progress, no escapes in a pipe', () => {
    const load = `yes '${barLine(0)}' 2>/dev/null | head -n 150000 | ${BIN_WORD} load --dry-run --max-rejects 1`
    const bad = `echo x | ${BIN_WORD} load --dry-run --max-rejects 1 --input-format ndjson`
    const yellow = '\u001b[33mwarning:'
    expect(pty(bad).stdout).toContain(yellow)
    expect(pty(bad, { NO_COLOR: '1' }).stdout).not.toContain('\u001b')
    expect(pty(bad, { TERM: 'dumb' }).stdout).not.toContain('\u001b')
    expect(pty(`${bad} --color never`).stdout).not.toContain('\u001b')
    expect(pty(`${bad} --color always`, { NO_COLOR: '1' }).stdout).toContain(yellow)
    expect(pty(`${bad} 2>&1 | cat`).stdout).not.toContain('\u001b')
    expect(pty(`${bad} 2>&1 | cat`, { FORCE_COLOR: '1' }).stdout).toContain(yellow)
    expect(pty(load).stdout).toMatch(/\r\u001b\[Kjules load: /)
    expect(pty(`${load} -q`).stdout).toBe('')
    expect(pty(load, { CI: '1' }).stdout).not.toContain('\u001b')
  })

  test.skipIf(!python)('control characters of records do not reach a terminal', () => {
    const line = `{"type":"note","text":"\u009b31m\u007f"}`
    const shown = pty(`echo '${line}' | ${BIN_WORD} fetch -`).stdout.trim()
    expect(shown).toBe('{"type":"note","text":"\\u009b31m\\u007f"}')
    expect(pty(`echo '${line}' | ${BIN_WORD} fetch - | cat`).stdout.trim()).toBe(line)
  })

  test.skipIf(!python)(
    'a terminal where data is needed: one line that says what is missing, and no hang',
    () => {
      for (const command of ['load --dry-run', 'fetch', 'fetch -']) {
        const { stdout, status } = pty(`${BIN_WORD} ${command}`, { NO_COLOR: '1' })
        expect(status, command).toBe(64)
        expect(stdout).toMatch(
          /^jules \w+: (nothing to read: standard input is a terminal|name a source)\r?\njules \w+: hint: .*\r?\n$/,
        )
      }
      expect(pty(`${BIN_WORD} fetch --mock -f parquet`).stdout).toContain('parquet is not for a terminal')
    },
  )
})

test('files it makes for itself are private under any umask', async () => {
  const dir = new Workdir('jules-umask-')
  const { stdout } = await dir.shell(
    `umask 000; echo '${barLine(0)}' | jules -q load; jules -q db stop; find .local/share/jules/pg -maxdepth 1 -perm /077 -not -type l`,
  )
  expect(
    stdout
      .trim()
      .split('\n')
      .filter((path) => path !== '' && !path.endsWith('/lib')),
  ).toEqual([])
  chmodSync(dir.path, 0o700)
})
