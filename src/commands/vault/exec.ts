import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { badData, Failure, messageOf, systemCode } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { flag, list } from '../../cli/options.js'
import { FEED_KEYS } from '../../market/feeds/keys.js'
import { decodeUtf8 } from '../../stream/json.js'
import { refuseNul } from '../../vault/shell.js'
import { checkName } from '../../vault/vault.js'
import { vaultOptions } from '../wiring/secrets.js'
import { chosen, only } from './chosen.js'

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a command with secrets in its environment',
  description: [
    'Signals are passed to the command, and its exit status is the status of this one: 128 and the number for a signal, 127 when it is not found, 126 when it cannot be run.',
    'The master password is not in its environment. With --pristine nothing but PATH, HOME, TERM, USER and the secrets is.',
    'Where the vault cannot be read, or a helper command fails, COMMAND is not run. With --require it is run only if these secrets are there.',
    '  jules vault exec --only TIMESCALEDB_PASSWORD -- docker compose up -d',
  ],
  operands: [
    { name: 'COMMAND', help: 'the command and its arguments, after --', required: true, many: true },
  ],
  passThrough: true,
  discreet: true,
  options: {
    ...vaultOptions,
    only,
    pristine: flag('pass on nothing else of the environment'),
    require: list('LIST', 'do not run without these secrets', { completes: 'secret' }),
  },
  run: async (context, options, [command = '', ...args]) => {
    const { require = [], only: names } = options
    require.forEach(checkName)
    const secrets = await chosen(context, {
      ...options,
      only: names === undefined ? undefined : [...new Set([...names, ...require])],
    })
    const absent = require.filter((name) => !secrets.has(name))
    if (absent.length > 0) {
      throw new Failure('noInput', `no secret ${absent.join(', ')}: ${command} was not run`, {
        hint: absent.map((name) => `jules vault set ${name}`).join('; '),
      })
    }
    refuseNul(secrets)
    if (secrets.size === 0) context.ui.warn(`the vault holds no secrets: ${command} runs without any`)
    // The keys of vendors are secrets like those of the vault: this command exists to hand such on.
    const keys = Object.values(FEED_KEYS).flat()
    const inherited = {
      ...context.environment,
      ...Object.fromEntries(keys.map((name) => [name, context.env(name)])),
    }
    const base = options.pristine
      ? Object.fromEntries(['PATH', 'HOME', 'TERM', 'USER'].map((name) => [name, inherited[name]]))
      : inherited
    // Node encodes the environment as UTF-8, so other bytes cannot be handed over unchanged.
    const values = [...secrets].map(([name, value]): [string, string] => {
      const words = decodeUtf8(value)
      if (words === null)
        throw badData(`${name}: is not UTF-8 and cannot be handed to a command; use vault env`)
      return [name, words]
    })
    context.exitWith(await runChild(context, command, args, { ...base, ...Object.fromEntries(values) }))
  },
})

function runChild(
  context: Context,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  return new Promise((resolve) => {
    let child: ChildProcess | undefined
    // Before the command begins: a signal may come with its first word.
    const release = context.passSignals((signal) => {
      // What is typed on a terminal goes to the whole foreground group: the child has it already.
      const typed = signal === 'SIGINT' || signal === 'SIGQUIT' || signal === 'SIGWINCH'
      if (!typed || !context.stdinIsTTY) child?.kill(signal)
    })
    const failed = (error: unknown) => {
      release()
      const [status, words] = whyNotRun(error)
      context.ui.warn(`${command}: ${words}`)
      resolve(status)
    }
    try {
      child = spawn(command, args, { stdio: 'inherit', env: env as NodeJS.ProcessEnv, cwd: context.cwd })
    } catch (error) {
      // Some reasons are thrown, others come as an event.
      return failed(error)
    }
    child.on('error', failed)
    child.on('exit', (status, signal) => {
      release()
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** As a shell ends: 127 for a command that is not there, 126 for one that cannot be run. */
function whyNotRun(error: unknown): [status: number, words: string] {
  const code = systemCode(error)
  if (code === 'ENOENT') return [127, 'command not found']
  if (code === 'E2BIG') return [126, 'arguments and secrets are too long for one command']
  if (code === 'EACCES') return [126, 'cannot be run']
  return [126, `cannot be run: ${messageOf(error)}`]
}
