/** The name of a run: it becomes that of a file, and stands in records and in the references of orders. */
import { usage } from '../../base/errors.js'
import { quote } from '../../base/words.js'
import { type Option, option } from '../../cli/options.js'

const MOST = 100

/** `--run NAME`. */
export const runName = (help: string, defaultText: string): Option<string | undefined> =>
  option<string | undefined>('NAME', help, { defaultText }, (word) => {
    if (/^[^/.\p{Cc}][^/\p{Cc}]*$/u.test(word) && word.length <= MOST) return word
    throw usage(`expected a name without "/", with no dot in front and of at most ${MOST} characters`, {
      got: quote(word),
    })
  })
