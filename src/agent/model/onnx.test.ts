/** onnxruntime runs the graph and gives what the reference engine gives. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { stream } from '../../base/rng.js'
import { ReferenceEngine } from '../engines/reference.js'
import { layoutOf, type NetworkShape } from '../network/network.js'
import { RunningMoments } from '../network/normaliser.js'
import type { Model } from './model.js'
import { encodeOnnx } from './onnx.js'

const shapes: [string, NetworkShape, boolean][] = [
  [
    'the default',
    { inputs: 26, hidden: 64, actions: 9, lstm: 'separate', layers: 1, net: [], activation: 'tanh' },
    false,
  ],
  [
    'shared, with layers',
    { inputs: 26, hidden: 16, actions: 9, lstm: 'shared', layers: 1, net: [24, 8], activation: 'relu' },
    false,
  ],
  [
    'deep and normalised',
    { inputs: 13, hidden: 24, actions: 3, lstm: 'separate', layers: 2, net: [8], activation: 'tanh' },
    true,
  ],
]

test.each(shapes)('%s', async (_title, shape, normalised) => {
  const layout = layoutOf(shape)
  const rng = stream(5, shape.hidden)
  const numbers = (count: number, scale = 1) =>
    Float32Array.from({ length: count }, () => scale * rng.normal())
  const parameters = numbers(layout.size, 0.3)
  let normaliser: RunningMoments | null = null
  if (normalised) {
    normaliser = new RunningMoments(shape.inputs)
    normaliser.mean.set(numbers(shape.inputs, 2))
    normaliser.variance.set(numbers(shape.inputs).map((x) => 0.1 + x * x))
  }
  const model: Model = {
    spec: { task: 'trading', features: null, interval: '1m', actions: null, mask: [], holdPrior: 4 },
    shape,
    parameters,
    normaliser,
    settings: {},
    steps: 1,
    data: null,
  }
  const session = await InferenceSession.create(Buffer.from(encodeOnnx(model, 'test')))
  expect(session.inputNames).toEqual(['observation', 'hidden', 'cell'])
  expect(session.outputNames).toEqual(['logits', 'value', 'next_hidden', 'next_cell'])
  const batch = 3
  const engine = new ReferenceEngine(layout)
  engine.writeParameters(parameters)
  const state = layout.cells * batch * shape.hidden
  const hidden = numbers(state, 0.5)
  const cell = numbers(state, 0.5)
  const [other, otherCell] = [hidden.slice(), cell.slice()]
  const logits = new Float32Array(batch * shape.actions)
  const values = new Float32Array(batch)
  for (let t = 0; t < 4; t++) {
    // The raw observation goes into the graph, the normalised one into the engine.
    const observations = numbers(batch * shape.inputs, 2)
    const dims = [layout.cells, batch, shape.hidden]
    const found = await session.run({
      observation: new Tensor('float32', observations.slice(), [batch, shape.inputs]),
      hidden: new Tensor('float32', other, dims),
      cell: new Tensor('float32', otherCell, dims),
    })
    normaliser?.apply(observations, batch)
    engine.policyStep({
      count: batch,
      observations,
      episodeStarts: new Uint8Array(batch),
      hidden,
      cell,
      logits,
      values,
    })
    const same = (name: string, expected: Float32Array) => {
      const data = found[name]!.data as Float32Array
      expect(data.length).toBe(expected.length)
      for (const [i, value] of expected.entries())
        expect(Math.abs(data[i]! - value), `${name} ${t} ${i}`).toBeLessThan(2e-5)
      return data
    }
    same('logits', logits)
    same('value', values)
    other.set(same('next_hidden', hidden))
    otherCell.set(same('next_cell', cell))
  }
})
