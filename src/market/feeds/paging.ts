/** What is refused of answers in pages: one that leads back to itself, one that never ends, one about another symbol. */
import { quote } from '../../base/words.js'
import { FeedFailure } from './history.js'

/** A month of minutes has three pages where they are short, and a year of days one. */
const MOST_PAGES = 100

/** Takes the mark of each next page and gives it back. Throws 65 for one that was there before, and for one too many. */
export function nextPage(where: string): (mark: string) => string {
  const seen = new Set<string>()
  return (mark) => {
    if (seen.has(mark)) throw new FeedFailure('data', 'a page that leads to a page before it', { where })
    if (seen.size === MOST_PAGES)
      throw new FeedFailure('data', `more than ${MOST_PAGES} pages, without an end`, { where })
    seen.add(mark)
    return mark
  }
}

/** The answer is about something else than the question. */
export const otherSymbol = (where: string, symbol: string, got: unknown): FeedFailure =>
  new FeedFailure(
    'data',
    `asked for ${symbol}, got bars of ${got === undefined ? 'no symbol' : quote(got)}`,
    { where },
  )
