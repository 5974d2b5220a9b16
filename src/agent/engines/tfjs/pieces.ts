/**
 * An experience as a device is given it: one table of rows and one of states, and for each minibatch which of them stand where.
 * Sequences are cut where an episode starts, as sb3-contrib does, so that no LSTM has to zero its state on the way; the pieces
 * are padded at their ends to the longest, with a row that has no part in anything.
 */
import type { Layout } from '../../network/network.js'
import { advantageScale } from '../advantages.js'
import type { Experience, LossSettings } from '../engine.js'

/** All rows of an experience and one of zeros; all states and one of zeros. */
export interface Tables {
  /**
   * [rows + 1, `rowColumns`]: what is observed, one-hot the action taken and the one in force, then the old log probability,
   * advantage, return and 1 where the row is valid. A row that is not valid is observed, and else zero.
   */
  readonly rows: Float32Array
  readonly rowCount: number
  /** [sequences + 1, 2 cells, hidden]: hidden and cell state of each LSTM before the first step of a sequence. */
  readonly states: Float32Array
  readonly stateCount: number
}

/** Widths of what stands in a row, in order. */
export const rowColumns = ({ shape: { inputs, actions } }: Layout): readonly number[] => [
  inputs,
  actions,
  actions,
  1,
  1,
  1,
  1,
]

/** Tables of an experience, whose rows are those of the experience. */
export function tablesOf(from: Experience, layout: Layout): Tables {
  const { steps, lanes, blocks } = from
  const { inputs, actions, hidden } = layout.shape
  const width = rowColumns(layout).reduce((sum, one) => sum + one)
  const count = steps * lanes * blocks
  const rows = new Float32Array((count + 1) * width)
  for (let r = 0; r < count; r++) {
    const at = r * width
    for (let n = 0; n < inputs; n++) rows[at + n] = from.observations[r * inputs + n]!
    if (from.valid[r] === 0) continue
    rows[at + inputs + from.actions[r]!] = 1
    const held = from.held?.[r] ?? -1
    if (held >= 0) rows[at + inputs + actions + held] = 1
    const rest = at + inputs + 2 * actions
    rows[rest] = from.oldLogProbs[r]!
    rows[rest + 1] = from.advantages[r]!
    rows[rest + 2] = from.returns[r]!
    rows[rest + 3] = 1
  }
  const { cells } = layout
  const sequences = lanes * blocks
  const states = new Float32Array((sequences + 1) * 2 * cells * hidden)
  for (let q = 0; q < sequences; q++) {
    for (let c = 0; c < cells; c++) {
      const state = ((Math.floor(q / lanes) * cells + c) * lanes + (q % lanes)) * hidden
      const at = (2 * q * cells + 2 * c) * hidden
      states.set(from.hidden.subarray(state, state + hidden), at)
      states.set(from.cell.subarray(state, state + hidden), at + hidden)
    }
  }
  return { rows, rowCount: count + 1, states, stateCount: sequences + 1 }
}

/** A minibatch as rows of the tables. */
export interface Cut {
  /** Steps of the longest piece, and how many pieces there are. */
  readonly steps: number
  readonly pieces: number
  /**
   * Three numbers, then a state for each piece, then a row for each step of each piece, by step: one array, for a device gets it
   * in one go. The numbers: what is taken from an advantage, what it is then multiplied by, and one over the valid rows. Whole
   * numbers are exact in float32 up to `MOST_ROWS`.
   */
  readonly numbers: Float32Array
}

export const MOST_ROWS = 2 ** 24

/** The sequences `chosen`, in pieces. */
export function cut(from: Experience, chosen: readonly number[], settings: LossSettings): Cut {
  const { steps, lanes, blocks, episodeStarts } = from
  const rowOf = (q: number, t: number) => (Math.floor(q / lanes) * steps + t) * lanes + (q % lanes)
  const pieces: { readonly q: number; readonly from: number; to: number; readonly fresh: boolean }[] = []
  for (const q of chosen) {
    for (let t = 0; t < steps; t++) {
      const fresh = episodeStarts[rowOf(q, t)] === 1
      if (t === 0 || fresh) pieces.push({ q, from: t, to: t, fresh })
      pieces.at(-1)!.to++
    }
  }
  const longest = Math.max(...pieces.map((piece) => piece.to - piece.from))
  const none = { row: steps * lanes * blocks, state: lanes * blocks }
  const count = pieces.length
  const numbers = new Float32Array(3 + count + longest * count).fill(none.row, 3 + count)
  for (const [p, piece] of pieces.entries()) {
    numbers[3 + p] = piece.fresh ? none.state : piece.q
    for (let t = piece.from; t < piece.to; t++)
      numbers[3 + count + (t - piece.from) * count + p] = rowOf(piece.q, t)
  }
  const rows = chosen.flatMap((q) => Array.from({ length: steps }, (_, t) => rowOf(q, t)))
  const {
    count: valid,
    mean,
    scale,
  } = advantageScale(
    rows.map((row) => from.valid[row]!),
    rows.map((row) => from.advantages[row]!),
    settings,
  )
  numbers.set([mean, scale, 1 / valid])
  return { steps: longest, pieces: count, numbers }
}
