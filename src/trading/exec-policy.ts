/**
 * A program as a policy: it is told each decision in a line of JSON, and answers with `{"action":n}`. Each of its lines answers one
 * decision; one that is late, wrong or not asked for ends the run, for from then on nobody knows what an answer is about.
 */
import { badData, Failure } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { quote } from '../base/words.js'
import { ACTION_COUNT, isAction, maskedWords } from '../env/actions.js'
import { inputNames } from '../env/observation.js'
import { parseObject } from '../stream/json.js'
import type { Decision, Policy } from './policy.js'

/** What came of a question. */
export type Heard =
  /** A line without its end; null where it is not UTF-8. */
  | { readonly kind: 'line'; readonly text: string | null }
  /** Nothing in time. */
  | { readonly kind: 'late' }
  /** More than LINE_LIMIT bytes without an end. */
  | { readonly kind: 'long' }
  /** A line had come before it was asked for. */
  | { readonly kind: 'unasked' }
  | { readonly kind: 'ended'; readonly status: number | null; readonly signal: string | null }
  | { readonly kind: 'not-started'; readonly words: string }

/** The longest answer, in bytes. */
export const LINE_LIMIT = 1 << 20

/** The process behind the policy. */
export interface Program {
  /** Hands over a line, with its line feed, and waits for one. */
  ask(line: string): Heard
  /** Ends its input and waits for it to end; how many lines were not asked for. */
  finish(): number
}

export interface ExecOptions {
  /** As the user wrote it. */
  readonly command: string
  readonly program: Program
  /** Names of the 12 features of a symbol. */
  readonly columns: readonly string[]
  /** How long the program waits for an answer; for messages. */
  readonly patienceMs: number
}

/** The policy of a program. It throws 65 for a wrong answer, 69 for none, 66 where there is no such program. */
export function execPolicy({ command, program, columns, patienceMs }: ExecOptions): Policy {
  const where = `exec:${command}`
  let line: ((decision: Decision) => string) | null = null
  let answers = 0
  let failure: Failure | null = null
  const actionFrom = (heard: Heard, mask: Uint8Array, time: string): number | Failure => {
    const wrong = (words: string) =>
      badData(`the answer to the decision at ${time}: ${words}`, { where, hint: FORM })
    switch (heard.kind) {
      case 'line': {
        if (heard.text === null) return wrong('is not UTF-8')
        const parsed = parseObject(heard.text.trim())
        if ('error' in parsed) return wrong(parsed.error)
        const { action } = parsed.object
        if (action === undefined) return wrong(`has no action: ${quote(heard.text.trim())}`)
        if (!isAction(action))
          return wrong(`action: expected a whole number from 0 to ${ACTION_COUNT - 1}, got ${quote(action)}`)
        if (mask[action] !== 1) return wrong(maskedWords(action, mask))
        return action
      }
      case 'long':
        return wrong(`is longer than ${LINE_LIMIT} bytes`)
      case 'unasked':
        return badData(`wrote a line that was not asked for before the decision at ${time}`, {
          where,
          hint: FORM,
        })
      case 'late':
        return new Failure(
          'unavailable',
          `gave no answer within ${patienceMs / 1000} s to the decision at ${time}`,
          { where, hint: 'have it flush each line, or give it longer with --exec-timeout' },
        )
      case 'ended': {
        const { status, signal } = heard
        // A shell says so of a command that it does not find or cannot run.
        if ((status === 126 || status === 127) && answers === 0)
          return new Failure(
            'noInput',
            `${status === 127 ? 'is not found' : 'cannot be run'}: its shell ended with status ${status}`,
            { where },
          )
        const how = status === null ? `was ended by ${signal}` : `ended with status ${status}`
        return new Failure('unavailable', `${how} before it answered the decision at ${time}`, { where })
      }
      case 'not-started':
        return new Failure('unavailable', `cannot be started: ${heard.words}`, { where })
    }
  }
  return {
    name: where,
    identity: `exec ${command}`,
    isForeign: true,
    observes: true,
    act: (decision) => {
      if (failure !== null) throw failure
      line ??= lineWriter(decision.view.symbols, columns)
      const { view, t, mask } = decision
      const action = actionFrom(program.ask(line(decision)), mask, formatTime(view.endOf(t)))
      if (typeof action !== 'number') {
        failure = action
        throw failure
      }
      answers++
      return action
    },
    ended: (decisions) => {
      const more = program.finish()
      if (more > 0)
        throw badData(`wrote ${more} more lines than the ${decisions} decisions of the run`, {
          where,
          hint: FORM,
        })
    },
  }
}

const FORM = 'each decision is answered with one line such as {"action":4}'

/** Writes decisions: the same keys in the same order in every line. */
function lineWriter(symbols: readonly string[], columns: readonly string[]): (decision: Decision) => string {
  // As text: an object would move a symbol of digits alone to the front.
  const bars = symbols.map((symbol) => JSON.stringify(symbol))
  const inputs = inputNames(symbols, columns).map((name) => JSON.stringify(name))
  return ({ t, view, observation, mask, held, start }) => {
    let text = `{"time":"${formatTime(view.endOf(t))}","bars":{`
    for (let k = 0; k < bars.length; k++) {
      const volume = view.volume(k, t)
      text += `${k === 0 ? '' : ','}${bars[k]}:{"open":${view.open(k, t)},"high":${view.high(k, t)},"low":${view.low(k, t)},"close":${view.close(k, t)},"volume":${Number.isNaN(volume) ? null : volume}}`
    }
    text += '},"inputs":{'
    for (let i = 0; i < inputs.length; i++) text += `${i === 0 ? '' : ','}${inputs[i]}:${observation[i]}`
    return `${text}},"mask":[${mask.join()}],"held":${held},"start":${start}}\n`
  }
}
