/** A filter that replaces every secret value in a byte stream by `[NAME]`, also where a chunk ends inside one. */

export interface Redactor {
  /** Bytes that are settled; a tail that may begin a secret is kept for the next call. */
  push(chunk: Buffer): Buffer
  end(): Buffer
}

/**
 * A filter that writes `[NAME]` for each value of `values`, also where one is cut between two pieces of the stream.
 */
export function redactor(values: ReadonlyMap<string, Buffer>): Redactor {
  // The longest first: one secret may be the beginning of another.
  const secrets = [...values]
    .filter(([, value]) => value.length > 0)
    .sort((a, b) => b[1].length - a[1].length)
  let rest: Buffer = Buffer.alloc(0)
  const replace = (bytes: Buffer, last: boolean): Buffer => {
    const out: Buffer[] = []
    let from = 0
    for (;;) {
      const hit = first(bytes, from)
      // A longer secret might begin before or at the hit and end in the next chunk.
      const settled = last ? bytes.length : bytes.length - openTail(bytes, from)
      if (hit === null || hit.at + hit.value.length > settled) {
        const upTo = hit === null ? settled : Math.min(settled, hit.at)
        out.push(bytes.subarray(from, upTo))
        rest = Buffer.from(bytes.subarray(upTo))
        return Buffer.concat(out)
      }
      out.push(bytes.subarray(from, hit.at), Buffer.from(`[${hit.name}]`))
      from = hit.at + hit.value.length
    }
  }
  const first = (bytes: Buffer, from: number) => {
    let best: { at: number; name: string; value: Buffer } | null = null
    for (const [name, value] of secrets) {
      const at = bytes.indexOf(value, from)
      if (at !== -1 && (best === null || at < best.at)) best = { at, name, value }
    }
    return best
  }
  /** Length of the longest end of `bytes` that is a proper beginning of some secret. */
  const openTail = (bytes: Buffer, from: number): number => {
    let longest = 0
    for (const [, value] of secrets) {
      for (let length = Math.min(value.length - 1, bytes.length - from); length > longest; length--) {
        if (bytes.subarray(bytes.length - length).equals(value.subarray(0, length))) longest = length
      }
    }
    return longest
  }
  return {
    push: (chunk) => replace(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), false),
    end: () => replace(rest, true),
  }
}
