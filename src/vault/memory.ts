/**
 * What is remembered of vaults between commands: the highest generation seen of each, and which one stands at a path. So an old
 * copy that was put back is noticed, and a vault that was replaced or made anew. Losing the memory costs a warning, nothing
 * else: no failure leaves here.
 */
import { readState, type StateWorld, writeState } from '../base/state-file.js'

/** What was remembered at one moment. */
export interface Seen {
  /** The vault that stood at the path, or null. */
  readonly here: string | null
  /** The highest generation of a vault; 0 where it was never seen. */
  generation(id: string): number
}

export interface VaultMemory {
  read(): Seen
  /** Remembers a vault at the path: a higher generation than before, a vault where there was none. */
  see(id: string, generation: number): void
  /** Remembers this vault and generation as they are, whatever came before. */
  accept(id: string, generation: number): void
}

interface Remembered {
  /** Generations by id, beside `paths`. */
  readonly [id: string]: number | Readonly<Record<string, string>> | undefined
  readonly paths?: Readonly<Record<string, string>>
}

/** The memory in `file` of the vault at `path`, which is absolute. */
export function vaultMemory(world: StateWorld, file: string, path: string): VaultMemory {
  const load = (): Remembered => {
    try {
      const value = readState(world.disk, file)
      return typeof value === 'object' && value !== null ? { ...value } : {}
    } catch {
      return {}
    }
  }
  const pathsOf = ({ paths }: Remembered): Readonly<Record<string, string>> =>
    typeof paths === 'object' && paths !== null ? paths : {}
  const seenIn = (all: Remembered): Seen => {
    const { [path]: here } = pathsOf(all)
    return {
      here: typeof here === 'string' ? here : null,
      generation: (id) => (typeof all[id] === 'number' ? all[id] : 0),
    }
  }
  const save = (all: Remembered, id: string, generation: number) => {
    try {
      writeState(world, file, { ...all, [id]: generation, paths: { ...pathsOf(all), [path]: id } })
    } catch {}
  }
  return {
    read: () => seenIn(load()),
    see: (id, generation) => {
      const all = load()
      const { here, generation: known } = seenIn(all)
      if (here === null || here === id) save(all, id, Math.max(generation, known(id)))
    },
    accept: (id, generation) => save(load(), id, generation),
  }
}
