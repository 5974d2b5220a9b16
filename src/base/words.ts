/** Pieces of messages: values that are quoted, and command lines that people copy. */

/** A value as it may stand in a message: JSON-quoted, control characters escaped, cut at 60 characters. */
export function quote(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch {
    text = undefined
  }
  text = (text ?? String(value)).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const characters = [...text]
  return characters.length > 60 ? `${characters.slice(0, 57).join('')}...` : text
}

/** A word of a POSIX shell: as it is where it is plain, else in single quotes. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
