/** At which costs a run would earn nothing, in a sentence. */
import { plain } from '../evaluate/shown.js'
import type { CostCurve } from './model.js'

/** What the costs mean for the result; the same in every format. */
export function breakEvenWords({ points, breakEvenBps }: CostCurve): string {
  if (breakEvenBps !== null && breakEvenBps > 0)
    return `breaks even where costs are ${plain(2)(breakEvenBps)} basis points of what is traded`
  const results = points.map(({ pnl }) => pnl)
  if (results.every((pnl) => pnl === results[0])) return 'nothing was traded, so that no cost would change it'
  const free = points.find(({ multiple }) => multiple === 0)
  return free !== undefined && free.pnl <= 0
    ? `${free.pnl < 0 ? 'loses' : 'earns nothing'} without costs too`
    : 'at which costs it breaks even is not known'
}
