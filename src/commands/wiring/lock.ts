/** Wires locks to the world: who this process is, and whether another one still lives. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { disk } from '../../base/disk.js'
import { systemCode } from '../../base/errors.js'
import type { LockWorld, Owner } from '../../base/lock.js'
import type { Context } from '../../cli/context.js'

export const lockWorld = (context: Context): LockWorld => ({
  disk,
  self: { pid: context.pid, host: hostname(), start: startOf(context.pid) },
  isAlive: (owner) => isAlive(context, owner),
  token: () => randomBytes(16).toString('hex'),
  clock: context.clock,
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  signal: context.signal,
})

/** Start of a process in clock ticks since boot: tells a number from the same number used again. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive(context: Context, { pid, start }: Owner): boolean {
  try {
    context.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
  }
  return start === '' || startOf(pid) === start
}
