/** What cannot be made again goes with a yes alone. */
import { Failure, usage } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import { promptLine } from '../../cli/prompt.js'

interface Question {
  readonly question: string
  /** What is done, for the words of a refusal. */
  readonly act: string
  /** Asks on the terminal; null where there is no answer. */
  readonly ask?: typeof promptLine
}

/** Asks on the terminal. Throws 64 without one, where `act` needs --yes, and 1 for any answer but yes. */
export async function confirmed(
  { signal, interrupt, stdinIsTTY }: Pick<Context, 'signal' | 'interrupt' | 'stdinIsTTY'>,
  { question, act, ask = promptLine }: Question,
): Promise<void> {
  if (!stdinIsTTY) throw usage(`${act} needs --yes without a terminal`)
  const answer = await ask(`${question} yes or no: `, { signal, interrupt, echo: true })
  signal.throwIfAborted()
  if (answer?.toString() !== 'yes') throw new Failure('no', 'nothing deleted')
}
