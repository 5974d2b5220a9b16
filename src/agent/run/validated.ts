/** What the best model of a run came to in each session of validation: what trials are compared by. */
import { readLog } from '../../base/append-log.js'
import { formatDate } from '../../base/time.js'
import type { SessionResult } from '../ppo/validation.js'
import { FILES, type RunFolder } from './folder.js'

/** A New York date and net dollars. */
export interface ValidatedSession {
  readonly date: string
  readonly pnl: number
}

/** As it stands in its file: one JSON object a session. */
export const validationBytes = (sessions: readonly SessionResult[]): Uint8Array =>
  Buffer.from(sessions.map(({ day, pnl }) => `${JSON.stringify({ date: formatDate(day), pnl })}\n`).join(''))

/** Sessions in the order of time; none where the folder has no such file, as those of older runs and of tasks. */
export async function validatedSessions(folder: RunFolder): Promise<readonly ValidatedSession[]> {
  return (await readLog(folder.file(FILES.validation), sessionIn)).records
}

function sessionIn(text: string): ValidatedSession | undefined {
  try {
    const { date, pnl } = JSON.parse(text) as Partial<ValidatedSession>
    return typeof date === 'string' && Number.isFinite(pnl) ? { date, pnl: pnl! } : undefined
  } catch {
    return undefined
  }
}
