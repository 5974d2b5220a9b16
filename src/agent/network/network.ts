/**
 * The shape of the policy and where its parameters lie: one flat arena, so that Adam, clipping, checkpoints and threads see
 * a single array. Names and gate order (i, f, g, o) are those of sb3-contrib's recurrent policy and of torch's LSTM.
 */

/**
 * Who reads an LSTM, and who teaches it. `separate`: the policy has one and the value another. `shared`: the value reads that
 * of the policy, and its gradient stops there, as with sb3-contrib's `shared_lstm`. `joint`: one that both teach, as in
 * CleanRL's PPO with an LSTM.
 */
export const LSTM_USES = ['separate', 'shared', 'joint'] as const
export type LstmUse = (typeof LSTM_USES)[number]

/** The network in numbers: observation -> LSTM layers -> layers of `net` -> logits and value. */
export interface NetworkShape {
  readonly inputs: number
  readonly hidden: number
  readonly actions: number
  readonly lstm: LstmUse
  /** LSTM layers on top of each other. */
  readonly layers: number
  /** Widths of the layers between LSTM and heads, the same for policy and value; empty for none. */
  readonly net: readonly number[]
  readonly activation: 'tanh' | 'relu'
}

/** A tensor in the arena: row-major, `offset` and sizes in numbers. */
export interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
}

/** One LSTM layer; rows are the gates i, f, g, o, H each. */
export interface LstmTensors {
  /** Width of what it reads: the observation, or the layer below. */
  readonly inputs: number
  /** [4H, inputs] */
  readonly inputWeights: Tensor
  /** [4H, H] */
  readonly hiddenWeights: Tensor
  /** [4H] each; torch keeps two. */
  readonly inputBias: Tensor
  readonly hiddenBias: Tensor
}

/** A linear layer. */
export interface LayerTensors {
  /** [out, in] */
  readonly weights: Tensor
  readonly bias: Tensor
}

/** Where everything lies in the arena, in numbers from its start. */
export interface Layout {
  readonly shape: NetworkShape
  readonly tensors: readonly Tensor[]
  readonly size: number
  /** That of the policy and that of the value when separate, else one for both; the lowest layer first. */
  readonly stacks: readonly (readonly LstmTensors[])[]
  /** LSTM layers in all: the states of a sequence are [cells, hidden], stack by stack. */
  readonly cells: number
  readonly policyNet: readonly LayerTensors[]
  readonly valueNet: readonly LayerTensors[]
  readonly policyHead: LayerTensors
  readonly valueHead: LayerTensors
}

/** The layout of a network. The order of the tensors is part of policy files and checkpoints. */
export function layoutOf(shape: NetworkShape): Layout {
  const tensors: Tensor[] = []
  let size = 0
  const tensor = (name: string, ...dimensions: number[]): Tensor => {
    const made = { name, shape: dimensions, offset: size, size: dimensions.reduce((a, b) => a * b, 1) }
    size += made.size
    tensors.push(made)
    return made
  }
  const { inputs, hidden, actions, net, layers: depth } = shape
  const stack = (name: string): LstmTensors[] =>
    Array.from({ length: depth }, (_, l) => {
      const from = l === 0 ? inputs : hidden
      return {
        inputs: from,
        inputWeights: tensor(`${name}.weight_ih_l${l}`, 4 * hidden, from),
        hiddenWeights: tensor(`${name}.weight_hh_l${l}`, 4 * hidden, hidden),
        inputBias: tensor(`${name}.bias_ih_l${l}`, 4 * hidden),
        hiddenBias: tensor(`${name}.bias_hh_l${l}`, 4 * hidden),
      }
    })
  const layer = (name: string, from: number, to: number): LayerTensors => ({
    weights: tensor(`${name}.weight`, to, from),
    bias: tensor(`${name}.bias`, to),
  })
  const layers = (name: string): LayerTensors[] =>
    net.map((width, i) => layer(`mlp_extractor.${name}.${2 * i}`, net[i - 1] ?? hidden, width))
  const stacks =
    shape.lstm === 'separate' ? [stack('lstm_actor'), stack('lstm_critic')] : [stack('lstm_actor')]
  const policyNet = layers('policy_net')
  const valueNet = layers('value_net')
  const top = net.at(-1) ?? hidden
  const policyHead = layer('action_net', top, actions)
  const valueHead = layer('value_net', top, 1)
  return {
    shape,
    tensors,
    size,
    stacks,
    cells: stacks.length * depth,
    policyNet,
    valueNet,
    policyHead,
    valueHead,
  }
}
