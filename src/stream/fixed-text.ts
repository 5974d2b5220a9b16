/** A text that is looked for at a known place again and again, eight bytes at a time. */

const WORD = 8

/** Its words are compared as doubles: the bytes of a text are those of no NaN and of no zero, so equal doubles are equal bytes. */
export class FixedText {
  readonly length: number
  readonly #bytes: Buffer
  readonly #words: Float64Array
  /** The last word, which the one before it may overlap. */
  readonly #last: number

  /** Of UTF-8. Where its bytes are those of a NaN it is found nowhere, which a caller that goes another way then does not mind. */
  constructor(text: string | Buffer) {
    this.#bytes = Buffer.from(text)
    this.length = this.#bytes.length
    const view = viewOf(this.#bytes)
    this.#words = Float64Array.from({ length: Math.floor(this.length / WORD) }, (_, i) =>
      view.getFloat64(WORD * i, true),
    )
    this.#last = this.length < WORD ? 0 : view.getFloat64(this.length - WORD, true)
  }

  /** Whether it stands at `at`; `view` is of the same bytes. */
  isAt(bytes: Uint8Array, view: DataView, at: number): boolean {
    const { length } = this
    if (at + length > bytes.length) return false
    const words = this.#words
    for (let i = 0; i < words.length; i++) if (view.getFloat64(at + WORD * i, true) !== words[i]) return false
    if (length >= WORD) return view.getFloat64(at + length - WORD, true) === this.#last
    const own = this.#bytes
    for (let i = 0; i < length; i++) if (bytes[at + i] !== own[i]) return false
    return true
  }
}

export const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)
