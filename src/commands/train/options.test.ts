import { describe, expect, test } from 'vitest'
import { TASK_SETTINGS, TRADING } from '../../agent/ppo/settings.js'
import type { Setting } from '../../cli/options.js'
import { learningOptions, runningOptions, settingsOf, valuesOf } from './options.js'

/** Settings of the options as they stand on a command line. */
function settle(words: Readonly<Record<string, string>> = {}, features = 'intraday') {
  const flags = Object.fromEntries(
    Object.entries(learningOptions).map(([name, { fallback, parse }]) => [
      name,
      words[name] === undefined ? fallback : parse(words[name]),
    ]),
  )
  return settingsOf(flags as Parameters<typeof settingsOf>[0], features)
}

test('without options they are those of trading, or of the task', () => {
  // In their order too: it goes into the identity of a run.
  expect(JSON.stringify(settle())).toBe(JSON.stringify(TRADING))
  for (const [env, settings] of Object.entries(TASK_SETTINGS)) expect(settle({ env })).toEqual(settings)
})

test('each option changes its own setting', () => {
  const cases: [Record<string, string>, Partial<ReturnType<typeof settle>>][] = [
    [{ steps: '2e5' }, { steps: 200_000 }],
    [{ envs: '8' }, { envs: 8 }],
    [{ 'n-steps': '64' }, { rolloutSteps: 64 }],
    [{ 'batch-size': '1024' }, { batch: 1024 }],
    [{ bptt: '64' }, { bptt: 64 }],
    [{ epochs: '10' }, { epochs: 10 }],
    [{ gamma: '0.9' }, { gamma: 0.9 }],
    [{ 'gae-lambda': '1' }, { lambda: 1 }],
    [{ clip: '0.1' }, { clip: [0.1, 0.1] }],
    [{ 'vf-coef': '1' }, { valueCoefficient: 1 }],
    [{ 'max-grad-norm': '1' }, { maxNorm: 1 }],
    [{ 'target-kl': '0.02' }, { targetKl: 0.02 }],
    [{ 'clip-spread': '0.1' }, { clipSpread: 0.1 }],
    [{ hidden: '128' }, { hidden: 128 }],
    [{ alone: '0.25' }, { alone: 0.25 }],
    [{ alone: '0' }, { alone: 0, lstm: 'separate' }],
    [
      { alone: '0', lstm: 'joint' },
      { alone: 0, lstm: 'joint' },
    ],
    [{ lstm: 'shared' }, { lstm: 'shared' }],
    [{ layers: '2' }, { layers: 2 }],
    [{ net: '64,32' }, { net: [64, 32] }],
    [{ activation: 'relu' }, { activation: 'relu' }],
    [{ 'norm-obs': 'true' }, { normaliseObservations: true, alone: 0, lstm: 'separate' }],
    [{ 'norm-reward': 'true' }, { normaliseRewards: true }],
    [{ 'raw-reward': 'true' }, { normaliseRewards: false, lstm: 'separate' }],
    [{ 'no-ortho': 'true' }, { orthogonal: false }],
    [{ seed: '7' }, { seed: 7 }],
  ]
  for (const [words, more] of cases) expect(settle(words)).toEqual({ ...TRADING, ...more })
})

test.each([
  [{ env: 'recall2' }, 'the task recall2 has no symbols'],
  [{ 'norm-obs': 'true' }, 'the symbols are normalised together'],
  [{ hidden: '24' }, 'needs widths that are multiples of 16'],
  [{ net: '32,8' }, 'needs widths that are multiples of 16'],
])('each symbol alone cannot be with %o: it is left out, and refused where it is asked for', (words, why) => {
  expect(settle(words).alone).toBe(0)
  expect(settle({ ...words, alone: '0' }).alone).toBe(0)
  expect(() => settle({ ...words, alone: '0.5' })).toThrow(`--alone: ${why}`)
})

describe('schedules', () => {
  test('of the rate: linear to a tenth, to --lr-end, or constant', () => {
    expect(settle({ lr: '2e-3' }).rate).toEqual([2e-3, expect.closeTo(2e-4, 12)])
    expect(settle({ 'lr-end': '0' }).rate).toEqual([1e-3, 0])
    expect(settle({ 'lr-schedule': 'const' }).rate).toEqual([1e-3, 1e-3])
    expect(settle({ env: 'cartpole-novel', lr: '5e-4' }).rate).toEqual([5e-4, 0])
    expect(settle({ env: 'tmaze10', 'lr-schedule': 'linear' }).rate).toEqual([1e-3, 1e-4])
  })

  test('of clip and entropy: to 0', () => {
    expect(settle({ 'clip-schedule': 'linear' }).clip).toEqual([0.2, 0])
    expect(settle({ env: 'cartpole-novel', 'clip-schedule': 'const' }).clip).toEqual([0.2, 0.2])
    expect(settle({ 'ent-coef': '0.1' }).entropy).toEqual([0.1, 0])
    expect(settle({ 'ent-schedule': 'const' }).entropy).toEqual([0.05, 0.05])
  })

  test('without the hold prior the entropy is small and constant', () => {
    expect(settle({ 'hold-prior': '0' })).toMatchObject({ holdPrior: 0, entropy: [0.01, 0.01] })
    expect(settle({ 'hold-prior': '0', 'ent-schedule': 'linear' }).entropy).toEqual([0.01, 0])
    expect(settle({ env: 'recall2', 'hold-prior': '4' }).entropy).toEqual([0.01, 0.01])
  })
})

test('classic features are normalised unless it is refused', () => {
  expect(settle({}, 'classic').normaliseObservations).toBe(true)
  expect(settle({ 'raw-obs': 'true' }, 'classic').normaliseObservations).toBe(false)
  expect(settle({ env: 'cartpole-novel', 'raw-reward': 'true' }).normaliseRewards).toBe(false)
})

test('defaults fit what is given: sequences in a short rollout, minibatches in a small one', () => {
  expect(settle({ 'n-steps': '16' })).toMatchObject({ bptt: 16, batch: 256 })
  expect(settle({ envs: '1' })).toMatchObject({ bptt: 32, batch: 128 })
})

test('what cannot be is refused by name', () => {
  const cases: [Record<string, string>, string][] = [
    [{ bptt: '48' }, '--bptt: 48 does not divide the 128 steps of a rollout'],
    [{ 'batch-size': '4096' }, '--batch-size: 4096 is more than the 2048 steps of a rollout'],
    [{ 'batch-size': '500' }, '--batch-size: 500 is not a multiple of the 32 steps of a sequence'],
    [{ 'batch-size': '16' }, '--batch-size: 16 is not a multiple of the 32 steps of a sequence'],
    [{ hidden: '60' }, '--hidden: expected a multiple of 8, got 60'],
    [{ 'norm-reward': 'true', 'raw-reward': 'true' }, '--norm-reward and --raw-reward are opposites'],
    [{ 'lr-schedule': 'const', 'lr-end': '1e-5' }, '--lr-end: needs --lr-schedule linear'],
    [{ steps: '0' }, 'expected a whole number such as 200000 or 2e5, got "0"'],
    [{ steps: '1.5' }, 'expected a whole number such as 200000 or 2e5, got "1.5"'],
    [{ net: '64,' }, 'expected multiples of 8 between commas, or none, got "64,"'],
  ]
  for (const [words, message] of cases) expect(() => settle(words)).toThrow(message)
})

describe('the options of a run that goes on', () => {
  const FREE = Object.keys(runningOptions)

  function resumed(stored: Record<string, string>, now: Record<string, Setting> = {}) {
    const context = { settings: new Map(Object.entries(now)), cwd: '/' }
    const options = { ...runningOptions, gamma: learningOptions.gamma }
    const { threads, gamma } = valuesOf(context, options, stored, FREE)
    return { threads, gamma }
  }

  const setting = (origin: Setting['origin'], value: number): Setting => ({
    origin,
    value,
    raw: String(value),
  })

  test('are those it was begun with', () => {
    expect(resumed({ threads: '3', gamma: '0.9' })).toEqual({ threads: 3, gamma: 0.9 })
  })

  test('a flag may change what changes no weight, and nothing else', () => {
    expect(resumed({ threads: '3' }, { threads: setting('flag', 1) }).threads).toBe(1)
    expect(resumed({ gamma: '0.9' }, { gamma: setting('flag', 0.9) }).gamma).toBe(0.9)
    expect(() => resumed({ gamma: '0.9' }, { gamma: setting('flag', 0.8) })).toThrow(
      '--gamma: the run has 0.9, and it would not be the same run',
    )
  })

  test('a text that was changed by hand is named by its option', () => {
    expect(() => resumed({ gamma: '2\n' })).toThrow(
      expect.objectContaining({
        code: 65,
        message: 'the manifest of the run is damaged: --gamma: expected a number, got "2\\n"',
      }),
    )
  })

  test('environment and configuration speak where the beginning was silent', () => {
    for (const origin of ['environment', 'config'] as const) {
      expect(resumed({}, { threads: setting(origin, 1) }).threads).toBe(1)
      expect(resumed({ threads: '3' }, { threads: setting(origin, 1) }).threads).toBe(3)
      expect(resumed({ gamma: '0.9' }, { gamma: setting(origin, 0.8) }).gamma).toBe(0.9)
    }
  })
})
