import { disk, writeNew } from '../../base/disk.js'
import { systemFailure, usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { choice, file, flag } from '../../cli/options.js'
import { dotenvText, jsonText } from '../../vault/shell.js'
import { vaultOptions } from '../wiring/secrets.js'
import { chosen, only } from './chosen.js'

export const exportSecrets = defineCommand({
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
