/** Symbols that no decision can take a position in: asked of the transition itself, so that every rule and every size counts. */
import { actionOf, type Target } from '../env/actions.js'
import type { Market } from '../market/market.js'
import { RULES } from '../risk/rules.js'
import type { Rules } from './rules.js'
import { TradingState } from './state.js'
import { Transition } from './step.js'

/** A symbol that is never bought or sold short. */
export interface OutOfReach {
  readonly symbol: string
  /** The rule that refuses most of the positions: near a close another one speaks. */
  readonly rule: string
  /** Lowest and highest close of the decisions, dollars a share. */
  readonly lowest: number
  readonly highest: number
}

/** Those of the traded symbols in which a fresh account may open no position at any bar from the warm-up on. */
export function outOfReach(
  market: Market,
  rules: Rules,
  { longOnly, warmup }: { readonly longOnly: boolean; readonly warmup: number },
): OutOfReach[] {
  const transition = new Transition(market, rules)
  const { outcome } = transition
  const sides: readonly Target[] = longOnly ? [1] : [1, -1]
  return market.traded.flatMap((symbol, k) => {
    const refused = new Uint32Array(RULES.length)
    let [lowest, highest] = [Number.POSITIVE_INFINITY, 0]
    for (let t = warmup; t + 1 < market.length; t++) {
      for (const side of sides) {
        transition.decide(new TradingState(rules.capital), t, k === 0 ? actionOf(side, 0) : actionOf(0, side))
        if (outcome.allowed[k] !== 0) return []
        refused[outcome.rule[k]!]!++
      }
      const close = market.close[k]![t]!
      lowest = Math.min(lowest, close)
      highest = Math.max(highest, close)
    }
    return [{ symbol, rule: RULES[refused.indexOf(Math.max(...refused))]!.name, lowest, highest }]
  })
}
