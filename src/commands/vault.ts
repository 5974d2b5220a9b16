import { spawn } from 'node:child_process'
import { lstatSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { disk, writeNew } from '../base/disk.js'
import { badData, Failure, systemCode, systemFailure, usage } from '../base/errors.js'

import { defineCommand, defineGroup } from '../cli/command.js'
import { type Context, HelpWanted } from '../cli/context.js'
import { choice, file, flag, integer, list } from '../cli/options.js'
import { decodeUtf8 } from '../stream/json.js'
import { BlockWriter } from '../stream/sink.js'
import { readWhole } from '../stream/source.js'
import { NAME as NAME_SHAPE, parseVault } from '../vault/format.js'
import { readLegacy } from '../vault/legacy.js'
import { masterPassword, withoutNewline } from '../vault/password.js'
import { redactor } from '../vault/redact.js'
import {
  dotenvText,
  jsonText,
  parseDotenv,
  parseJsonSecrets,
  refuseNul,
  SHELLS,
  shellText,
} from '../vault/shell.js'
import { checkName, leftovers, noSecret } from '../vault/vault.js'
import { openInput } from './options.js'
import {
  askPassword,
  isTracked,
  openBackend,
  openVault,
  passwordWorld,
  prompt,
  vaultOptions,
  vaultPath,
  withoutPassword,
} from './secrets.js'

const NAME = { name: 'NAME', help: 'name of the secret', required: true } as const
const exits = {
  65: 'the vault is damaged or of an unsupported version, or a value cannot be written in that form',
  66: 'no such secret, or no vault',
  74: 'reading or writing failed; the vault is as it was',
  75: 'another process holds the lock',
  77: 'wrong password, a tampered vault, or permissions that let others in',
}
const only = list('LIST', 'only these secrets')

/** As checkName, but without repeating what may be a value given by mistake. */
function checkOperand(name: string): void {
  if (!NAME_SHAPE.test(name)) throw usage('NAME: expected letters, digits and underscores, at most 128')
}

const set = defineCommand({
  name: 'set',
  summary: 'put a secret into the vault',
  description: [
    'The value comes from standard input, --file, --fd or, on a terminal, a prompt without echo; never from the command line. The vault is made on first use.',
    'One newline at the end of piped input is dropped; --raw keeps it. A file is taken as it is.',
  ],
  operands: [NAME],
  discreet: true,
  options: {
    ...vaultOptions,
    file: file('read the value from FILE, as it is'),
    fd: integer('N', 'read the value from descriptor N', { min: 0, max: 1_000_000 }),
    raw: flag('keep the newline at the end of piped input'),
  },
  run: async (context, options, [name = '']) => {
    checkOperand(name)
    if (options.file !== undefined && options.fd !== undefined)
      throw usage('--file and --fd exclude each other')
    const backend = openBackend(context, options)
    await backend.set(name, await readValue(context, options, name))
  },
})

async function readValue(
  context: Context,
  { file: path, fd, raw }: { file: string | undefined; fd: number | undefined; raw: boolean },
  name: string,
): Promise<Buffer> {
  const { signal } = context
  if (path !== undefined) return readWhole(path, signal)
  const piped = (bytes: Buffer) => (raw ? bytes : withoutNewline(bytes))
  if (fd !== undefined) return piped(await readWhole(fd, signal))
  if (!context.stdinIsTTY) return piped(await readWhole('-', signal))
  const value = await prompt(context, `Value of ${name}: `)
  const again = await prompt(context, 'Once more: ')
  if (value === null || again === null) throw usage('no value given')
  if (!value.equals(again)) throw usage('the two values differ')
  return value
}

const get = defineCommand({
  name: 'get',
  summary: 'print a secret',
  description: ['Prints the exact bytes and one newline.'],
  operands: [NAME],
  discreet: true,
  options: { ...vaultOptions, 'no-newline': flag('print no newline after the value', { short: 'n' }) },
  run: async (context, options, [name = '']) => {
    checkOperand(name)
    const value = await openBackend(context, options).get(name)
    await context.stdout().write(options['no-newline'] ? value : Buffer.concat([value, Buffer.from('\n')]))
  },
})

const listSecrets = defineCommand({
  name: 'list',
  discreet: true,
  summary: 'list names and dates, never values',
  description: ['One secret a line: name, created, updated.'],
  options: {
    ...vaultOptions,
    format: choice('FORMAT', ['text', 'json'], 'lines of text or JSON', { short: 'f', fallback: 'text' }),
  },
  run: async (context, options) => {
    const secrets = await openBackend(context, options).list()
    for (const [name, { created, updated }] of [...secrets].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const line =
        options.format === 'json'
          ? JSON.stringify({ name, created, updated })
          : [name, created, updated].filter(Boolean).join('\t')
      await context.stdout().write(Buffer.from(`${line}\n`))
    }
  },
})

const rm = defineCommand({
  name: 'rm',
  summary: 'remove a secret',
  description: [],
  operands: [NAME],
  discreet: true,
  options: vaultOptions,
  run: async (context, options, [name = '']) => {
    checkOperand(name)
    await openBackend(context, options).rm(name)
  },
})

/** The secrets chosen by --only, all without it. */
async function chosen(
  context: Context,
  options: Parameters<typeof openBackend>[1] & { only: readonly string[] | undefined },
) {
  const { only: names } = options
  names?.forEach(checkName)
  const all = await openBackend(context, options).all()
  if (names === undefined) return all
  return new Map(
    names.map((name): [string, Buffer] => {
      const value = all.get(name)
      if (value === undefined) throw noSecret(name)
      return [name, value]
    }),
  )
}

const exec = defineCommand({
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

const env = defineCommand({
  name: 'env',
  discreet: true,
  summary: 'print secrets as shell text',
  description: [
    'For eval (bash, zsh, sh), source (fish) or Invoke-Expression (pwsh); every value comes back exactly. A value with a NUL byte is refused by name.',
    '  eval "$(jules vault env --shell bash)"',
  ],
  options: {
    ...vaultOptions,
    only,
    shell: choice('SHELL', SHELLS, 'shell to quote for', { fallback: 'sh' }),
    format: choice('FORMAT', ['dotenv', 'json'], 'a file format instead of shell text', { short: 'f' }),
  },
  run: async (context, options) => {
    const secrets = await chosen(context, options)
    const { format } = options
    const text =
      format === undefined
        ? shellText(secrets, options.shell)
        : format === 'json'
          ? jsonText(secrets)
          : dotenvText(secrets)
    await context.stdout().write(text)
  },
})

const passwd = defineCommand({
  name: 'passwd',
  discreet: true,
  summary: 'change the master password',
  description: [
    'Everything is sealed anew with new salts. The new password comes from --new-password-fd or the terminal.',
  ],
  options: {
    ...vaultOptions,
    'new-password-fd': integer('N', 'read the new password from descriptor N', { min: 0, max: 1_000_000 }),
  },
  run: async (context, options) => {
    if (options.backend !== 'file') throw usage('only a vault file has a master password of its own')
    const vault = openVault(context, options)
    // The old one first: who cannot open the vault is not asked for a new one.
    await vault.list()
    await vault.changePassword(await newPassword(context, options['new-password-fd']))
  },
})

async function newPassword(context: Context, fd: number | undefined): Promise<Buffer> {
  if (fd !== undefined) return withoutNewline(await readWhole(fd, context.signal))
  const typed = await prompt(context, 'New vault password: ')
  if (typed === null) {
    throw new Failure('denied', 'no new password: there is no terminal', { hint: 'use --new-password-fd' })
  }
  const again = await prompt(context, 'Once more: ')
  if (again === null || !typed.equals(again)) throw usage('the two passwords differ')
  return typed
}

const importSecrets = defineCommand({
  name: 'import',
  discreet: true,
  summary: 'take secrets from a file into the vault',
  description: [
    'Reads a .env file or a JSON object of names and strings, or with --legacy a vault of the old system (PBKDF2 and Fernet), whose password is the master password unless --legacy-password-fd gives another. The file is left as it is.',
  ],
  operands: [{ name: 'FILE', help: 'the file, or - for standard input', required: true, completes: 'file' }],
  options: {
    ...vaultOptions,
    format: choice('FORMAT', ['dotenv', 'json'], 'format of the file', {
      short: 'f',
      defaultText: 'json for .json files and for text that begins with a brace',
    }),
    legacy: flag('the file is a vault of the old system'),
    'legacy-password-fd': integer('N', 'read the password of the old vault from descriptor N', {
      min: 0,
      max: 1_000_000,
    }),
  },
  run: async (context, options, [path = '']) => {
    if (path === '-' && context.stdinIsTTY) throw new HelpWanted()
    const bytes = await readWhole(path, context.signal)
    const words = decodeUtf8(bytes)
    if (words === null) throw badData('is not UTF-8', { where: path })
    let values: Map<string, Buffer>
    if (options.legacy) {
      const fd = options['legacy-password-fd']
      const password =
        fd === undefined
          ? (await askPassword(context, options)).password
          : withoutNewline(await readWhole(fd, context.signal))
      values = readLegacy(words, password)
    } else {
      const json =
        options.format === undefined
          ? /\.json$/.test(path) || /^\s*\{/.test(words)
          : options.format === 'json'
      values = json ? parseJsonSecrets(words) : parseDotenv(words)
    }
    if (values.size === 0) throw new Failure('noInput', `${path}: holds no secrets`)
    if (options.backend === 'file') await openVault(context, options).setAll(values)
    else for (const [name, value] of values) await openBackend(context, options).set(name, value)
    context.ui.note(`${values.size} secrets imported`, { count: values.size })
  },
})

const exportSecrets = defineCommand({
  name: 'export',
  discreet: true,
  summary: 'write all secrets as plain text',
  description: ['To a new file of mode 0600 with -o, or to standard output with --yes-plaintext.'],
  options: {
    ...vaultOptions,
    only,
    format: choice('FORMAT', ['dotenv', 'json'], 'format of the output', { short: 'f', fallback: 'dotenv' }),
    output: file('write to FILE, which must not exist', { short: 'o' }),
    'yes-plaintext': flag('write the secrets to standard output'),
  },
  run: async (context, options) => {
    if (options.output === undefined && !options['yes-plaintext']) {
      throw usage('this prints every secret in plain text', { hint: 'use -o FILE, or --yes-plaintext' })
    }
    const secrets = await chosen(context, options)
    const bytes = options.format === 'json' ? jsonText(secrets) : dotenvText(secrets)
    if (options.output === undefined) return context.stdout().write(bytes)
    try {
      writeNew(disk, options.output, bytes)
    } catch (error) {
      throw systemFailure(error, options.output, true)
    }
  },
})

const redact = defineCommand({
  name: 'redact',
  discreet: true,
  summary: 'copy standard input to standard output without secrets',
  description: [
    'Every value of the vault is replaced by its name in brackets.',
    '  some-command 2>&1 | jules vault redact >log',
  ],
  options: { ...vaultOptions, only },
  run: async (context, options) => {
    const secrets = await chosen(context, options)
    const filter = redactor(secrets)
    const source = await openInput(context, '-', { format: 'ndjson', plain: true }).catch((error) => {
      if (error instanceof Failure && error.message === 'is empty') return null
      throw error
    })
    if (source === null) return
    const out = new BlockWriter(context.stdout())
    for await (const chunk of source.chunks()) {
      await out.bytes(filter.push(chunk))
      await out.flush()
    }
    await out.bytes(filter.end())
    await out.drain()
  },
})

interface Check {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
}

const doctor = defineCommand({
  name: 'doctor',
  discreet: true,
  summary: 'check the vault and its surroundings',
  description: [
    'Looks at permissions, owner, git, the source of the password, the strength of the key derivation and files left behind; with --backend exec, at whether the helper command answers. Exits with 1 when something is wrong.',
  ],
  options: {
    ...vaultOptions,
    format: choice('FORMAT', ['text', 'json'], 'lines of text or JSON', { short: 'f', fallback: 'text' }),
  },
  exits: { 1: 'something is wrong' },
  run: async (context, options) => {
    const checks = await examine(context, options)
    for (const one of checks) {
      const line =
        options.format === 'json' ? JSON.stringify(one) : `${one.status}\t${one.check}: ${one.message}`
      await context.stdout().write(Buffer.from(`${line}\n`))
    }
    if (checks.some(({ status }) => status === 'fail')) context.exitWith(1)
  },
})

async function examine(context: Context, options: Parameters<typeof openVault>[1]): Promise<Check[]> {
  const path = vaultPath(context, options)
  const checks: Check[] = []
  const say = (check: string, status: Check['status'], message: string) =>
    checks.push({ check, status, message })
  if (options.backend === 'exec') {
    const words = await openBackend(context, options)
      .list()
      .then((names) => `lists ${names.size} secrets`)
      .catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        return error
      })
    say('helper', words instanceof Failure ? 'fail' : 'ok', words instanceof Failure ? words.message : words)
    return checks
  }
  try {
    const facts = lstatSync(path)
    const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0')
    say('file', facts.isFile() ? 'ok' : 'fail', facts.isFile() ? path : `${path} is not a regular file`)
    say('permissions', (facts.mode & 0o077) === 0 ? 'ok' : 'fail', `mode ${mode}`)
    say(
      'owner',
      facts.uid === context.uid ? 'ok' : 'fail',
      facts.uid === context.uid ? 'you' : `user ${facts.uid}`,
    )
    if (facts.isFile() && facts.uid === context.uid) {
      const { kdf, entries, generation } = parseVault(readFileSync(path))
      say('format', 'ok', `version 1, generation ${generation}, ${entries.size} secrets`)
      say('key derivation', 'ok', `Argon2id, ${kdf.m / 1024} MiB, ${kdf.t} passes, ${kdf.p} lanes`)
    }
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT'
    say(
      'file',
      'fail',
      missing ? `${path}: there is no vault` : error instanceof Error ? error.message : String(error),
    )
    if (missing) return checks
  }
  const tracked = isTracked(path)
  say('git', tracked ? 'fail' : 'ok', tracked ? 'the vault is tracked by git' : 'not tracked')
  const left = leftovers(disk, path).filter((name) => !name.endsWith('.lock'))
  say(
    'left behind',
    left.length === 0 ? 'ok' : 'warn',
    left.length === 0 ? 'nothing' : `${left.join(', ')}: safe to remove`,
  )
  try {
    const { source } = await masterPassword({
      ...passwordWorld(context, options['password-fd']),
      prompt: async () => Buffer.alloc(0),
    })
    const weak = source === 'environment' || source === '.env'
    say(
      'password source',
      weak ? 'warn' : 'ok',
      weak ? `${source}: every process of yours can read it` : source,
    )
    if (source !== 'terminal') {
      await openVault(context, options).list()
      say('password', 'ok', 'opens the vault')
    }
  } catch (error) {
    say('password', 'fail', error instanceof Error ? error.message : String(error))
  }
  return checks
}

export const vault = defineGroup({
  name: 'vault',
  summary: 'keep secrets in an encrypted file',
  description: [
    'API keys and passwords in one file, ~/.trading_secrets.json: Argon2id for the password, AES-256-GCM for each secret, a mac over all of it. jules-vault(7) states the format and what it protects from.',
    'The master password comes from --password-fd, the file named by TRADING_VAULT_PASSWORD_FILE, TRADING_VAULT_PASSWORD, a line of that name in ./.env (your own, mode 0600, not in git), or the terminal.',
    'Other commands ask the vault for what they need when their environment does not hold it: the store for TIMESCALEDB_PASSWORD, feeds for their API keys.',
  ],
  commands: [set, get, listSecrets, rm, exec, env, passwd, importSecrets, exportSecrets, doctor, redact],
  exits,
  environment: {
    TRADING_VAULT_PASSWORD: 'the master password',
    TRADING_VAULT_PASSWORD_FILE: 'a file that holds it',
    JULES_VAULT: 'the vault file',
  },
  files: {
    '~/.trading_secrets.json': 'the vault',
    '$XDG_STATE_HOME/jules/vault-generations.json': 'generations seen, to notice an old copy put back',
  },
  examples: [
    { text: 'Put a password in', shell: 'jules vault set TIMESCALEDB_PASSWORD' },
    { text: 'Run a command with it', shell: 'jules vault exec --only TIMESCALEDB_PASSWORD -- env' },
  ],
  seeAlso: ['jules-vault.7'],
})
