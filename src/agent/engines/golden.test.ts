/** The published numbers of torch in float64, for every engine: 1e-12 in float64, 1e-5 in float32. */
import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import {
  ADDON,
  BUILT,
  NATIVE,
  NEEDS_ADDON,
  NEEDS_NATIVE,
  nativeEngine,
  TFJS,
} from '../../../test/support/engines.js'
import { flat, worst } from '../../../test/support/numbers.js'
import { type Layout, layoutOf } from '../network/network.js'
import { cpuEngine } from './cpu/engine.js'
import type { Engine, Experience, LossSettings } from './engine.js'
import { ReferenceEngine } from './reference.js'
import { tfjsEngine } from './tfjs/engine.js'

const golden = JSON.parse(readFileSync('test/fixtures/ppo/goldens.json', 'utf8'))
const { I, H, A, B, T } = golden

const NAMES: Record<string, string> = { lstm: 'lstm_actor', pi: 'action_net', vf: 'value_net' }

type Create = (layout: Layout) => Promise<Engine> | Engine

const ENGINES: [string, number, number, Create][] = [
  ['reference', H, 1e-12, (layout) => new ReferenceEngine(layout)],
  ['cpu', 8, 1e-5, (layout) => cpuEngine(layout, BUILT)],
  ['tfjs cpu', 8, 1e-5, (layout) => tfjsEngine(layout, 'cpu', TFJS)],
  ['tfjs wasm', 8, 1e-5, (layout) => tfjsEngine(layout, 'wasm', TFJS)],
]

describe.each(ENGINES)('%s, of width %i, to %d', (_name, ...given) => goldens(...given))

describe.skipIf(ADDON === null)(`cpu with native kernels${NEEDS_ADDON}`, () =>
  goldens(8, 1e-5, (layout) => cpuEngine(layout, { ...BUILT, native: ADDON })),
)

describe.skipIf(NATIVE === undefined)(`TensorFlow${NEEDS_NATIVE}`, () => goldens(8, 1e-5, nativeEngine))

/**
 * `width` may be more than the H of the vectors: the units above are silent, for all their weights are zero, and neither
 * outputs nor gradients of the others notice them.
 */
function goldens(width: number, precision: number, create: Create): void {
  const layout = layoutOf({
    inputs: I,
    hidden: width,
    actions: A,
    lstm: 'joint',
    layers: 1,
    net: [],
    activation: 'tanh',
  })
  /** Index in a padded [rows, columns] of each number of the vectors' own. */
  const places = (tensor: { shape: readonly number[]; name: string }): number[] => {
    const [rows = 1, columns = 1] = tensor.shape
    const gates = tensor.name.includes('lstm')
    const ownRows = gates ? 4 * H : rows
    const ownColumns =
      columns === width && tensor.shape.length === 2 && !tensor.name.includes('_ih_') ? H : columns
    return Array.from({ length: ownRows * ownColumns }, (_, i) => {
      const r = Math.floor(i / ownColumns)
      const row = gates ? Math.floor(r / H) * width + (r % H) : r
      return row * columns + (i % ownColumns)
    })
  }
  const arena = (tensors: Record<string, unknown>): Float64Array => {
    const values = new Float64Array(layout.size)
    for (const [name, tensor] of Object.entries(tensors)) {
      const [first = '', ...rest] = name.split('.')
      const place = layout.tensors.find((one) => one.name === [NAMES[first], ...rest].join('.'))!
      const numbers = flat(tensor)
      const at = places(place)
      expect(at.length, name).toBe(numbers.length)
      for (const [i, value] of numbers.entries()) values[place.offset + at[i]!] = value
    }
    return values
  }
  const state = (numbers: unknown): Float64Array => {
    const values = new Float64Array(B * width)
    for (const [i, value] of flat(numbers).entries()) values[Math.floor(i / H) * width + (i % H)] = value
    return values
  }
  const batch: Experience = {
    steps: T,
    lanes: B,
    blocks: 1,
    observations: Float64Array.from(flat(golden.x)),
    episodeStarts: Uint8Array.from(flat(golden.episode_start)),
    valid: new Uint8Array(T * B).fill(1),
    actions: Int32Array.from(flat(golden.actions)),
    oldLogProbs: Float64Array.from(flat(golden.old_logp)),
    advantages: Float64Array.from(flat(golden.adv)),
    returns: Float64Array.from(flat(golden.ret)),
    hidden: state(golden.h0),
    cell: state(golden.c0),
    held: null,
  }
  const settings: LossSettings = {
    clip: 0.2,
    valueCoefficient: 0.5,
    entropyCoefficient: 0.01,
    normaliseAdvantage: true,
    holdPrior: 0,
    allowed: new Uint8Array(A).fill(1),
  }
  let engine: Engine | undefined
  const fresh = async (): Promise<Engine> => {
    engine ??= await create(layout)
    engine.writeParameters(arena(golden.params))
    return engine
  }
  afterAll(() => engine?.dispose())

  test('states, logits and values, step by step', async () => {
    const running = await fresh()
    const hidden = state(golden.h0)
    const cell = state(golden.c0)
    const logits = new Float64Array(B * A)
    const values = new Float64Array(B)
    for (let t = 0; t < T; t++) {
      running.policyStep({
        count: B,
        observations: batch.observations.subarray(t * B * I, (t + 1) * B * I),
        episodeStarts: batch.episodeStarts.subarray(t * B, (t + 1) * B),
        hidden,
        cell,
        logits,
        values,
      })
      expect(worst(hidden, state(golden.h[t]))).toBeLessThan(precision)
      expect(worst(logits, flat(golden.logits[t]))).toBeLessThan(precision)
      expect(worst(values, flat(golden.value[t]))).toBeLessThan(precision)
    }
  })

  test('loss, every gradient, and a clipped Adam step', async () => {
    const running = await fresh()
    running.load(batch)
    running.gradient(
      Array.from({ length: B }, (_, b) => b),
      settings,
    )
    const figures = running.readFigures()[0]!
    const near = (found: number, expected: number) =>
      expect(Math.abs(found - expected)).toBeLessThan(precision)
    near(figures.policyLoss, golden.pg_loss)
    near(figures.valueLoss, golden.v_loss)
    near(figures.loss, golden.loss)
    near(figures.clipFraction, golden.clip_fraction)
    near(figures.approxKl, golden.approx_kl)
    expect(worst(running.readGradient(), arena(golden.grads))).toBeLessThan(precision)
    const { lr, eps, beta1, beta2, max_grad_norm } = golden.adam
    running.adamStep({ rate: lr, epsilon: eps, beta1, beta2, maxNorm: max_grad_norm })
    near(running.readNorms()[0]!, golden.grad_norm)
    expect(worst(running.readParameters(), arena(golden.params_after))).toBeLessThan(precision)
  })
}
