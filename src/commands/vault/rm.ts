import { defineCommand } from '../../cli/command.js'
import { openBackend, vaultOptions } from '../wiring/secrets.js'
import { checkOperand, NAME } from './name.js'

export const rm = defineCommand({
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
