import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../base/errors.js'
import { shellWord } from '../../base/words.js'
import { type CommandEntry, defineCommand } from '../../cli/command.js'
import { readConfig } from '../../cli/config.js'
import { configFailures } from '../../cli/config-check.js'
import type { Context } from '../../cli/context.js'
import { choice, integer, option, under } from '../../cli/options.js'
import { inLine, painter, plain } from '../../cli/ui.js'
import { BlockWriter } from '../../stream/sink.js'
import { type GatewayPlace, gatewayPlace } from '../wiring/gateway.js'
import { isTable } from '../wiring/output.js'
import { type StoreFlags, store, storeEnvironment } from '../wiring/store.js'
import { type Check, fine, wrong } from './check.js'
import { DOCTOR_CLIENT, gatewayChecks } from './gateway.js'
import {
  calendarCheck,
  clockCheck,
  diskCheck,
  folderCheck,
  nodeCheck,
  packageChecks,
  zoneCheck,
} from './machine.js'
import { storeChecks, vaultCheck } from './services.js'

/** The folder of package.json. */
const HOME = fileURLToPath(new URL('../../../', import.meta.url))

/** The command that looks at the configuration of `commands`, of which it is one. */
export const doctorOf = (commands: readonly CommandEntry[]) =>
  defineCommand({
    name: 'doctor',
    summary: 'check that this machine has what jules needs',
    description: [
      'Looks at Node, the packages, the store, the vault, the clock, the calendar, room on the disk, the configuration file and the directories, and prints a check record each: its name, whether it is ok, and for a problem a command that mends it or shows what is in the way. On a terminal they are lines.',
      'Nothing is started, made or changed, and no password is asked for. The embedded database is asked whether it runs; a database that --dsn or the environment names is tried.',
      'With --gateway the gateway of the broker is looked at too, and no order is sent to it: the version of its protocol, whether all its accounts are paper accounts, whether it is in read-only mode, whether data of NVDA is live, and how far its clock is from this one. When it restarts it does not tell.',
      'Exits with 1 when something is wrong.',
    ],
    options: {
      ...under('Data', store),
      ...under('Gateway', {
        gateway: option<GatewayPlace | undefined>(
          'HOST:PORT',
          'look at this gateway of the broker too',
          {},
          gatewayPlace,
        ),
        'client-id': integer('N', 'client id on that gateway, one that no run has', {
          min: 0,
          max: 2 ** 31 - 1,
          fallback: DOCTOR_CLIENT,
        }),
      }),
      ...under('Output', {
        format: choice('FORMAT', ['ndjson', 'table'], 'one record a check, or lines for people', {
          short: 'f',
          defaultText: 'table on a terminal, else ndjson',
        }),
      }),
    },
    examples: [
      { text: 'What is wrong, and what to do about it', shell: 'jules doctor -f table' },
      { text: 'Before paper trading', shell: 'jules doctor --gateway 127.0.0.1:4002 -f table' },
      { text: 'For a monitor', shell: 'jules doctor | grep \'"ok":false\'' },
    ],
    exits: { 1: 'something is wrong' },
    environment: storeEnvironment,
    seeAlso: ['db', 'vault', 'bench'],
    diagnoses: true,
    run: async (context, options) => {
      const table = isTable(context, options.format)
      const paint = await painter(context.color)
      const out = new BlockWriter(context.stdout())
      let failed = false
      for await (const { name, problem, fix, detail } of checksOf(context, options, commands)) {
        context.signal.throwIfAborted()
        failed ||= problem !== null
        if (!table) {
          const record = {
            type: 'check',
            name,
            ok: problem === null,
            problem,
            fix,
            detail: problem === null ? detail : null,
          }
          await out.text(`${plain(JSON.stringify(record))}\n`)
        } else if (problem === null) await out.text(`${paint.green('ok')}      ${name}: ${inLine(detail)}\n`)
        else
          await out.text(
            `${paint.red('failed')}  ${name}: ${inLine(problem)}\n        fix: ${inLine(fix ?? '')}\n`,
          )
      }
      await out.drain()
      if (failed) context.exitWith(1)
    },
  })

async function* checksOf(
  context: Context,
  flags: StoreFlags & { readonly gateway: GatewayPlace | undefined; readonly 'client-id': number },
  commands: readonly CommandEntry[],
): AsyncGenerator<Check> {
  const { paths, clock, uid, platform, arch } = context
  const { engines } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')) as {
    engines: { node: string }
  }
  yield nodeCheck(process.versions.node, engines.node)
  yield* await packageChecks(HOME, { platform, arch })
  yield* await configChecks(context, commands)
  const { checks, times } = await storeChecks(context, flags)
  yield* checks
  yield await vaultCheck(context)
  yield clockCheck(times?.hereMs ?? clock(), times?.storeMs ?? null)
  yield zoneCheck(clock())
  yield calendarCheck(clock(), updateOf())
  yield folderCheck('configuration', paths.config, 'XDG_CONFIG_HOME', uid)
  yield folderCheck('data', paths.data, 'XDG_DATA_HOME', uid)
  yield folderCheck('state', paths.state, 'XDG_STATE_HOME', uid)
  yield folderCheck('temporary', tmpdir(), 'TMPDIR', uid)
  yield await diskCheck('disk data', paths.data)
  yield await diskCheck('disk temporary', tmpdir())
  const { gateway, 'client-id': clientId } = flags
  if (gateway !== undefined) yield* await gatewayChecks(context, { place: gateway, clientId })
}

/** How this jules was installed says how it is brought up to date. */
const updateOf = (): string =>
  existsSync(join(HOME, '.git'))
    ? `git -C ${shellWord(HOME)} pull && npm --prefix ${shellWord(HOME)} ci`
    : 'npm install --global jules@latest'

async function configChecks(context: Context, commands: readonly CommandEntry[]): Promise<Check[]> {
  const name = 'config file'
  const setting = context.settings.get('config')
  const asked = typeof setting?.value === 'string' ? setting.value : undefined
  const path = asked ?? join(context.paths.config, 'config.json')
  const failed = ({ message, hint }: Failure): Check => {
    const words = hint === undefined ? message : `${message}: ${hint}`
    // A value of the environment is named by its variable.
    const [variable] = /^JULES_[A-Z_]+(?=:)/.exec(message) ?? []
    if (variable !== undefined) return wrong('environment', words, `unset ${variable}`)
    return wrong(name, words, `\${EDITOR:-vi} ${shellWord(path)}`)
  }
  try {
    const config = await readConfig(path, asked !== undefined)
    const failures = await configFailures(config, commands, context.env)
    if (failures.length > 0) return failures.map(failed)
    return [fine(name, config.path === undefined ? `none at ${path}` : `${path} is understood`)]
  } catch (error) {
    if (error instanceof Failure) return [failed(error)]
    throw error
  }
}
