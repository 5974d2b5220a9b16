/**
 * Frames of the broker's socket protocol, apart from what is in them: `API\0`, then frames of a length (u32, big-endian) and
 * that many bytes. A frame is at most MOST_BYTES long, so that no client can make the reader hold more than that.
 */

export const MOST_BYTES = 1 << 18
/** What a client begins with. */
export const HEAD: Buffer = Buffer.from('API\0', 'latin1')
const SEPARATOR = '\0'

/** Why a stream of bytes is none of this protocol. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

/** Takes bytes in any pieces and gives whole frames. What stands in memory is at most one frame and one piece. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  /** What a client begins with was read. */
  #isOpen: boolean

  /** Of a client's bytes, or of a gateway's, which have frames alone. */
  constructor(from: 'client' | 'gateway' = 'client') {
    this.#isOpen = from === 'gateway'
  }

  /** The frames that these bytes complete. Throws BadFrame where they are none; the reader is of no use then. */
  push(bytes: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    if (!this.#isOpen) {
      const seen = Math.min(all.length, HEAD.length)
      if (!all.subarray(0, seen).equals(HEAD.subarray(0, seen)))
        throw new BadFrame('the first bytes are not API and a zero byte')
      if (seen < HEAD.length) {
        this.#rest = Buffer.from(all)
        return []
      }
      this.#isOpen = true
      at = HEAD.length
    }
    const frames: Buffer[] = []
    while (all.length - at >= 4) {
      const length = all.readUInt32BE(at)
      if (length > MOST_BYTES) throw new BadFrame(`a frame of ${length} bytes, of at most ${MOST_BYTES}`)
      if (all.length - at - 4 < length) break
      frames.push(all.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    // A copy: a slice would keep the whole piece in memory.
    this.#rest = Buffer.from(all.subarray(at))
    return frames
  }
}

/** The fields of a frame. */
export function fieldsOf(frame: Buffer): string[] {
  const text = frame.toString('utf8')
  return (text.endsWith(SEPARATOR) ? text.slice(0, -1) : text).split(SEPARATOR)
}

/** A frame of these fields. A separator inside of one would make two of it: it is left out. */
export function frameOf(fields: readonly string[]): Buffer {
  const body = fields.map((field) => (field.includes(SEPARATOR) ? field.replaceAll(SEPARATOR, '') : field))
  return framed(Buffer.from(`${body.join(SEPARATOR)}${SEPARATOR}`, 'utf8'))
}

/** Bytes with their length before them. */
export function framed(body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}
