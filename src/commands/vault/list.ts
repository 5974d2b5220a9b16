import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { choice } from '../../cli/options.js'
import { openBackend, vaultOptions } from '../wiring/secrets.js'

export const listSecrets = defineCommand({
  name: 'list',
  discreet: true,
  summary: 'list names and dates, never values',
  description: [
    'One secret a line: name, created, updated, with tabs between; in columns on a terminal. Dates are UTC.',
  ],
  options: {
    ...vaultOptions,
    format: choice('FORMAT', ['text', 'json'], 'lines of text or JSON', { short: 'f', fallback: 'text' }),
  },
  run: async (context, options) => {
    const secrets = await openBackend(context, options).list()
    const rows = [...secrets].sort(([a], [b]) => (a < b ? -1 : 1))
    const aligned = context.stdoutIsTTY && options.format === 'text'
    const width = Math.max(4, ...rows.map(([name]) => name.length))
    const cells = (name: string, ...dates: (string | null | undefined)[]) =>
      aligned
        ? [
            name.padEnd(width),
            ...dates.map((date) => (date ?? '').replace('T', ' ').slice(0, 16).padEnd(16)),
          ].join('  ')
        : [name, ...dates].filter(Boolean).join('\t')
    if (aligned && rows.length > 0) await say(context, cells('NAME', 'CREATED', 'UPDATED').trimEnd())
    for (const [name, { created, updated }] of rows) {
      const line =
        options.format === 'json' ? JSON.stringify({ name, created, updated }) : cells(name, created, updated)
      await say(context, line.trimEnd())
    }
  },
})

const say = (context: Context, line: string): Promise<void> =>
  context.stdout().write(Buffer.from(`${line}\n`))
