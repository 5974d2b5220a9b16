/** Part of the records of a run, its equity as columns: what one thread reads for another. */
import { grown } from '../base/columns.js'
import { EquityScanner } from '../evaluate/equity-scanner.js'
import { PieceLines, type Span } from '../stream/pieces.js'

/** Equity records of one run by columns. */
export interface EquityRows {
  readonly run: string
  /** Epoch milliseconds; dollars. */
  readonly time: Float64Array
  readonly equity: Float64Array
  /** Signed shares, in the order of the symbols of the run. */
  readonly positions: readonly Float64Array[]
  /** Dollars a share at the last row. */
  readonly lastMarks: ArrayLike<number>
}

type Column = Float64Array<ArrayBuffer>

/** Equity, and between it lines that are something else; the columns can be handed to another thread. */
export interface ScannedPiece extends EquityRows {
  /** Rows: the first entries of each column. */
  readonly length: number
  readonly time: Column
  readonly equity: Column
  readonly positions: readonly Column[]
  /** The other lines, one after the other, each with its line feed. */
  readonly others: Uint8Array<ArrayBuffer>
  /** For each of them the number of rows before it. */
  readonly rowsBefore: Int32Array<ArrayBuffer>
}

export interface RunNames {
  readonly run: string
  readonly symbols: readonly string[]
}

/** True for the one reader that takes the piece. */
export const takePiece = (taken: Int32Array<SharedArrayBuffer>, piece: number): boolean =>
  Atomics.compareExchange(taken, piece, 0, 1) === 0

/** Rows that there is room for at first. */
const ROOM = 1 << 14

/** Reads pieces of one file one after the other. */
export class PieceReader {
  readonly #lines: PieceLines
  readonly #names: RunNames
  readonly #scanner: EquityScanner

  constructor(fd: number, file: string, names: RunNames) {
    this.#lines = new PieceLines(fd, file)
    this.#names = names
    this.#scanner = new EquityScanner(names.run, names.symbols)
  }

  /** Throws what the system says where it cannot be read. */
  read(piece: Span): ScannedPiece {
    const rows = new Rows(this.#names)
    const others = new Others()
    const scanner = this.#scanner
    for (const lines of this.#lines.of(piece)) {
      for (let from = 0; from < lines.length; ) {
        let end = scanner.take(lines, from)
        if (end >= 0) rows.take(scanner)
        else {
          end = lines.indexOf(0x0a, from)
          others.take(lines.subarray(from, end + 1), rows.length)
        }
        from = end + 1
      }
    }
    return { ...rows.done(), ...others.done() }
  }
}

/** The columns while they grow. */
class Rows {
  readonly #run: string
  #columns: { time: Column; equity: Column; positions: Column[] }
  #lastMarks = new Float64Array(0) as Float64Array
  length = 0

  constructor({ run, symbols }: RunNames) {
    this.#run = run
    const column = () => new Float64Array(ROOM)
    this.#columns = { time: column(), equity: column(), positions: symbols.map(column) }
  }

  take({ time, equity, positions, marks }: EquityScanner): void {
    const i = this.length++
    if (i === this.#columns.time.length) this.#grow()
    const columns = this.#columns
    columns.time[i] = time
    columns.equity[i] = equity
    for (let k = 0; k < positions.length; k++) columns.positions[k]![i] = positions[k]!
    this.#lastMarks = marks
  }

  done(): Omit<ScannedPiece, 'others' | 'rowsBefore'> {
    const lastMarks = Float64Array.from(this.#lastMarks)
    return { run: this.#run, length: this.length, ...this.#columns, lastMarks }
  }

  #grow(): void {
    const { time, equity, positions } = this.#columns
    const longer = (column: Column) => grown(column, 2 * column.length)
    this.#columns = { time: longer(time), equity: longer(equity), positions: positions.map(longer) }
  }
}

/** The other lines: few in most runs. */
class Others {
  readonly #lines: Buffer[] = []
  readonly #rowsBefore: number[] = []

  take(line: Buffer, rowsBefore: number): void {
    this.#lines.push(Buffer.from(line))
    this.#rowsBefore.push(rowsBefore)
  }

  done(): Pick<ScannedPiece, 'others' | 'rowsBefore'> {
    return {
      others: new Uint8Array(Buffer.concat(this.#lines)),
      rowsBefore: Int32Array.from(this.#rowsBefore),
    }
  }
}
