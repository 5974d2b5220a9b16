/**
 * A small JSON file in the state directory: what a command remembers for the next one and can do without. It is replaced
 * whole, by rename, and is nobody else's to read. Nothing here locks: of two writers the later one stands.
 */
import { dirname } from 'node:path'
import { type Disk, readText, remove, writeNew } from './disk.js'

export interface StateWorld {
  readonly disk: Disk
  /** Unlike any other: part of the name that the file has while it is written. */
  readonly token: () => string
}

/** The value of a state file, unchecked; null where there is none or it is no JSON. Throws what the disk throws. */
export function readState(disk: Disk, path: string): unknown {
  const text = readText(disk, path)
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A state file with this value. Throws what the disk throws. */
export function writeState(world: StateWorld, path: string, value: unknown): void {
  writePrivate(world, path, JSON.stringify(value))
}

/** Writes beside the file, mode 0600, and renames; makes the directory, mode 0700. Throws what the disk throws. */
export function writePrivate({ disk, token }: StateWorld, path: string, text: string): void {
  disk.makeDirectory(dirname(path), 0o700)
  const temporary = `${path}.${token()}.tmp`
  writeNew(disk, temporary, text)
  try {
    disk.rename(temporary, path)
  } catch (error) {
    remove(disk, temporary)
    throw error
  }
}
