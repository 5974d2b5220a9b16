/** A file read whole, up to a limit: what a file says of its size is not believed, and a device has none. */
import { open } from 'node:fs/promises'
import { badData } from './errors.js'

export interface Limit {
  /** In bytes. */
  readonly most: number
  readonly signal?: AbortSignal
}

const PIECE = 1 << 18

/** The bytes of a file. Throws badData where there are more than `most`, and what the system throws, as it is. */
export async function readAtMost(path: string | URL, { most, signal }: Limit): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const pieces: Buffer[] = []
    for (let length = 0; ; ) {
      signal?.throwIfAborted()
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE, null)
      if (bytesRead === 0) return Buffer.concat(pieces)
      pieces.push(buffer.subarray(0, bytesRead))
      length += bytesRead
      if (length > most) throw badData(`is larger than ${most} bytes`, { where: String(path) })
    }
  } finally {
    await file.close()
  }
}
