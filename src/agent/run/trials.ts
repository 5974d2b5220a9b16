/** The trials on some bars, and what each came to in its sessions of validation, as far as their folders tell. */

import { folderOf, ownManifest } from './history.js'
import { runsOf, type TrialSpan, trialsOn } from './registry.js'
import { type ValidatedSession, validatedSessions } from './validated.js'

/** What is known of the trials that a result was chosen from. */
export interface Trials {
  /** All of them, those without a folder and those that diverged included. */
  readonly count: number
  /** Net dollars by session of those whose folders are there. */
  readonly validated: readonly (readonly ValidatedSession[])[]
}

/**
 * The distinct trials of a registry on the same symbols and interval over dates that overlap. Where several runs are one trial, as
 * the windows of a walk-forward, a session that was validated twice counts as the later run had it.
 */
export async function trialsOver(file: string, span: TrialSpan): Promise<Trials> {
  const runs = await runsOf(file)
  const byTrial = new Map<string, Map<string, number>>()
  for (const run of runs) {
    if (trialsOn([run], span) === 0) continue
    const folder = folderOf(run)
    if ((await ownManifest(folder, run)) === null) continue
    const sessions = byTrial.get(run.trial) ?? new Map<string, number>()
    for (const { date, pnl } of await validatedSessions(folder)) sessions.set(date, pnl)
    if (sessions.size > 0) byTrial.set(run.trial, sessions)
  }
  const validated = [...byTrial.values()].map((sessions) =>
    [...sessions].map(([date, pnl]) => ({ date, pnl })).sort((a, b) => (a.date < b.date ? -1 : 1)),
  )
  return { count: trialsOn(runs, span), validated }
}
