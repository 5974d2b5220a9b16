/** The simple policies, and the replay of given actions. */
import { sha256 } from '../base/digest.js'
import { badData } from '../base/errors.js'
import type { Rng } from '../base/rng.js'
import { ACTION_COUNT, actionOf, BUY_BOTH, HOLD_BOTH, maskedWords } from '../env/actions.js'
import { SYMBOL_COUNT } from '../market/market.js'
import type { MarketView } from '../market/view.js'
import type { Policy } from './policy.js'

export const flat: Policy = { name: 'flat', observes: false, act: () => HOLD_BOTH }

export const buyHold: Policy = { name: 'buy-hold', observes: false, act: () => BUY_BOTH }

/** Each allowed action with the same probability, anew at every decision. */
export function randomPolicy(rng: Rng): Policy {
  return {
    name: 'random',
    observes: false,
    act: ({ mask }) => {
      for (;;) {
        const action = rng.int(ACTION_COUNT)
        if (mask[action] === 1) return action
      }
    },
    save: () => rng.state.words,
    restore: ([a = 0, b = 0, c = 0, d = 0]) => {
      rng.state = { words: [a, b, c, d] }
    },
  }
}

/** Allowed wherever shorts are, of one symbol or of two. */
const SELL_FIRST = actionOf(-1, 0)

const FAST = 20
const SLOW = 60
/** More than SLOW, a power of two. */
const RING = 64

/** Long while the mean of the last 20 closes is above that of the last 60, short (flat if shorts are masked) otherwise. */
export function smaCross(): Policy {
  const fast = new Float64Array(SYMBOL_COUNT)
  const slow = new Float64Array(SYMBOL_COUNT)
  /** The last closes of each symbol, by bar number modulo RING. */
  const closes = [new Float64Array(RING), new Float64Array(RING)] as const
  let next = 0
  let isFilled = true
  const advance = (view: MarketView, to: number) => {
    for (let k = 0; k < SYMBOL_COUNT; k++) {
      const ring = closes[k]!
      if (!isFilled)
        for (let t = Math.max(0, next - RING); t < next; t++) ring[t & (RING - 1)] = view.close(k, t)
      let a = fast[k]!
      let b = slow[k]!
      for (let t = next; t <= to; t++) {
        const price = view.close(k, t)
        a += t >= FAST ? price - ring[(t - FAST) & (RING - 1)]! : price
        b += t >= SLOW ? price - ring[(t - SLOW) & (RING - 1)]! : price
        ring[t & (RING - 1)] = price
      }
      fast[k] = a
      slow[k] = b
    }
    isFilled = true
    next = to + 1
  }
  return {
    name: 'sma-cross',
    observes: false,
    act: ({ t, view, mask }) => {
      advance(view, t)
      if (t < SLOW - 1) return HOLD_BOTH
      const down = mask[SELL_FIRST] === 1 ? -1 : 0
      const first = fast[0]! * (SLOW / FAST) > slow[0]! ? 1 : down
      const second = fast[1]! * (SLOW / FAST) > slow[1]! ? 1 : down
      return actionOf(first, second)
    },
    save: (bars) => [bars - next, ...fast, ...slow],
    restore: ([behind = 0, ...sums], bars) => {
      fast.set(sums.slice(0, SYMBOL_COUNT))
      slow.set(sums.slice(SYMBOL_COUNT))
      next = Math.max(0, bars - behind)
      isFilled = false
    },
  }
}

/** The actions of a list, one a decision. A run that asks for more is refused, or what it holds stays. */
export function replay(
  name: string,
  actions: ArrayLike<number>,
  after: 'refuse' | 'hold' = 'refuse',
): Policy {
  let next = 0
  return {
    name: `replay:${name}`,
    identity: `replay ${sha256(JSON.stringify(Array.from(actions)))}`,
    observes: false,
    act: ({ mask, held }) => {
      if (next >= actions.length) {
        if (after === 'hold') return held
        throw badData(`holds ${actions.length} actions, and the run asks for more`, { where: name })
      }
      const action = actions[next++]!
      if (mask[action] !== 1) throw badData(maskedWords(action, mask), { where: `${name}:${next}` })
      return action
    },
    save: () => [next],
    restore: ([taken = 0]) => {
      next = taken
    },
    ended: (decisions) => {
      if (decisions < actions.length) {
        throw badData(`holds ${actions.length} actions, and the run has ${decisions} decisions`, {
          where: name,
        })
      }
    },
  }
}
