/** Texts that stood in a column of names before, as bytes, with their codes: most rows repeat one of a few. */
export interface KnownText {
  readonly bytes: Uint8Array
  readonly code: number
}

/** A hostile input could hold a new name in every row. */
const MOST_KNOWN = 64

/** The code of the text in `[start, end)`; -1 where it was not seen. */
export function knownCode(
  known: readonly KnownText[],
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  search: for (let k = 0; k < known.length; k++) {
    const { bytes: expected, code } = known[k]!
    if (expected.length !== end - start) continue
    for (let j = 0; j < expected.length; j++) if (expected[j] !== bytes[start + j]) continue search
    return code
  }
  return -1
}

/** Remembers the text in `[start, end)`, as long as there are few. */
export function remember(
  known: KnownText[],
  bytes: Uint8Array,
  start: number,
  end: number,
  code: number,
): void {
  if (known.length < MOST_KNOWN) known.push({ bytes: Uint8Array.from(bytes.subarray(start, end)), code })
}
