import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { badData, systemCode } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { flag } from '../../cli/options.js'
import { decodeUtf8 } from '../../stream/json.js'
import { refuseNul } from '../../vault/shell.js'
import { vaultOptions, withoutPassword } from '../wiring/secrets.js'
import { chosen, only } from './chosen.js'

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a command with secrets in its environment',
  description: [
    'Signals are passed to the command, and its exit status is the status of this one: 128 and the number for a signal, 127 when it is not found, 126 when it cannot be run.',
    'The master password is not in its environment. With --pristine nothing but PATH, HOME, TERM, USER and the secrets is.',
    '  jules vault exec --only TIMESCALEDB_PASSWORD -- docker compose up -d',
  ],
  operands: [
    { name: 'COMMAND', help: 'the command and its arguments, after --', required: true, many: true },
  ],
  passThrough: true,
  discreet: true,
  options: { ...vaultOptions, only, pristine: flag('pass on nothing else of the environment') },
  run: async (context, options, [command = '', ...args]) => {
    const secrets = await chosen(context, options)
    refuseNul(secrets)
    const inherited = withoutPassword(context.environment)
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
  env: Record<string, string | undefined>,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', env: env as NodeJS.ProcessEnv, cwd: context.cwd })
    const release = context.passSignals((signal) => {
      // A terminal sends Ctrl-C to the whole foreground group: the child has it already.
      if (signal !== 'SIGINT' || !context.stdinIsTTY) child.kill(signal)
    })
    child.on('error', (error) => {
      release()
      const missing = systemCode(error) === 'ENOENT'
      context.ui.warn(`${command}: ${missing ? 'command not found' : 'cannot be run'}`)
      resolve(missing ? 127 : 126)
    })
    child.on('exit', (status, signal) => {
      release()
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
