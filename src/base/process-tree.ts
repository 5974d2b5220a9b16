/** The processes that a process started, theirs, and so on: what goes with it when it is ended. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** `pid` and those below it as they are now, parents first. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const [child, parent] of parents()) children.set(parent, [...(children.get(parent) ?? []), child])
  const tree = [pid]
  for (const one of tree) tree.push(...(children.get(one) ?? []))
  return tree
}

/** Every process with its parent: from /proc, or from ps(1) where there is none. */
function parents(): [pid: number, parent: number][] {
  let names: string[]
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    names = []
  }
  if (names.length === 0) {
    const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8', timeout: 5000 })
    return [...(stdout ?? '').matchAll(/(\d+)\s+(\d+)/g)].map(([, pid, parent]) => [
      Number(pid),
      Number(parent),
    ])
  }
  return names.flatMap((name): [number, number][] => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      // PID (COMMAND) STATE PARENT ..., and the command may hold anything.
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
    } catch {
      // It has ended since.
      return []
    }
  })
}
