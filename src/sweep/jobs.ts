/**
 * Tasks as jobs of a scheduler that somebody else runs. All that is known of it are three command lines: one that submits a script
 * and prints the name of the job, one that ends with 0 while the scheduler has the job, and one that cancels it.
 */
import { Failure } from '../base/errors.js'
import { quote, shellWord } from '../base/words.js'
import type { Job } from './folder.js'

/** Command lines with places for `{run}`, `{dir}`, `{id}` and, but for submit, `{job}`. */
export interface Templates {
  readonly submit: string
  readonly status: string | null
  readonly cancel: string | null
}

/** What a template may name. */
export interface JobPlaces {
  /** Absolute path of run.sh. */
  readonly run: string
  /** Absolute folder of the task. */
  readonly dir: string
  readonly id: string
  readonly job?: string
}

/** What came of a command line. */
export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A template with its places filled in, each as one word of the shell. Throws 64 for a place that there is not. */
export function filled(template: string, places: JobPlaces): string {
  return template.replace(/\{([a-z]+)\}/g, (_, name: string) => {
    const value = (places as unknown as Readonly<Record<string, string | undefined>>)[name]
    if (value !== undefined) return shellWord(value)
    throw new Failure('usage', `unknown place {${name}} in ${quote(template)}`, {
      hint: `there are ${Object.keys(places)
        .map((one) => `{${one}}`)
        .join(', ')}`,
    })
  })
}

/** The job that a submission made: the first line it printed. Throws 69 where it failed or printed nothing. */
export function jobOf({ status, stdout, stderr }: Ran, submit: string): string {
  const job = stdout.split('\n')[0]!.trim()
  if (status === 0 && job !== '') return job
  const words = stderr.trim().split('\n').at(-1)
  throw new Failure(
    'unavailable',
    status === 0 ? 'the submission printed no name of a job' : `the submission failed with ${status}`,
    { where: submit, ...(words ? { hint: `it said: ${words}` } : {}) },
  )
}

/** What a shell and a scheduler that cannot be reached end with: no answer. Not found, not runnable, unavailable, try again. */
const NO_ANSWER = new Set([126, 127, 69, 75])

/** Whether the scheduler still has a job, by what its status command ended with; null where it cannot say. */
export function answerOf({ status }: Pick<Ran, 'status'>): boolean | null {
  if (status > 128 || NO_ANSWER.has(status)) return null
  return status === 0
}

/** The templates of a job. */
export const templatesOf = ({ submit, status, cancel }: Job): Templates => ({ submit, status, cancel })
