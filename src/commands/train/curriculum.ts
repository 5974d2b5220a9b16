/** A curriculum: phases in a JSON file, each with a length and settings in the words of the command line. */

import { sha256 } from '../../base/digest.js'
import { badData, Failure, systemFailure, usage } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { quote } from '../../base/words.js'
import { strategyOptions } from '../wiring/strategy.js'
import { learningOptions } from './options.js'

export interface CurriculumPhase {
  readonly name: string
  /** Values by option name, `steps` among them. */
  readonly values: Readonly<Record<string, unknown>>
}

/** The one shipped: 50,000 steps without costs, 100,000 with the spread alone, 50,000 as in trading. */
const SHIPPED = new URL('../../../examples/curriculum.json', import.meta.url)

const OPTIONS = { ...learningOptions, ...strategyOptions }
const KEYS = [
  'steps',
  'lr',
  'lr-end',
  'lr-schedule',
  'ent-coef',
  'ent-schedule',
  'clip',
  'clip-schedule',
  'epochs',
  'gamma',
  'gae-lambda',
  'target-kl',
  'commission',
  'half-spread-bps',
  'cost-bps',
  'impact-bps',
] as const

export interface Curriculum {
  readonly phases: readonly CurriculumPhase[]
  readonly sha256: string
}

/** The phases of a file, or of the shipped ones. Throws 66 where it is not there, 65 for what no phase may have. */
export async function readCurriculum(path: string, signal: AbortSignal): Promise<Curriculum> {
  const bytes = await readAtMost(path === 'default' ? SHIPPED : path, { most: 1 << 20, signal }).catch(
    (error) => {
      signal.throwIfAborted()
      throw systemFailure(error, path)
    },
  )
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw badData('is not JSON', { where: path })
  }
  if (!Array.isArray(value) || value.length === 0)
    throw badData('expected a JSON array of phases', { where: path })
  return {
    phases: value.map((phase, i) => readPhase(phase, `${path}: phase ${i + 1}`)),
    sha256: sha256(bytes),
  }
}

function readPhase(value: unknown, where: string): CurriculumPhase {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badData('expected an object', { where })
  const { name, ...rest } = value as Record<string, unknown>
  if (typeof name !== 'string' || name === '') throw badData('name: expected a word', { where })
  const values: Record<string, unknown> = {}
  for (const [key, given] of Object.entries(rest)) {
    if (!(KEYS as readonly string[]).includes(key))
      throw badData(`unknown key ${quote(key)}`, { where, hint: `the keys are name, ${KEYS.join(', ')}` })
    // What is neither has no text of its own: lists nest, objects bring a text of theirs.
    if (typeof given !== 'string' && typeof given !== 'number')
      throw badData(`${key}: expected a word or a number, got ${quote(given)}`, { where })
    try {
      values[key] = OPTIONS[key as (typeof KEYS)[number]].parse(String(given))
    } catch (error) {
      throw error instanceof Failure ? badData(`${key}: ${error.message}`, { where }) : error
    }
  }
  if (values.steps === undefined) throw badData('steps: missing', { where })
  return { name, values }
}

/** Throws 64 for --steps beside --curriculum. */
export const refuseSteps = (given: unknown): void => {
  if (given !== undefined) throw usage('--steps: the phases of --curriculum have their own')
}
