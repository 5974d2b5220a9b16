/**
 * Answers of vendors as they came, by what was asked without the key: a stopped fetch goes on where it was, and a repeated one
 * costs no calls. A cache can be done without: what is wrong with it is told once and costs nothing else.
 */
import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { readText } from '../../base/disk.js'
import { messageOf } from '../../base/errors.js'
import { type StateWorld, writePrivate } from '../../base/state-file.js'
import type { FeedWorld } from './feed.js'

export interface BodyCache {
  /** Null where there is none. */
  read(place: CachePlace, world: FeedWorld): string | null
  write(place: CachePlace, body: string, world: FeedWorld): void
}

export interface CachePlace {
  readonly source: string
  /** The URL without the key. */
  readonly request: string
}

/** `use` reads and writes, `refresh` only writes, `off` does neither. */
export type CacheUse = 'use' | 'refresh' | 'off'

/** Unpacked answers are no longer than this. */
const MOST_BYTES = 256 << 20

/** The answers in a directory: one file each, named by a digest, nobody else's to read. */
export function bodyCache(world: StateWorld, directory: string, use: CacheUse): BodyCache {
  const fileOf = ({ source, request }: CachePlace) => join(directory, source, `${sha256(request)}.json`)
  let stopped = false
  return {
    read: (place, { detail }) => {
      if (use !== 'use') return null
      try {
        return readText(world.disk, fileOf(place), MOST_BYTES)
      } catch (error) {
        detail(`${place.source}: an answer in the cache cannot be read: ${messageOf(error)}`)
        return null
      }
    },
    write: (place, body, { warn }) => {
      if (use === 'off' || stopped) return
      try {
        writePrivate(world, fileOf(place), body)
      } catch (error) {
        stopped = true
        warn(`answers are not kept: ${join(directory, place.source)}: ${messageOf(error)}`)
      }
    },
  }
}
