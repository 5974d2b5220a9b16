/** The operand NAME of the commands that work on one secret. */
import { usage } from '../../base/errors.js'
import { NAME as NAME_SHAPE } from '../../vault/format.js'

export const NAME = { name: 'NAME', help: 'name of the secret', required: true, completes: 'secret' } as const

/** As checkName, but without repeating what may be a value given by mistake. */
export function checkOperand(name: string): void {
  if (!NAME_SHAPE.test(name)) throw usage('NAME: expected letters, digits and underscores, at most 128')
}
