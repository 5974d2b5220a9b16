/** What a run was charged, in words, from the `costs` of its summary. */
import type { JsonObject } from '../stream/json.js'
import { percent } from './shown.js'

/** `commission ib-tiered`, `half a spread 1 bps`; charges of 0 are left out. */
export function costWords(costs: JsonObject): string[] {
  const bps = (key: string, words: string): string[] =>
    typeof costs[key] !== 'number' || costs[key] === 0 ? [] : [`${words} ${costs[key]} bps`]
  return [
    ...(typeof costs.commission === 'string' ? [`commission ${costs.commission}`] : []),
    ...bps('half_spread_bps', 'half a spread'),
    ...bps('cost_bps', 'on traded value'),
    ...bps('trade_penalty_bps', 'a share'),
    ...bps('impact_bps', 'impact'),
    ...(typeof costs.participation === 'number' ? [`at most ${percent(costs.participation)} of a bar`] : []),
  ]
}
