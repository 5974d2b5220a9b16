/** The option --only, and what it chooses. */
import type { Context } from '../../cli/context.js'
import { list } from '../../cli/options.js'
import { checkName, noSecret } from '../../vault/vault.js'
import { openBackend } from '../wiring/secrets.js'

export const only = list('LIST', 'only these secrets', { completes: 'secret' })

/** The secrets chosen by --only, all without it. */
export async function chosen(
  context: Context,
  options: Parameters<typeof openBackend>[1] & { only: readonly string[] | undefined },
) {
  const { only: names } = options
  names?.forEach(checkName)
  const all = await openBackend(context, options).all()
  if (names === undefined) return all
  return new Map(
    names.map((name): [string, Buffer] => {
      const value = all.get(name)
      if (value === undefined) throw noSecret(name, all.keys())
      return [name, value]
    }),
  )
}
