/** The columns of days that come one after the other: made once, as a million rows are quicker judged than their memory is had. */
import { SESSIONS_KEPT } from './history.js'

export interface DayColumns {
  readonly rowOf: Int32Array
  readonly isFlawed: Uint8Array
  readonly isOdd: Uint8Array
  readonly steps: Int32Array
  readonly returns: Float64Array
  readonly volumes: Float64Array
}

/** What is remembered of a series, and the day that is made. */
const TURNS = SESSIONS_KEPT + 1

/** Columns for one symbol: those of a day hold until the next is asked for, returns and volumes for as long as history goes. */
export class Columns {
  #slots = 0
  #turn = 0
  #columns: readonly DayColumns[] = []

  next(slots: number): DayColumns {
    if (slots > this.#slots || this.#columns.length === 0) this.#make(Math.max(slots, this.#slots))
    const all = this.#columns[this.#turn++ % TURNS]!
    return {
      rowOf: all.rowOf.subarray(0, slots).fill(-1),
      isFlawed: all.isFlawed.subarray(0, slots).fill(0),
      isOdd: all.isOdd.subarray(0, slots).fill(0),
      steps: all.steps.subarray(0, slots).fill(0),
      returns: all.returns.subarray(0, slots).fill(Number.NaN),
      volumes: all.volumes.subarray(0, slots).fill(Number.NaN),
    }
  }

  #make(slots: number): void {
    this.#slots = slots
    this.#turn = 0
    const [rowOf, steps] = [new Int32Array(slots), new Int32Array(slots)]
    const [isFlawed, isOdd] = [new Uint8Array(slots), new Uint8Array(slots)]
    this.#columns = Array.from({ length: TURNS }, () => ({
      ...{ rowOf, steps, isFlawed, isOdd },
      ...{ returns: new Float64Array(slots), volumes: new Float64Array(slots) },
    }))
  }
}
