/**
 * The typed failures of jules. Code throws one of these early; `cli/run.ts` turns it into words and an exit status, and
 * `main.ts` for the page of all commands.
 * Anything else that reaches it is a bug in jules and is reported as such (70).
 */

/** Exit statuses by name: sysexits.h where a name exists there, 1 for "ran, and the answer is no". */
export const EXIT = {
  ok: 0,
  no: 1,
  usage: 64,
  data: 65,
  noInput: 66,
  unavailable: 69,
  bug: 70,
  cannotCreate: 73,
  io: 74,
  tryAgain: 75,
  denied: 77,
  config: 78,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitName = keyof typeof EXIT

export interface FailureDetails {
  /** A value that was refused, as it may be shown. It ends the message and stands apart, as it may be a secret. */
  got?: string
  /** What the user can do about it, without a full stop. */
  hint?: string
  /** Where in the input it happened, such as `stdin:173`. */
  where?: string
  cause?: unknown
  /** More fields for the `--json` error line. Never a secret. */
  fields?: Record<string, string | number | boolean | null>
}

/** A failure with a known exit status and a message written for the person who ran the command. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly kind: ExitName
  /** The message without the value that was refused. */
  readonly expected: string
  readonly hint: string | undefined
  readonly where: string | undefined
  readonly fields: Record<string, string | number | boolean | null>

  constructor(kind: ExitName, message: string, details: FailureDetails = {}) {
    const { got, cause } = details
    super(got === undefined ? message : `${message}, got ${got}`, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.expected = message
    this.hint = details.hint
    this.where = details.where === undefined ? undefined : seen(details.where)
    this.fields = details.fields ?? {}
  }

  get code(): number {
    return EXIT[this.kind]
  }
}

export const usage = (message: string, details?: FailureDetails) => new Failure('usage', message, details)
export const badData = (message: string, details?: FailureDetails) => new Failure('data', message, details)

/** What an error says, whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The `code` of a Node system error (`ENOENT`, `EPIPE`, ...), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

const SYSTEM_WORDS: Record<string, [ExitName, string]> = {
  ENOENT: ['noInput', 'no such file or directory'],
  ENOTDIR: ['noInput', 'not a directory'],
  EISDIR: ['noInput', 'is a directory'],
  EACCES: ['denied', 'permission denied'],
  EPERM: ['denied', 'operation not permitted'],
  ENOSPC: ['io', 'no space left on device'],
  EDQUOT: ['io', 'disk quota exceeded'],
  EIO: ['io', 'input/output error'],
  EROFS: ['cannotCreate', 'read-only file system'],
  EEXIST: ['cannotCreate', 'already exists'],
  ENAMETOOLONG: ['usage', 'name too long'],
  ELOOP: ['noInput', 'too many levels of symbolic links'],
  EMFILE: ['io', 'too many open files'],
  EPIPE: ['io', 'the reader has gone'],
  EBADF: ['io', 'the stream is closed'],
  EFBIG: ['io', 'file too large'],
  ECONNREFUSED: ['unavailable', 'connection refused'],
  ECONNRESET: ['unavailable', 'connection reset'],
  ETIMEDOUT: ['unavailable', 'timed out'],
  ENOTFOUND: ['unavailable', 'host not found'],
  EAI_AGAIN: ['unavailable', 'host name lookup failed'],
}

/** An empty name is seen. */
const seen = (place: string): string => (place === '' ? '""' : place)

function systemWords(error: unknown): [ExitName, string] | undefined {
  const code = systemCode(error)
  if (code === undefined) return undefined
  // Node asks the system for no name with a NUL in it, as the name would end there.
  if (code === 'ERR_INVALID_ARG_VALUE' && messageOf(error).includes('without null bytes'))
    return ['noInput', 'no file has a NUL in its name']
  return SYSTEM_WORDS[code]
}

/**
 * Turns a Node system error into a Failure that names `subject` (a path or a stream); other errors come back as they are.
 * `writing` maps a missing directory to "cannot create" instead of "no input".
 */
export function systemFailure(error: unknown, subject: string, writing = false): unknown {
  if (error instanceof Failure) return error
  const words = systemWords(error)
  const place = seen(subject)
  if (words === undefined) {
    // A system call that fails in a way of its own is the system's failure all the same.
    if (!(error instanceof Error) || !('syscall' in error)) return error
    return new Failure('io', `${place}: ${error.message}`, { cause: error })
  }
  const kind = writing && words[0] === 'noInput' ? 'cannotCreate' : words[0]
  return new Failure(kind, `${place}: ${words[1]}`, { cause: error })
}

/** What a failure of the system says, for who names the file beside it. */
export const systemReason = (error: unknown): string =>
  error instanceof Failure ? error.message : (systemWords(error)?.[1] ?? messageOf(error))

/** A file that cannot be used is the surroundings' fault wherever it shows. */
export function fileFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('path' in error) || typeof error.path !== 'string') return error
  return systemFailure(error, error.path, true)
}
