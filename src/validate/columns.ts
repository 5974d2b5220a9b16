/** The columns of days that come one after the other: made once, as a million rows are quicker judged than their memory is had. */

export interface DayColumns {
  readonly rowOf: Int32Array
  readonly isFlawed: Uint8Array
  readonly isOdd: Uint8Array
  readonly steps: Int32Array
  readonly returns: Float64Array
  readonly volumes: Float64Array
}

/** For one symbol: those of a day hold until the next is asked for. */
export class Columns {
  #all = made(0)

  next(slots: number): DayColumns {
    if (slots > this.#all.rowOf.length) this.#all = made(slots)
    const columns = slots === this.#all.rowOf.length ? this.#all : shortened(this.#all, slots)
    columns.rowOf.fill(-1)
    columns.isFlawed.fill(0)
    columns.isOdd.fill(0)
    columns.steps.fill(0)
    columns.returns.fill(Number.NaN)
    columns.volumes.fill(Number.NaN)
    return columns
  }
}

const made = (slots: number): DayColumns => ({
  rowOf: new Int32Array(slots),
  isFlawed: new Uint8Array(slots),
  isOdd: new Uint8Array(slots),
  steps: new Int32Array(slots),
  returns: new Float64Array(slots),
  volumes: new Float64Array(slots),
})

const shortened = (
  { rowOf, isFlawed, isOdd, steps, returns, volumes }: DayColumns,
  slots: number,
): DayColumns => ({
  rowOf: rowOf.subarray(0, slots),
  isFlawed: isFlawed.subarray(0, slots),
  isOdd: isOdd.subarray(0, slots),
  steps: steps.subarray(0, slots),
  returns: returns.subarray(0, slots),
  volumes: volumes.subarray(0, slots),
})
