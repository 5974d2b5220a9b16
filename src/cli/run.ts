/** Finds the command, settles its options, runs it, and turns whatever comes out into words and an exit status. */
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { EXIT, Failure, fileFailure, messageOf, usage } from '../base/errors.js'
import { nearest } from '../base/suggest.js'
import { type ByteSink, ReaderGone, stdoutSink } from '../stream/sink.js'
import { type Command, type CommandEntry, type CommandGroup, isGroup, type LeafCommand } from './command.js'
import { type Config, configLayer, readConfig } from './config.js'
import { insideOf } from './config-check.js'
import type { Context } from './context.js'
import { env, environment } from './environment.js'
import { commandHelp, rootHelp } from './help.js'
import { flag, globalOptions, type Options, type Setting, type Values } from './options.js'
import { checkOperands, readFlags, splitCommand } from './parse.js'
import { xdgPaths } from './paths.js'
import { print, say, showHelp, version } from './print.js'
import { settingWords, settle } from './settle.js'
import { watchSignals } from './signals.js'
import { type ColorWhen, createUi, inLine, painter, plain, wantsColor } from './ui.js'

type Commands = readonly CommandEntry[]

/** Runs `jules ARGV` with the commands of the list; resolves to the exit status, never rejects. */
export async function run(argv: readonly string[], commands: Commands): Promise<number> {
  // What the report of a failure needs before the options are known.
  const voice: Voice = {
    command: '',
    json: argv.includes('--json'),
    color: false,
    stopped: () => undefined,
  }
  let idle = () => {}
  const abandoned = new Promise<never>((_, reject) => {
    const words = 'bug: it stopped without finishing: it waits for something that cannot come'
    idle = () => reject(new Failure('bug', words, { hint: 'please report this' }))
  })
  // Emitted when nothing is left to wait for, which under a command means a promise that nobody keeps.
  process.once('beforeExit', idle)
  const status = await Promise.race([dispatch(argv, commands, voice), abandoned]).catch((error) =>
    report(error, voice),
  )
  process.off('beforeExit', idle)
  // After a signal nothing that fails hides that the command was stopped.
  return voice.stopped() ?? status
}

interface Voice {
  command: string
  json: boolean
  color: boolean
  /** 130 or 143 once a signal came. */
  stopped: () => number | undefined
}

async function dispatch(argv: readonly string[], commands: Commands, voice: Voice): Promise<number> {
  const { word, rest } = splitCommand(argv)
  if (word === undefined) return help(argv, commands, { asked: false })
  if (word === 'help') return help(rest, commands, { asked: true })
  const entry = find(commands, word)
  voice.command = entry.name
  let command: Command = await entry.load()
  let args = rest
  const path = [entry.name]
  let group: CommandGroup | undefined
  if (isGroup(command)) {
    group = command
    let split = splitCommand(rest)
    const alone = standsAlone(group, rest, split.word)
    if (alone !== undefined) split = { word: alone, rest }
    if (split.word === undefined || split.word === 'help') {
      const { raw } = readFlags({ options: {} }, split.rest)
      if (raw.has('version')) return print(version())
      return showHelp(commandHelp(entry.name, group), split.word === 'help' || raw.has('help'))
    }
    const child = group.commands.find(({ name }) => name === split.word)
    if (child === undefined) {
      const names = group.commands.map(({ name }) => name)
      throw unknown(`${entry.name} command`, split.word, names)
    }
    command = child
    args = split.rest
    path.push(child.name)
    voice.command = path.join(' ')
  }
  return runLeaf({ command: command as LeafCommand, path, group, commands }, args, voice)
}

/** The command of a group that runs for words which name none: nothing but options, of which none asks for help. */
function standsAlone(
  { alone, commands }: CommandGroup,
  rest: readonly string[],
  word: string | undefined,
): string | undefined {
  if (alone === undefined || commands.some(({ name }) => name === word)) return undefined
  if (word !== undefined && !rest[0]?.startsWith('-')) return undefined
  return rest.some((one) => /^(--help|--version|-h|-V)$/.test(one)) ? undefined : alone
}

interface Found {
  readonly command: LeafCommand
  readonly path: readonly string[]
  readonly group: CommandGroup | undefined
  /** Every command: the configuration file may have a section for each. */
  readonly commands: Commands
}

async function runLeaf(found: Found, argv: string[], voice: Voice): Promise<number> {
  const { command, path, commands } = found
  const { raw, operands, again } = readFlags(command, argv)
  if (raw.has('help')) return print(commandHelp(path.join(' '), command))
  if (raw.has('version')) return print(version())
  const paths = xdgPaths(env, homedir)
  const { config, layer } = await configOf(found, raw.get('config'), paths.config)
  const all: Options = { ...command.options, ...globalOptions }
  const settings = settle(all, {
    command: path[0]!,
    flags: raw,
    env,
    config: layer,
    discreet: command.discreet,
  })
  const value = (name: string): unknown => settings.get(name)?.value
  const when = value('color') as ColorWhen
  voice.json = value('json') === true
  voice.color = wantsColor(when, isatty(2), env)
  checkOperands(command, operands)
  const ui = createUi({
    stderr: { isTTY: isatty(2), write: say, columns: terminalWidth },
    command: voice.command,
    quiet: value('quiet') === true,
    verbose: value('verbose') === true,
    json: voice.json,
    paint: await painter(voice.color),
    ci: Boolean(env('CI')),
    now: Date.now,
  })
  const interruption = watchSignals(
    process,
    (words) => ui.warn(words),
    (status) => process.exit(status),
  )
  voice.stopped = interruption.status
  for (const [name, setting] of settings) {
    if (name !== 'help' && name !== 'version') ui.detail(settingWords(name, setting, all[name]!))
  }
  for (const name of again) ui.detail(`--${name} is given more than once: the last one counts`)
  let stdout: ByteSink | undefined
  // A reader that has stalled must not hold a command that was told to stop; last records get a second to leave.
  interruption.signal.addEventListener('abort', () => setTimeout(() => stdout?.abort(), 1000).unref())
  let status: number = EXIT.ok
  const cleanups: (() => Promise<void>)[] = []
  const context: Context = {
    command: voice.command,
    ui,
    signal: interruption.signal,
    clock: Date.now,
    env,
    environment,
    cwd: workingDirectory(),
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    hasAccount: hasAccount(),
    platform: process.platform,
    arch: process.arch,
    kill: (pid, signal) => process.kill(pid, signal),
    paths,
    stdinIsTTY: isatty(0),
    stdoutIsTTY: isatty(1),
    columns: () => (isatty(1) ? process.stdout.columns || 80 : 80),
    color: wantsColor(when, isatty(1), env),
    quiet: value('quiet') === true,
    json: voice.json,
    stdout: () => {
      stdout ??= stdoutSink()
      return stdout
    },
    settings,
    settingsOf: async <O extends Options>(section: string, of: O) => {
      const group = await find(commands, section).load()
      const place = { path: [section], options: of, ...(isGroup(group) ? { group: insideOf(group) } : {}) }
      const settled = settle(of, {
        command: section,
        flags: new Map(),
        env,
        config: configLayer(config, place, namesOf(commands)),
      })
      return valuesOf(of, settled)
    },
    onEnd: (cleanup) => cleanups.push(cleanup),
    onForcedExit: interruption.onForcedExit,
    passSignals: interruption.passSignals,
    interrupt: interruption.interrupt,
    exitWith: (code) => {
      status = code
    },
  }
  const options = valuesOf(command.options, settings)
  try {
    await command.run(context, options, operands)
    await stdout?.close()
    return status
  } catch (error) {
    // What a command throws when it is told to stop is the signal's doing; a failure of its own is still said.
    if (interruption.status() !== undefined && !(error instanceof Failure)) return EXIT.ok
    throw error
  } finally {
    for (const cleanup of cleanups) await cleanup()
    interruption.dispose()
  }
}

function find(commands: Commands, word: string): CommandEntry {
  const entry = commands.find(({ name }) => name === word)
  if (entry !== undefined) return entry
  throw unknown('command', word, namesOf(shown(commands)))
}

function unknown(what: string, word: string, known: readonly string[]): Failure {
  const near = nearest(word, known)
  return usage(`unknown ${what} ${JSON.stringify(word)}`, {
    hint: near === undefined ? `the commands are ${known.join(', ')}` : `did you mean ${near}?`,
  })
}

/** `jules`, `jules -h`, `jules -V`, `jules help [COMMAND...]`. */
async function help(
  argv: readonly string[],
  commands: Commands,
  { asked }: { readonly asked: boolean },
): Promise<number> {
  const { raw, operands } = readFlags({ options: { all: flag('every option') } }, [...argv])
  const all = raw.has('all')
  if (raw.has('version')) return print(version())
  const [first, second] = operands
  if (first === undefined) return showHelp(rootHelp(shown(commands)), asked || raw.has('help'))
  const command = await find(commands, first).load()
  if (second === undefined) return print(commandHelp(first, command, { all }))
  if (!isGroup(command)) throw usage(`unexpected operand ${JSON.stringify(second)}`)
  const child = command.commands.find(({ name }) => name === second)
  if (child === undefined) {
    throw unknown(
      `${first} command`,
      second,
      command.commands.map(({ name }) => name),
    )
  }
  return print(commandHelp(`${first} ${second}`, child, { all }))
}

function workingDirectory(): string {
  try {
    return process.cwd()
  } catch (error) {
    throw new Failure('noInput', 'the working directory is gone', { cause: error })
  }
}

function hasAccount(): boolean {
  try {
    userInfo()
    return true
  } catch {
    return false
  }
}

function loadConfig(flag: string | undefined, directory: string): Promise<Config> {
  const asked = flag ?? env('JULES_CONFIG')
  return readConfig(asked ?? join(directory, 'config.json'), asked !== undefined)
}

function valuesOf<O extends Options>(options: O, settings: ReadonlyMap<string, Setting>): Values<O> {
  return Object.fromEntries(
    Object.keys(options).map((name) => [name, settings.get(name)?.value]),
  ) as Values<O>
}

/** Asked for while progress is drawn on a terminal, and not before: a stream of it is opened then. */
const terminalWidth = (): number => process.stderr.columns ?? 80

const shown = (commands: Commands): Commands => commands.filter(({ hidden }) => !hidden)
const namesOf = (commands: Commands): string[] => commands.map(({ name }) => name)

/** The configuration file, and what it says of the command at hand. */
async function configOf(
  { command, path, group, commands }: Found,
  flag: string | undefined,
  directory: string,
): Promise<{ config: Config; layer: (name: string) => string | undefined }> {
  const place = { path, options: command.options, ...(group === undefined ? {} : { group: insideOf(group) }) }
  const layered = (config: Config) => ({ config, layer: configLayer(config, place, namesOf(commands)) })
  try {
    return layered(await loadConfig(flag, directory))
  } catch (error) {
    if (command.diagnoses === true && error instanceof Failure) return layered({ path: undefined, body: {} })
    throw error
  }
}

/** Words for any failure; returns the exit status. */
async function report(thrown: unknown, voice: Voice): Promise<number> {
  if (thrown instanceof ReaderGone) return EXIT.ok
  const error = fileFailure(thrown)
  const prefix = ['jules', voice.command].filter(Boolean).join(' ')
  const failure = error instanceof Failure ? error : undefined
  const code = failure?.code ?? EXIT.bug
  const message = failure?.message ?? messageOf(error)
  if (voice.json) {
    const line = {
      type: 'error',
      code,
      command: voice.command,
      message,
      ...(failure?.where === undefined ? {} : { where: failure.where }),
      ...(failure?.hint === undefined ? {} : { hint: failure.hint }),
      ...failure?.fields,
    }
    say(`${plain(JSON.stringify(line))}\n`)
    return code
  }
  const paint = await painter(voice.color)
  const where = failure?.where === undefined ? '' : `${failure.where}: `
  if (failure === undefined) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say(`${prefix}: ${paint.red('bug')}: ${plain(stack)}\n${prefix}: please report this\n`)
    return code
  }
  say(`${paint.red(`${prefix}:`)} ${inLine(where + message)}\n`)
  if (failure.hint !== undefined) say(`${prefix}: ${paint.green('hint:')} ${inLine(failure.hint)}\n`)
  return code
}
