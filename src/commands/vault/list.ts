import { defineCommand } from '../../cli/command.js'
import { choice } from '../../cli/options.js'
import { openBackend, vaultOptions } from '../wiring/secrets.js'

export const listSecrets = defineCommand({
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
