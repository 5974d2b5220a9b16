import { type FileHandle, open } from 'node:fs/promises'
import { onTestFinished, vi } from 'vitest'

/** What every file handle inherits: a spy on one of its calls lasts until the test ends. */
export async function fileHandle(): Promise<FileHandle> {
  const handle = await open('.', 'r')
  await handle.close()
  onTestFinished(() => void vi.restoreAllMocks())
  return Object.getPrototypeOf(handle)
}
