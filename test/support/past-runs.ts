/** Runs as a registry and folders have them, written down instead of trained: most of what is said of them needs no model. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Workdir } from './workdir.js'

export interface Past {
  readonly run: string
  readonly seed?: number
  readonly trial?: string
  readonly task?: string
  readonly end?: string | null
  readonly folder?: string
  readonly time?: string
  /** When it said how it ended. */
  readonly ended?: string
  readonly best?: { readonly reward: number; readonly step: number } | null
}

const DATA = '.local/share/jules'

/** A folder of its own, a line of the registry, and one that says how it ended; null for a run that never said. */
export function wrote(dir: Workdir, past: Past): void {
  const { run, seed = 1, task = 'trading', end = 'steps', folder = run } = past
  const { time = '2025-08-01T20:00:00Z', best = { reward: 12.5, step: 2048 }, trial = `seed ${seed}` } = past
  const path = dir.file(folder)
  const on = task === 'trading'
  mkdirSync(join(dir.path, DATA), { recursive: true })
  mkdirSync(path, { recursive: true })
  const line = {
    ...{
      type: 'run',
      run,
      time,
      path,
      task,
      symbols: on ? ['NVDA', 'MSFT'] : [],
      interval: on ? '1m' : null,
    },
    ...{ from: on ? '2025-07-23' : null, to: on ? '2025-07-31' : null, trial },
  }
  appendFileSync(dir.file(`${DATA}/runs.ndjson`), `${JSON.stringify(line)}\n`)
  if (end !== null) {
    const later = {
      type: 'end',
      run,
      started: time,
      time: past.ended ?? '2025-08-01T21:00:00Z',
      path,
      end,
      step: 4096,
      best,
    }
    appendFileSync(dir.file(`${DATA}/runs-later.ndjson`), `${JSON.stringify(later)}\n`)
  }
  const manifest = {
    ...{
      format: 'jules-run/1',
      run,
      version: 'jules 0.1.0',
      node: '20.20.2',
      platform: 'linux-x64',
      started: time,
    },
    ...{ options: { seed: String(seed) }, operands: [dir.file('bars.parquet')] },
    inputs: [{ kind: 'bars', path: dir.file('bars.parquet'), sha256: 'a'.repeat(64) }],
    ...{
      engine: 'cpu',
      threads: 1,
      settings: { settings: { seed, steps: 4096 }, rules: on ? { capital: 5000 } : null },
    },
    ...{
      identity: 'b'.repeat(64),
      data: null,
      test: on ? { from: '2025-08-01', sessions: 1 } : null,
      trial: 1,
    },
  }
  writeFileSync(join(path, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(path, 'metrics.ndjson'), metrics(best))
}

const metrics = (best: Past['best']): string =>
  [1024, 2048, 4096]
    .map(
      (step) =>
        `${JSON.stringify({ type: 'metric', step, 'eval/mean_reward': best?.step === step ? best.reward : null })}\n`,
    )
    .join('')
