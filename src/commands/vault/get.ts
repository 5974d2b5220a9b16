import { defineCommand } from '../../cli/command.js'
import { flag } from '../../cli/options.js'
import { openBackend, vaultOptions } from '../wiring/secrets.js'
import { checkOperand, NAME } from './name.js'

export const get = defineCommand({
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
