/** The option --only, and what it chooses. */
import type { Context } from '../../cli/context.js'
import { list } from '../../cli/options.js'
import { checkName } from '../../vault/vault.js'
import { openBackend, type VaultChoice } from '../wiring/secrets.js'

export const only = list('LIST', 'only these secrets', { completes: 'secret' })

/** The secrets chosen by --only, all without it. */
export function chosen(
  context: Context,
  options: VaultChoice & { readonly only: readonly string[] | undefined },
): Promise<Map<string, Buffer>> {
  options.only?.forEach(checkName)
  return openBackend(context, options).all(options.only)
}
