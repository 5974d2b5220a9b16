/** First parameters: torch's uniform LSTM, orthogonal layers (Saxe et al., 2014) with the gains of Stable-Baselines3. */
import type { Rng } from '../../base/rng.js'
import type { LayerTensors, Layout, Tensor } from './network.js'

/** How the layers above the LSTM begin. */
export interface InitialSettings {
  /** Orthogonal layers and heads, zero biases; otherwise torch's uniform default. */
  readonly orthogonal: boolean
}

const POLICY_GAIN = 0.01

/**
 * Fresh parameters, [layout.size]: LSTMs uniform in +-1 / sqrt(hidden), as in torch; layers of gain sqrt(2), the policy head of
 * 0.01, the value head of 1, as in Stable-Baselines3. Layers that are not orthogonal are uniform in +-1 / sqrt(inputs).
 */
export function initialParameters(layout: Layout, rng: Rng, { orthogonal }: InitialSettings): Float64Array {
  const values = new Float64Array(layout.size)
  const uniform = ({ offset, size }: Tensor, bound: number) => {
    for (let i = 0; i < size; i++) values[offset + i] = (2 * rng.uniform() - 1) * bound
  }
  for (const { inputWeights, hiddenWeights, inputBias, hiddenBias } of layout.stacks.flat()) {
    const bound = 1 / Math.sqrt(layout.shape.hidden)
    for (const tensor of [inputWeights, hiddenWeights, inputBias, hiddenBias]) uniform(tensor, bound)
  }
  const layer = ({ weights, bias }: LayerTensors, gain: number) => {
    const [rows = 0, columns = 0] = weights.shape
    if (orthogonal) {
      values.set(orthogonalMatrix(rows, columns, gain, rng), weights.offset)
      return
    }
    uniform(weights, 1 / Math.sqrt(columns))
    uniform(bias, 1 / Math.sqrt(columns))
  }
  for (const one of [...layout.policyNet, ...layout.valueNet]) layer(one, Math.SQRT2)
  layer(layout.policyHead, POLICY_GAIN)
  layer(layout.valueHead, 1)
  return values
}

/** A matrix whose shorter side is orthonormal, times a gain: Gram-Schmidt, twice, on normal vectors. */
export function orthogonalMatrix(rows: number, columns: number, gain: number, rng: Rng): Float64Array {
  const count = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const vectors: Float64Array[] = []
  for (let k = 0; k < count; k++) {
    const v = Float64Array.from({ length }, () => rng.normal())
    for (let pass = 0; pass < 2; pass++) {
      for (const u of vectors) {
        let dot = 0
        for (let i = 0; i < length; i++) dot += u[i]! * v[i]!
        for (let i = 0; i < length; i++) v[i]! -= dot * u[i]!
      }
    }
    let squares = 0
    for (const x of v) squares += x * x
    vectors.push(v.map((x) => x / Math.sqrt(squares)))
  }
  const matrix = new Float64Array(rows * columns)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      matrix[r * columns + c] = gain * (rows <= columns ? vectors[r]![c]! : vectors[c]![r]!)
    }
  }
  return matrix
}
