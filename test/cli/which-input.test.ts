/** Which input is read: files, standard input, the store; and that none is passed over in silence. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isGroup } from '../../src/cli/command.js'
import { readFlags } from '../../src/cli/parse.js'
import { commands } from '../../src/commands/index.js'
import { BIN, once, type Result, Workdir } from '../support/workdir.js'

/** A store that holds a market unlike that of the files, two sessions in 2024: read by all tests, changed by none. */
const DATABASE = `t_${process.pid}_which`
/** Two sessions of generated bars, which most tests read. */
const FOLDER = mkdtempSync(join(tmpdir(), 'jules-which-'))
const BARS = join(FOLDER, 'b.csv')
const dsn = inject('serverUrl').replace('/trading_data', `/${DATABASE}`)
beforeAll(async () => {
  await once(inject('serverUrl'), `CREATE DATABASE ${DATABASE}`)
  const load = `jules fetch --mock --seed 5 --days 2 --to 2024-06-14 | jules load --dsn '${dsn}' --allow-mock`
  execFileSync('bash', ['-c', load], {
    env: { PATH: `${resolve('bin')}:${process.env.PATH}`, HOME: '/nonexistent' },
  })
  execFileSync(BIN, ['fetch', '--mock', '--days', '2', '-o', BARS])
})
afterAll(async () => {
  rmSync(FOLDER, { recursive: true })
  await once(inject('serverUrl'), `DROP DATABASE ${DATABASE} WITH (FORCE)`)
})

const BACKTEST = 'jules backtest --policy flat --warmup 20 --records summary'
const inputOf = ({ stdout }: Result): string => (JSON.parse(stdout) as { input: string }).input

describe('without an operand', () => {
  const STANDARD_INPUTS: [title: string, line: string, input: string][] = [
    ['a pipe with bars', `cat '${BARS}' | ${BACKTEST}`, 'stdin'],
    ['a slow pipe with bars', `(sleep 1; cat '${BARS}') | ${BACKTEST}`, 'stdin'],
    ['a file with bars', `${BACKTEST} <'${BARS}'`, 'stdin'],
    ['compressed bars', `gzip <'${BARS}' | ${BACKTEST}`, 'stdin'],
    ['Parquet in a pipe', `jules fetch --mock --days 2 -f parquet | ${BACKTEST}`, 'stdin'],
    ['an empty pipe', `true | ${BACKTEST}`, 'store'],
    ['a pipe that closes late', `sleep 1 | ${BACKTEST}`, 'store'],
    ['an empty file', `: >empty; ${BACKTEST} <empty`, 'store'],
    ['a file that was read to its end', `seq 3 >f; (cat >/dev/null; ${BACKTEST}) <f`, 'store'],
    ['/dev/null', `${BACKTEST} </dev/null`, 'store'],
    ['a closed descriptor', `${BACKTEST} <&-`, 'store'],
    ['--store beside bars', `cat '${BARS}' | ${BACKTEST} --store`, 'store'],
    ['--dsn beside bars', `cat '${BARS}' | ${BACKTEST} --dsn "$JULES_DSN"`, 'store'],
    ['a file beside bars', `cp '${BARS}' b.csv; echo '{}' | ${BACKTEST} b.csv`, 'b.csv'],
    ['the dash', `cat '${BARS}' | ${BACKTEST} -`, 'stdin'],
  ]
  test.each(STANDARD_INPUTS)('%s', async (_title, line, input) => {
    const dir = new Workdir()
    const result = await dir.shell(line, { env: { JULES_DSN: dsn } })
    expect([result.stderr, result.status]).toEqual(['', 0])
    expect(inputOf(result)).toBe(input)
  })

  test('a socket with bars, as of ssh or systemd', async () => {
    const dir = new Workdir()
    const { stdout } = await dir.called(['fetch', '--mock', '--days', '2'])
    const server = createServer((socket) => socket.end(stdout))
    const path = dir.file('s')
    await new Promise<void>((ready) => server.listen(path, ready))
    const program = `import socket,subprocess,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); sys.exit(subprocess.call(sys.argv[2:],stdin=s))`
    const result = await dir.shell(`python3 -c '${program}' '${path}' ${BACKTEST} || node -e 0`)
    server.close()
    if (result.stdout === '') return expect(result.stderr).toMatch(/python3.*not found/)
    expect(inputOf(result)).toBe('stdin')
  })

  test('a pipe that stays open and silent is waited for, and that is said once', async () => {
    const dir = new Workdir()
    const result = await dir.shell(`sleep 4 | ${BACKTEST}`, { env: { JULES_DSN: dsn } })
    expect([result.stderr, inputOf(result)]).toEqual([
      'jules backtest: waiting for bars on standard input; --store reads the store\n',
      'store',
    ])
  })

  test('what is no bar is refused, and the store named', async () => {
    const dir = new Workdir()
    for (const command of [BACKTEST, 'jules inspect']) {
      const { stderr, status } = await dir.shell(`seq 5 | ${command}`)
      expect([stderr, status]).toEqual([
        expect.stringMatching(
          /^jules \w+: stdin:1: .*\njules \w+: hint: .*--store reads the store whatever is on standard input\n$/,
        ),
        65,
      ])
    }
  })

  test('a signal ends the wait', async () => {
    const dir = new Workdir()
    const child = dir.start(BIN, ['backtest', '-v', '--policy', 'flat'])
    const ended = new Promise((done) => child.on('close', done))
    // It says its settings, and waits.
    await new Promise((said) => child.stderr?.once('data', said))
    child.stderr?.resume()
    await new Promise((later) => setTimeout(later, 300))
    child.kill('SIGINT')
    expect(await ended).toBe(130)
  })

  test('train and check-env read a pipe too', async () => {
    const dir = new Workdir()
    const checked = await dir.shell('jules fetch --mock --days 3 | jules check-env')
    expect([checked.status, checked.stderr]).toEqual([0, ''])
    const trained = await dir.shell(
      "jules fetch --mock --days 20 | jules train --steps 256 --envs 2 --n-steps 64 --hidden 8 -o run >/dev/null; node -p \"JSON.parse(require('fs').readFileSync('run/manifest.json')).operands\"",
    )
    expect(trained.stdout).toBe("[ '-' ]\n")
  })
})

describe('a loop keeps its lines', () => {
  test.each([
    ['a named file', 'jules backtest --policy flat --warmup 20 --records summary b.csv'],
    ['--store', 'jules backtest --policy flat --warmup 20 --records summary --store'],
    ['export', 'jules export'],
    ['generated bars', 'jules fetch --mock --days 1'],
    ['a file to fetch', 'jules fetch b.csv'],
    ['db', 'jules db psql-url'],
    ['vault', 'jules vault list'],
    ['a task', 'jules train --env recall2 --steps 256 --envs 2 --n-steps 64 --hidden 8 -o "run $line"'],
  ])('%s', async (_title, command) => {
    const dir = new Workdir()
    cpSync(BARS, dir.file('b.csv'))
    const { stdout } = await dir.shell(
      `printf '1\\n2\\n' | while read -r line; do ${command} >/dev/null 2>&1; echo "line $line"; done`,
      { env: { JULES_DSN: dsn } },
    )
    expect(stdout).toBe('line 1\nline 2\n')
  })
})

describe('several files', () => {
  /** The bars of a generated market as files of one symbol each; made once, copied for each test. */
  let made: string | undefined
  let whole = ''
  const pair = async (): Promise<{ dir: Workdir; whole: string }> => {
    const dir = new Workdir()
    if (made === undefined) {
      await dir.shell(
        `jules fetch --mock --days 2 -o both.ndjson
       grep NVDA both.ndjson >nvda.ndjson; grep MSFT both.ndjson >msft.ndjson
       sed 's/"symbol":"[A-Z]*",//' nvda.ndjson >n; sed 's/"symbol":"[A-Z]*",//' msft.ndjson >m
       mkdir -p hive/symbol=MSFT/date=x hive/symbol=NVDA/_temporary 'odd=name'
       jules fetch msft.ndjson -o hive/symbol=MSFT/date=x/part-0.parquet
       jules fetch nvda.ndjson -o hive/symbol=NVDA/a.csv
       echo junk >hive/symbol=NVDA/_SUCCESS; echo junk >hive/symbol=NVDA/_temporary/b.csv; echo junk >hive/.c.csv`,
      )
      whole = (await dir.called(['backtest', '--policy', 'random', '--warmup', '20', 'both.ndjson'])).stdout
      made = mkdtempSync(join(tmpdir(), 'jules-pair-'))
      cpSync(dir.path, made, { recursive: true })
    } else cpSync(made, dir.path, { recursive: true })
    return { dir, whole }
  }
  afterAll(() => made !== undefined && rmSync(made, { recursive: true }))
  const sameBut = (stdout: string): string => stdout.replace(/"input":"[^"]*"/, '')

  test('are one market: merged by time, whatever their formats and symbols are written in', async () => {
    const { dir, whole } = await pair()
    const line = 'jules backtest --policy random --warmup 20'
    const expectWhole = (operands: string, { stdout, stderr }: Result) => {
      expect([operands, stderr]).toEqual([operands, ''])
      expect(sameBut(stdout)).toBe(sameBut(whole))
    }
    for (const operands of [
      'nvda.ndjson msft.ndjson',
      'msft.ndjson nvda.ndjson',
      'NVDA=n MSFT=m',
      'NVDA=n msft.ndjson',
      'hive',
      'hive/symbol=NVDA hive/symbol=MSFT',
      "'hive/*/*.csv' 'hive/**/*.parquet'",
      "'h?ve/symbol=MSFT/**/*-0.*' hive/symbol=NVDA",
    ])
      expectWhole(operands, await dir.line(`${line} ${operands}`))
    // What the shell does with them.
    for (const operands of [
      'hive/*/*.csv hive/*/*/*.parquet',
      'nvda.ndjson - <msft.ndjson',
      'NVDA=- MSFT=m <n',
    ])
      expectWhole(operands, await dir.shell(`${line} ${operands}`))
  })

  test('fetch and load read them one after another', async () => {
    const { dir } = await pair()
    const { stdout } = await dir.shell('jules fetch NVDA=n MSFT=m | cut -c1-30 | uniq -c')
    expect(stdout).toBe('    780 {"type":"bar","symbol":"NVDA",\n    780 {"type":"bar","symbol":"MSFT",\n')
    const loaded = await dir.line('jules load --dry-run NVDA=n MSFT=m hive')
    expect(loaded.stderr).toContain('3120 rows read')
  })

  test('time that goes backwards within one of them is refused', async () => {
    const { dir } = await pair()
    const { stderr, status } = await dir.shell('tac nvda.ndjson >back; jules backtest msft.ndjson back')
    expect([status, stderr]).toEqual([65, expect.stringContaining('back')])
  })

  test.each([
    ['NVDA=absent.csv', 66, 'absent.csv: no such file or directory'],
    ['odd=name', 66, 'odd=name: holds no .parquet, .csv, .tsv, .ndjson, .jsonl or .json'],
    ['NVDA=n --symbol MSFT', 64, '--symbol MSFT and NVDA=FILE exclude each other'],
    ["'*.parquet'", 66, '*.parquet: no file matches'],
    ['- -', 64, 'standard input is named twice'],
    ['--store n', 64, '--store and FILE exclude each other'],
  ])('%s', async (operands, code, message) => {
    const { dir } = await pair()
    const { status, stderr } = await dir.line(`jules backtest --policy flat ${operands}`)
    expect([status, stderr.split('\n')[0]]).toEqual([code, `jules backtest: ${message}`])
  })

  test('links in a folder are followed, and one that leads in circles is named', async () => {
    const { dir, whole } = await pair()
    const linked = await dir.shell(
      `mkdir parts; ln -s ../hive/symbol=NVDA parts/a; ln -s ../hive/symbol=MSFT/date=x/part-0.parquet parts/b.parquet
       jules backtest --policy random --warmup 20 parts`,
    )
    expect([linked.stderr, sameBut(linked.stdout)]).toEqual(['', sameBut(whole)])
    const round = await dir.shell('ln -s .. hive/symbol=NVDA/back; jules inspect hive')
    expect([round.status, round.stderr]).toEqual([
      66,
      expect.stringMatching(
        /^jules inspect: hive\/symbol=NVDA\/back: is a link to .*\/hive, in which it stands\n/,
      ),
    ])
  })

  test('none of them is the output', async () => {
    const { dir } = await pair()
    for (const operands of ['n --symbol NVDA -o n', 'NVDA=n -o n', 'MSFT=m NVDA=n -o ./n']) {
      const { status, stderr } = await dir.line(`jules fetch ${operands} -f ndjson`)
      expect([status, stderr]).toEqual([64, expect.stringContaining('is the input as well as the output')])
    }
  })

  test('an operand whose whole name is a file is that file', async () => {
    const dir = new Workdir()
    await dir.line("jules fetch --mock --days 1 -o 'NVDA=x.csv'")
    const { stdout } = await dir.line("jules fetch 'NVDA=x.csv'")
    expect(stdout.match(/\n/g)).toHaveLength(780)
  })
})

describe('an option given twice', () => {
  const DESCRIBING: [option: string, one: string, two: string][] = [
    ['symbol', 'NVDA', 'MSFT'],
    ['tz', 'UTC', 'America/New_York'],
    ['interval', '1m', '5m'],
    ['input-format', 'csv', 'ndjson'],
    ['columns', 'time=a', 'time=b'],
    ['vendor', 'kibot', 'ib'],
    ['time-format', '%F', 'epoch-s'],
    ['decimal', '.', ','],
  ]
  test.each(DESCRIBING)('--%s is refused where it says two things', async (option, one, two) => {
    for (const name of ['fetch', 'load', 'backtest', 'train', 'check-env', 'inspect', 'eod-validate']) {
      const command = await commands.find((entry) => entry.name === name)!.load()
      if (isGroup(command)) throw new Error(`${name} is a group`)
      const read = (second: string) => () =>
        readFlags(command, ['x.csv', `--${option}`, one, `--${option}=${second}`])
      expect(read(two), name).toThrow(
        `--${option} is given twice: ${JSON.stringify(one)} and ${JSON.stringify(two)}`,
      )
      expect(read(one), name).not.toThrow()
    }
  })

  test('that is a mistake in the command line', async () => {
    const { status, stderr } = await new Workdir().called(['load', 'x.csv', '--tz', 'UTC', '--tz=Asia/Tokyo'])
    expect([status, stderr]).toEqual([
      64,
      expect.stringContaining('--tz is given twice: "UTC" and "Asia/Tokyo"'),
    ])
  })

  test('lists add up, of others the last counts and -v says so', async () => {
    const dir = new Workdir()
    const { stdout, stderr } = await dir.line(
      'jules fetch -v --mock --days 1 --symbols NVDA --symbols MSFT --seed 1 --seed 2',
    )
    const heads = [...new Set(stdout.split('\n').map((line) => line.slice(0, 30)))].sort()
    expect(heads.join('\n').trimStart()).toBe(
      '{"type":"bar","symbol":"MSFT",\n{"type":"bar","symbol":"NVDA",',
    )
    expect(stderr).toContain('--seed is given more than once: the last one counts')
    expect(stderr).not.toContain('--symbols is given more than once')
  })
})

describe('the extension of an output', () => {
  test.each([
    ['x.parquet', '-f csv', 'x.parquet: --format csv under the name of a parquet file'],
    ['x.csv', '-f ndjson', 'x.csv: --format ndjson under the name of a csv file'],
    ['x.xlsx', '', 'x.xlsx: no format has the extension .xlsx'],
    ['x.txt', '', 'x.txt: no format has the extension .txt'],
  ])('-o %s %s', async (name, more, message) => {
    const dir = new Workdir()
    const { status, stderr } = await dir.line(`jules fetch --mock --days 1 -o ${name} ${more}`)
    expect([status, stderr.split('\n')[0]]).toEqual([64, `jules fetch: ${message}`])
    expect(dir.list()).toEqual([])
  })

  test.each([
    ['bars', ''],
    ['bars.txt', '-f csv'],
    ['bars.pq', '-f parquet'],
  ])('-o %s %s is written', async (name, more) => {
    const dir = new Workdir()
    const { status, stderr } = await dir.line(`jules fetch --mock --days 1 -o ${name} ${more}`)
    expect([status, stderr, dir.list()]).toEqual([0, '', [name]])
  })
})

test('a terminal where records are needed: one line, at once', async () => {
  const dir = new Workdir()
  for (const command of ['load', 'fetch -', 'backtest -', 'train -', 'check-env -']) {
    const { stdout } = await dir.shell(`script -qec 'jules ${command}' /dev/null; echo`, {})
    expect([command, stdout]).toEqual([
      command,
      expect.stringContaining('nothing to read: standard input is a terminal'),
    ])
  }
})
