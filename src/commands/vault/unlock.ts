import { systemFailure } from '../../base/errors.js'
import { unlock } from '../../base/lock.js'
import { defineCommand } from '../../cli/command.js'
import { lockWorld } from '../wiring/lock.js'
import { vaultOptions, vaultPath } from '../wiring/secrets.js'

export const unlockVault = defineCommand({
  name: 'unlock',
  discreet: true,
  summary: 'remove a lock that was left behind',
  description: [
    'A lock of a process that ended on this machine is taken over without this. One that came from another machine, or that says nothing, stays until somebody who knows that nobody is writing to the vault removes it. A lock whose process lives is refused.',
  ],
  options: { vault: vaultOptions.vault },
  run: async (context, options) => {
    const path = vaultPath(context, options)
    let holder: string | null
    try {
      holder = unlock(lockWorld(context), path)
    } catch (error) {
      throw systemFailure(error, `${path}.lock`, true)
    }
    context.ui.note(holder === null ? 'there is no lock' : `removed the lock of ${holder}`)
  },
})
