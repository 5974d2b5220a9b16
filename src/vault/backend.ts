/** Where secrets come from, behind one interface: the vault file, or a helper command that reaches any other vault. */
import { spawn } from 'node:child_process'
import { Failure } from '../base/errors.js'
import { NAME } from './format.js'

export interface SecretDates {
  readonly created: string | null
  readonly updated: string | null
}

export interface SecretBackend {
  get(name: string): Promise<Buffer>
  all(): Promise<Map<string, Buffer>>
  list(): Promise<Map<string, SecretDates>>
  set(name: string, value: Buffer): Promise<void>
  rm(name: string): Promise<void>
}

export interface HelperOptions {
  /** A shell line; `get NAME`, `list`, `set NAME` or `rm NAME` are appended as arguments. */
  readonly command: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

/** Values travel over standard input and output, never in arguments. Status 66 means that there is no such secret. */
export function helperBackend(options: HelperOptions): SecretBackend {
  const run = (args: readonly string[], input?: Buffer) => runHelper(options, args, input)
  const get = (name: string) => run(['get', name])
  const list = async () => {
    const names = (await run(['list'])).toString('utf8').split('\n').filter(Boolean)
    const wrong = names.find((name) => !NAME.test(name))
    if (wrong !== undefined)
      throw new Failure('data', 'the helper command lists a name that no secret can have')
    return new Map(names.map((name): [string, SecretDates] => [name, { created: null, updated: null }]))
  }
  return {
    get,
    list,
    all: async () => {
      const values = new Map<string, Buffer>()
      for (const name of (await list()).keys()) values.set(name, await get(name))
      return values
    },
    set: async (name, value) => {
      await run(['set', name], value)
    },
    rm: async (name) => {
      await run(['rm', name])
    },
  }
}

function runHelper(
  { command, environment, signal }: HelperOptions,
  args: readonly string[],
  input: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `${command} "$@"`, 'sh', ...args], {
      env: environment as NodeJS.ProcessEnv,
      stdio: ['pipe', 'pipe', 'inherit'],
      signal,
    })
    const output: Buffer[] = []
    child.stdout.on('data', (data) => output.push(data))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error))
    child.on('close', (status) => {
      if (status === 0) return resolve(Buffer.concat(output))
      if (status === 66) return reject(new Failure('noInput', `no secret ${args[1]}`))
      reject(new Failure('unavailable', `the helper command failed at ${args[0]} with status ${status}`))
    })
  })
}
