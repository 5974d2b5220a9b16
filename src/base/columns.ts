/** Columns that grow: typed arrays of which the first entries count. */

type Column =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>

/** A copy with room for `capacity` entries; what is new is 0. */
export function grown<C extends Column>(column: C, capacity: number): C {
  const longer = new (column.constructor as new (length: number) => C)(capacity)
  longer.set(column)
  return longer
}
