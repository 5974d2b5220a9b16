/**
 * A helper command in place of the vault file. Values travel over standard input and output, never in arguments. Status 66
 * from get or rm means that there is no such secret; whatever else goes wrong is an outage (69) and never an absence, so
 * that nothing runs without secrets because a tool could not be reached.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { badData, EXIT, Failure } from '../base/errors.js'
import { processTree } from '../base/process-tree.js'
import { quote } from '../base/words.js'
import type { SecretBackend, SecretDates } from './backend.js'
import { FILE_LIMIT, NAME } from './format.js'

export interface HelperOptions {
  /** A shell line; `get NAME`, `list`, `set NAME` or `rm NAME` are appended as arguments. */
  readonly command: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** How long one call may take. */
  readonly patienceMs: number
  readonly signal: AbortSignal
  readonly kill: (pid: number, signal: 'SIGTERM' | 'SIGKILL' | 0) => unknown
  /** What a helper says on standard error although it succeeds. */
  readonly warn: (words: string) => void
}

type Call = readonly [verb: 'list'] | readonly [verb: 'get' | 'set' | 'rm', name: string]

/** What a helper may say before the rest is left out, in bytes. */
const WORDS_LIMIT = 2048

/** How long a helper that was told to end has for it, and how often it is looked for. */
const GRACE_MS = 1000
const POLL_MS = 20

/** How long the last words of a helper that has ended may be on their way. */
const DRAIN_MS = 300

/** The secrets that a helper command reaches. Its failures are 69, what it gives and cannot be is 65. */
export function helperBackend(options: HelperOptions): SecretBackend {
  const run = (call: Call, input?: Buffer) => runHelper(options, call, input)
  const get = async (name: string) => {
    const value = await run(['get', name])
    // A tool that fails inside a pipe leaves status 0 and nothing.
    if (value.length === 0)
      throw new Failure('unavailable', `the helper command gave nothing at get ${name}, with status 0`)
    return value
  }
  const list = async () => {
    const names = (await run(['list'])).toString('utf8').split('\n').filter(Boolean)
    const wrong = names.find((name) => !NAME.test(name))
    if (wrong !== undefined)
      throw badData(`the helper command lists a name that no secret can have: ${quote(wrong)}`)
    return new Map(names.map((name): [string, SecretDates] => [name, { created: null, updated: null }]))
  }
  return {
    get,
    list,
    all: async (names) => {
      const asked = names ?? [...(await list()).keys()]
      // So looks a tool that failed inside a pipe, too: nothing is to run, or be copied, without its secrets.
      if (names === undefined && asked.length === 0)
        throw new Failure('unavailable', 'the helper command lists no secrets', { hint: 'jules vault list' })
      const values = new Map<string, Buffer>()
      for (const name of asked) values.set(name, await get(name))
      return values
    },
    set: async (name, value) => {
      if (value.length === 0) throw badData(`${name}: a helper command cannot keep an empty value`)
      await run(['set', name], value)
    },
    rm: async (name) => {
      await run(['rm', name])
    },
  }
}

interface Ended {
  readonly status: number | null
  readonly signal: string | null
}

async function runHelper(
  options: HelperOptions,
  call: Call,
  input: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  const { command, environment, patienceMs, signal, warn } = options
  signal.throwIfAborted()
  const [verb, name] = call
  const child = spawn('/bin/sh', ['-c', `${command} "$@"`, 'sh', ...call], {
    env: environment as NodeJS.ProcessEnv,
    stdio: 'pipe',
  })
  const output: Buffer[] = []
  const words = new Words()
  let size = 0
  let unread = false
  let timer: NodeJS.Timeout | undefined
  let onAbort = () => {}
  // Whatever comes first: the helper's end, or a reason not to wait for it.
  const ended = await new Promise<Ended>((resolve, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    timer = setTimeout(() => {
      const ill =
        child.exitCode === null ? 'gave no answer' : 'left its output open to something that it started'
      const words = `the helper command ${ill} at ${call.join(' ')} within ${patienceMs / 1000} s`
      reject(new Failure('unavailable', words))
    }, patienceMs)
    child.stdout.on('data', (data: Buffer) => {
      size += data.length
      if (size > FILE_LIMIT)
        reject(badData(`the helper command gives more than ${FILE_LIMIT} bytes at ${call.join(' ')}`))
      else output.push(data)
    })
    child.stderr.on('data', (data: Buffer) => words.add(data))
    child.stdin.on('error', () => {
      unread = true
    })
    child.stdin.end(input)
    child.on('error', (error) => reject(new Failure('unavailable', `the helper command: ${error.message}`)))
    const exit = new Promise<Ended>((over) => child.on('exit', (status, by) => over({ status, signal: by })))
    const closed = (stream: Readable) => new Promise<void>((over) => stream.on('close', over))
    // Its output must have come to an end; what it left running may keep standard error.
    const quiet = closed(child.stderr)
    void Promise.all([exit, closed(child.stdout)]).then(async ([how]) => {
      await Promise.race([quiet, pause(DRAIN_MS)])
      resolve(how)
    })
  })
    .catch(async (error) => {
      await end(child, options.kill)
      throw error
    })
    .finally(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      for (const stream of child.stdio) stream?.destroy()
    })
  if (ended.status === 0 && verb === 'set' && unread)
    throw new Failure(
      'unavailable',
      `the helper command did not read the value at set ${name}, with status 0`,
    )
  if (ended.status === 0) {
    for (const line of words.lines()) warn(`the helper command: ${line}`)
    return Buffer.concat(output)
  }
  const said = words.lines().join('; ')
  if (ended.status === EXIT.noInput && (verb === 'get' || verb === 'rm'))
    throw new Failure(
      'noInput',
      `no secret ${name}`,
      said === '' ? {} : { hint: `the helper command: ${said}` },
    )
  const how = ended.status === null ? `was ended by ${ended.signal}` : `failed with status ${ended.status}`
  throw new Failure(
    'unavailable',
    `the helper command ${how} at ${call.join(' ')}${said === '' ? '' : `: ${said}`}`,
  )
}

/** Ends the helper and what it started: at first so that it can clean up, then at once. */
async function end({ pid, exitCode, signalCode }: ChildProcess, kill: HelperOptions['kill']): Promise<void> {
  // The number of one that has ended may be another's by now.
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  let left = processTree(pid)
  const send = (signal: 'SIGTERM' | 'SIGKILL' | 0) => {
    left = left.filter((one) => {
      try {
        kill(one, signal)
        return true
      } catch {
        return false
      }
    })
  }
  send('SIGTERM')
  for (let waited = 0; left.length > 0 && waited < GRACE_MS; waited += POLL_MS) {
    await pause(POLL_MS)
    send(0)
  }
  send('SIGKILL')
}

/** The beginning of what a helper says, as lines. */
class Words {
  #bytes = Buffer.alloc(0)
  #more = false

  add(data: Buffer): void {
    const room = WORDS_LIMIT - this.#bytes.length
    this.#more ||= data.length > room
    this.#bytes = Buffer.concat([this.#bytes, data.subarray(0, room)])
  }

  lines(): string[] {
    const text = this.#bytes.toString('utf8') + (this.#more ? '...' : '')
    return text
      .split(/[\r\n]+/)
      .map((line) => line.trim())
      .filter(Boolean)
  }
}
