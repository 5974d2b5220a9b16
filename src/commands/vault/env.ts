import { defineCommand } from '../../cli/command.js'
import { choice } from '../../cli/options.js'
import { dotenvText, jsonText, SHELLS, shellText } from '../../vault/shell.js'
import { vaultOptions } from '../wiring/secrets.js'
import { chosen, only } from './chosen.js'

export const env = defineCommand({
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
