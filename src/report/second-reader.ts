/** A second thread that reads a long file from its end while the first reads it from its beginning. */
import { Worker } from 'node:worker_threads'
import { badData } from '../base/errors.js'
import type { Span } from '../stream/pieces.js'
import type { Assignment, Found, Refused } from './scan-thread.js'
import { type RunNames, type ScannedPiece, takePiece } from './scanned.js'

export interface SecondReaderOptions extends RunNames {
  readonly fd: number
  /** Name of the file, in messages. */
  readonly file: string
  readonly pieces: readonly Span[]
  /** The first that it may read. */
  readonly from: number
}

const refusal = ({ refused, where }: Refused) => badData(refused, where === undefined ? {} : { where })

/** Reads pieces from the last one backwards; the caller takes them from the first one on, and asks for those that are read here. */
export class SecondReader {
  readonly #worker: Worker
  readonly #taken: Int32Array<SharedArrayBuffer>
  readonly #found: (ScannedPiece | undefined)[] = []
  #failure: unknown = null
  #wake = () => {}

  constructor({ pieces, from, ...rest }: SecondReaderOptions) {
    this.#taken = new Int32Array(new SharedArrayBuffer(4 * pieces.length)).fill(1, 0, from)
    const workerData: Assignment = { ...rest, pieces, taken: this.#taken }
    this.#worker = new Worker(new URL('./scan-thread.js', import.meta.url), { workerData })
    this.#worker.on('message', (message: Found | Refused) => {
      if ('refused' in message) this.#failure = refusal(message)
      else this.#found[message.piece] = message.scanned
      this.#wake()
    })
    this.#worker.on('error', (error) => {
      this.#failure = error
      this.#wake()
    })
  }

  /** Whether the caller is to read the piece itself; where not, it is read here. */
  leaves(piece: number): boolean {
    return takePiece(this.#taken, piece)
  }

  /** A piece that is read here, once. Throws what the thread failed with. */
  async piece(piece: number): Promise<ScannedPiece> {
    for (;;) {
      const found = this.#found[piece]
      if (found !== undefined) {
        this.#found[piece] = undefined
        return found
      }
      if (this.#failure !== null) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
