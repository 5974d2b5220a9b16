/**
 * The thread of second-reader.ts: reads pieces from the last one backwards, until it meets the reader that began at the first, or until
 * it holds too much for that one.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Failure } from '../base/errors.js'
import type { Span } from '../stream/pieces.js'
import { PieceReader, type RunNames, type ScannedPiece, takePiece } from './scanned.js'

export interface Assignment extends RunNames {
  readonly fd: number
  /** Name of the file, in messages. */
  readonly file: string
  readonly pieces: readonly Span[]
  /** 1 for each piece that somebody reads: shared. */
  readonly taken: Int32Array<SharedArrayBuffer>
}

export interface Found {
  readonly piece: number
  readonly scanned: ScannedPiece
}

/** Words of a failure that is that of the file. */
export interface Refused {
  readonly refused: string
  readonly where: string | undefined
}

/** Bytes of lines that are no equity of the run: where there are more, handing them over saves nothing. */
const MOST_OTHERS = 1 << 25

if (parentPort !== null) {
  try {
    readBackwards(workerData as Assignment, parentPort)
  } catch (error) {
    // An error of a class of ours would arrive as any other.
    if (!(error instanceof Failure)) throw error
    parentPort.postMessage({ refused: error.message, where: error.where } satisfies Refused)
  }
}

function readBackwards({ fd, file, pieces, taken, ...names }: Assignment, port: MessagePort): void {
  const reader = new PieceReader(fd, file, names)
  let piece = pieces.length - 1
  for (let held = 0; held < MOST_OTHERS && piece >= 0 && takePiece(taken, piece); piece--) {
    const scanned = reader.read(pieces[piece]!)
    held += scanned.others.length
    const columns = [scanned.time, scanned.equity, ...scanned.positions, scanned.rowsBefore, scanned.others]
    port.postMessage(
      { piece, scanned } satisfies Found,
      columns.map(({ buffer }) => buffer),
    )
  }
}
