/** What a run will cost on the GPU that was asked for, and what on the CPU: measured, and said in one line before it begins. */
import { costOf } from '../../agent/benchmark.js'
import type { Engine } from '../../agent/engines/engine.js'
import type { Layout } from '../../agent/network/network.js'
import type { TrainingPlan } from '../../agent/run/plan.js'
import { Failure } from '../../base/errors.js'
import { pauses } from '../../base/pause.js'
import type { Context } from '../../cli/context.js'

/** Says nothing where a signal comes first: the run will see it too. */
export async function weigh(
  { signal, ui }: { readonly signal: AbortSignal; readonly ui: Pick<Context['ui'], 'note'> },
  engine: Engine,
  { settings, phases }: Pick<TrainingPlan, 'settings' | 'phases'>,
  processor: (layout: Layout) => Promise<Engine>,
  clock: () => number = () => performance.now(),
): Promise<void> {
  const steps = phases?.reduce((sum, phase) => sum + phase.settings.steps, 0) ?? settings.steps
  const pause = pauses(signal)
  const seconds = async (one: Engine): Promise<number | null> => {
    const work = costOf(one, { ...settings, steps }, clock)
    for (;;) {
      const { done, value } = work.next()
      if (done === true) return value / 1000
      if (await pause()) return null
    }
  }
  const own = await seconds(engine)
  if (own === null) return
  const rival = await processor(engine.layout)
  try {
    const other = await seconds(rival)
    if (other !== null) ui.note(`${costWords(steps, [engine.name, own], [rival.name, other])}`)
  } catch (error) {
    // More than the CPU engine has memory for: there is nothing to weigh.
    if (!(error instanceof Failure)) throw error
  } finally {
    rival.dispose()
  }
}

const costWords = (
  steps: number,
  ...costs: readonly (readonly [engine: string, seconds: number])[]
): string => {
  const [[name, own], [, other]] = costs as [readonly [string, number], readonly [string, number]]
  const each = costs.map(([engine, seconds]) => `${spanWords(seconds)} on ${engine}`).join(', ')
  const advice = other < own ? 'without --gpu it is faster' : `${name} is the faster one`
  return `the arithmetic of ${steps.toLocaleString('en')} steps takes about ${each}, by ten minibatches of each: ${advice}`
}

/** To two digits: it is an estimate. */
function spanWords(seconds: number): string {
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`
  const minutes = seconds / 60
  return minutes < 100
    ? `${Number(minutes.toPrecision(2))} min`
    : `${Number((minutes / 60).toPrecision(2))} h`
}
