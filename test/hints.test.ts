/** Hints name options and commands that exist, and those that are commands work as they are printed. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Command, isGroup } from '../src/cli/command.js'
import { globalOptions } from '../src/cli/options.js'
import { commands } from '../src/commands/index.js'
import { Workdir } from './support/workdir.js'

const declared: Command[] = await Promise.all(commands.map(({ load }) => load()))
const leaves = declared.flatMap((command) => (isGroup(command) ? command.commands : [command]))
const options = new Set([
  ...leaves.flatMap((command) => Object.keys(command.options)),
  ...Object.keys(globalOptions),
  'all',
])
const words = new Set([
  ...declared.map(({ name }) => name),
  ...declared.flatMap((command) =>
    isGroup(command) ? command.commands.map(({ name }) => `${command.name} ${name}`) : [],
  ),
  'help',
])

/** Every text of the source that a person may read: strings and templates, comments left out. */
function texts(): { file: string; text: string }[] {
  return (
    readdirSync('src', { recursive: true, encoding: 'utf8' })
      // Properties of style sheets look like options.
      .filter(
        (file) =>
          file.endsWith('.ts') && !file.endsWith('.test.ts') && !/^page\/(style|client\/.*)\.ts$/.test(file),
      )
      .flatMap((file) => {
        const code = readFileSync(join('src', file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
        return [...code.matchAll(/'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(
          ([, plain, template]) => ({
            file,
            text: plain ?? template ?? '',
          }),
        )
      })
  )
}

/** Options of other programs that texts name: initdb, git, npm, node, sbatch; and the word for any option. */
const FOREIGN = new Set(
  'auth encoding global locale prefix no-instructions error-unmatch experimental-wasm-relaxed-simd no-save save-optional option csv user map-user map-group ignore-scripts include parsable'.split(
    ' ',
  ),
)

/** What follows the name of the program in a sentence about it. */
const VERBS = new Set(['alone', 'apart', 'as', 'counts', 'fills', 'has', 'knows', 'makes', 'needs', 'reads'])

describe('the words of the source', () => {
  test('every option that a text names is one of a command', () => {
    const strangers = texts().flatMap(({ file, text }) =>
      [...text.matchAll(/(?:^|[\s(,"])--([a-z][a-z-]*[a-z])(?![\w$-])/g)]
        .map(([, name]) => name!)
        .filter((name) => !options.has(name) && !FOREIGN.has(name))
        .map((name) => `${file}: --${name}`),
    )
    expect(strangers).toEqual([])
  })

  test('every command that a text names is there', () => {
    const strangers = texts().flatMap(({ file, text }) =>
      [...text.matchAll(/\bjules ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/g)]
        .filter(([, first, second]) => {
          if (VERBS.has(first!)) return false
          return (
            !words.has(first!) ||
            (isGroupName(first!) && second !== undefined && !words.has(`${first} ${second}`))
          )
        })
        .map(([whole]) => `${file}: ${whole}`),
    )
    expect(strangers).toEqual([])
  })
})

const isGroupName = (name: string): boolean =>
  declared.some((command) => command.name === name && isGroup(command))

const V = '180.1,180.6,179.9,180.4,1200'
const W = '180.4,180.95,180.35,180.8,900'
const HEADER = 'time,open,high,low,close,volume'

/** What stands after `hint: ` on standard error. */
const hintOf = (stderr: string): string => /hint: (.*)/.exec(stderr)?.[1] ?? ''

describe('an option in a hint, added to the line that failed, mends it', () => {
  const CASES: [title: string, file: string, line: string, taken: RegExp][] = [
    [
      'a vendor',
      `07/30/2025,09:30,${V}\n07/30/2025,09:31,${W}\n`,
      'jules fetch f.txt --symbol NVDA',
      /(--vendor kibot)/,
    ],
    [
      'columns in order',
      `2025-07-30T13:30:00Z,${V}\n2025-07-30T13:31:00Z,${W}\n`,
      'jules fetch f.txt --symbol NVDA',
      /(--no-header --columns \S+)/,
    ],
    [
      'a zone',
      `${HEADER}\n2025-07-30 09:30,${V}\n2025-07-30 09:31,${W}\n`,
      'jules fetch f.txt --symbol NVDA',
      /(--tz \S+)/,
    ],
    [
      'the order of a date',
      `${HEADER}\n01/02/2025 09:30,${V}\n01/02/2025 09:31,${W}\n`,
      'jules fetch f.txt --symbol NVDA --tz UTC',
      /(--time-format '[^']+')/,
    ],
    [
      'a decimal mark',
      `${HEADER.replaceAll(',', ';')}\n2025-07-30T13:30:00Z;180;180;180;180;1,200\n2025-07-30T13:31:00Z;180;180;180;180;1,300\n`,
      'jules fetch f.txt --symbol NVDA',
      /(--decimal '[^']+')/,
    ],
    [
      'a column',
      `date,timestamp,open,high,low,close,volume\n2025-07-30,2025-07-30T13:30:00Z,${V}\n2025-07-31,2025-07-31T13:30:00Z,${W}\n`,
      'jules fetch f.txt --symbol NVDA',
      /(--columns \S+)/,
    ],
    [
      'a header that is none',
      `2025-07-30T13:30:00Z,${V}\n2025-07-30T13:31:00Z,${W}\n`,
      `jules fetch f.txt --symbol NVDA --columns ${HEADER}`,
      /(--no-header)/,
    ],
    [
      'the end of a line',
      `${HEADER},note\n2025-07-30T13:30:00Z,${V},${'x'.repeat(200)}\n2025-07-30T13:31:00Z,${W},y\n`,
      'jules fetch f.txt --symbol NVDA --max-line 100',
      /(--max-line)/,
    ],
  ]
  test.each(CASES)('%s', async (_title, file, line, taken) => {
    const dir = new Workdir()
    dir.write('f.txt', file)
    const failed = await dir.line(line)
    expect(failed.status).toBe(65)
    const [, option] = taken.exec(hintOf(failed.stderr)) ?? []
    expect(option, failed.stderr).toBeDefined()
    const again =
      option === '--max-line' ? line.replace('--max-line 100', '--max-line 1000') : `${line} ${option}`
    const mended = await dir.shell(again)
    expect([mended.stderr, mended.status, mended.stdout.split('\n').length]).toEqual(['', 0, 3])
  })

  test.each([
    [
      'bars of a day',
      'jules fetch --mock --days 60 --interval 1d | jules backtest --policy flat --warmup 20 --records summary -',
      '--overnight',
    ],
    [
      'a market without enough bars',
      'jules fetch --mock --days 1 --interval 30m | jules backtest --policy flat --records summary -',
      '--warmup 2',
    ],
  ])('%s', async (_title, line, option) => {
    const dir = new Workdir()
    const failed = await dir.line(line)
    expect(hintOf(failed.stderr)).toContain(option.split(' ')[0])
    const mended = await dir.line(line.replace(/ -$/, ` ${option} -`))
    expect(mended.status, mended.stderr).toBe(0)
  })
})

describe('a command in a hint works as it is printed', () => {
  const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

  test('an empty store', async () => {
    const dir = new Workdir()
    const failed = await dir.shell('jules backtest --policy flat </dev/null')
    expect(failed.status).toBe(66)
    const [, command] = /: (jules .*)/.exec(hintOf(failed.stderr)) ?? []
    const filled = await dir.shell(command!)
    expect(filled.status, filled.stderr).toBe(0)
    const again = await dir.shell(
      'jules backtest --policy flat --records summary </dev/null; jules -q db stop',
    )
    expect(again.status, again.stderr).toBe(0)
  })

  test.each([
    ['zstd', 'zstd -q bars.csv && rm bars.csv', 'bars.csv.zst'],
    ['bzip2', 'bzip2 bars.csv', 'bars.csv.bz2'],
    ['xz', 'xz bars.csv', 'bars.csv.xz'],
    ['zip', 'zip -q bars.zip bars.csv && rm bars.csv', 'bars.zip'],
  ])('a file packed with %s', async (program, pack, packed) => {
    const unpacker = program === 'zip' ? 'unzip' : program
    if (!has(program) || !has(unpacker)) return
    const dir = new Workdir()
    dir.write('bars.csv', `${HEADER}\n2025-07-30T13:30:00Z,${V}\n2025-07-30T13:31:00Z,${W}\n`)
    await dir.shell(pack)
    const failed = await dir.line(`jules fetch ${packed} --symbol NVDA`)
    expect(failed.status).toBe(65)
    await dir.shell(hintOf(failed.stderr).replace('unpack it first: ', ''))
    expect((await dir.line('jules fetch bars.csv --symbol NVDA')).status).toBe(0)
  })

  test.each([
    ['jules fetsh --mock', 'fetch'],
    ['jules fetch --mok', '--mock'],
    ['jules backtest --policy bay-hold x.csv', 'buy-hold'],
    ['jules backtest --policy run x.csv', '--policy model:run'],
    ['jules backtest --policy actions.ndjson x.csv', '--policy replay:actions.ndjson'],
    ['jules help trian', 'train'],
  ])('%s: did you mean %s?', async (line, meant) => {
    const dir = new Workdir()
    mkdirSync(dir.file('run'))
    dir.write('actions.ndjson', '4\n')
    const { status, stderr } = await dir.line(line)
    expect([status, hintOf(stderr)]).toEqual([64, `did you mean ${meant}?`])
  })

  test('names of secrets that are near', async () => {
    const dir = new Workdir()
    const env = { TRADING_VAULT_PASSWORD: 'x' }
    await dir.shell('echo secret | jules vault set TIMESCALEDB_PASSWORD', { env })
    for (const line of [
      'get TIMESCALE_PASSWORD',
      'rm TIMESCALEDB_PASWORD',
      'env --only TIMESCALEDB_PASSWORDS',
    ]) {
      const { status, stderr } = await dir.shell(`jules vault ${line}`, { env })
      expect([status, hintOf(stderr)]).toEqual([66, 'did you mean TIMESCALEDB_PASSWORD?'])
    }
    const far = await dir.shell('jules vault get ALPACA_KEY', { env })
    expect(hintOf(far.stderr)).toBe('jules vault set ALPACA_KEY')
    const set = await dir.shell('echo secret | jules vault set ALPACA_KEY', { env })
    expect(set.status).toBe(0)
  })

  test('what comes after a training, and how a stopped one goes on', async () => {
    const dir = new Workdir()
    const train = 'jules train --steps 256 --envs 2 --n-steps 64 --hidden 8 -f table'
    await dir.line("jules fetch --mock --days 30 -o 'my bars.csv'")
    const { stdout, stderr } = await dir.line(`${train} 'my bars.csv' -o 'my run'`)
    const [, next] = /^next +(jules .*)$/m.exec(stdout) ?? []
    expect(next, stdout + stderr).toBeDefined()
    const shown = await dir.shell(next!)
    expect(shown.status, shown.stderr).toBe(0)
    const resumed = await dir.line(`jules train --resume 'my run' -f table`)
    expect(resumed.status, resumed.stderr).toBe(0)
    // Bars of a pipe have no name: what comes next says that they are to be piped again.
    const piped = await dir.line(`jules fetch 'my bars.csv' | ${train} -o piped`)
    const [, into] = /^next +pipe the same bars into: (jules .*)$/m.exec(piped.stdout) ?? []
    const after = await dir.shell(`jules fetch 'my bars.csv' | ${into}`)
    expect(after.status, after.stderr).toBe(0)
  })
})
