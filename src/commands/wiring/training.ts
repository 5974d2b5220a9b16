/** Wires a training run to the process: its clock, its locks, its folders, and the engine that the options name. */
import type { Listener, TrainingWorld } from '../../agent/run/world.js'
import type { Context } from '../../cli/context.js'
import { version } from '../../cli/print.js'
import { backendOf, type EngineFlags, engineFor, processorEngine, threadsOf } from './engines.js'
import { lockWorld } from './lock.js'
import { weigh } from './weigh.js'

export const trainingWorld = (
  context: Context,
  flags: EngineFlags,
  listen: () => Listener,
): TrainingWorld => ({
  clock: context.clock,
  lock: lockWorld(context),
  signal: context.signal,
  onForcedExit: context.onForcedExit,
  note: (words) => context.ui.note(words),
  warn: (words) => context.ui.warn(words),
  listen,
  engine: (layout) => engineFor(layout, flags),
  weigh: async (engine, plan) => {
    if (backendOf(flags) !== null)
      await weigh(context, engine, plan, (layout) => processorEngine(layout, flags))
  },
  threads: threadsOf(flags),
  version: version().trim(),
  node: process.versions.node,
  platform: `${context.platform}-${context.arch}`,
  cwd: context.cwd,
  dataFolder: context.paths.data,
})
