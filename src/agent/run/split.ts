/** How a history is cut into what teaches, what chooses and what is never looked at. Whole sessions, in the order of time. */

/** Counts of sessions: [0, trainEnd) train, [trainEnd, validationEnd) choose the best model, the rest is left for testing. */
export interface Split {
  readonly trainEnd: number
  readonly validationEnd: number
}

/** First session that is left for testing, a New York date, and how many there are. */
export interface TestPart {
  readonly from: string
  readonly sessions: number
}

const TRAIN_PART = 0.7
const VALIDATION_PART = 0.15

/** The fewest sessions of bars that leave so many for testing. */
export function sessionsThatLeave(test: number): number {
  let sessions = test
  for (;;) {
    const split = splitSessions(sessions)
    if (split !== null && sessions - split.validationEnd >= test) return sessions
    sessions++
  }
}

/** 70 % to train on, 15 % to validate on, 15 % to test on, each rounded to sessions; null where a part would be empty. */
export function splitSessions(sessions: number): Split | null {
  const trainEnd = Math.round(TRAIN_PART * sessions)
  const validationEnd = Math.round((TRAIN_PART + VALIDATION_PART) * sessions)
  return trainEnd < 1 || validationEnd <= trainEnd || validationEnd >= sessions
    ? null
    : { trainEnd, validationEnd }
}
