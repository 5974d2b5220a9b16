/** One look at a time at the dates of a store. */
import { join } from 'node:path'
import { sha256 } from '../../base/digest.js'
import { disk } from '../../base/disk.js'
import { takeLock } from '../../base/lock.js'
import { formatDate } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { sessions } from '../../market/calendar.js'
import { lockWorld } from '../wiring/lock.js'
import type { Period } from './period.js'

/** The directory of what this command remembers. */
export const stateDirectory = ({ paths }: Context): string => join(paths.state, 'eod-validate')

/** Takes the locks of a store and the sessions of the dates, and gives the way to let them go. Throws 75 where another run has one. */
export async function lockDates(context: Context, store: string, { from, to }: Period): Promise<() => void> {
  const directory = stateDirectory(context)
  disk.makeDirectory(directory, 0o700)
  const held: (() => void)[] = []
  const release = () => {
    for (const one of held) one()
  }
  try {
    for (const { day } of sessions(from, to)) {
      const path = join(directory, `${sha256(store).slice(0, 16)}-${formatDate(day)}`)
      held.push(await takeLock(lockWorld(context), path, { waitMs: 0 }))
    }
  } catch (error) {
    release()
    throw error
  }
  return release
}
