/** The engine that the options name; never another one in its place. */
import { availableParallelism } from 'node:os'
import type { Engine } from '../agent/engine.js'
import type { Layout } from '../agent/network.js'

export interface EngineFlags {
  readonly gpu?: boolean
  readonly 'gpu-backend'?: 'node-gpu' | 'webgpu' | undefined
  readonly threads?: number | undefined
}

const MOST_THREADS = 8

export const threadsOf = (flags: EngineFlags): number =>
  flags.threads ?? Math.min(MOST_THREADS, availableParallelism())

export async function engineFor(layout: Layout, flags: EngineFlags): Promise<Engine> {
  const { cpuEngine } = await import('../agent/cpu/engine.js')
  return cpuEngine(layout, { threads: threadsOf(flags) })
}
