/** The house rules that a compiler does not hold: who may import whom, and where the process may be seen. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commands } from '../src/commands/index.js'

const files = execFileSync('find', ['src', '-name', '*.ts', '-not', '-name', '*.test.ts'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  // What runs in a browser imports nothing.
  .filter((file) => !file.startsWith('src/page/client/'))

/**
 * The house from the top to the ground. A file imports from its own room and from rooms on lower floors, types included.
 * Rooms on one floor do not know each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['main'],
  ['commands'],
  // Its windows are tasks of a sweep.
  ['commands/evaluate'],
  // Tasks are those of `train`, and are read as `train` reads its options; what is replayed is as `train` and `backtest` wrote it.
  ['commands/sweep', 'commands/replay', 'commands/report'],
  // Each command is a room.
  ['commands/*'],
  ['commands/wiring'],
  ['cli'],
  ['dash'],
  ['report'],
  ['evaluate', 'sweep'],
  ['agent'],
  ['agent/run'],
  ['agent/ppo'],
  ['agent/model'],
  ['agent/tasks', 'agent/engines'],
  ['agent/network'],
  ['trading'],
  ['broker', 'sim'],
  ['validate'],
  ['store'],
  ['portfolio', 'risk'],
  ['env'],
  ['market'],
  ['vault', 'page'],
  ['stream'],
  ['base'],
]
const floorNumbers = new Map(FLOORS.flatMap((rooms, floor) => rooms.map((room) => [room, floor] as const)))

/** The folder of a file, `agent/ppo`; of a command its name, `commands/fetch`; of the files above them `agent`, `commands`. */
function roomOf(file: string): string {
  const [top, next] = relative('src', file).replace(/\.ts$/, '').split('/')
  if (top === 'commands' && next !== 'index') return `commands/${next}`
  return floorNumbers.has(`${top}/${next}`) ? `${top}/${next}` : top!
}

const floorOf = (room: string): number | undefined =>
  floorNumbers.get(room) ?? (room.startsWith('commands/') ? floorNumbers.get('commands/*') : undefined)

/** Rooms that see the process, the terminal and the command line. */
const isOuter = (file: string): boolean => /^(main|commands|cli)\b/.test(roomOf(file))

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g

const resolved = (file: string, target: string): string =>
  normalize(join(dirname(file), target)).replace(/\.js$/, '.ts')

/** Every import of the project's own files: of values, of types, at the start and later. */
const imports = new Map(
  files.map((file) => [
    file,
    [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((match) => resolved(file, match[1]!)),
  ]),
)

describe('imports', () => {
  test('name files that exist, from rooms that have a floor', () => {
    const known = new Set(files)
    expect([...imports.values()].flat().filter((file) => !known.has(file))).toEqual([])
    expect(files.filter((file) => floorOf(roomOf(file)) === undefined)).toEqual([])
  })

  test.each(files)('%s looks down only', (file) => {
    const room = roomOf(file)
    const upward = imports
      .get(file)!
      .map(roomOf)
      .filter((other) => other !== room)
      .filter((other) => floorOf(other)! <= floorOf(room)! || (other === 'cli' && !isOuter(file)))
    expect(upward).toEqual([])
  })

  test('have no loops', () => {
    const done = new Set<string>()
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file))
        throw new Error(`loop: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      if (done.has(file)) return
      for (const next of imports.get(file)!) visit(next, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
  })
})

describe('what another room uses', () => {
  /** Names that a file takes from others, with the file they come from. */
  const NAMED =
    /(?:import|export) (?:type )?\{([^}]*)\} from '(\.[^']+)'|(?:const|=>|then\(\() *\{([^}]*)\}[^\n]*import\('(\.[^']+)'\)/g
  const used = new Map<string, Set<string>>()
  for (const file of files) {
    for (const match of readFileSync(file, 'utf8').matchAll(NAMED)) {
      const target = resolved(file, (match[2] ?? match[4])!)
      if (roomOf(target) === roomOf(file)) continue
      const names = (match[1] ?? match[3])!
        .split(',')
        .map((name) => name.trim().replace(/^type |[: ].*$/g, ''))
      used.set(target, new Set([...(used.get(target) ?? []), ...names]))
    }
  }

  test.each([...used].map(([file, names]) => [file, [...names]] as const))(
    '%s says what it is',
    (file, names) => {
      const text = readFileSync(file, 'utf8')
      const silent = names.filter((name) => {
        const declared = new RegExp(
          `(^|\\n)([^\\n]*)\\nexport (?:async )?(?:function\\*?|class) ${name}\\b`,
        ).exec(text)
        return declared !== null && !declared[2]!.trim().endsWith('*/')
      })
      expect(silent).toEqual([])
    },
  )
})

test('CONTRIBUTING has a row for every room, in the order of the floors', () => {
  const rows = [...readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| `([a-z/-]+)` /gm)].map(
    (match) => match[1]!,
  )
  const there = new Set(files.map((file) => roomOf(file).replace(/^commands\/(?!wiring).*/, 'commands')))
  expect([...rows].sort()).toEqual([...there].sort())
  const floors = rows.map((room) => floorOf(room)!)
  expect(floors).toEqual([...floors].sort((a, b) => a - b))
})

test('CONTRIBUTING names files that exist', () => {
  const named = readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/`((?:src|test|man)\/[\w./-]+)`/g)
  const missing = [...named].map((match) => match[1]!).filter((path) => !existsSync(path))
  expect(missing.filter((path) => !path.includes('NAME'))).toEqual([])
})

describe('folders', () => {
  const flat = (folder: string) => files.filter((file) => dirname(file) === folder)

  test('commands/ has its index and one file a command', async () => {
    const names = commands.map(({ name }) => `src/commands/${name}.ts`)
    expect(flat('src/commands').filter((file) => !names.includes(file))).toEqual(['src/commands/index.ts'])
  })

  test('agent/ has at most 8 files that are in no room of it', () => {
    expect(flat('src/agent').length).toBeLessThanOrEqual(8)
  })
})

describe('the process', () => {
  const domain = files.filter((file) => !isOuter(file))
  test.each(domain)('%s does not see it', (file) => {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    expect(code).not.toMatch(/\bprocess\.|\bprocess\b\)|from 'node:process'|from 'commander'|from 'chalk'/)
  })

  test('process.exitCode is set in main.ts alone', () => {
    const setters = files.filter((file) => /process\.exitCode\s*=/.test(readFileSync(file, 'utf8')))
    expect(setters).toEqual(['src/main.ts'])
  })

  test('heavy libraries are imported where they are used, not at the start', () => {
    const heavy =
      /^import (?!type ).*from '(chalk|pg|pg-copy-streams|csv-parse|hyparquet|hyparquet-writer|argon2|@stoqey\/ib)'/m
    expect(files.filter((file) => heavy.test(readFileSync(file, 'utf8')))).toEqual([])
  })
})
