import { Failure, usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { integer } from '../../cli/options.js'
import { readWhole } from '../../stream/source.js'
import { PASSWORD_LIMIT, withoutNewline } from '../../vault/password.js'
import { openVault, prompt, vaultOptions } from '../wiring/secrets.js'

export const passwd = defineCommand({
  name: 'passwd',
  discreet: true,
  summary: 'change the master password',
  description: [
    'Everything is sealed anew with new salts. The new password comes from --new-password-fd or the terminal.',
  ],
  options: {
    ...vaultOptions,
    'new-password-fd': integer('N', 'read the new password from descriptor N', { min: 0, max: 1_000_000 }),
  },
  run: async (context, options) => {
    if (options.backend !== 'file') throw usage('only a vault file has a master password of its own')
    const vault = openVault(context, options)
    // The old one first: who cannot open the vault is not asked for a new one.
    await vault.list()
    await vault.changePassword(await newPassword(context, options['new-password-fd']))
  },
})

async function newPassword(context: Context, fd: number | undefined): Promise<Buffer> {
  const empty = (from: string) => new Failure('denied', `the new password is empty: ${from}`)
  if (fd !== undefined) {
    const given = withoutNewline(await readWhole(fd, { signal: context.signal, limit: PASSWORD_LIMIT }))
    if (given.length === 0) throw empty(`descriptor ${fd} gave nothing`)
    return given
  }
  const typed = await prompt(context, 'New vault password: ')
  if (typed === null) {
    throw new Failure('denied', 'no new password: there is no terminal', { hint: 'use --new-password-fd' })
  }
  if (typed.length === 0) throw empty('none was typed')
  const again = await prompt(context, 'Once more: ')
  if (again === null || !typed.equals(again)) throw usage('the two passwords differ')
  return typed
}
