import { readFileSync, statSync } from 'node:fs'
import { defineCommand } from '../../cli/command.js'
import { FILE_LIMIT, parseVault } from '../../vault/format.js'
import { vaultOptions, vaultPath } from '../wiring/secrets.js'

export const names = defineCommand({
  name: 'names',
  hidden: true,
  discreet: true,
  summary: 'list the names as the file has them, unverified, for completions',
  description: ['No password is asked for, so nothing shows whether the file was tampered with.'],
  options: { vault: vaultOptions.vault },
  run: async (context, options) => {
    let bytes: Buffer
    try {
      const path = vaultPath(context, options)
      const facts = statSync(path)
      // A FIFO would be waited for, and a device read without end.
      if (!facts.isFile() || facts.size > FILE_LIMIT) return
      bytes = readFileSync(path)
    } catch {
      // Nothing to complete to.
      return
    }
    for (const name of parseVault(bytes).entries.keys()) {
      await context.stdout().write(Buffer.from(`${name}\n`))
    }
  },
})
