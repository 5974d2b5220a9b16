/** The nine joint actions: a target position for each of the two symbols. The only place that knows the numbering. */

/** Short, flat or long. */
export type Target = -1 | 0 | 1

export const ACTION_COUNT = 9
/** Flat in both. */
export const HOLD_BOTH = 4
export const BUY_BOTH = 8
export const SELL_BOTH = 0

/** `id = 3 (first + 1) + (second + 1)`. */
export const actionOf = (first: Target, second: Target): number => 3 * (first + 1) + (second + 1)

export const isAction = (id: unknown): id is number =>
  typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < ACTION_COUNT

/** Target of the first (0) or second (1) symbol under an action. */
export const targetOf = (action: number, symbol: number): Target =>
  ((symbol === 0 ? Math.floor(action / 3) : action % 3) - 1) as Target

/** The action with the second symbol flat. */
export const firstAlone = (action: number): number => actionOf(targetOf(action, 0), 0)

/** Why an action that a mask leaves out may not be chosen: `action 0 is a short, ...`. */
export const maskedWords = (action: number, mask: ArrayLike<number>): string =>
  `action ${action} ${
    targetOf(action, 1) !== 0 && mask[actionOf(0, 1)] === 0
      ? 'trades a second symbol, and there is one'
      : 'is a short, and --long-only is given'
  }`

/** 1 for each action that may be chosen; `longOnly` takes away every short target, `single` every target of the second symbol. */
export function actionMask(longOnly: boolean, single = false): Uint8Array {
  const mask = new Uint8Array(ACTION_COUNT)
  for (let id = 0; id < ACTION_COUNT; id++) {
    const isShort = targetOf(id, 0) < 0 || targetOf(id, 1) < 0
    mask[id] = (longOnly && isShort) || (single && id !== firstAlone(id)) ? 0 : 1
  }
  return mask
}
