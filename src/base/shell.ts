/** Command lines in messages, for people to copy. */

/** A word of a POSIX shell: as it is where it is plain, else in single quotes. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
