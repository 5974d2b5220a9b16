import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  RANDOM_BARS,
  shortPlan,
  type TestWorld,
  trainingWorld,
} from '../../../test/support/training-world.js'
import { takeLock } from '../../base/lock.js'
import { decodeModel, encodeModel, type Model, type ModelSpec } from '../model/model.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { Diverged } from '../ppo/diverged.js'
import { TRADING } from '../ppo/settings.js'
import { RunFolder } from './folder.js'
import { initialFrom } from './initial.js'
import { enginesOf, type Manifest, manifestOf } from './manifest.js'
import type { TrainingPlan } from './plan.js'
import { registered, runsOf } from './registry.js'
import { trainRun } from './train-run.js'
import { validatedSessions } from './validated.js'
import { type Listener, type Scores, silent, type TrainingWorld } from './world.js'

const MODELS = ['policy.safetensors', 'best.safetensors']
/** One rollout. */
const SHORT = { steps: 512, envs: 8, rolloutSteps: 64, batch: 256 }

test('two trainings side by side in one process have the same bytes, and leave nothing held', async () => {
  const world = trainingWorld()
  const records: string[] = []
  const heard = {
    ...world,
    listen: () => ({
      record: async (line: string) => void records.push(line),
      progress: (done: number, total: number) => records.push(`${done} of ${total}`),
      end: () => records.push('end'),
    }),
  }
  const [a, b] = await Promise.all([
    trainRun(heard, shortPlan(world.file('a'))),
    trainRun(world, shortPlan(world.file('b'))),
  ])
  for (const name of [...MODELS, 'checkpoint.safetensors'])
    expect(readFileSync(world.file(`a/${name}`)).equals(readFileSync(world.file(`b/${name}`))), name).toBe(
      true,
    )
  expect(a).toMatchObject({
    end: 'steps',
    run: 'nvda-msft-20250801t200000z',
    step: 4096,
    steps: 4096,
    trial: 1,
  })
  expect(b.best).toEqual(a.best)
  // What is told is what stands in the folder, and the model comes last.
  const metrics = readFileSync(world.file('a/metrics.ndjson'), 'utf8')
  expect(records.filter((one) => one.startsWith('{"type":"metric"')).join('')).toBe(metrics)
  expect(records.slice(-3, -1)).toEqual(['4096 of 4096', 'end'])
  expect(JSON.parse(records.at(-1)!)).toMatchObject({
    ...{ type: 'model', steps: 4096, trial: 1, best: a.best },
    missing: 0.125,
  })
  expect(world.said).toEqual(
    new Array(2).fill(expect.stringMatching(/^training on .* 1 session from .* testing$/)),
  )
  expect([existsSync(world.file('a/run.lock')), existsSync(world.file('b/run.lock'))]).toEqual([false, false])
  expect((await registered(world.file('data/runs.ndjson'))).length).toBe(2)
  // The sessions of validation as the best model went through them.
  const validated = await validatedSessions(new RunFolder(world.file('a'), world))
  const sum = validated.reduce((total, { pnl }) => total + pnl, 0)
  expect(validated.map(({ date }) => date)).toEqual(['2025-07-31'])
  expect(sum).toBeCloseTo(a.best!.reward, 9)
})

test.each<[name: string, change: unknown]>([
  ['engine', null],
  ['engines', []],
  ['engines', [null]],
  ['engines', 'cpu'],
  ['engines', [{ engine: 'cpu' }]],
  ['extensions', [{ steps: 0 }]],
  ['inputs', [{ kind: 'bars', path: {}, sha256: '' }]],
  ['options', 5],
  ['options', null],
])('a manifest with %s %j is refused as damaged', async (name, change) => {
  const world = trainingWorld()
  const whole = {
    ...{ format: 'jules-run/1', run: 'r', version: 'v', identity: 'i', engine: 'cpu' },
    ...{ options: {}, operands: [], inputs: [{ kind: 'bars', path: 'p', sha256: 's' }] },
    extensions: [{ steps: 1 }],
  }
  const path = world.file('manifest.json')
  const manifest = (value: unknown) => {
    writeFileSync(path, JSON.stringify(value))
    return manifestOf(new RunFolder(world.file(''), world))
  }
  await expect(manifest(whole)).resolves.toEqual(whole)
  await expect(manifest({ ...whole, [name]: change })).rejects.toMatchObject({
    ...{ code: 65, where: path, message: 'is damaged' },
  })
})

describe('a model that was trained to see something else starts no run', () => {
  const { features } = RANDOM_BARS
  const SEEN = { set: features.name, columns: features.columns }
  test.each<[spec: Partial<ModelSpec>, normalises: boolean, words: string, hint: string | undefined]>([
    [{ task: 'tmaze10' }, false, 'the model was trained on tmaze10, not on trading', undefined],
    [
      { features: { ...SEEN, set: 'classic' } },
      false,
      'the model was trained on the features classic, not intraday',
      'give --features classic',
    ],
    [
      { features: { ...SEEN, columns: ['close'] } },
      false,
      `feature 0 of intraday is ${features.columns[0]} here and close in the model`,
      undefined,
    ],
    [{}, true, 'the model normalises observations, and here they are taken as they are', 'give --norm-obs'],
  ])('%j, normalised: %s', async (other, normalises, message, hint) => {
    const world = trainingWorld()
    const { settings } = shortPlan('')
    const shape: NetworkShape = { ...settings, inputs: 26, actions: 9 }
    const spec: ModelSpec = {
      ...{
        task: 'trading',
        features: SEEN,
        interval: '1m',
        actions: null,
        mask: [1, 1, 1, 1, 1, 1, 1, 1, 1],
      },
      holdPrior: 4,
      ...other,
    }
    const model: Model = {
      ...{ spec, shape, settings: {}, steps: 1, data: null },
      parameters: new Float32Array(layoutOf(shape).size),
      normaliser: normalises ? new RunningMoments(26) : null,
    }
    const path = world.file('model')
    writeFileSync(path, encodeModel(model))
    const plan = shortPlan(world.file('run'), { initial: await initialFrom(path) })
    await expect(trainRun(world, plan)).rejects.toMatchObject({ code: 65, where: path, message, hint })
    expect(existsSync(world.file('run'))).toBe(false)
  })
})

test('a model to start from brings what its observations were normalised by', async () => {
  const world = trainingWorld()
  const momentsOf = async (name: string, seed: number, from?: string) => {
    const initial = from === undefined ? null : await initialFrom(world.file(from))
    const settings = { ...TRADING, ...SHORT, alone: 0, normaliseObservations: true, seed }
    await trainRun(world, shortPlan(world.file(name), { settings, initial }))
    return decodeModel(readFileSync(world.file(`${name}/policy.safetensors`)), name).normaliser!
  }
  const first = await momentsOf('first', 1)
  const alone = await momentsOf('alone', 2)
  const after = await momentsOf('after', 2, 'first')
  // What is seen of the market does not hang on what is done; each run is as long as the other.
  for (let column = 0; column < 12; column++) {
    expect(after.mean[column]).toBeCloseTo((first.mean[column]! + alone.mean[column]!) / 2, 6)
    const apart = (first.mean[column]! - alone.mean[column]!) / 2
    expect(after.variance[column]).toBeCloseTo(
      (first.variance[column]! + alone.variance[column]!) / 2 + apart * apart,
      6,
    )
  }
  expect(first.mean[0]).not.toBeCloseTo(alone.mean[0]!, 3)
})

test('how it ended is told: all steps, a signal, numbers that are none, and again when it goes on', async () => {
  const world = trainingWorld()
  const ends = async () => (await runsOf(world.file('data/runs.ndjson'))).map(({ ended }) => ended?.end)
  const short = (name: string) =>
    shortPlan(world.file(name), {
      settings: { ...TRADING, ...SHORT },
    })
  await trainRun(world, short('whole'))
  const stop = new AbortController()
  stop.abort()
  await trainRun({ ...world, signal: stop.signal }, short('stopped'))
  const wild: TrainingWorld = {
    ...world,
    engine: async (layout) => Object.assign(await world.engine(layout), { readNorms: () => [Number.NaN] }),
  }
  await expect(trainRun(wild, short('wild'))).rejects.toThrow(Diverged)
  expect(await ends()).toEqual(['steps', 'stopped', 'diverged'])
  const folder = new RunFolder(world.file('stopped'), world)
  const place = {
    kind: 'begun',
    force: false,
    extend: null,
    folder,
    manifest: await manifestOf(folder),
  } as const
  await trainRun(world, { ...short('stopped'), place })
  expect(await ends()).toEqual(['steps', 'steps', 'diverged'])
})

test('a signal stops it with a checkpoint, from which it goes on to the bytes of a whole run', async () => {
  const world = trainingWorld()
  await trainRun(world, shortPlan(world.file('whole')))
  const stop = new AbortController()
  const stopping = {
    ...world,
    signal: stop.signal,
    listen: () => ({
      record: async () => {},
      progress: (done: number) => {
        if (done >= 1024) stop.abort()
      },
      end: () => {},
    }),
  }
  const first = await trainRun(stopping, shortPlan(world.file('cut')))
  expect([first.end, first.step, first.rivals]).toEqual(['stopped', 1024, null])
  const folder = new RunFolder(world.file('cut'), world)
  const manifest = await manifestOf(folder)
  const heard: [number, number, Scores][] = []
  const listening = {
    ...world,
    listen: (): Listener => ({ ...silent, progress: (...told) => void heard.push(told) }),
  }
  const goOn = (more: Partial<TrainingPlan> = {}) =>
    trainRun(
      listening,
      shortPlan('', { place: { kind: 'begun', force: false, extend: null, folder, manifest }, ...more }),
    )
  await expect(goOn({ longOnly: true })).rejects.toThrow('the settings of the run are not the same here')
  const second = await goOn()
  expect(second).toMatchObject({ end: 'steps', run: first.run, step: 4096, steps: 3072 })
  expect(world.said.at(-2)).toBe('going on from step 1024')
  // Rate and time left are those of this process; the best score is that of the run.
  expect(heard.map(([done, total]) => [done, total])).toEqual(
    [512, 1024, 1536, 2048, 2560, 3072].map((done) => [done, 3072]),
  )
  expect(heard[0]![2]).toEqual({ last: null, best: first.best!.reward })
  expect(heard.at(-1)![2]).toEqual({ last: expect.any(Number), best: second.best!.reward })
  for (const name of MODELS)
    expect(readFileSync(world.file(`cut/${name}`)).equals(readFileSync(world.file(`whole/${name}`)))).toBe(
      true,
    )
})

describe('an extension', () => {
  const small: Partial<TrainingPlan> = {
    settings: { ...TRADING, steps: 1024, envs: 8, rolloutSteps: 64, batch: 256, hidden: 16 },
    evaluateEvery: 512,
  }
  /** Goes on with the run in a folder, by so many steps where `extend` says so. */
  const goOn = async (
    world: TestWorld,
    name: string,
    extend: number | null,
    more: Partial<TrainingPlan> = {},
  ) => {
    const folder = new RunFolder(world.file(name), world)
    const manifest = await manifestOf(folder)
    const place = { kind: 'begun', force: false, extend, folder, manifest } as const
    const past = (manifest.extensions ?? []).map(({ steps }) => steps)
    const extensions = extend === null ? past : [...past, extend]
    return trainRun(world, shortPlan('', { ...small, ...more, place, extensions }))
  }
  const bytes = (world: TestWorld, name: string) =>
    MODELS.map((file) => readFileSync(world.file(`${name}/${file}`)).toString('base64'))

  test('has one set of bytes, whole or stopped and taken up again, once or twice', async () => {
    const world = trainingWorld()
    const stop = new AbortController()
    const stopping = trainingWorld({
      signal: stop.signal,
      listen: () => ({ ...silent, progress: (done) => void (done >= 512 && stop.abort()) }),
    })
    for (const one of [world, stopping])
      await trainRun(
        { ...one, listen: () => silent, signal: world.signal },
        shortPlan(one.file('run'), small),
      )
    const first = await goOn(world, 'run', 1000)
    expect(first).toMatchObject({ end: 'steps', step: 2048, steps: 1024, trial: 1 })
    expect(await goOn(stopping, 'run', 1000)).toMatchObject({ end: 'stopped', step: 1536 })
    // What was begun is a part of the run: it is not asked for again, but finished.
    const again = { ...stopping, signal: world.signal, listen: () => silent }
    await expect(goOn(again, 'run', 1000)).rejects.toThrow('the run has not ended: it is at step 1536')
    expect(await goOn(again, 'run', null)).toMatchObject({ end: 'steps', step: 2048, steps: 512 })
    expect(bytes(stopping, 'run')).toEqual(bytes(world, 'run'))
    for (const one of [world, again]) await goOn(one, 'run', 512)
    expect(bytes(stopping, 'run')).toEqual(bytes(world, 'run'))
    const manifest = await manifestOf(new RunFolder(world.file('run'), world))
    expect(manifest.extensions!.map(({ steps, from }) => [steps, from])).toEqual([
      [1000, 1024],
      [512, 2048],
    ])
    const model = decodeModel(readFileSync(world.file('run/policy.safetensors')), 'run')
    expect([model.steps, model.settings.extensions]).toEqual([2560, [1000, 512]])
    const phases = readFileSync(world.file('run/metrics.ndjson'), 'utf8').trimEnd().split('\n')
    expect(phases.map((line) => JSON.parse(line).phase)).toEqual([
      ...['alone', 'train', 'extension 1', 'extension 1', 'extension 2'],
    ])
  })

  test('is refused of a run that has not ended, and of one that ended early', async () => {
    const world = trainingWorld()
    const stop = new AbortController()
    stop.abort()
    await trainRun({ ...world, signal: stop.signal }, shortPlan(world.file('cut'), small))
    const path = world.file('cut')
    await expect(goOn(world, 'cut', 1000)).rejects.toMatchObject({
      kind: 'usage',
      message: 'the run has not ended: it is at step 0',
      hint: `to finish it first: jules train --resume ${path}`,
    })
    expect((await manifestOf(new RunFolder(path, world))).extensions).toBeUndefined()
    const early = {
      earlyStop: 1,
      evaluateEvery: 512,
      settings: { ...small.settings!, steps: 4096, rate: [0, 0] as const },
    }
    expect((await trainRun(world, shortPlan(world.file('early'), { ...small, ...early }))).end).toBe(
      'early-stop',
    )
    await expect(goOn(world, 'early', 1000, early)).rejects.toThrow(
      'the run was ended by --early-stop at step 1024',
    )
  })
})

test('a folder that is held is refused, one that is not empty too, and both are let go', async () => {
  const world = trainingWorld()
  const free = await takeLock(world.lock, world.file('run'), { waitMs: 0 })
  const here = shortPlan(world.cwd)
  await expect(trainRun(world, here)).rejects.toMatchObject({ kind: 'tryAgain' })
  free()
  writeFileSync(world.file('manifest.json'), '{"format":"jules-run/1"}')
  const force = shortPlan(world.cwd, { place: { kind: 'new', output: world.cwd, name: null, force: true } })
  await expect(trainRun(world, here)).rejects.toMatchObject({ kind: 'cannotCreate' })
  // The registry cannot be written: the lock was taken by then.
  writeFileSync(world.file('data'), '')
  await expect(trainRun(world, force)).rejects.toThrow()
  expect(existsSync(world.file('run.lock'))).toBe(false)
})

test('a split that is given takes the place of 70 and 15 %, and may leave nothing for testing', async () => {
  const world = trainingWorld()
  const split = { trainEnd: 3, validationEnd: 8 }
  const subject = { ...RANDOM_BARS, split }
  const { data, test: kept, trial } = await trainRun(world, shortPlan(world.file('all'), { subject }))
  const days = RANDOM_BARS.bars.market.sessions.map(({ day }) => new Date(day * 86_400_000).toISOString())
  const day = (session: number) => days[session]!.slice(0, 10)
  expect(data).toMatchObject({ train: [day(0), day(2)], validation: [day(3), day(7)] })
  expect([kept, trial]).toEqual([null, 1])
  expect(world.said).toEqual([`training on ${day(0)} to ${day(2)}, validating on ${day(3)} to ${day(7)}`])
  const usual = await trainRun(world, shortPlan(world.file('usual')))
  expect([usual.data!.train, usual.test, usual.trial]).toEqual([
    [day(0), day(5)],
    { from: day(7), sessions: 1 },
    1,
  ])
  const manifest = (name: string): Manifest =>
    JSON.parse(readFileSync(world.file(`${name}/manifest.json`), 'utf8'))
  expect(manifest('all').identity).not.toBe(manifest('usual').identity)
  const trained = (name: string) => [
    ...decodeModel(readFileSync(world.file(`${name}/policy.safetensors`)), name).parameters,
  ]
  expect(trained('all')).not.toEqual(trained('usual'))
  await expect(
    trainRun(
      world,
      shortPlan(world.file('bad'), { subject: { ...subject, split: { trainEnd: 3, validationEnd: 9 } } }),
    ),
  ).rejects.toThrow(RangeError)
})

/** The same arithmetic under another name. */
const named = (world: TrainingWorld, name: string): TrainingWorld => ({
  ...world,
  engine: async (layout) => Object.assign(await world.engine(layout), { name }),
})

test('another engine goes on only where it is forced, and the manifest says from which step', async () => {
  const world = trainingWorld()
  const plan = (more: Partial<TrainingPlan> = {}) =>
    shortPlan(world.file('run'), {
      settings: { ...TRADING, steps: 1024, envs: 8, rolloutSteps: 64, batch: 256, hidden: 16 },
      ...more,
    })
  const stop = new AbortController()
  const listen = () => ({ ...silent, progress: () => stop.abort() })
  await trainRun({ ...world, signal: stop.signal, listen }, plan())
  const folder = new RunFolder(world.file('run'), world)
  const goOn = async (name: string, force: boolean) =>
    trainRun(
      named(world, name),
      plan({
        place: { kind: 'begun', folder, manifest: await manifestOf(folder), force, extend: null },
        options: { gpu: 'true' },
      }),
    )
  await expect(goOn('other', false)).rejects.toThrow('the run is one of the engine cpu, and this is other')
  expect((await goOn('other', true)).step).toBe(1024)
  const manifest = await manifestOf(folder)
  expect(manifest).toMatchObject({ engine: 'cpu', options: { gpu: 'true' } })
  expect(enginesOf(manifest)).toEqual([
    { engine: 'cpu', step: 0 },
    { engine: 'other', step: 512 },
  ])
  expect(world.said).toContain(
    'warning: the engine other goes on where cpu was: the model is that of neither alone',
  )
  // From then on it is a run of the other engine, and the first one would have to be forced.
  await goOn('other', false)
  await expect(goOn('cpu', false)).rejects.toThrow('the run is one of the engine other, and this is cpu')
})

test('a device without memory left is told with the batch to try', async () => {
  const world = trainingWorld()
  const full: TrainingWorld = {
    ...world,
    engine: async (layout) =>
      Object.assign(await world.engine(layout), {
        adamStep: () => {
          throw new Error('OOM when allocating tensor with shape[64,32,256] by allocator GPU_0_bfc')
        },
      }),
  }
  const told = async (batch: number) =>
    trainRun(
      full,
      shortPlan(world.file(`${batch}`), {
        settings: { ...TRADING, steps: 64, envs: 8, rolloutSteps: 64, batch, hidden: 16 },
      }),
    ).catch((error: unknown) => error)
  expect(await told(512)).toMatchObject({
    kind: 'unavailable',
    message: 'the memory of the device is full: cpu, --batch-size 512',
    hint: 'try --batch-size 256',
  })
  expect(await told(32)).toMatchObject({ hint: 'try less than --hidden 16, or a smaller --bptt' })
})
