/** A file of action ids: a JSON array, or one a line as a number or as an object with the key `action`. */
import { badData, Failure, systemFailure } from '../../base/errors.js'
import { readAtMost } from '../../base/read-file.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { ACTION_COUNT, isAction } from '../../env/actions.js'
import { decodeUtf8 } from '../../stream/json.js'

/** The action ids of a file, one a decision. Throws 66 where it is empty, 65 where one is no action. */
export async function readActions(context: Context, path: string): Promise<Uint8Array> {
  const bytes = await readAtMost(path, { most: 1 << 26, signal: context.signal }).catch((error) => {
    context.signal.throwIfAborted()
    throw systemFailure(error, path)
  })
  const text = decodeUtf8(bytes)
  if (text === null) throw badData('is not valid UTF-8', { where: path })
  if (text.trim() === '') throw new Failure('noInput', 'is empty', { where: path })
  const array = text.trimStart().startsWith('[')
  const values = array ? parseArray(text, path) : parseLines(text, path)
  const actions = new Uint8Array(values.length)
  for (const [i, { value, line }] of values.entries()) {
    if (!isAction(value)) {
      const where = array ? `${path}: element ${i}` : `${path}:${line}`
      throw badData(`expected an action from 0 to ${ACTION_COUNT - 1}, got ${quote(value)}`, { where })
    }
    actions[i] = value
  }
  return actions
}

interface Given {
  readonly value: unknown
  readonly line: number
}

function parseArray(text: string, path: string): Given[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badData('is not a JSON array', { where: path })
  }
  return (value as unknown[]).map((element) => ({ value: actionIn(element), line: 1 }))
}

function parseLines(text: string, path: string): Given[] {
  const found: Given[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    try {
      found.push({ value: actionIn(JSON.parse(line)), line: i + 1 })
    } catch {
      throw badData(`expected an action id, got ${quote(line.slice(0, 40))}`, { where: `${path}:${i + 1}` })
    }
  }
  return found
}

const actionIn = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'action' in value ? value.action : value
