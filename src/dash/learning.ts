/** What a training says of itself, from its metric records: the last of each figure, and curves of a few, in bounded memory. */
import type { JsonObject } from '../stream/json.js'
import { Thinned } from './thinned.js'

/** Figures with a curve, and their names for people. */
export const CURVES: Readonly<Record<string, string>> = {
  'eval/mean_reward': 'Reward on the validation sessions',
  'rollout/ep_rew_mean': 'Mean reward of the last episodes',
  'train/loss_mean': 'Loss',
  'train/entropy_loss': 'Entropy loss',
  'train/approx_kl_mean': 'Approximate KL divergence',
  'time/fps': 'Steps a second',
}

/** A point of a curve: step, value. */
export type MetricPoint = readonly [key: string, step: number, value: number]

const STRETCHES = 256
const MOST_KEYS = 64
const MOST_FRESH = 500

/** One run; a step that goes back, as of a run that was taken up again, or another run, begins anew. */
export class Learning {
  run: string | null = null
  step: number | null = null
  best: { readonly reward: number; readonly step: number } | null = null
  count = 0
  generation = 0
  readonly curves = new Map<string, Thinned>(
    Object.keys(CURVES).map((key): [string, Thinned] => [key, new Thinned(STRETCHES)]),
  )
  /** The last value of each figure. */
  figures: ReadonlyMap<string, number> = new Map()
  #fresh: MetricPoint[] | null = []

  /** False for a record that is no metric. */
  take(record: JsonObject): boolean {
    const { type, run, step } = record
    if (type !== 'metric' || typeof step !== 'number' || !Number.isFinite(step)) return false
    const name = typeof run === 'string' ? run : ''
    if (this.run !== null && (name !== this.run || step < this.step!)) this.clear()
    this.run = name
    this.step = step
    this.count++
    const figures = new Map<string, number>()
    for (const [key, value] of Object.entries(record)) {
      if (!key.includes('/') || typeof value !== 'number' || !Number.isFinite(value)) continue
      if (figures.size < MOST_KEYS) figures.set(key, value)
      this.#point(key, step, value)
    }
    this.figures = figures
    return true
  }

  #point(key: string, step: number, value: number): void {
    const curve = this.curves.get(key)
    if (curve === undefined) return
    curve.add(step, value)
    if (key === 'eval/mean_reward' && value > (this.best?.reward ?? Number.NEGATIVE_INFINITY))
      this.best = { reward: value, step }
    if (this.#fresh === null) return
    if (this.#fresh.length < MOST_FRESH) this.#fresh.push([key, step, value])
    else this.#fresh = null
  }

  clear(): void {
    this.run = null
    this.step = null
    this.best = null
    this.count = 0
    this.generation++
    this.figures = new Map()
    this.#fresh = []
    for (const curve of this.curves.values()) curve.clear()
  }

  /** Points since the last call; null where they are too many. */
  fresh(): readonly MetricPoint[] | null {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }
}
