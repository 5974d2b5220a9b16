import { describe, expect, test } from 'vitest'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { decodeModel, encodeModel, type Model } from './model.js'
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from './safetensors.js'

const shape: NetworkShape = {
  inputs: 3,
  hidden: 8,
  actions: 2,
  lstm: 'separate',
  layers: 1,
  net: [8],
  activation: 'relu',
}

const normaliser = new RunningMoments(3)
normaliser.mean.set([1, 2, 3])
normaliser.variance.set([4, 5, 6])

const model: Model = {
  spec: { task: 'tiny', features: null, interval: null, actions: [[-1], [1]], mask: [1, 1], holdPrior: 4 },
  shape,
  parameters: Float32Array.from({ length: layoutOf(shape).size }, (_, i) => Math.sin(i)),
  normaliser,
  settings: { seed: 1 },
  steps: 100,
  data: {
    sha256: 'ab',
    symbols: ['NVDA'],
    sources: ['mock'],
    train: ['2025-01-02', '2025-02-03'],
    validation: ['2025-02-04', '2025-02-05'],
  },
}

test('a model comes back as it was, with the same bytes', () => {
  const bytes = encodeModel(model)
  const back = decodeModel(bytes, 'm')
  expect({ ...back, normaliser: null }).toEqual({ ...model, normaliser: null })
  expect([...back.normaliser!.mean, ...back.normaliser!.variance]).toEqual([1, 2, 3, 4, 5, 6])
  expect(Buffer.from(encodeModel(back)).equals(bytes)).toBe(true)
})

describe('a damaged model is refused, by what is wrong', () => {
  /** The same file with other metadata or tensors. */
  const changed = (
    metadata: Record<string, string>,
    tensor: (one: NamedTensor) => NamedTensor = (one) => one,
  ) => {
    const file = decodeSafetensors(encodeModel(model), 'm')
    return encodeSafetensors([...file.tensors.values()].map(tensor), { ...file.metadata, ...metadata })
  }
  const network = (more: object) => ({ network: JSON.stringify({ ...shape, ...more }) })

  test.each<[Record<string, string>, string]>([
    [{ format: 'other/1' }, 'its format is other/1, and this jules reads jules-policy/1'],
    [{ spec: '{' }, 'its metadata spec is damaged'],
    [{ spec: 'null' }, 'its metadata spec is damaged'],
    [{ spec: JSON.stringify({ ...model.spec, mask: [0, 0] }) }, 'its metadata spec is damaged'],
    [{ spec: JSON.stringify({ ...model.spec, holdPrior: 'four' }) }, 'its metadata spec is damaged'],
    [{ spec: JSON.stringify({ ...model.spec, holdPrior: 3 }) }, 'its specification does not fit its hash'],
    [{ network: 'null' }, 'its metadata network is damaged'],
    [network({ hidden: -8 }), 'its metadata network is damaged'],
    [network({ net: 'x' }), 'its metadata network is damaged'],
    [network({ lstm: 'both' }), 'its metadata network is damaged'],
    [network({ actions: 3 }), 'its mask is of 2 actions, and its network of 3'],
    // A size that could not be held in memory is not asked for.
    [network({ hidden: 1e8 }), 'tensor lstm_actor.weight_ih_l0 is [32,3], and [400000000,3] is expected'],
    [network({ layers: 2 }), 'tensor lstm_actor.weight_ih_l1 is missing'],
    [{ settings: '[]' }, 'its metadata settings is damaged'],
    [{ steps: '-1' }, 'its metadata steps is damaged'],
    [{ data: '{"train":[]}' }, 'its metadata data is damaged'],
  ])('%o', (metadata, words) => {
    expect(() => decodeModel(changed(metadata), 'm')).toThrow(words)
    try {
      decodeModel(changed(metadata), 'm')
    } catch (error) {
      expect(error).toMatchObject({ kind: 'data', where: 'm' })
    }
  })

  const setTo = (name: string, value: number) => (one: NamedTensor) => {
    if (one.name === name) one.data[1] = value
    return one
  }

  test.each([
    ['action_net.bias', Number.NaN, 'tensor action_net.bias holds a number that is not finite'],
    ['normaliser.variance', -1, 'its normaliser holds a number that cannot be'],
    ['normaliser.mean', Number.NaN, 'its normaliser holds a number that cannot be'],
  ])('%s with %d', (name, value, words) => {
    expect(() => decodeModel(changed({}, setTo(name, value)), 'm')).toThrow(words)
  })

  test('a normaliser that is missing', () => {
    const renamed = (one: NamedTensor) => ({ ...one, name: one.name.replace('normaliser.mean', 'other') })
    expect(() => decodeModel(changed({}, renamed), 'm')).toThrow('its normaliser is missing')
  })
})
