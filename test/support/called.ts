/** A command called in the process of the test, with the words and the status it would end with: a process for each costs most of its time. */
import { tmpdir } from 'node:os'
import { Failure } from '../../src/base/errors.js'
import type { AnyLeaf } from '../../src/cli/command.js'
import type { Context } from '../../src/cli/context.js'
import { globalOptions, type Options } from '../../src/cli/options.js'
import { readFlags } from '../../src/cli/parse.js'
import { settle } from '../../src/cli/settle.js'
import { createUi, inLine, painter } from '../../src/cli/ui.js'
import type { Result } from './workdir.js'

/** What a command called so finds around it. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly home?: string
  readonly clock?: () => number
}

/** What `jules NAME ARGS` says in an empty environment, with no terminal and no standard input. */
export async function called(
  command: AnyLeaf,
  name: string,
  argv: readonly string[],
  { env = {}, home = '/nonexistent', clock = Date.now }: Surroundings = {},
): Promise<Result> {
  const out: Uint8Array[] = []
  const cleanups: (() => Promise<void>)[] = []
  let stderr = ''
  let status = 0
  try {
    const { raw, operands } = readFlags(command, [...argv])
    const all: Options = { ...command.options, ...globalOptions }
    const settings = settle(all, {
      command: name.split(' ')[0]!,
      flags: raw,
      env: () => undefined,
      config: () => undefined,
      discreet: command.discreet,
    })
    const ui = createUi({
      stderr: {
        isTTY: false,
        write: (words) => {
          stderr += words
        },
        columns: () => 80,
      },
      command: name,
      quiet: settings.get('quiet')?.value === true,
      verbose: settings.get('verbose')?.value === true,
      json: false,
      paint: await painter(false),
      ci: false,
      // No progress: a slow machine would add lines.
      now: () => 0,
    })
    const context: Partial<Context> = {
      command: name,
      ui,
      signal: new AbortController().signal,
      clock,
      env: (variable) => env[variable],
      environment: env,
      cwd: tmpdir(),
      pid: process.pid,
      kill: () => true,
      settingsOf: async (_, options) =>
        Object.fromEntries(Object.entries(options).map(([key, { fallback }]) => [key, fallback])) as never,
      uid: process.getuid?.() ?? -1,
      platform: process.platform,
      arch: process.arch,
      paths: {
        home,
        config: home,
        data: home,
        state: home,
        cache: home,
        runtime: undefined,
      } as Context['paths'],
      stdinIsTTY: false,
      stdoutIsTTY: false,
      columns: () => 80,
      color: false,
      quiet: false,
      json: false,
      settings,
      stdout: () => ({
        write: async (bytes) => {
          out.push(Uint8Array.from(bytes))
        },
        close: async () => {},
        abort: async () => {},
      }),
      onEnd: (cleanup) => void cleanups.push(cleanup),
      onForcedExit: () => () => {},
      exitWith: (code) => {
        status = code
      },
    }
    const options = Object.fromEntries(
      Object.keys(command.options).map((key) => [key, settings.get(key)?.value]),
    )
    await command.run(context as Context, options, operands)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    status = error.code
    const where = error.where === undefined ? '' : `${error.where}: `
    stderr += `jules ${name}: ${inLine(where + error.message)}\n`
    if (error.hint !== undefined) stderr += `jules ${name}: hint: ${inLine(error.hint)}\n`
  } finally {
    for (const cleanup of cleanups) await cleanup()
  }
  return { status, signal: null, stdout: Buffer.concat(out).toString(), stderr }
}
