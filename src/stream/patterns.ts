/**
 * Many byte strings looked for at once, in one pass over the input (A. V. Aho and M. J. Corasick, "Efficient string matching",
 * CACM 18(6), 1975). The nodes along one string are numbered one after the other, so that most steps compare one byte; where a
 * string leaves another's way, the node has a row with the next state for each of 256. The time per byte is bounded whatever
 * the strings are, and the memory is 17 bytes for each of theirs.
 */

/** A search for the strings of a list. States are numbers; 0 is the start. */
export interface Search {
  /** The state after `byte`. */
  step(state: number, byte: number): number
  /** Index of the longest string that ends in this state; -1 where none does. */
  found(state: number): number
  /** How many bytes at the end of what was read may begin a string. */
  depth(state: number): number
  /** The same up to `LOW`, which stands for all that is more. */
  low(state: number): number
}

/** See `Search.low`. */
export const LOW = 255

/** Where a string leaves the way of those before it. */
interface Branch {
  readonly parent: number
  readonly byte: number
  readonly depth: number
}

/** The fields of a node, side by side so that a step touches one line of the cache. */
const FIELDS = 4
/** The byte that leads to the node of the next number, or NONE. */
const NEXT = 0
/** Where the row of the node begins in the table, or NONE. */
const ROW = 1
/** The node of the longest end of this one's string that begins some string. */
const FAIL = 2
/** Index of the longest string that ends here, or NONE. */
const FOUND = 3
const NONE = -1

/** Built in time proportional to the sum of the lengths. None of the strings is empty. */
export function searchFor(strings: readonly Uint8Array[]): Search {
  const size = strings.reduce((sum, { length }) => sum + length, 1)
  const nodes = new Int32Array(FIELDS * size).fill(NONE)
  const low = new Uint8Array(size)
  const branches = new Map<number, Branch>()
  let rows = 0
  let table = new Int32Array(256 * 64)
  const rowOf = (state: number): number => {
    const at = FIELDS * state + ROW
    if (nodes[at] !== NONE) return nodes[at]!
    if (256 * (rows + 1) > table.length) {
      const larger = new Int32Array(2 * table.length)
      larger.set(table)
      table = larger
    }
    nodes[at] = 256 * rows++
    return nodes[at]!
  }
  // The start has a row in any case, with which every search ends.
  rowOf(0)
  let count = 1
  for (const [index, bytes] of strings.entries()) {
    let state = 0
    for (let depth = 1; depth <= bytes.length; depth++) {
      const byte = bytes[depth - 1]!
      const node = FIELDS * state
      let next =
        nodes[node + NEXT] === byte
          ? state + 1
          : nodes[node + ROW]! < 0
            ? 0
            : table[nodes[node + ROW]! + byte]!
      if (next === 0) {
        next = count++
        low[next] = Math.min(depth, LOW)
        nodes[FIELDS * next + FAIL] = 0
        if (next === state + 1 && state !== 0) nodes[node + NEXT] = byte
        else {
          const row = rowOf(state)
          table[row + byte] = next
          branches.set(next, { parent: state, byte, depth })
        }
      }
      state = next
    }
    if (nodes[FIELDS * state + FOUND] === NONE) nodes[FIELDS * state + FOUND] = index
  }
  const step = (from: number, byte: number): number => {
    let state = from
    for (;;) {
      const node = FIELDS * state
      if (nodes[node + NEXT] === byte) return state + 1
      const row = nodes[node + ROW]!
      if (row >= 0) return table[row + byte]!
      state = nodes[node + FAIL]!
    }
  }
  // Level by level: the way back of a node leads to a shallower one, whose row is complete by then.
  const later = byDepth(branches)
  let level = later.get(1) ?? []
  for (let depth = 2; level.length > 0; depth++) {
    for (const state of level) complete(state)
    const next: number[] = []
    for (const parent of level) {
      const node = FIELDS * parent
      if (nodes[node + NEXT] === NONE) continue
      nodes[node + FIELDS + FAIL] = step(nodes[node + FAIL]!, nodes[node + NEXT]!)
      next.push(parent + 1)
    }
    for (const state of later.get(depth) ?? []) {
      const { parent, byte } = branches.get(state)!
      nodes[FIELDS * state + FAIL] = step(nodes[FIELDS * parent + FAIL]!, byte)
      next.push(state)
    }
    level = next
  }
  /** What its way back finds, and where its row leads for the other bytes. */
  function complete(state: number): void {
    const node = FIELDS * state
    const back = nodes[node + FAIL]!
    if (nodes[node + FOUND] === NONE) nodes[node + FOUND] = nodes[FIELDS * back + FOUND]!
    const row = nodes[node + ROW]!
    if (row < 0) return
    for (let byte = 0; byte < 256; byte++) {
      if (table[row + byte] === 0 && nodes[node + NEXT] !== byte) table[row + byte] = step(back, byte)
    }
  }
  const heads = [...branches.keys()]
  return {
    step,
    low: (state) => low[state]!,
    found: (state) => nodes[FIELDS * state + FOUND]!,
    depth: (state) => {
      if (state === 0) return 0
      const head = heads[lastUpTo(heads, state)]!
      return branches.get(head)!.depth + state - head
    },
  }
}

function byDepth(branches: ReadonlyMap<number, Branch>): Map<number, number[]> {
  const found = new Map<number, number[]>()
  for (const [state, { depth }] of branches) {
    const same = found.get(depth)
    if (same === undefined) found.set(depth, [state])
    else same.push(state)
  }
  return found
}

/** Index of the last of the rising numbers that is not above `value`; the first one is not. */
function lastUpTo(rising: readonly number[], value: number): number {
  let low = 0
  let high = rising.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (rising[middle]! <= value) low = middle
    else high = middle
  }
  return low
}
