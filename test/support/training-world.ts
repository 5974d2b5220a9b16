/** A world of nothing but a folder, in which a test trains without a command line. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { cpuEngine } from '../../src/agent/engines/cpu/engine.js'
import { TRADING } from '../../src/agent/ppo/settings.js'
import type { Trading, TrainingPlan } from '../../src/agent/run/plan.js'
import { silent, type TrainingWorld } from '../../src/agent/run/world.js'
import { disk } from '../../src/base/disk.js'
import { featureSet } from '../../src/env/features.js'
import { DEFAULT_RULES } from '../../src/trading/rules.js'
import { BUILT } from './engines.js'
import { randomMarket } from './random-market.js'

const STARTED_MS = Date.parse('2025-08-01T20:00:00Z')

export interface TestWorld extends TrainingWorld {
  /** What was said so far. */
  readonly said: readonly string[]
  /** Of a name in the folder, which goes when the test ends. */
  readonly file: (name: string) => string
}

/** The clock moves on by a second at each look. */
export function trainingWorld(more: Partial<TrainingWorld> = {}): TestWorld {
  const path = mkdtempSync(join(tmpdir(), 'jules-world-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const said: string[] = []
  let seconds = 0
  const clock = () => STARTED_MS + 1000 * seconds++
  const { signal } = new AbortController()
  return {
    clock,
    lock: {
      disk,
      self: { pid: 4242, host: 'here', start: '' },
      isAlive: () => true,
      token: () => randomBytes(16).toString('hex'),
      clock,
      sleep: async () => {},
      signal,
    },
    signal,
    onForcedExit: () => () => {},
    note: (words) => said.push(words),
    warn: (words) => said.push(`warning: ${words}`),
    listen: () => silent,
    engine: (layout) => cpuEngine(layout, BUILT),
    weigh: async () => {},
    threads: 1,
    version: '0.0.0',
    node: '20',
    platform: 'test',
    cwd: path,
    dataFolder: join(path, 'data'),
    said,
    file: (name) => join(path, name),
    ...more,
  }
}

/** Eight sessions of a random walk. */
export const RANDOM_BARS: Trading = {
  kind: 'trading',
  bars: {
    market: randomMarket({ sessions: 8 }),
    name: 'random',
    sources: ['random'],
    missing: 0.125,
    sha256: 'of the bars',
  },
  features: featureSet('intraday')!,
  rules: DEFAULT_RULES,
}

/** What the options SHORT of ./training.ts stand for, in a new folder. */
export const shortPlan = (output: string, more: Partial<TrainingPlan> = {}): TrainingPlan => ({
  subject: RANDOM_BARS,
  settings: { ...TRADING, steps: 4096, envs: 8, rolloutSteps: 64, batch: 256, hidden: 16 },
  longOnly: false,
  warmup: 50,
  phases: null,
  evaluateEvery: 1024,
  checkpointEvery: 512,
  earlyStop: null,
  initial: null,
  place: { kind: 'new', output, name: null, force: false },
  extensions: [],
  startedMs: STARTED_MS,
  inputs: [],
  options: {},
  operands: [],
  ...more,
})
