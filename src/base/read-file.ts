/** A file read whole, up to a limit: what a file says of its size is not believed, and a device has none. */
import { constants, open } from 'node:fs/promises'
import { badData } from './errors.js'

export interface Limit {
  /** In bytes. */
  readonly most: number
  readonly signal?: AbortSignal
  /** A pipe or a device is refused: it would be waited for, and cannot be gone on with. */
  readonly isRegular?: boolean
}

const PIECE = 1 << 18

/** The bytes of a file. Throws badData where there are more than `most`, and what the system throws, as it is. */
export async function readAtMost(
  path: string | URL,
  { most, signal, isRegular = false }: Limit,
): Promise<Buffer> {
  const file = await open(path, isRegular ? constants.O_RDONLY | constants.O_NONBLOCK : 'r')
  try {
    const stat = isRegular ? await file.stat() : null
    if (stat !== null && !stat.isFile() && !stat.isDirectory())
      throw badData('is no regular file', { where: String(path) })
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
