/** How a training learnt, from its metrics. */
import type { JsonObject } from '../stream/json.js'
import type { Learning } from './model.js'

/** Null where there are no metrics. */
export function learningOf(metrics: readonly JsonObject[]): Learning | null {
  if (metrics.length === 0) return null
  const column = (key: string): number[] =>
    metrics.map((metric) => (typeof metric[key] === 'number' ? metric[key] : Number.NaN))
  return {
    step: column('step'),
    reward: column('rollout/ep_rew_mean'),
    validation: column('eval/mean_reward'),
    rivals: [],
  }
}
