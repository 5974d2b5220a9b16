/** Splits a byte stream into blocks of whole lines; a line longer than the cap is an error that names its number. */
import { badData } from '../base/errors.js'

export const MAX_LINE = 1 << 20
/** Of records that jules itself writes: a summary has all its notes. */
export const MOST_RECORD = 1 << 24

/** Said of a journal that is read without its last line. */
export const TORN = 'its last line has no end and counts for nothing: it may still be written to'

/** Said of a last line that is no record and has no end. */
export const UNENDED = 'its last line has no end: it may still be written to'

export interface LineOptions {
  readonly name: string
  readonly maxLine?: number | undefined
  /** What to do about a line that is too long. */
  readonly hint?: string
  /** The number of the line to come, from 1: counted by the reader of the lines, for messages here. */
  readonly at: { readonly line: number }
}

/** Blocks of whole lines, each ended by LF; the last one of the stream may lack it. */
export async function* lineBlocks(
  chunks: AsyncIterable<Buffer>,
  { name, maxLine = MAX_LINE, hint, at }: LineOptions,
): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restLength = 0
  let first = true
  for await (const chunk of withoutMark(chunks)) {
    first = false
    const end = chunk.lastIndexOf(0x0a) + 1
    const head = end === 0 ? chunk : chunk.subarray(0, chunk.indexOf(0x0a) + 1)
    if (restLength + head.length > maxLine + 1) throw tooLong(name, at.line, maxLine, hint)
    if (end === 0) {
      rest.push(chunk)
      restLength += chunk.length
      continue
    }
    // Only the line that the chunks before began is put together: the rest of a chunk is read where it lies.
    if (restLength > 0) yield Buffer.concat([...rest, head])
    const whole = chunk.subarray(restLength > 0 ? head.length : 0, end)
    if (whole.length > 0) yield whole
    rest = end < chunk.length ? [chunk.subarray(end)] : []
    restLength = chunk.length - end
  }
  if (!first && restLength > 0) yield Buffer.concat(rest)
}

/** The failure for line `number`; shared with readers that find a long line inside a block. */
export function tooLong(
  name: string,
  number: number,
  maxLine: number,
  hint = 'raise the limit with --max-line',
) {
  return badData(`longer than ${maxLine} bytes`, { where: `${name}:${number}`, hint })
}

/** Bytes that were there when the file was opened are gone. */
export const shrunk = (where: string) => badData('it shrank while it was read', { where })

/** Drops a UTF-8 byte order mark from the start. */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (head === null) {
      yield chunk
      continue
    }
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    if (head.length < 3) continue
    yield head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? head.subarray(3) : head
    head = null
  }
  if (head !== null && head.length > 0) yield head
}
