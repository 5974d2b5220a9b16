import { describe, expect, test } from 'vitest'
import { ReferenceEngine } from '../engines/reference.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import { singleAction } from '../tasks/trading.js'
import { canBeHalved, halved, transferred, transferredMoments } from './transfer.js'

const from: NetworkShape = {
  inputs: 13,
  hidden: 8,
  actions: 3,
  lstm: 'separate',
  layers: 2,
  net: [16],
  activation: 'tanh',
}
const to: NetworkShape = { ...from, inputs: 26, actions: 9 }
const parameters = Float32Array.from({ length: layoutOf(from).size }, (_, i) => Math.sin(i + 1) / 3)
const result = transferred({ from, parameters, to, seed: 1, name: 'one' })

test('columns 0-11 serve 0-11 and 13-24, 12 serves 12 and 25', () => {
  const source = layoutOf(from)
  const target = layoutOf(to)
  for (const s of [0, 1]) {
    const before = source.stacks[s]![0]!.inputWeights.offset
    const after = target.stacks[s]![0]!.inputWeights.offset
    const row = (values: Float32Array, at: number, r: number, width: number) => [
      ...values.subarray(at + r * width, at + (r + 1) * width),
    ]
    for (let r = 0; r < 32; r++) {
      const old = row(parameters, before, r, 13)
      expect(row(result, after, r, 26)).toEqual([...old, ...old])
    }
  }
})

test('SELL, HOLD and BUY become 0, 4 and 8, the rest is small and not all the same', () => {
  const source = layoutOf(from).policyHead
  const { weights, bias } = layoutOf(to).policyHead
  const of = (values: Float32Array, offset: number, action: number) => [
    ...values.subarray(offset + action * 16, offset + (action + 1) * 16),
  ]
  for (const [action, joint] of [
    [0, 0],
    [1, 4],
    [2, 8],
  ] as const) {
    expect(of(result, weights.offset, joint)).toEqual(of(parameters, source.weights.offset, action))
    expect(result[bias.offset + joint]).toBe(parameters[source.bias.offset + action])
  }
  for (const joint of [1, 2, 3, 5, 6, 7]) {
    const others = of(result, weights.offset, joint)
    expect(Math.max(...others.map(Math.abs))).toBeLessThan(0.06)
    expect(new Set(others).size).toBe(16)
    expect(result[bias.offset + joint]).toBe(0)
  }
})

test('with the second ticker silent, the values are those of the first alone', () => {
  const run = (shape: NetworkShape, values: Float32Array, observation: Float32Array) => {
    const engine = new ReferenceEngine(layoutOf(shape))
    engine.writeParameters(values)
    const state = new Float64Array(4 * 8)
    const out = new Float64Array(1)
    const logits = new Float64Array(shape.actions)
    const step = { count: 1, observations: observation, episodeStarts: Uint8Array.of(1), values: out, logits }
    engine.policyStep({ ...step, hidden: state, cell: state.slice() })
    return { value: out[0]!, logits: [...logits] }
  }
  const seen = Float32Array.from({ length: 13 }, (_, i) => Math.cos(i))
  const one = run(from, parameters, seen)
  const two = run(to, result, Float32Array.of(...seen, ...new Float32Array(13)))
  expect(two.value).toBeCloseTo(one.value, 12)
  for (const [action, joint] of [0, 4, 8].entries())
    expect(two.logits[joint]).toBeCloseTo(one.logits[action]!, 12)
})

test('a model of the same shape is taken as it is, others are refused by name', () => {
  expect(transferred({ from, parameters, to: from, seed: 1, name: 'one' })).toBe(parameters)
  const refuse = (shape: NetworkShape) => () =>
    transferred({ from, parameters, to: shape, seed: 1, name: 'one' })
  expect(refuse({ ...to, layers: 1 })).toThrow('its layers is 2, and 1 is asked for')
  expect(refuse({ ...to, lstm: 'joint' })).toThrow('its lstm is separate, and joint is asked for')
  expect(refuse({ ...to, net: [] })).toThrow('its net is 16, and none is asked for')
  expect(refuse({ ...to, actions: 4 })).toThrow(
    'a model of 13 inputs and 3 actions cannot start one of 26 and 4',
  )
})

test('moments of one ticker serve both', () => {
  const one = new RunningMoments(13)
  one.count = 7
  one.mean.set(Array.from({ length: 13 }, (_, i) => i))
  one.variance.set(Array.from({ length: 13 }, (_, i) => 2 * i))
  const { count, mean, variance } = transferredMoments(one, 26)
  expect([count, [...mean]]).toEqual([7, [...one.mean, ...one.mean]])
  expect([...variance]).toEqual([...one.variance, ...one.variance])
  expect(transferredMoments(one, 13)).toEqual(one)
})

test('one LSTM for both is taken over whoever teaches it', () => {
  const shared: NetworkShape = { ...from, lstm: 'shared' }
  const weights = parameters.subarray(0, layoutOf(shared).size)
  const into = (lstm: NetworkShape['lstm']) =>
    transferred({ from: shared, parameters: weights, to: { ...shared, lstm }, seed: 1, name: 'one' })
  expect(into('joint')).toBe(weights)
  expect(() => into('separate')).toThrow('its lstm is shared, and separate is asked for')
})

describe('into a network twice as wide', () => {
  const shapes: Partial<NetworkShape>[] = [
    { layers: 1, net: [] },
    { layers: 2, net: [16, 8] },
    { lstm: 'shared', activation: 'relu' },
    { lstm: 'joint', layers: 3 },
  ]
  test.each(shapes)('%o: each ticker is traded as before, logits and values are sums', (more) => {
    const one: NetworkShape = { ...from, ...more }
    const two = { ...one, inputs: 26, actions: 9, hidden: 16, net: one.net.map((width) => 2 * width) }
    expect(halved(two)).toEqual(one)
    const weights = Float32Array.from({ length: layoutOf(one).size }, (_, i) => Math.sin(i * i) / 2)
    const both = transferred({ from: one, parameters: weights, to: two, seed: 1, name: 'one' })
    const steps = [0, 1, 2, 3]
    const seen = (symbol: number, t: number) =>
      Float32Array.from({ length: 13 }, (_, i) => Math.cos(7 * t + i * (symbol + 1)))
    /** Logits and value of each step, the third of which starts an episode. */
    const play = (shape: NetworkShape, values: Float32Array, observe: (t: number) => Float32Array) => {
      const layout = layoutOf(shape)
      const engine = new ReferenceEngine(layout)
      engine.writeParameters(values)
      const [hidden, cell] = [0, 0].map(() => new Float64Array(layout.cells * shape.hidden)) as [
        Float64Array,
        Float64Array,
      ]
      return steps.map((t) => {
        const logits = new Float64Array(shape.actions)
        const value = new Float64Array(1)
        const episodeStarts = Uint8Array.of(t === 2 ? 1 : 0)
        engine.policyStep({
          count: 1,
          observations: observe(t),
          episodeStarts,
          hidden,
          cell,
          logits,
          values: value,
        })
        return { logits: [...logits], value: value[0]! }
      })
    }
    const alone = [0, 1].map((symbol) => play(one, weights, (t) => seen(symbol, t)))
    const joint = play(two, both, (t) => Float32Array.of(...seen(0, t), ...seen(1, t)))
    for (const t of steps) {
      for (let action = 0; action < 9; action++) {
        const sum = [0, 1].map((k) => alone[k]![t]!.logits[singleAction(action, k)]!)
        expect(joint[t]!.logits[action]).toBeCloseTo(sum[0]! + sum[1]!, 6)
      }
      expect(joint[t]!.value).toBeCloseTo(alone[0]![t]!.value + alone[1]![t]!.value, 6)
    }
  })

  test('widths that have no half of eight have none', () => {
    expect([8, 24, 40].map((hidden) => canBeHalved({ hidden, net: [] }))).toEqual([false, false, false])
    expect(canBeHalved({ hidden: 16, net: [24] })).toBe(false)
    expect(canBeHalved({ hidden: 16, net: [32, 16] })).toBe(true)
  })
})
