/** The house rules that a compiler does not hold: who may import whom, and where the process may be seen. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const files = execFileSync('find', ['src', '-name', '*.ts', '-not', '-name', '*.test.ts'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')

/** Rank of each layer: imports go to a lower or the same rank. */
const RANKS: Record<string, number> = {
  base: 0,
  stream: 1,
  market: 2,
  env: 3,
  risk: 3,
  portfolio: 3,
  store: 3,
  vault: 3,
  sim: 4,
  engine: 5,
  broker: 5,
  agent: 6,
  validate: 6,
  evaluate: 7,
  report: 7,
  commands: 8,
}

const layerOf = (file: string): string => relative('src', file).split('/')[0]!

const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g

function importsOf(file: string): { type: boolean; target: string }[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(IMPORT)].map((match) => {
    const line = text.slice(text.lastIndexOf('\n', match.index) + 1, match.index)
    return { type: /^import type /.test(line), target: match[1]! }
  })
}

const resolved = (file: string, target: string): string =>
  normalize(join(dirname(file), target)).replace(/\.js$/, '.ts')

describe('imports', () => {
  test.each(files.filter((file) => layerOf(file) in RANKS))('%s looks down only', (file) => {
    const rank = RANKS[layerOf(file)]!
    const upward = importsOf(file)
      .filter(({ target }) => target.startsWith('.'))
      .map(({ target }) => layerOf(resolved(file, target)))
      .filter((layer) => layer !== layerOf(file))
      .filter((layer) => {
        if (layer === 'cli') return layerOf(file) !== 'commands'
        const other = RANKS[layer]
        if (other === undefined) return true
        // Within one rank layers do not know each other, but for risk and engine's parts that the kernel joins.
        return other > rank || (other === rank && !PEERS.has(`${layerOf(file)} -> ${layer}`))
      })
    expect(upward).toEqual([])
  })

  test('have no cycles', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ target, type }) => !type && target.startsWith('.'))
          .map(({ target }) => resolved(file, target)),
      ]),
    )
    const done = new Set<string>()
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file))
        throw new Error(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      if (done.has(file)) return
      for (const next of graph.get(file) ?? []) visit(next, [...path, file])
      done.add(file)
    }
    // commands/generate.ts prints the list it stands in; it is loaded when it runs.
    graph.set('src/commands/index.ts', [])
    for (const file of files) visit(file, [])
  })
})

/** Peers that may look at each other in this direction. */
const PEERS = new Set(['portfolio -> risk', 'risk -> portfolio', 'env -> portfolio', 'env -> risk'])

describe('the process', () => {
  const domain = files.filter((file) => !['cli', 'cli.ts', 'commands'].includes(layerOf(file)))
  test.each(domain)('%s does not see it', (file) => {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    expect(code).not.toMatch(/\bprocess\.|\bprocess\b\)|from 'node:process'|from 'commander'|from 'chalk'/)
  })

  test('process.exitCode is set in cli.ts alone', () => {
    const setters = files.filter((file) => /process\.exitCode\s*=/.test(readFileSync(file, 'utf8')))
    expect(setters).toEqual(['src/cli.ts'])
  })

  test('heavy libraries are imported where they are used, not at the start', () => {
    const heavy =
      /^import (?!type ).*from '(chalk|pg|pg-copy-streams|csv-parse|hyparquet|hyparquet-writer|argon2|@stoqey\/ib)'/m
    expect(files.filter((file) => heavy.test(readFileSync(file, 'utf8')))).toEqual([])
  })
})
