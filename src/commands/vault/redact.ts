import { defineCommand } from '../../cli/command.js'
import { redactor } from '../../stream/redact.js'
import { BlockWriter } from '../../stream/sink.js'
import { openInput } from '../wiring/input.js'
import { vaultOptions } from '../wiring/secrets.js'
import { chosen, only } from './chosen.js'

export const redact = defineCommand({
  name: 'redact',
  discreet: true,
  summary: 'copy standard input to standard output without secrets',
  description: [
    'Every value of the vault is replaced by its name in brackets, as it is and in base64, hexadecimal, URL and JSON encoding and with other line ends. jules-vault(7) lists what is missed.',
    '  some-command 2>&1 | jules vault redact >log',
  ],
  options: { ...vaultOptions, only },
  run: async (context, options) => {
    const secrets = await chosen(context, options)
    const filter = redactor(secrets)
    if (filter.plainOnly.length > 0) {
      context.ui.warn(`${filter.plainOnly.join(', ')}: long, and looked for as it is alone, not encoded`)
    }
    if (secrets.size === 0) context.ui.warn('the vault holds no secrets: nothing is replaced')
    const source = await openInput(context, '-', { format: 'ndjson', plain: true, mayBeEmpty: true })
    const out = new BlockWriter(context.stdout())
    for await (const chunk of source.chunks()) {
      await out.bytes(filter.push(chunk))
      await out.flush()
    }
    await out.bytes(filter.end())
    await out.drain()
  },
})
