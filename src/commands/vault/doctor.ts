import { lstatSync, readFileSync } from 'node:fs'
import { disk } from '../../base/disk.js'
import { Failure, messageOf, systemCode } from '../../base/errors.js'
import { lockState } from '../../base/lock.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice } from '../../cli/options.js'
import { FILE_LIMIT, parseVault } from '../../vault/format.js'
import { leftovers } from '../../vault/vault.js'
import { lockWorld } from '../wiring/lock.js'
import {
  isTracked,
  openBackend,
  openVault,
  passwordSource,
  vaultOptions,
  vaultPath,
} from '../wiring/secrets.js'

interface Check {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
}

export const doctor = defineCommand({
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
    if (facts.isFile() && facts.size > FILE_LIMIT)
      say('format', 'fail', `${path}: larger than ${FILE_LIMIT} bytes`)
    else if (facts.isFile() && facts.uid === context.uid) {
      const { kdf, entries, generation } = parseVault(readFileSync(path))
      say('format', 'ok', `version 1, generation ${generation}, ${entries.size} secrets`)
      say('key derivation', 'ok', `Argon2id, ${kdf.m / 1024} MiB, ${kdf.t} passes, ${kdf.p} lanes`)
    }
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
    say('file', 'fail', missing ? `${path}: there is no vault` : messageOf(error))
    if (missing) return checks
  }
  const tracked = isTracked(path)
  if (tracked === null) say('git', 'ok', 'not there, or the directory is no repository')
  else say('git', tracked ? 'fail' : 'ok', tracked ? 'the vault is tracked by git' : 'not tracked')
  const lock = lockState(lockWorld(context), path)
  if (lock === null) say('lock', 'ok', 'none')
  else if (lock.alive === true) say('lock', 'ok', `${lock.holder} is writing`)
  else if (lock.alive === false) say('lock', 'ok', `left by ${lock.holder}, the next command takes it over`)
  else
    say(
      'lock',
      'warn',
      `of ${lock.holder}, which cannot be asked from here; if no other command is at work: jules vault unlock`,
    )
  const left = leftovers(disk, path).filter((name) => !name.endsWith('.lock'))
  say(
    'left behind',
    left.length === 0 ? 'ok' : 'warn',
    left.length === 0 ? 'nothing' : `${left.join(', ')}: safe to remove`,
  )
  try {
    const source = await passwordSource(context, options)
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
    say('password', 'fail', messageOf(error))
  }
  return checks
}
