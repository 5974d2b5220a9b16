/** A file read whole, up to a limit: what a file says of its size is not believed, and a device has none. */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { badData } from './errors.js'

export interface Limit {
  /** In bytes. */
  readonly most: number
  readonly signal?: AbortSignal
  /** A pipe or a device is refused: it would be waited for, and cannot be gone on with. */
  readonly isRegular?: boolean
}

const PIECE = 1 << 18

/** A file for reading; a directory fails when it is read. Throws badData for a pipe or a device, without waiting for it. */
export async function openRegular(path: string | URL): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (stat.isFile() || stat.isDirectory()) return file
    throw badData('is no regular file', { where: String(path) })
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The bytes of a file. Throws badData where there are more than `most`, and what the system throws, as it is. */
export async function readAtMost(
  path: string | URL,
  { most, signal, isRegular = false }: Limit,
): Promise<Buffer> {
  const file = isRegular ? await openRegular(path) : await open(path, 'r')
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
