/** How a history is cut into what teaches, what chooses and what is never looked at. Whole sessions, in the order of time. */

/** Counts of sessions: [0, trainEnd) train, [trainEnd, validationEnd) choose the best model, the rest is left for testing. */
export interface Split {
  readonly trainEnd: number
  readonly validationEnd: number
}

/** Sessions at the end that validate and that are left for testing; null for the usual part. */
export interface Parts {
  readonly validation: number | null
  readonly test: number | null
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

/**
 * The split of so many sessions with parts of a given length at the end, and 15 % of all where none is given; null where nothing
 * is left to train on. A test part of 0 leaves nothing for testing.
 */
export function splitAt(sessions: number, { validation, test }: Parts): Split | null {
  const usual = Math.max(1, Math.round(VALIDATION_PART * sessions))
  const validationEnd = sessions - (test ?? usual)
  const trainEnd = validationEnd - (validation ?? usual)
  return trainEnd < 1 ? null : { trainEnd, validationEnd }
}

/** 70 % to train on, 15 % to validate on, 15 % to test on, each rounded to sessions; null where a part would be empty. */
export function splitSessions(sessions: number): Split | null {
  const trainEnd = Math.round(TRAIN_PART * sessions)
  const validationEnd = Math.round((TRAIN_PART + VALIDATION_PART) * sessions)
  return trainEnd < 1 || validationEnd <= trainEnd || validationEnd >= sessions
    ? null
    : { trainEnd, validationEnd }
}
