/** Room on the file system of a folder that may not be there yet. */
import { statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../../base/errors.js'

/** The path itself where it is there; else the nearest one above it. */
export function nearest(path: string): string {
  try {
    statSync(path)
    return path
  } catch (error) {
    const parent = dirname(path)
    // A file in the way is found on the way up.
    return parent === path || systemCode(error) === 'EACCES' ? path : nearest(parent)
  }
}

/** Of a path that is there. Throws what the system has against it. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}
