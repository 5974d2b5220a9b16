/**
 * Small texts to the standard streams, by their numbers: `process.stdout` and its brothers would make a shared pipe
 * non-blocking for the other programs at its ends, and take milliseconds to load.
 */
import { readFileSync, writeSync } from 'node:fs'
import { EXIT, systemCode, systemFailure } from '../base/errors.js'

/** Writes all of `text`; a pipe that is full for the moment is tried again. */
function writeText(fd: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let from = 0; from < bytes.length; ) {
    try {
      from += writeSync(fd, bytes, from)
    } catch (error) {
      if (systemCode(error) !== 'EAGAIN') throw error
    }
  }
}

/** To standard error; a closed or full one must not hide the status. */
export function say(text: string): void {
  try {
    writeText(2, text)
  } catch {}
}

/** To standard output; returns the exit status. A reader that has gone is no failure. */
export function print(text: string): number {
  try {
    writeText(1, text)
    return EXIT.ok
  } catch (error) {
    if (systemCode(error) === 'EPIPE') return EXIT.ok
    throw systemFailure(error, 'standard output')
  }
}

/** Help that was asked for is output; help that stands in for an error is not. */
export function showHelp(text: string, asked: boolean): number {
  if (asked) return print(text)
  say(text)
  return EXIT.usage
}

/** `jules X.Y.Z`, with a line feed. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return `jules ${(manifest as { version: string }).version}\n`
}
