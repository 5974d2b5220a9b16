/** A directory and a HOME of its own for each test, and the built binary run in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { shellWord } from '../../src/base/words.js'
import { sessionOfBar } from '../../src/market/calendar.js'
import { type Answer, answer } from './warm.js'

export const BIN = resolve('bin/jules')
/** The binary as a word of a shell line. */
export const BIN_WORD = shellWord(BIN)

export interface Result {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly input?: string | Buffer
  readonly env?: Record<string, string>
  readonly cwd?: string
}

export class Workdir {
  readonly path: string

  constructor(name = 'jules test ') {
    this.path = mkdtempSync(join(tmpdir(), name))
    onTestFinished(() => rmSync(this.path, { recursive: true, force: true }))
  }

  file(name: string): string {
    return join(this.path, name)
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(this.file(name), content)
    return this.file(name)
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  list(): string[] {
    return readdirSync(this.path).sort()
  }

  /** What a command sees: nothing of the developer's own environment. */
  environment(more: Record<string, string> = {}): Record<string, string> {
    return { PATH: process.env.PATH ?? '', HOME: this.path, ...more }
  }

  /** Runs `jules ARGS` with empty standard input unless one is given. */
  jules(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return finished(this.start(BIN, args, options), options.input)
  }

  /**
   * As `jules`, in one process for all commands of a file of tests, which costs a tenth. For what a process alone shows (signals,
   * pipes, terminals, colours, passwords, commands side by side) there is `jules`.
   */
  async called(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const said = await this.#answer(args, options)
    return { ...said, signal: null, stdout: said.stdout.toString() }
  }

  async #answer(args: readonly string[], { cwd, env, input = '' }: RunOptions): Promise<Answer> {
    const said = await answer({ args, cwd: cwd ?? this.path, env: this.environment(env) }, input)
    return { ...said, stderr: said.stderr.replace(PROGRESS, '') }
  }

  /** As `shell`, through `called`: a line of nothing but commands of jules and pipes between them, which fails where one of them does. */
  async line(text: string, { input = '', ...more }: RunOptions = {}): Promise<Result> {
    let stderr = ''
    let status = 0
    let passed: Buffer = Buffer.from(input)
    for (const [name, ...args] of commandsOf(text)) {
      if (name !== 'jules') throw new Error(`${name} takes a shell`)
      const said = await this.#answer(args, { ...more, input: passed })
      if (said.status !== 0) status = said.status
      passed = said.stdout
      stderr += said.stderr
    }
    return { status, signal: null, stdout: passed.toString(), stderr }
  }

  /** Runs a shell line with `jules` on the PATH. */
  shell(line: string, options: RunOptions = {}): Promise<Result> {
    const path = `${resolve('bin')}:${process.env.PATH}`
    return finished(
      this.start('bash', ['-c', line], { ...options, env: { PATH: path, ...options.env } }),
      options.input,
    )
  }

  start(command: string, args: readonly string[], { env, cwd }: RunOptions = {}): ChildProcess {
    return spawn(command, [...args], { cwd: cwd ?? this.path, env: this.environment(env), stdio: 'pipe' })
  }
}

/** The words of each command of a pipeline, quotes taken off. */
function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]]
  for (const [token] of line.matchAll(/(?:'[^']*'|"[^"$`\\]*"|[^\s'"|])+|\|/g)) {
    if (token === '|') commands.push([])
    else if (/^[^'"]*[<>;&$*`\\]/.test(token)) throw new Error(`${token} takes a shell`)
    else commands.at(-1)!.push(token.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'))
  }
  return commands
}

/** The lines a slow machine adds: a command that takes longer than ten seconds says how far it is, and tests are not about that. */
const PROGRESS =
  /^jules [\w -]+: \d+(\/\d+)? \w+, \d+\/s(, \d+ s left)?(, .*)?\n|^\{"type":"progress",.*\}\n/gm

export function finished(child: ChildProcess, input: string | Buffer = ''): Promise<Result> {
  return new Promise((done, reject) => {
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout?.on('data', (data) => out.push(data))
    child.stderr?.on('data', (data) => err.push(data))
    child.on('error', reject)
    child.on('close', (status, signal) =>
      done({
        status,
        signal,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString().replace(PROGRESS, ''),
      }),
    )
    // A command that stops early leaves its input unread.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

let count = 0

export interface Database {
  readonly dsn: string
  query(sql: string): Promise<Record<string, unknown>[]>
}

/** A database on the shared server, dropped after the test: an empty one, or a copy of another. */
export async function freshDatabase(template?: string): Promise<Database> {
  const url = inject('serverUrl')
  const name = `t_${process.pid}_${count++}`
  await once(url, `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`)
  const dsn = url.replace('/trading_data', `/${name}`)
  onTestFinished(() => once(url, `DROP DATABASE ${name} WITH (FORCE)`).then(() => {}))
  return { dsn, query: (sql) => once(dsn, sql) }
}

export async function once(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, ssl: false })
  client.on('error', () => {})
  await client.connect()
  try {
    const result = await client.query(sql)
    return result.rows
  } finally {
    await client.end()
  }
}

/** A bar line that `load` takes; `minute` counts from 13:30 UTC. */
export function barLine(minute: number, fields: Record<string, unknown> = {}): string {
  const startMs = Date.UTC(2025, 6, 30, 13, 30) + minute * 60_000
  const time = new Date(startMs).toISOString().replace('.000', '')
  return JSON.stringify({
    type: 'bar',
    symbol: 'NVDA',
    interval: '1m',
    time,
    open: 179.2,
    high: 179.5,
    low: 179.1,
    close: 179.4,
    volume: 1000 + minute,
    vwap: 179.31,
    trades: 12,
    adjusted: 'splits',
    session: sessionOfBar(startMs, 60_000),
    source: 'test',
    ...fields,
  })
}

export const barLines = (count: number): string =>
  Array.from({ length: count }, (_, minute) => `${barLine(minute)}\n`).join('')
